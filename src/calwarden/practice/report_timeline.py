"""Where a drift lies on its days: before and after as spans on one axis, for a small picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from calwarden.practice.report import ReportRow, moment_of

MOST_DAYS = 7
"""More days in a row than this are told as the two that matter."""

LEAST = 1.2
"""Percent of the axis that a span takes at least, to be seen."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span on the axis, in percent of its width."""

    left: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Local days side by side, each a whole day wide. ``broken``: days between them are left out.

    ``before`` is where the event should stand, ``after`` where it stands; None: nowhere.
    """

    days: tuple[date, ...]
    before: Bar | None
    after: Bar | None
    broken: bool = False


def timeline(row: ReportRow) -> Timeline | None:
    """Return the picture of a drift in its own zone; None where it has no times to show."""
    before, after = _span(row.before, row.timezone), _span(row.after, row.timezone)
    spans = [span for span in (before, after) if span is not None]
    if not spans:
        return None
    touched = sorted({day for span in spans for day in _days(*span)})
    reach = (touched[-1] - touched[0]).days + 1
    broken = reach > MOST_DAYS
    days = touched if broken else [touched[0] + number * DAY for number in range(reach)]
    return Timeline(
        days=tuple(days),
        before=_bar(before, days),
        after=_bar(after, days),
        broken=broken,
    )


def _span(document: Mapping[str, Any] | None, zone: str) -> tuple[datetime, datetime] | None:
    if document is not None and document.get("all_day"):
        # a date is no instant: whole days are the same days in every zone
        first, last = (datetime.fromisoformat(document[name]) for name in ("start", "end"))
        return first, last
    start, end = moment_of(document, "start", zone), moment_of(document, "end", zone)
    return None if start is None or end is None else (start, end)


def _days(start: datetime, end: datetime) -> list[date]:
    """Return the first day and the last, which an end at midnight does not reach."""
    last = end.date() - DAY if end.time() == time.min and end.date() > start.date() else end.date()
    return sorted({start.date(), max(last, start.date())})


def _bar(span: tuple[datetime, datetime] | None, days: list[date]) -> Bar | None:
    if span is None:
        return None
    start, end = span
    left = _position(start, start.date(), days)
    last = _days(start, end)[-1]
    right = _position(end, last, days)
    width = min(max(right - left, LEAST), 100 - left)
    return Bar(left=round(left, 1), width=round(width, 1))


def _position(moment: datetime, day: date, days: list[date]) -> float:
    """Return where a moment lies, in percent; ``day`` is the one that it is told of."""
    hours = moment.hour + moment.minute / 60 + 24 * (moment.date() - day).days
    return 100 * (days.index(day) + hours / 24) / len(days)
