"""The pages of a practice, opened by FastAPI's test client."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from calwarden.domain.appointment import Place
from calwarden.domain.practice import Practice
from calwarden.domain.rules import Rules
from calwarden.practice.links import Links
from calwarden.practice.messages.house import House
from calwarden.store import people
from calwarden.store.tables import metadata
from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import ManualClock
from calwarden.web.app import create_app
from calwarden.web.forms import Forms
from calwarden.web.services import WebServices
from scheduling.conftest import Office, open_office

KEY = b"k" * 32
PUBLIC = "https://harbor.example"


def services(database: Database, clock: ManualClock, **changes) -> WebServices:
    """What the pages of a practice work with."""
    links = Links(key=KEY, public_url=PUBLIC)
    values = {
        "database": database,
        "clock": clock,
        "rules": Rules(contact="555 0100"),
        "links": links,
        "house": House(
            home="test",
            sender="office@harbor.example",
            public_url=PUBLIC,
            link=links.link_for,
            contact="555 0100",
            places={Place.OFFICE: "Office", Place.TELEHEALTH: "Telehealth"},
        ),
        "forms": Forms(key=KEY),
        **changes,
    }
    return WebServices(**values)


@dataclass
class Site:
    """The pages, and the practice behind them."""

    services: WebServices
    client: TestClient

    def get(self, path: str, **more):
        return self.client.get(path, **more)


def site(web: WebServices, **more) -> Site:
    """Open the pages as a browser at the practice's address would."""
    app = create_app(web, **more)
    browser = TestClient(
        app, base_url=PUBLIC, raise_server_exceptions=False, follow_redirects=False
    )
    return Site(services=web, client=browser)


@pytest.fixture
def pages(sqlite_database, clock) -> Site:
    """The pages of a practice that has a name and nothing else."""
    with sqlite_database.write() as tx:
        people.save_practice(tx, Practice(name="Harbor <Practice>", timezone="America/New_York"))
    return site(services(sqlite_database, clock))


@dataclass
class Clinic(Site):
    """The pages of a practice with appointments; `office` acts as its people do."""

    office: Office

    def path(self, ref: str = "a-1") -> str:
        return f"/c/{self.office.token(ref)}"

    def open(self, ref: str = "a-1", more: str = "", expect: int = 200) -> str:
        """Open a page of an appointment's link."""
        answer = self.get(self.path(ref) + more)
        assert answer.status_code == expect, answer.text
        return answer.text

    def form(self, page: str) -> dict[str, str]:
        """What the one form of a page that is posted would send."""
        _, _, posted = page.partition('<form method="post"')
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', posted))

    def choose(self, start: str, ref: str = "a-1") -> dict[str, str]:
        """Open the page that confirms a time, and return what its form would send."""
        return self.form(self.open(ref, f"/time?{urlencode({'start': start})}"))

    def post(self, path: str, values: dict[str, str]):
        return self.client.post(path, data=values)

    def stored(self) -> bytes:
        """Everything that is in the database."""
        with self.services.database.read() as connection:
            tables = sorted(metadata.tables.values(), key=lambda table: table.name)
            rows = [connection.execute(table.select()).fetchall() for table in tables]
        return repr(rows).encode()


@pytest.fixture
def clinic(sqlite_database, clock) -> Clinic:
    """A practice with one appointment; it is Monday, 30 November 2026, 10:00 in New York."""
    office = open_office(sqlite_database, clock)
    web = services(sqlite_database, clock)
    opened = site(web)
    office.book("a-1", "2026-12-10T09:00")
    return Clinic(services=web, client=opened.client, office=office)
