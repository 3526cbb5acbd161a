"""Asks to reschedule: a provider asks, the client chooses a new time, or the deadline passes.

A clock never cancels a client by itself: an ask that is found expired too late, or by a clock that
jumped, is overdue, and a person confirms it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from calwarden.domain.wall_time import instant

REASONS: Mapping[str, str] = {
    "illness": "I am not well",
    "emergency": "An emergency",
    "conflict": "A conflict in my calendar",
    "away": "I am away on that day",
    "other": "Another reason",
}
"""Reasons to choose from, in the words that the client reads; any other text is a reason too."""


class AskStatus(StrEnum):
    """Life of an ask."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    OVERDUE = "overdue"

    @property
    def standing(self) -> bool:
        """Whether it still waits for an answer, or for somebody to confirm that none came."""
        return self in {AskStatus.OPEN, AskStatus.OVERDUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One ask about one appointment, ``start`` as it was when it was asked.

    ``block`` is the out-of-office block that came with it; it stays until removed.
    """

    id: int
    appointment: str
    reason: str
    asked_at: datetime
    deadline: datetime
    remind_at: datetime
    start: datetime
    note: str | None = None
    block: str | None = None
    status: AskStatus = AskStatus.OPEN
    reminded_at: datetime | None = None
    closed_at: datetime | None = None


def deadline(asked_at: datetime, start: datetime, answer: timedelta) -> datetime:
    """Return when an ask expires: after the time to answer, or at the appointment's own start."""
    return min(instant(asked_at) + answer, instant(start))


def half_way(asked_at: datetime, until: datetime) -> datetime:
    """Return when the client is reminded."""
    return instant(asked_at) + (instant(until) - instant(asked_at)) / 2


def status_at(ask: Ask, now: datetime, patience: timedelta) -> AskStatus:
    """Return how an ask stands at a moment, whether or not a timer has noticed yet.

    `AskStatus.EXPIRED` for one that is due to expire: its deadline has come, and not longer than
    ``patience`` ago.
    """
    late = instant(now) - instant(ask.deadline)
    if ask.status is not AskStatus.OPEN or late < timedelta():
        return ask.status
    return AskStatus.EXPIRED if late <= patience else AskStatus.OVERDUE


def answerable(ask: Ask, start: datetime, now: datetime, patience: timedelta) -> bool:
    """Tell whether the client may still answer: at the deadline it is too late.

    An overdue ask can be answered until the appointment's ``start``.
    """
    return status_at(ask, now, patience).standing and instant(now) < instant(start)


def reason_text(reason: str) -> str:
    """Return a reason in words: one of `REASONS` by its name, anything else as it was written."""
    text = reason.strip()
    return REASONS.get(text, text)
