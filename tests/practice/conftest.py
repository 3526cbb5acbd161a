"""A small practice in a database of its own, and short ways to act in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.practice import Client, Payer, Practice, Provider
from calwarden.practice import booking, claims, drift_review, rescheduling, series
from calwarden.practice.interchange import import_file
from calwarden.store import appointments, audit, people, tables
from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import ManualClock

NEW_YORK = "America/New_York"
ACTOR = "test"


@dataclass
class Desk:
    """Acts on the practice, each act in a transaction of its own, at the clock's moment."""

    database: Database
    clock: ManualClock

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def at(self, text: str) -> None:
        self.clock.jump(datetime.fromisoformat(text).astimezone(UTC))

    def do(self, act: Any, *arguments: Any, **named: Any) -> Any:
        with self.database.write() as tx:
            return act(tx, *arguments, now=self.now, actor=ACTOR, **named)

    def read(self, query: Any, *arguments: Any, **named: Any) -> Any:
        with self.database.read() as connection:
            return query(connection, *arguments, **named)

    def book(self, start: str, *, force: bool = False, **named: Any) -> Appointment:
        values = {"provider": "dr-lee", "client": "c-100", "minutes": 50, **named}
        wanted = booking.Booking(start=start, **values)
        return self.do(booking.book, wanted, force=force)

    def take_in(self, document: Mapping[str, Any] | bytes, name: str = "practice.json") -> Any:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.do(import_file, content, name=name)

    def weekly(self, ref: str, start: str, **repeat: Any) -> list[Appointment]:
        report = self.take_in(
            {
                "appointments": [
                    {
                        "ref": ref,
                        "provider": "dr-lee",
                        "client": "c-100",
                        "start": start,
                        "minutes": 50,
                        "repeat": {"every_weeks": 1, **repeat},
                    }
                ]
            }
        )
        assert report["refused"] == []
        return self.read(appointments.search, series=ref)

    def claim(self, ref: str, appointment: str, status: str = "draft", **named: Any) -> None:
        row = {"ref": ref, "appointment": appointment, "payer": "ACME", "status": status, **named}
        report = self.take_in({"claims": [row]})
        assert report["refused"] == []

    def claim_document(self, ref: str) -> dict[str, Any]:
        return self.read(claims.show, ref, now=self.now)

    def clearance(self, ref: str) -> dict[str, Any]:
        return self.read(claims.clearance, ref, now=self.now)

    def find(self, ref: str) -> Appointment | None:
        return self.read(appointments.find, ref)

    def get(self, ref: str) -> Appointment:
        with self.database.write() as tx:
            return series.resolve(tx, ref, now=self.now)

    def extend(self) -> int:
        with self.database.write() as tx:
            return series.extend(tx, now=self.now)

    def move(self, ref: str, start: str, minutes: int | None = None) -> Appointment:
        one = self.get(ref)
        when = rescheduling.wall_start(one, start)
        return self.do(rescheduling.reschedule_one, ref, when, minutes)

    def revision(self, provider: str = "dr-lee") -> int:
        return self.read(people.schedule_revision, provider)

    def audit_holds(self) -> bool:
        return self.read(audit.verify).ok

    def calendar(self, remote_id: str = "https://dav.example/cal", provider: str = "dr-lee") -> int:
        with self.database.write() as tx:
            return tx.execute(
                insert(tables.calendars)
                .values(
                    provider=provider,
                    connector="caldav",
                    remote_id=remote_id,
                    capabilities={},
                    probe={},
                    limitations={},
                    planned_revision=7,
                    created_at=self.now,
                )
                .returning(tables.calendars.c.id)
            ).scalar_one()

    def drift(self, kind: DriftKind, appointment: str | None, **named: Any) -> int:
        """Write an open drift as the engine does, about an appointment unless told otherwise."""
        values: dict[str, Any] = {
            "provider": "dr-lee",
            "uid": f"uid-{appointment}",
            "kind": kind.value,
            "changes": {"time": kind.value},
            "severity": Severity.SCHEDULE.value,
            "status": DriftStatus.OPEN.value,
            "verdict": Verdict.FLAG.value,
            "subject_kind": "appointment",
            "subject_ref": appointment,
            "appointment": appointment,
            "appointments": [appointment] if appointment else [],
            "redated": [],
            "seen": "seen",
            "detected_at": self.now,
            "updated_at": self.now,
            **named,
        }
        if "calendar_id" not in values:
            values["calendar_id"] = self.calendar(f"https://dav.example/{kind}-{appointment}")
        with self.database.write() as tx:
            new = insert(tables.drifts).values(**values).returning(tables.drifts.c.id)
            return tx.execute(new).scalar_one()

    def change_drift(self, drift_id: int, **values: Any) -> None:
        with self.database.write() as tx:
            tx.execute(update(tables.drifts).where(tables.drifts.c.id == drift_id).values(**values))

    def resolve(self, drift_id: int, decision: str, **named: Any) -> dict[str, Any]:
        return self.do(drift_review.resolve, drift_id, drift_review.Decision(decision), **named)

    def shown(self, drift_id: int) -> dict[str, Any]:
        return self.read(drift_review.show, drift_id, now=self.now)


def times(one: Appointment, *, by: timedelta = timedelta(0), minutes: int | None = None) -> Any:
    """Return the ledger's document of an appointment's time, shifted."""
    start = one.start.astimezone(UTC) + by
    end = start + timedelta(minutes=one.minutes if minutes is None else minutes)
    return {
        "start": start.astimezone(one.start.tzinfo).isoformat(),
        "end": end.astimezone(one.start.tzinfo).isoformat(),
        "timezone": one.zone,
        "all_day": False,
        "private": True,
        "busy": True,
    }


def _settle(database: Database) -> None:
    with database.write() as tx:
        people.save_practice(tx, Practice(name="Harbor Practice", timezone=NEW_YORK))
        people.save_payer(tx, Payer(ref="ACME", name="Acme Health", filing_limit_days=90))
        for ref in ("dr-lee", "dr-ray"):
            people.save_provider(
                tx,
                Provider(ref=ref, name=ref, timezone=NEW_YORK, place_of_service_timezone=NEW_YORK),
            )
        for ref, zone in (("c-100", "America/Chicago"), ("c-200", NEW_YORK)):
            people.save_client(tx, Client(ref=ref, name="Sam Rivera", timezone=zone))


@pytest.fixture
def desk(sqlite_database, clock) -> Desk:
    """The practice on SQLite; the clock stands on Monday, 30 November 2026, 10:00 in New York."""
    _settle(sqlite_database)
    return Desk(database=sqlite_database, clock=clock)


@pytest.fixture
def settled_desk() -> Any:
    """The function that settles the practice in a database and gives its desk."""

    def settle(database: Database, clock: ManualClock) -> Desk:
        _settle(database)
        return Desk(database=database, clock=clock)

    return settle


@pytest.fixture
def any_desk(database, clock) -> Desk:
    """The practice on both databases: every test that takes it runs twice."""
    _settle(database)
    return Desk(database=database, clock=clock)


@pytest.fixture
def ledger_times() -> Any:
    """The function that tells an appointment's time as the ledger does."""
    return times
