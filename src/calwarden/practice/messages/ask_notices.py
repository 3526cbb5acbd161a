"""Messages of an ask to reschedule: asked, reminded, withdrawn, expired."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.message import MessageKind, Reader, Recipient
from calwarden.practice.messages import portal
from calwarden.practice.messages.facts import appointment_facts, moment_facts, next_facts
from calwarden.practice.messages.notices import to_both
from calwarden.store import outbox
from calwarden.store.outbox import NewMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNotice:
    """An ask as its messages tell it. ``id`` is its number; ``appointment`` as it is stored now."""

    id: int
    appointment: Appointment
    deadline: datetime
    reason: str
    note: str | None = None


def asked(tx: Connection, ask: AskNotice, *, now: datetime) -> None:
    """Ask the client to choose a new time: an e-mail, and a message in the portal."""
    one = ask.appointment
    _to_client(tx, MessageKind.ASKED, ask, now=now)
    words = [f"Please choose a new time for your appointment. Reason: {ask.reason}", ask.note]
    body = "\n\n".join(each for each in words if each)
    portal.post(
        tx,
        provider=one.provider,
        client=one.client,
        author=Reader.PROVIDER,
        body=body,
        appointment=one.ref,
        now=now,
    )


def ask_reminder(tx: Connection, ask: AskNotice, *, now: datetime) -> None:
    """Remind the client half way to the deadline."""
    _to_client(tx, MessageKind.ASK_REMINDER, ask, now=now)


def ask_withdrawn(tx: Connection, ask: AskNotice, *, now: datetime) -> None:
    """Tell the client that the appointment takes place as it was."""
    _to_client(tx, MessageKind.ASK_WITHDRAWN, ask, now=now)


def ask_expired(tx: Connection, ask: AskNotice, *, now: datetime) -> None:
    """Tell both people that nobody answered, so that the appointment is cancelled without a fee."""
    one = ask.appointment
    facts = {**_facts(tx, ask), "next": next_facts(tx, one, now=now)}
    to_both(tx, MessageKind.ASK_EXPIRED, one, facts, key=str(ask.id), now=now)


def _to_client(tx: Connection, kind: MessageKind, ask: AskNotice, *, now: datetime) -> None:
    new = NewMessage(
        kind=kind,
        to=Recipient.client(ask.appointment.client),
        key=str(ask.id),
        facts=_facts(tx, ask),
        appointment=ask.appointment.ref,
    )
    outbox.add(tx, new, now=now)


def _facts(tx: Connection, ask: AskNotice) -> dict[str, Any]:
    return {
        "ask": ask.id,
        "appointment": appointment_facts(tx, ask.appointment),
        "deadline": moment_facts(ask.deadline),
        "reason": ask.reason,
        "note": ask.note or None,
    }
