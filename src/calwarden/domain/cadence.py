"""How a series repeats: weekly, every N weeks, or monthly by weekday, in wall time."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice

from calwarden.domain.wall_time import instant

MONTHS = 12
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST_YEARS = 100
LONGEST_STEP = 52
MOST_MEETINGS = 1000
LAST_COUNTED_WEEK = 4
"""A weekday's fifth time in a month is not in every month: it repeats as the last."""


class Frequency(StrEnum):
    """Unit of a cadence."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


class BadCadence(ValueError):
    """The cadence says nothing that can be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """``every`` weeks on the start's weekday, or ``every`` months on the start's weekday-of-month.

    ``week`` is the ordinal of the weekday in its month, 1 to 4 or -1 for the last (monthly only).
    At most one of ``count`` (meetings in all) and ``until`` (last date, inclusive) is set; without
    either the series is endless.
    """

    frequency: Frequency = Frequency.WEEKLY
    every: int = 1
    week: int | None = None
    count: int | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.every <= LONGEST_STEP:
            raise BadCadence(f"a series repeats every 1 to {LONGEST_STEP} weeks or months")
        if self.count is not None and self.until is not None:
            raise BadCadence("a series ends by a count or by a date, not by both")
        if self.count is not None and not 1 <= self.count <= MOST_MEETINGS:
            raise BadCadence(f"a series has 1 to {MOST_MEETINGS} meetings, or no end")
        if (self.week is not None) != (self.frequency is Frequency.MONTHLY):
            raise BadCadence("a monthly series names a week of the month, a weekly one does not")
        if self.week is not None and self.week not in {1, 2, 3, 4, -1}:
            raise BadCadence("the week of the month is 1 to 4, or -1 for the last")

    @property
    def endless(self) -> bool:
        """Whether the series has no end."""
        return self.count is None and self.until is None

    def rule(self, start: datetime) -> str:
        """Return the canonical rule without its end (see `calwarden.domain.event.Recurrence`)."""
        interval = "" if self.every == 1 else f";INTERVAL={self.every}"
        if self.frequency is Frequency.WEEKLY:
            return f"FREQ=WEEKLY{interval}"
        return f"FREQ=MONTHLY{interval};BYDAY={self.week}{WEEKDAYS[start.weekday()]}"

    def starts(self, start: datetime) -> Iterator[datetime]:
        """Yield the slots' starts, in order, from ``start`` on; endless for an endless cadence."""
        bounded = self._until(self._steps(start))
        return islice(bounded, self.count) if self.count is not None else bounded

    def meetings(self, start: datetime) -> int | None:
        """Return how many meetings there are in all; None if endless."""
        return None if self.endless else sum(1 for _ in self.starts(start))

    def _until(self, starts: Iterator[datetime]) -> Iterator[datetime]:
        for moment in starts:
            if self.until is not None and moment.date() > self.until:
                return
            yield moment

    def _steps(self, start: datetime) -> Iterator[datetime]:
        if self.frequency is Frequency.WEEKLY:
            for step in range(LONGEST_YEARS * 53 // self.every):
                yield _on(start, start.date() + timedelta(weeks=step * self.every))
            return
        for step in range(LONGEST_YEARS * MONTHS // self.every):
            months = start.month - 1 + step * self.every
            day = _weekday_of_month(
                start.year + months // MONTHS, months % MONTHS + 1, start.weekday(), self.week or 1
            )
            if day >= start.date():
                yield _on(start, day)


def read_rule(rule: str, start: datetime) -> Cadence | None:
    """Return the endless cadence whose canonical rule from ``start`` on is ``rule``; None: none."""
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    every = parts.get("INTERVAL", "1")
    if not every.isdecimal() or not 1 <= int(every) <= LONGEST_STEP:
        return None
    ways = [
        Cadence(every=int(every)),
        *(
            Cadence(frequency=Frequency.MONTHLY, every=int(every), week=week)
            for week in (*range(1, LAST_COUNTED_WEEK + 1), -1)
        ),
    ]
    return next((one for one in ways if one.rule(start) == rule), None)


def monthly_week(start: date) -> int:
    """Return the ordinal by which a date repeats monthly: 1 to 4, and -1 from the 29th on."""
    ordinal = (start.day - 1) // 7 + 1
    return ordinal if ordinal <= LAST_COUNTED_WEEK else -1


def _on(start: datetime, day: date) -> datetime:
    moment = start.replace(year=day.year, month=day.month, day=day.day, fold=0)
    instant(moment)
    return moment


def _weekday_of_month(year: int, month: int, weekday: int, week: int) -> date:
    first = date(year, month, 1)
    days = [
        first + timedelta(days=offset)
        for offset in range(calendar.monthrange(year, month)[1])
        if (first + timedelta(days=offset)).weekday() == weekday
    ]
    return days[week] if week < 0 else days[week - 1]
