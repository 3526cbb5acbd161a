"""A practice with working hours and fees, and short ways to act as its people do."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, update

from calwarden.domain.appointment import Appointment, AppointmentType, Series
from calwarden.domain.cadence import Cadence
from calwarden.domain.claim import ClaimStatus
from calwarden.domain.practice import Client, Payer, Practice, Provider, parse_working_hours
from calwarden.domain.rules import Rules
from calwarden.domain.wall_time import local_text, parse_local
from calwarden.practice import (
    ask_expiry,
    asks,
    availability,
    booking,
    cancelling,
    claims,
    corrections,
    out_of_office,
    rescheduling,
    self_service,
    series,
    series_course,
)
from calwarden.practice.asks import Request
from calwarden.practice.availability import Wanted
from calwarden.practice.cancelling import Cancellation
from calwarden.practice.corrections import TrueTime
from calwarden.practice.links import Links
from calwarden.practice.out_of_office import Absence
from calwarden.store import appointments, audit, charges, outbox, people, tables
from calwarden.store import asks as ask_rows
from calwarden.store.claims import ClaimRow
from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import ManualClock

NEW_YORK = "America/New_York"
ACTOR = "test"
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LINKS = Links(key=b"k" * 32, public_url="https://harbor.example")


@dataclass
class Office:
    """Acts on the practice, each act in a transaction of its own, at the clock's moment."""

    database: Database
    clock: ManualClock
    rules: Rules = field(default_factory=lambda: Rules(contact="555 0100"))
    links: Links = LINKS

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def at(self, text: str) -> None:
        """Set the clock, to a moment with its offset."""
        self.clock.jump(datetime.fromisoformat(text).astimezone(UTC))

    def do(self, act, *arguments, **named):
        with self.database.write() as tx:
            return act(tx, *arguments, now=self.now, **named)

    def read(self, query, *arguments, **named):
        with self.database.read() as connection:
            return query(connection, *arguments, **named)

    def provider(self, **changes) -> None:
        """Change the rules of the provider."""
        with self.database.write() as tx:
            table = tables.providers
            tx.execute(update(table).where(table.c.ref == "dr-lee").values(**changes))

    def book(self, ref: str, start: str, **named) -> Appointment:
        values = {"provider": "dr-lee", "client": "c-1", "minutes": 50, **named}
        wanted = booking.Booking(ref=ref, start=start, **values)
        return self.do(booking.book, wanted, actor=ACTOR)

    def series(self, ref: str, start: str, count: int | None = 6, every: int = 1) -> Series:
        one = Series(
            ref=ref,
            provider="dr-lee",
            client="c-1",
            start=parse_local(start, NEW_YORK),
            minutes=50,
            cadence=Cadence(count=count, every=every),
            type=AppointmentType.FOLLOW_UP,
        )
        self.do(series.create, one, actor=ACTOR)
        return one

    def get(self, ref: str) -> Appointment:
        with self.database.write() as tx:
            return series.resolve(tx, ref, now=self.now)

    def starts(self, prefix: str = "") -> dict[str, str]:
        """Wall-clock starts by ref."""
        found = self.read(appointments.search)
        return {one.ref: local_text(one.start) for one in found if one.ref.startswith(prefix)}

    def move(self, ref: str, start: str, minutes: int | None = None) -> Appointment:
        when = rescheduling.wall_start(self.get(ref), start)
        return self.do(rescheduling.reschedule_one, ref, when, minutes, actor=ACTOR)

    def move_following(self, ref: str, start: str, minutes: int | None = None, **named):
        when = rescheduling.wall_start(self.get(ref), start)
        act = series_course.reschedule_following
        return self.do(act, ref, when, minutes, actor=ACTOR, **named)

    def correct(self, ref: str, start: str, reason: str = "seen in the notes") -> Appointment:
        truth = TrueTime(start=rescheduling.wall_start(self.get(ref), start), reason=reason)
        return self.do(corrections.correct, ref, truth, actor=ACTOR)

    def cancel(self, ref: str, *, late_fee: bool = False, reason: str = "ill") -> Appointment:
        wanted = Cancellation(reason=reason, late_fee=late_fee)
        return self.do(cancelling.cancel, ref, wanted, rules=self.rules, actor=ACTOR)

    def complete(self, ref: str) -> Appointment:
        return self.do(booking.complete, ref, actor=ACTOR)

    def no_show(self, ref: str) -> Appointment:
        return self.do(booking.no_show, ref, actor=ACTOR)

    def ask(self, *refs: str, **named):
        request = Request(**{"reason": "conflict", **named})
        return self.do(asks.ask, list(refs), request, rules=self.rules, actor=ACTOR)

    def asks(self) -> dict[int, str]:
        """Statuses of all asks as people see them now, by number."""
        found = self.read(asks.listing, rules=self.rules, now=self.now)
        return {one["id"]: one["status"] for one in found}

    def withdraw(self, number: int):
        return self.do(asks.withdraw, number, actor=ACTOR)

    def confirm(self, number: int):
        return self.do(ask_expiry.confirm, number, rules=self.rules, actor=ACTOR)

    def tick(self, *, trusted: bool = True):
        with self.database.write() as tx:
            series.extend(tx, now=self.now)
        return self.do(ask_expiry.pass_time, rules=self.rules, trusted=trusted)

    def away(self, start: str, end: str):
        absence = Absence(provider="dr-lee", start=start, end=end)
        return self.do(out_of_office.add, absence, actor=ACTOR)

    def slots(self, minutes: int = 50, **named) -> list[str]:
        wanted = Wanted(**{"provider": "dr-lee", "minutes": minutes, **named})
        found = self.read(availability.slots, wanted, rules=self.rules, now=self.now)
        return [one["start"] for one in found]

    def token(self, ref: str) -> str:
        return self.links.token_for(self.get(ref))

    def page(self, ref: str, token: str | None = None):
        named = {"links": self.links, "rules": self.rules, "now": self.now}
        return self.read(self_service.show, token or self.token(ref), **named)

    def pick(self, ref: str, start: str, token: str | None = None) -> Appointment:
        token = token or self.token(ref)
        return self.do(self_service.pick, token, start, links=self.links, rules=self.rules)

    def client_cancels(self, ref: str) -> Appointment:
        named = {"links": self.links, "rules": self.rules}
        return self.do(self_service.cancel, self.token(ref), **named)

    def claim(self, ref: str, appointment: str, status: str = "ready") -> None:
        one = self.get(appointment)
        day = one.start.date()
        row = ClaimRow(
            ref=ref,
            appointment=appointment,
            payer="ACME",
            status=ClaimStatus(status),
            date_of_service=day,
            dos_timezone=NEW_YORK,
            created_at=self.now,
            updated_at=self.now,
        )
        self.do(claims.add, row, actor=ACTOR)

    def claim_document(self, ref: str):
        return self.read(claims.show, ref, now=self.now)

    def clearance(self, ref: str):
        return self.read(claims.clearance, ref, now=self.now)

    def mail(self) -> list[tuple[str, str]]:
        """What was queued so far: kind and reader, in order."""
        found = self.read(outbox.search)
        return [(one.kind.value, one.recipient.reader.value) for one in found]

    def charges(self):
        return self.read(charges.search)

    def ask_row(self, number: int):
        return self.read(ask_rows.get, number)

    def actions(self) -> list[str]:
        """What the audit log says happened, oldest first."""
        return [one.action for one in reversed(self.read(audit.entries))]

    def audit_holds(self) -> bool:
        return self.read(audit.verify).ok

    def calendar(self, role: str = "busy", status: str = "active") -> int:
        with self.database.write() as tx:
            number = tx.execute(tables.calendars.select()).fetchall()
            new = insert(tables.calendars).values(
                provider="dr-lee",
                connector="caldav",
                role=role,
                status=status,
                remote_id=f"https://dav.example/{len(number)}",
                capabilities={},
                probe={},
                limitations={},
                created_at=self.now,
            )
            return tx.execute(new.returning(tables.calendars.c.id)).scalar_one()


