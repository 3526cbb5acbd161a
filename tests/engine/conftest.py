"""A small practice with one linked calendar in memory, under the real engine and database."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select, update

from calwarden.domain.appointment import Appointment, OutOfOffice, Series, Status
from calwarden.domain.cadence import Cadence, Frequency, monthly_week
from calwarden.domain.practice import Client, Practice, Provider
from calwarden.domain.wall_time import parse_local, slot_of
from calwarden.engine import cycle, passes
from calwarden.engine.connections import Connections
from calwarden.engine.services import Services
from calwarden.practice.links import Links
from calwarden.sdk.connector import Link
from calwarden.store import appointments, calendars, drifts, managed, out_of_office, people, series
from calwarden.store.calendars import NewCalendar
from calwarden.store.tables import drifts as drift_table
from calwarden.testing.acts import MemoryWorld
from calwarden.testing.clock import ManualClock
from calwarden.testing.world import FINGERPRINT

ZONE = "America/New_York"


class House:
    """One provider's appointments, linked calendars and the engine between them."""

    def __init__(self, database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        self.worlds: dict[int, MemoryWorld] = {}
        self.points: list[str] = []
        self.fail_at: dict[str, BaseException] = {}
        with database.write() as tx:
            people.save_practice(tx, Practice(name="Harbor", timezone=ZONE))
            provider = Provider(
                ref="dr-lee", name="Lee", timezone=ZONE, place_of_service_timezone=ZONE
            )
            people.save_provider(tx, provider)
            people.save_client(tx, Client(ref="c-1", name="Sam Rivera", timezone=ZONE))
        self.services = Services(
            database=database,
            clock=clock,
            lease_clock=clock,
            installation=database.installation_id,
            fingerprint=FINGERPRINT,
            connections=Connections(lambda calendar: self.worlds[calendar.id].connector()),
            owner="test:1",
            links=Links(key=b"k" * 32, public_url="https://harbor.example"),
            failpoint=self._point,
        )
        self.calendar = self.link()

    def _point(self, name: str) -> None:
        self.points.append(name)
        error = self.fail_at.pop(name, None)
        if error is not None:
            raise error

    def link(self, world: MemoryWorld | None = None) -> int:
        """Link another calendar in memory and return its id."""
        world = world or MemoryWorld()
        link = Link(
            remote_id=f"memory-{len(self.worlds) + 1}",
            account="memory",
            capabilities=world.calendar.capabilities,
        )
        new = NewCalendar(provider="dr-lee", connector="memory", link=link)
        with self.database.write() as tx:
            number = calendars.insert_one(tx, new, now=self.clock.now())
        self.worlds[number] = world
        return number

    @property
    def world(self) -> MemoryWorld:
        return self.worlds[self.calendar]

    @property
    def person(self):
        return self.world.person

    def book(self, ref: str, start: str, minutes: int = 50, **values) -> Appointment:
        one = Appointment(
            ref=ref,
            provider="dr-lee",
            client="c-1",
            start=parse_local(start, values.pop("zone", ZONE)),
            minutes=minutes,
            **values,
        )
        with self.database.write() as tx:
            appointments.insert_one(tx, one, dos_timezone=ZONE, now=self.clock.now())
        return one

    def series(self, ref: str, start: str, count: int | None = 6, **cadence) -> Series:
        first = parse_local(start, ZONE)
        if cadence.get("frequency") is Frequency.MONTHLY:
            cadence.setdefault("week", monthly_week(first.date()))
        one = Series(
            ref=ref,
            provider="dr-lee",
            client="c-1",
            start=first,
            minutes=50,
            cadence=Cadence(count=count, **cadence),
        )
        horizon = date(2027, 6, 1)
        with self.database.write() as tx:
            series.insert_one(tx, one, now=self.clock.now())
            made = []
            for number, moment in enumerate(one.cadence.starts(one.start), start=1):
                if moment.date() > horizon:
                    break
                appointment = Appointment(
                    ref=f"{ref}#{number}",
                    provider="dr-lee",
                    client="c-1",
                    start=moment,
                    minutes=50,
                    series=ref,
                    slot=slot_of(moment),
                    number=number,
                )
                made.append((appointment, ZONE))
            appointments.insert_all(tx, made, now=self.clock.now())
        return one

    def block(self, ref: str, start: str, end: str) -> None:
        block = OutOfOffice(
            ref=ref, provider="dr-lee", start=parse_local(start, ZONE), end=parse_local(end, ZONE)
        )
        with self.database.write() as tx:
            out_of_office.save(tx, block, now=self.clock.now())

    def reschedule(self, ref: str, start: str) -> None:
        with self.database.write() as tx:
            one = appointments.get(tx, ref)
            appointments.save(
                tx, replace(one, start=parse_local(start, one.zone)), now=self.clock.now()
            )

    def cancel(self, ref: str) -> None:
        with self.database.write() as tx:
            one = appointments.get(tx, ref)
            appointments.save(tx, replace(one, status=Status.CANCELLED), now=self.clock.now())

    def sync(self, **values):
        """One pass over the first calendar, and its report."""
        return next(one for one in self.sync_all(**values) if one.id == self.calendar)

    def sync_all(self, **values):
        return passes.sync(self.services, **values)

    def tick(self):
        """One poll as the daemon makes it: with grace."""
        return cycle.poll(self.services, self.calendar)

    def drifts(self, **conditions):
        with self.database.read() as connection:
            return drifts.search(connection, **conditions)

    def standing(self):
        return [one for one in self.drifts() if one.status.standing]

    def decide(self, number: int, decision: str) -> None:
        """Record what a person decided, as the ledger keeps it."""
        values = {"decision": decision}
        if decision == "dismiss":
            values |= {"status": "dismissed", "closed_at": self.clock.now()}
        with self.database.write() as tx:
            tx.execute(update(drift_table).where(drift_table.c.id == number).values(**values))
            number_of = select(drift_table.c.calendar_id).where(drift_table.c.id == number)
            calendars.save(tx, tx.execute(number_of).scalar_one(), planned_revision=0)

    def remote(self, ref: str, calendar: int | None = None) -> str:
        """The remote id of what stands for an appointment, series or block."""
        with self.database.read() as connection:
            rows = managed.all_of(connection, calendar or self.calendar)
        return next(
            one.remote_id for one in rows if one.subject.ref == ref and one.status == "live"
        )

    def item(self, ref: str, calendar: int | None = None):
        items = self.worlds[calendar or self.calendar].calendar.items
        return items[self.remote(ref, calendar)].resource

    def quiet(self) -> None:
        """Assert that another pass writes nothing and finds nothing to do."""
        before = self.world.calendar.writes
        report = self.sync()
        assert (report.published, report.reverted, report.removed, report.steps) == (0, 0, 0, ())
        assert self.world.calendar.writes == before


@pytest.fixture
def house(sqlite_database, clock) -> House:
    """A practice with one provider and one linked calendar, on Monday 30 November 2026, 10:00."""
    return House(sqlite_database, clock)
