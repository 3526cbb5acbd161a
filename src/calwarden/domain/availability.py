"""Availability: working hours, less appointments, absences, busy blocks, and the buffers around.

Times are offered on a grid of `GRID`, counted from the opening of each working span: a provider who
opens at 09:10 is offered at 09:10, 09:25, … Everything is compared as instants.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from calwarden.domain.practice import MIDNIGHT, WorkingHours, spans_on
from calwarden.domain.view import Span
from calwarden.domain.wall_time import in_zone, instant, parse_local

GRID = timedelta(minutes=15)
DAY = timedelta(days=1)

Stretch = tuple[datetime, datetime]
"""Start and end of a piece of time as instants; the end is exclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a provider's time is taken by.

    ``meetings`` (appointments, and busy blocks of personal calendars) keep the buffer's distance,
    ``absences`` do not.
    """

    meetings: tuple[Span, ...] = ()
    absences: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a provider works, told in ``zone``, and the time kept free around every meeting."""

    zone: str
    working: WorkingHours
    buffer: timedelta = timedelta()


def free_starts(hours: Hours, taken: Taken, length: timedelta, window: Span) -> Iterator[datetime]:
    """Yield the instants within ``window`` at which a meeting of ``length`` could begin, in order.

    It lies within one working span, and what it overlaps is nobody's.
    """
    blocked = _merged(_blocked(hours, taken))
    ends = [end for _, end in blocked]
    earliest, latest = instant(window.start), instant(window.end)
    for opens, closes in _working(hours, window):
        start = opens
        if start < earliest:
            start = _next(opens, earliest)
        while start + length <= closes and start < latest:
            place = bisect_right(ends, start)
            if place < len(blocked) and blocked[place][0] < start + length:
                start = _next(opens, blocked[place][1])
                continue
            yield start
            start += GRID


def _next(opens: datetime, moment: datetime) -> datetime:
    """Return the first place on the grid that is not before ``moment``."""
    return opens + -((opens - moment) // GRID) * GRID


def _blocked(hours: Hours, taken: Taken) -> Iterator[Stretch]:
    for span in taken.meetings:
        yield instant(span.start) - hours.buffer, instant(span.end) + hours.buffer
    for span in taken.absences:
        yield instant(span.start), instant(span.end)


def _working(hours: Hours, window: Span) -> list[Stretch]:
    """Return the working spans that may touch a window; those that touch each other are one."""
    first = in_zone(window.start, hours.zone).date()
    last = in_zone(window.end, hours.zone).date()
    days = (first + DAY * number for number in range((last - first).days + 1))
    return _merged(
        (_on(day, span.opens, hours.zone), _on(day, span.closes, hours.zone, closing=True))
        for day in days
        for span in spans_on(hours.working, day)
    )


def _on(day: date, clock: time, zone: str, *, closing: bool = False) -> datetime:
    day = day + DAY if closing and clock == MIDNIGHT else day
    return instant(parse_local(datetime.combine(day, clock).isoformat(), zone))


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found
