"""The ledger as people read it, and what they write to it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.sdk.connector import Capabilities, Link
from calwarden.store import calendars, drifts
from calwarden.store.calendars import NewCalendar
from calwarden.store.errors import NotFound
from calwarden.store.tables import drifts as table

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)


@pytest.fixture
def calendar_id(peopled):
    """A linked calendar of dr-lee."""
    link = Link(remote_id="work", account="dana", capabilities=Capabilities())
    new = NewCalendar(provider="dr-lee", connector="memory", link=link)
    with peopled.write() as tx:
        return calendars.insert_one(tx, new, now=NOW)


def record(tx, calendar_id, **values):
    row = {
        "calendar_id": calendar_id,
        "provider": "dr-lee",
        "uid": "u-1",
        "kind": DriftKind.MOVED.value,
        "changes": [],
        "severity": Severity.SCHEDULE.value,
        "status": DriftStatus.OPEN.value,
        "verdict": Verdict.FLAG.value,
        "appointment": "a-1",
        "appointments": ["a-1"],
        "redated": [],
        "before": {"start": "2026-12-01T10:00:00-05:00"},
        "after": None,
        "seen": "digest",
        "detected_at": NOW,
        "updated_at": NOW,
        **values,
    }
    return tx.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()


def test_conditions_narrow_a_search_together(peopled, calendar_id):
    """Statuses, people, severity and days; ``since`` counts, ``until`` does not."""
    with peopled.write() as tx:
        one = record(tx, calendar_id)
        two = record(
            tx,
            calendar_id,
            uid="u-2",
            status="dismissed",
            severity="privacy",
            appointment="a-2",
            detected_at=NOW + timedelta(days=1),
        )

        def found(**conditions):
            return [drift.id for drift in drifts.search(tx, **conditions)]

        assert found() == [one, two]
        assert found(statuses=drifts.STANDING) == [one]
        assert found(statuses=[DriftStatus.DISMISSED], severity=Severity.PRIVACY) == [two]
        assert found(appointment="a-2") == [two]
        assert found(provider="dr-may") == []
        assert found(calendar_id=calendar_id) == [one, two]
        assert found(since=NOW + timedelta(days=1)) == [two]
        assert found(until=NOW + timedelta(days=1)) == [one]
        assert found(since=NOW, until=NOW) == []


def test_a_decision_and_its_history_are_kept(peopled, calendar_id):
    """At the revision that was decided on, oldest first."""
    with peopled.write() as tx:
        number = record(tx, calendar_id)
        drift = drifts.get(tx, number)
        assert (drift.kind, drift.verdict, drift.after) == (DriftKind.MOVED, Verdict.FLAG, None)
        drifts.append_history(tx, drift, at=NOW, event="seen", actor="engine")
        drifts.save(tx, number, status="dismissed", revision=2, closed_at=NOW)
        changed = drifts.get(tx, number)
        drifts.append_history(
            tx, changed, at=NOW, event="dismissed", actor="cli", detail={"by": "billing"}
        )
        history = drifts.history(tx, number)
    assert changed.status is DriftStatus.DISMISSED
    assert [(row.event, row.revision) for row in history] == [("seen", 1), ("dismissed", 2)]


@pytest.mark.parametrize("slot", [None, "2026-12-08T10:00:00"])
def test_one_drift_is_open_for_an_event_or_slot(peopled, calendar_id, slot):
    """The database itself refuses a second; a closed one stands in nobody's way."""
    with peopled.write() as tx:
        number = record(tx, calendar_id, slot=slot)
    with pytest.raises(IntegrityError), peopled.write() as tx:
        record(tx, calendar_id, slot=slot, status="reverting")
    with peopled.write() as tx:
        record(tx, calendar_id, slot="2026-12-15T10:00:00")
        drifts.save(tx, number, status="withdrawn")
        record(tx, calendar_id, slot=slot)


def test_a_drift_that_is_not_there_is_named(database):
    """Kind and number."""
    with pytest.raises(NotFound, match="there is no drift 9"), database.write() as tx:
        drifts.save(tx, 9, status="open")
