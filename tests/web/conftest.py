"""The pages of a practice, opened by FastAPI's test client."""

from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from calwarden.domain.appointment import Place
from calwarden.domain.practice import Practice
from calwarden.domain.rules import Rules
from calwarden.practice.links import Links
from calwarden.practice.messages.house import House
from calwarden.store import people
from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import ManualClock
from calwarden.web.app import create_app
from calwarden.web.forms import Forms
from calwarden.web.services import WebServices

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
