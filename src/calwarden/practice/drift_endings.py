"""What closes the drifts that would end an appointment: cancelling it, or asking to reschedule.

Those cannot be accepted with one click; they close when a person has done the one or the other.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import DriftKind, DriftStatus
from calwarden.practice.drift_closing import ENDINGS, close
from calwarden.store import calendars, drifts
from calwarden.store.drifts import DriftRow

REVERT = "revert"


def after_cancelling(tx: Connection, one: Appointment, *, now: datetime, actor: str) -> None:
    """Close them: the practice has done what the calendar showed."""
    for row in _waiting(tx, one):
        close(tx, row, DriftStatus.ACCEPTED, reason="it was cancelled", now=now, actor=actor)


def after_asking(tx: Connection, one: Appointment, *, now: datetime, actor: str) -> None:
    """Have the event put back: it stays until the client answers. A declined one is left so."""
    for row in _waiting(tx, one):
        if row.kind is DriftKind.DECLINED:
            reason = "the client is asked for another time"
            close(tx, row, DriftStatus.DISMISSED, reason=reason, now=now, actor=actor)
        else:
            drifts.save(tx, row.id, decision=REVERT, updated_at=now)
            detail = {"decision": REVERT}
            drifts.append_history(tx, row, at=now, event="decided", actor=actor, detail=detail)
            calendars.save(tx, row.calendar_id, planned_revision=0)


def _waiting(tx: Connection, one: Appointment) -> Iterator[DriftRow]:
    found = drifts.search(tx, appointment=one.ref, statuses=[DriftStatus.OPEN])
    return (row for row in found if row.kind in ENDINGS)