def open_office(database: Database, clock: ManualClock) -> Office:
    """Fill a database: a provider who works every day from nine to five with an hour of lunch."""
    hours = {day: ["09:00-12:00", "13:00-17:00"] for day in EVERY_DAY}
    with database.write() as tx:
        people.save_practice(tx, Practice(name="Harbor Practice", timezone=NEW_YORK))
        people.save_payer(tx, Payer(ref="ACME", name="Acme Health", filing_limit_days=90))
        people.save_provider(
            tx,
            Provider(
                ref="dr-lee",
                name="Dana Lee",
                email="dana@harbor.example",
                timezone=NEW_YORK,
                place_of_service_timezone=NEW_YORK,
                late_cancellation_fee="75.00",
                working_hours=parse_working_hours(hours),
            ),
        )
        for ref, zone in (("c-1", "America/Chicago"), ("c-2", NEW_YORK)):
            people.save_client(tx, Client(ref=ref, name="Sam Rivera", timezone=zone))
    return Office(database=database, clock=clock)


@pytest.fixture
def office(sqlite_database, clock) -> Office:
    """The practice on SQLite; the clock stands on Monday, 30 November 2026, 10:00 in New York."""
    return open_office(sqlite_database, clock)


@pytest.fixture
def any_office(database, clock) -> Office:
    """The practice on both databases: every test that takes it runs twice."""
    return open_office(database, clock)


@pytest.fixture(scope="session")
def opening():
    """The function that opens a practice over a database and a clock."""
    return open_office
