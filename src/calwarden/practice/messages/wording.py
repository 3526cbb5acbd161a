"""Times and places in a reader's words: in their own zone, which is named."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calwarden.domain.appointment import Place
from calwarden.domain.wall_time import in_zone, zone_name

NOON = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTime:
    """A moment or a span as it is told; ``start`` and ``end`` are in the reader's zone."""

    start: datetime
    end: datetime | None = None
    all_day: bool = False

    @property
    def day(self) -> str:
        """The date: ``Tuesday, December 8, 2026``."""
        return f"{self.start:%A, %B} {self.start.day}, {self.start.year}"

    @property
    def short(self) -> str:
        """The date, short enough for a subject: ``Tue, Dec 8``."""
        return f"{self.start:%a, %b} {self.start.day}"

    @property
    def hours(self) -> str:
        """The time of day: ``9:00 to 9:50 AM``."""
        if self.all_day:
            return "all day"
        if self.end is None:
            return f"{_clock(self.start)} {self.start:%p}"
        if self.end.date() != self.start.date():
            last = f"{self.end:%a, %b} {self.end.day}, {_clock(self.end)} {self.end:%p}"
            return f"{_clock(self.start)} {self.start:%p} to {last}"
        first = _clock(self.start)
        if f"{self.start:%p}" != f"{self.end:%p}":
            first = f"{first} {self.start:%p}"
        return f"{first} to {_clock(self.end)} {self.end:%p}"

    @property
    def zone(self) -> str:
        """The zone: ``CST (America/Chicago)``."""
        name, key = self.start.tzname() or "", zone_name(self.start)
        if key == "UTC":
            return "UTC"
        # zones without letters of their own are called by their offset
        return f"{name if name.isalpha() else f'UTC{name}'} ({key})"

    @property
    def full(self) -> str:
        """Everything in one phrase."""
        return f"{self.day}, {self.hours} {self.zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """An appointment as its reader is told of it; ``with_whom`` names a client by ref only."""

    time: ToldTime
    with_whom: str
    place: str

    @property
    def detail(self) -> str:
        """With whom and where, in one line."""
        return f"with {self.with_whom}, {self.place}"


def told_moment(text: str, zone: str) -> ToldTime:
    """Tell a moment of a message's facts in ``zone``."""
    return ToldTime(start=in_zone(datetime.fromisoformat(text), zone))


def told_span(facts: Mapping[str, Any], zone: str) -> ToldTime:
    """Tell a span of a message's facts, or of the ledger, in ``zone``."""
    if facts.get("all_day"):
        start, end = (datetime.fromisoformat(facts[name]) for name in ("start", "end"))
        return ToldTime(start=start, end=end, all_day=True)
    start, end = (in_zone(datetime.fromisoformat(facts[name]), zone) for name in ("start", "end"))
    return ToldTime(start=start, end=end)


def told_meeting(
    facts: Mapping[str, Any], zone: str, *, with_whom: str, places: Mapping[Place, str]
) -> Meeting:
    """Tell an appointment of a message's facts in ``zone``."""
    return Meeting(
        time=told_span(facts, zone), with_whom=with_whom, place=places[Place(facts["place"])]
    )


def _clock(moment: datetime) -> str:
    return f"{moment.hour % NOON or NOON}:{moment.minute:02d}"
