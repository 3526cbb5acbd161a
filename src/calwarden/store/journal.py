"""The journal: what is about to be written remotely, committed before the first request of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from calwarden.domain.document import resource_document, resource_from
from calwarden.domain.event import EventResource
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import intents

_OPEN = Search(
    select(intents).where(intents.c.status == "open").order_by(intents.c.id),
    calendar_id=intents.c.calendar_id == value("calendar_id"),
)
_ANY_OPEN = Search(
    select(intents.c.id).where(intents.c.status == "open").limit(1),
    calendar_id=intents.c.calendar_id == value("calendar_id"),
)
_RECORD = insert(intents).returning(intents.c.id)
_CALL_DONE = update(intents).where(intents.c.id == value("number"))
_CLOSE = update(intents).where(intents.c.id.in_(values("numbers")), intents.c.status == "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One journaled step. ``expected`` is what may stand meanwhile and then (None: nothing).

    ``revision`` is that of what it was to change.
    """

    id: int
    uid: str
    verb: str
    expected: tuple[EventResource | None, ...]
    calls_done: int
    fence: int
    revision: str | None = None


def open_intents(connection: Connection, calendar_id: int) -> list[Intent]:
    """Return the unsettled intents of a calendar, in order."""
    return [
        Intent(
            id=row["id"],
            uid=row["uid"],
            verb=row["verb"],
            expected=tuple(None if one is None else resource_from(one) for one in row["expected"]),
            calls_done=row["calls_done"],
            fence=row["fence"],
            revision=row["step"].get("revision"),
        )
        for row in _OPEN.rows(connection, calendar_id=calendar_id)
    ]


def has_open(connection: Connection, calendar_id: int) -> bool:
    """Tell whether something is unsettled."""
    return _ANY_OPEN.first(connection, calendar_id=calendar_id) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIntent:
    """A step about to be journaled; ``step`` is its document, as a dry run shows it."""

    uid: str
    verb: str
    position: int
    step: dict[str, Any]
    expected: Sequence[EventResource | None]


def record(
    connection: Connection,
    calendar_id: int,
    new: Iterable[NewIntent],
    *,
    fence: int,
    now: datetime,
) -> list[int]:
    """Journal steps and return their numbers, in order."""
    numbers: list[int] = []
    for intent in new:
        expected = [None if one is None else resource_document(one) for one in intent.expected]
        row = {
            "calendar_id": calendar_id,
            "uid": intent.uid,
            "verb": intent.verb,
            "position": intent.position,
            "step": intent.step,
            "expected": expected,
            "fence": fence,
            "created_at": now,
        }
        numbers.append(int(connection.execute(_RECORD, row).scalar_one()))
    return numbers


def call_done(connection: Connection, intent_id: int, calls: int) -> None:
    """Note how many calls of an intent have landed."""
    connection.execute(_CALL_DONE, {"number": intent_id, "calls_done": calls})


def close(
    connection: Connection,
    intent_ids: Iterable[int],
    *,
    status: str,
    now: datetime,
    cause: str | None = None,
) -> None:
    """Settle or drop intents; only open ones change."""
    numbers = list(intent_ids)
    if numbers:
        settled = {"status": status, "settled_at": now, "cause": cause}
        connection.execute(_CLOSE, {"numbers": numbers, **settled})
