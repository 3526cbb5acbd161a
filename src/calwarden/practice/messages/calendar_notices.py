"""Messages to a provider about their own calendars: what they did there, and lost links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.drift import DriftKind
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.message import MessageKind, Recipient
from calwarden.practice.messages.facts import moment_facts
from calwarden.store import outbox
from calwarden.store.outbox import NewMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One drift as its provider is told: ``put_back``, or else waiting for somebody.

    ``before`` and ``after`` are the ledger's documents; ``address`` is the form that does properly
    what was done outside.
    """

    id: int
    revision: int
    kind: DriftKind
    put_back: bool
    calendar: str
    appointment: str | None
    count: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    address: str


def proposal(tx: Connection, provider: str, drifts: Sequence[Drifted], *, now: datetime) -> None:
    """Tell a provider what they did outside and how to do it properly: one message for all."""
    if not drifts:
        return
    ordered = sorted(drifts, key=lambda one: one.id)
    new = NewMessage(
        kind=MessageKind.PROPOSAL,
        to=Recipient.provider(provider),
        key=",".join(f"{one.id}@{one.revision}" for one in ordered),
        facts={"drifts": [drift_facts(one) for one in ordered]},
    )
    outbox.add(tx, new, now=now)


def relink_needed(tx: Connection, calendar: LinkedCalendar, *, now: datetime) -> None:
    """Tell a provider that calwarden has lost access to a calendar."""
    new = NewMessage(
        kind=MessageKind.RELINK_NEEDED,
        to=Recipient.provider(calendar.provider),
        key=f"{calendar.id}@{moment_facts(now)}",
        facts={
            "calendar": calendar.id,
            "name": calendar.name,
            "connector": calendar.connector,
        },
    )
    outbox.add(tx, new, now=now)


def drift_facts(one: Drifted) -> dict[str, Any]:
    """Return a drift as its message keeps it."""
    return {
        "drift": one.id,
        "revision": one.revision,
        "kind": one.kind.value,
        "put_back": one.put_back,
        "calendar": one.calendar,
        "appointment": one.appointment,
        "count": one.count,
        "before": None if one.before is None else dict(one.before),
        "after": None if one.after is None else dict(one.after),
        "address": one.address,
    }
