"""The practice and its people: who meets whom, when they work, who pays."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from typing_extensions import override

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0)
_HOUR = r"(?:[01]\d|2[0-3]):[0-5]\d"
SPAN = re.compile(rf"({_HOUR})\s*-\s*({_HOUR}|24:00)")


class BadWorkingHours(ValueError):
    """Working hours are not spans of a weekday such as ``09:00-12:00``."""


class ZoneOfService(StrEnum):
    """Whose zone decides the date of service of a telehealth appointment."""

    PROVIDER = "provider"
    CLIENT = "client"


class Correction(StrEnum):
    """How a payer wants an adjudicated claim corrected."""

    REPLACE = "replace"
    VOID = "void"


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingSpan:
    """Part of a day, in wall time; ``closes`` 00:00 is the end of that day."""

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.closes != MIDNIGHT and self.closes <= self.opens:
            raise BadWorkingHours(f"working hours {self} end before they begin")

    @override
    def __str__(self) -> str:
        closes = "24:00" if self.closes == MIDNIGHT else f"{self.closes:%H:%M}"
        return f"{self.opens:%H:%M}-{closes}"

    @classmethod
    def parse(cls, text: str) -> "WorkingSpan":
        """Read ``09:00-12:00``; raises `BadWorkingHours`."""
        match = SPAN.fullmatch(text.strip())
        if match is None:
            raise BadWorkingHours(
                f"{text!r} is not a span of working hours; write it as 09:00-12:00"
            )
        opens, closes = match.groups()
        end = MIDNIGHT if closes == "24:00" else time.fromisoformat(closes)
        return cls(opens=time.fromisoformat(opens), closes=end)


WorkingHours = Mapping[str, tuple[WorkingSpan, ...]]
"""Weekday (``mon`` to ``sun``) to the spans of that day; on a day that is missing nobody works.

A date (``2026-12-24``) is an exception: its spans, or none, count instead of its weekday's.
"""


def spans_on(hours: WorkingHours, day: date) -> tuple[WorkingSpan, ...]:
    """Return the working spans of a day: its own, if it is an exception, else its weekday's."""
    exception = hours.get(day.isoformat())
    return hours.get(WEEKDAYS[day.weekday()], ()) if exception is None else exception


def parse_working_hours(document: Mapping[str, Any]) -> WorkingHours:
    """Read ``{"mon": ["09:00-12:00", "13:00-18:00"], "2026-12-24": []}``.

    Raises `BadWorkingHours`.
    """
    hours: dict[str, tuple[WorkingSpan, ...]] = {}
    for day, spans in document.items():
        if day not in WEEKDAYS and not _is_date(day):
            raise BadWorkingHours(
                f"{day!r} is not a weekday; use one of {', '.join(WEEKDAYS)}, or a date such as "
                "2026-12-24 for an exception"
            )
        if not isinstance(spans, list | tuple) or not all(isinstance(span, str) for span in spans):
            raise BadWorkingHours(f"the working hours of {day} are a list such as ['09:00-12:00']")
        read = sorted((WorkingSpan.parse(span) for span in spans), key=lambda span: span.opens)
        for earlier, later in pairwise(read):
            if earlier.closes == MIDNIGHT or later.opens < earlier.closes:
                raise BadWorkingHours(f"the working hours {earlier} and {later} of {day} overlap")
        hours[day] = tuple(read)
    return MappingProxyType(hours)


def working_hours_document(hours: WorkingHours) -> dict[str, list[str]]:
    """Return working hours as JSON values; `parse_working_hours` reads them back."""
    dates = sorted(day for day in hours if day not in WEEKDAYS)
    return {day: [str(span) for span in hours[day]] for day in (*WEEKDAYS, *dates) if day in hours}


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """The organisation. ``details`` is what an import said beyond the named fields."""

    name: str
    timezone: str
    telehealth_date_of_service: ZoneOfService = ZoneOfService.PROVIDER
    details: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """An insurer; claims must reach it within ``filing_limit_days`` of the date of service.

    ``telehealth_date_of_service``: whose zone dates its telehealth claims; None: as the practice.
    """

    ref: str
    name: str
    filing_limit_days: int
    correction: Correction = Correction.REPLACE
    telehealth_date_of_service: ZoneOfService | None = None
    details: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A clinician. ``late_cancellation_fee`` is a decimal amount as text, such as ``75.00``.

    ``schedule_revision`` rises with every change of what the provider's calendars should show.
    """

    ref: str
    name: str
    timezone: str
    place_of_service_timezone: str
    email: str = ""
    late_cancellation_fee: str | None = None
    buffer_minutes: int = 0
    notice_hours: int = 0
    working_hours: WorkingHours = field(default_factory=_nothing)
    details: Mapping[str, Any] = field(default_factory=_nothing)
    schedule_revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The person treated. Name and e-mail stay in the store."""

    ref: str
    name: str
    timezone: str
    email: str = ""
    details: Mapping[str, Any] = field(default_factory=_nothing)
