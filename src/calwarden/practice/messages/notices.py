"""Messages about appointments that were booked, moved or cancelled: one to each of the two people.

They are queued after the change is stored, in its transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.message import MessageKind, Reader, Recipient
from calwarden.practice.messages.facts import appointment_facts, next_facts
from calwarden.store import outbox
from calwarden.store.outbox import NewMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An appointment as it was and as it is stored now."""

    before: Appointment
    after: Appointment


def booked(tx: Connection, made: Sequence[Appointment], *, now: datetime) -> None:
    """Tell both people of new appointments, all of one client: one message, however many."""
    if not made:
        return
    told = [appointment_facts(tx, one) for one in made]
    to_both(tx, MessageKind.BOOKED, made[0], {"appointments": told}, key=_key(told), now=now)


def moved(tx: Connection, changes: Sequence[Change], *, now: datetime) -> None:
    """Confirm new times to both people, all of one client: one message, however many moved."""
    if not changes:
        return
    told = [
        {"before": _before(change), "after": appointment_facts(tx, change.after)}
        for change in changes
    ]
    facts = {"changes": told}
    key = _key(one["after"] for one in told)
    to_both(tx, MessageKind.MOVED, changes[0].after, facts, key=key, now=now)


def cancelled(
    tx: Connection,
    one: Appointment,
    *,
    by: Reader,
    reason: str | None = None,
    fee: str | None = None,
    now: datetime,
) -> None:
    """Tell both people that an appointment is cancelled, by whom, and what comes next.

    ``one`` is the appointment as stored now. ``fee`` is the late-cancellation fee that is charged.
    """
    told = appointment_facts(tx, one)
    facts = {
        "appointment": told,
        "by": by.value,
        "reason": reason or None,
        "fee": fee,
        "next": next_facts(tx, one, now=now),
    }
    to_both(tx, MessageKind.CANCELLED, one, facts, key=_key([told]), now=now)


def to_both(
    tx: Connection,
    kind: MessageKind,
    one: Appointment,
    facts: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
) -> None:
    """Queue one message to the client and one to the provider of an appointment."""
    for to in (Recipient.client(one.client), Recipient.provider(one.provider)):
        new = NewMessage(kind=kind, to=to, key=key, facts=facts, appointment=one.ref)
        outbox.add(tx, new, now=now)


def _before(change: Change) -> dict[str, Any]:
    one = change.before
    return {"start": one.start.isoformat(), "end": one.end.isoformat(), "timezone": one.zone}


def _key(told: Iterable[Mapping[str, Any]]) -> str:
    return ",".join(f"{one['ref']}@{one['sequence']}" for one in told)
