"""The ask that stands about an appointment, and what ends it: every way leads through here."""

from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.ask import Ask, AskStatus, reason_text
from calwarden.practice.messages import AskNotice
from calwarden.store import appointments, asks, audit


def close(
    tx: Connection, appointment: str, status: AskStatus, *, now: datetime, actor: str
) -> Ask | None:
    """End the ask that stands about an appointment and return it as it was; None: none stands."""
    found = asks.standing(tx, appointment)
    if found is not None:
        settle(tx, found, status, now=now, actor=actor)
    return found


def settle(tx: Connection, ask: Ask, status: AskStatus, *, now: datetime, actor: str) -> Ask:
    """Store what became of an ask, with its audit entry."""
    closed_at = None if status.standing else now
    changed = asks.save(tx, ask.id, status=status.value, closed_at=closed_at)
    audit.append(
        tx,
        at=now,
        actor=actor,
        action=f"ask.{status.value}",
        subject=f"ask:{ask.id}",
        detail={"appointment": ask.appointment, "before": ask.status.value},
    )
    return changed


def notice(tx: Connection, ask: Ask) -> AskNotice:
    """Return an ask as its messages tell it, about the appointment as it is stored now."""
    return AskNotice(
        id=ask.id,
        appointment=appointments.get(tx, ask.appointment),
        deadline=ask.deadline,
        reason=reason_text(ask.reason),
        note=ask.note,
    )
