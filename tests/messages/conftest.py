"""A practice whose messages go to a real mail server on this machine."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.appointment import Appointment
from calwarden.domain.message import MessageStatus
from calwarden.domain.practice import Client, Practice, Provider
from calwarden.domain.wall_time import parse_local
from calwarden.engine.connections import Connections
from calwarden.engine.outbox import deliver
from calwarden.engine.services import Post, Services
from calwarden.engine.smtp import MailServer
from calwarden.practice.links import Links
from calwarden.practice.messages.house import House
from calwarden.practice.messages.rendering import Renderer
from calwarden.store import appointments, outbox, people
from calwarden.testing.clock import ManualClock
from calwarden.testing.world import FINGERPRINT

NEW_YORK, CHICAGO = "America/New_York", "America/Chicago"
URL = "https://cal.harbor.example"
LINKS = Links(key=b"k" * 32, public_url=URL)


class Bureau:
    """Queues messages and delivers them, each act in a transaction of its own."""

    def __init__(self, database, clock) -> None:
        self.database, self.clock = database, clock
        with database.write() as tx:
            people.save_practice(tx, Practice(name="Harbor Practice", timezone=NEW_YORK))
            people.save_provider(
                tx,
                Provider(
                    ref="dr-lee",
                    name="Dana Lee",
                    email="dana@harbor.example",
                    timezone=NEW_YORK,
                    place_of_service_timezone=NEW_YORK,
                ),
            )
            people.save_client(
                tx,
                Client(
                    ref="c-100", name="Sam Rivera", email="sam@client.example", timezone=CHICAGO
                ),
            )

    @property
    def now(self):
        return self.clock.now()

    def house(self, **changes) -> House:
        values = {
            "home": self.database.installation_id,
            "sender": "office@harbor.example",
            "public_url": URL,
            "link": LINKS.link_for,
            **changes,
        }
        return House(**values)

    def services(self, port: int, *, folder=None, owner="test:1", alive=None, **server) -> Services:
        values = {
            "host": "127.0.0.1",
            "sender": "office@harbor.example",
            "timeout": timedelta(seconds=5),
            **server,
        }
        return Services(
            database=self.database,
            clock=self.clock,
            lease_clock=ManualClock(),
            installation=self.database.installation_id,
            fingerprint=FINGERPRINT,
            connections=Connections(lambda _calendar: None),
            owner=owner,
            alive=alive or (lambda _owner: True),
            post=Post(server=MailServer(port=port, **values), words=Renderer(self.house(), folder)),
            links=LINKS,
        )

    def deliver(self, port: int, **changes):
        return deliver(self.services(port, **changes))

    def do(self, act, *arguments, **named):
        with self.database.write() as tx:
            return act(tx, *arguments, now=self.now, **named)

    def book(self, ref="a-1", start="2026-12-08T10:00", **values) -> Appointment:
        """An appointment that stands in the store; nobody is told."""
        zone = values.pop("zone", NEW_YORK)
        values = {"provider": "dr-lee", "client": "c-100", "minutes": 50, **values}
        one = Appointment(ref=ref, start=parse_local(start, zone), **values)
        with self.database.write() as tx:
            appointments.insert_one(tx, one, dos_timezone=NEW_YORK, now=self.now)
        return one

    def change(self, one: Appointment, **values) -> Appointment:
        """The appointment as stored after a change; nobody is told."""
        start = values.pop("start", None)
        changed = replace(one, **values)
        if start is not None:
            changed = replace(changed, start=parse_local(start, one.zone))
        with self.database.write() as tx:
            appointments.save(tx, changed, now=self.now)
        return changed

    def outbox(self, status: MessageStatus | None = None):
        with self.database.read() as connection:
            return outbox.search(connection, status=status)

    def statuses(self) -> list[str]:
        return [one.status.value for one in self.outbox()]

    def at_once(self, *acts) -> list:
        """Run acts side by side, each in a thread, from one starting line."""
        line = threading.Barrier(len(acts))
        results: list = [None] * len(acts)

        def run(place, act):
            line.wait()
            results[place] = act()

        threads = [
            threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join(60)
        return results


@pytest.fixture
def bureau(sqlite_database, clock) -> Bureau:
    """The practice on SQLite, on Monday 30 November 2026, 10:00 in New York."""
    return Bureau(sqlite_database, clock)


@pytest.fixture
def any_bureau(database, clock) -> Bureau:
    """The practice on both databases: every test that takes it runs twice."""
    return Bureau(database, clock)
