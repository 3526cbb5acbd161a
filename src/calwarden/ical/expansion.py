"""Expansion of recurrences into slots and spans, bounded whatever a stranger's calendar holds.

Work is limited in three ways: an expansion starts near its window, it gives up where a rule stays
silent for `SILENCE` periods, and it returns at most `MOST` occurrences.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain, islice

from calwarden.domain.cadence import MONTHS
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import Slot, after, instant, slot_of, slot_start
from calwarden.ical.rule import DAYS_IN_WEEK, BadRule, Rule, parse_rule
from calwarden.sdk.connector import Window

MOST = 1_000
"""Occurrences that a window may hold; the rest is left out."""

FARTHEST = 5_000
"""A series that ends after more occurrences than this counts as endless."""

SILENCE = 3_000
"""Periods without an occurrence after which a rule is taken to have no more."""

YEARS = 130
"""How far a rule is followed beyond where its expansion starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span of time; end exclusive."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One occurrence of a resource as it stands; ``slot`` is None for a single event."""

    slot: Slot | None
    body: EventBody


def occurrences(resource: EventResource, window: Window) -> list[Occurrence]:
    """Return what of ``resource`` overlaps ``window``, in order of start, at most `MOST`.

    Cancelled ones too.
    """
    if resource.recurrence is None:
        single = Occurrence(slot=None, body=resource.body)
        return [single] if _overlaps(resource.body, window) else []
    length = resource.body.length
    found = [
        Occurrence(slot=slot, body=body)
        for slot, body in resource.overrides.items()
        if _overlaps(body, window)
    ]
    for slot in slots(resource, begin=window.start - length - timedelta(days=1)):
        body = regular(resource, slot)
        if instant(body.start) >= instant(window.end) or len(found) >= MOST:
            break
        if slot not in resource.overrides and _overlaps(body, window):
            found.append(Occurrence(slot=slot, body=body))
    return sorted(found, key=lambda occurrence: instant(occurrence.body.start))[:MOST]


def busy_spans(resource: EventResource, window: Window) -> list[Span]:
    """Return the times that ``resource`` takes within ``window``.

    Not free, cancelled or declined ones.
    """
    return [
        Span(start=body.start, end=body.end)
        for body in (occurrence.body for occurrence in occurrences(resource, window))
        if body.busy and not body.cancelled and not body.declined and body.length > timedelta()
    ]


def slots(resource: EventResource, begin: datetime | None = None) -> Iterator[Slot]:
    """Yield the slots of a series from about ``begin`` on, in order, without the excluded ones."""
    start, recurrence = resource.body.start, resource.recurrence
    if recurrence is None:
        return
    near = None if begin is None else begin.astimezone(start.tzinfo).date()
    days = _series_days(
        recurrence.rule if recurrence.supported else None, recurrence.count, start, near
    )
    regular_slots = (slot_on(start, day, all_day=resource.body.all_day) for day in days)
    for slot in _merged(regular_slots, sorted(recurrence.extra)):
        if slot not in resource.excluded:
            yield slot


def regular(resource: EventResource, slot: Slot) -> EventBody:
    """Return the body of an occurrence that follows its master at ``slot``."""
    return regular_body(resource.body, slot, resource.zone)


def regular_body(body: EventBody, slot: Slot, zone: str) -> EventBody:
    """Return ``body`` as it stands at ``slot`` in ``zone``.

    The same length, whole days for all-day events.
    """
    start = slot_start(slot, zone)
    if body.all_day:
        days = body.end.date() - body.start.date()
        end = start + days
    else:
        end = after(start, body.length)
    return replace(body, start=start, end=end)


def rule_days(rule: Rule, start: date, near: date | None = None) -> Iterator[date]:
    """Yield the days of ``rule``, in order, none before ``start``, from about ``near`` on."""
    first = 0 if near is None else max(0, _periods_between(rule, start, near) - 1)
    silent = 0
    for step in range(first, first + _longest(rule)):
        days = _period_days(rule, start, step)
        if days is None:
            return
        hits = [day for day in _chosen(rule, start, days) if day >= start]
        silent = 0 if hits else silent + 1
        if silent > SILENCE:
            return
        yield from hits


def satisfiable(rule: Rule, start: date) -> bool:
    """Tell whether a rule gives any day beside its start."""
    return next((day for day in rule_days(rule, start) if day > start), None) is not None


def _series_days(
    text: str | None, count: int | None, start: datetime, near: date | None
) -> Iterator[date]:
    begin = start.date()
    if text is None:
        return iter((begin,))
    try:
        rule, _ = parse_rule(text, start)
    except BadRule:
        return iter((begin,))
    if count is None and near is not None and near > begin:
        return rule_days(rule, begin, near)
    days = chain((begin,), (day for day in rule_days(rule, begin) if day > begin))
    return islice(days, count)


def _merged(regular_slots: Iterator[Slot], extra: list[Slot]) -> Iterator[Slot]:
    waiting = list(reversed(extra))
    for slot in regular_slots:
        while waiting and waiting[-1] < slot:
            yield waiting.pop()
        while waiting and waiting[-1] == slot:
            waiting.pop()
        yield slot
    yield from reversed(waiting)


def slot_on(start: datetime, day: date, *, all_day: bool) -> Slot:
    """Return the slot that a series which begins at ``start`` has on ``day``."""
    if all_day:
        return Slot(day.isoformat())
    return slot_of(start.replace(year=day.year, month=day.month, day=day.day, fold=0))


def _overlaps(body: EventBody, window: Window) -> bool:
    return instant(body.start) < instant(window.end) and instant(body.end) > instant(window.start)


def _longest(rule: Rule) -> int:
    per_year = {"DAILY": 366, "WEEKLY": 53, "MONTHLY": MONTHS, "YEARLY": 1}
    return YEARS * per_year[rule.frequency] // rule.interval + 2


def _periods_between(rule: Rule, start: date, near: date) -> int:
    units = {
        "DAILY": (near - start).days,
        "WEEKLY": (near - start).days // DAYS_IN_WEEK,
        "MONTHLY": (near.year - start.year) * MONTHS + near.month - start.month,
        "YEARLY": near.year - start.year,
    }
    return units[rule.frequency] // rule.interval


def _period_days(rule: Rule, start: date, step: int) -> list[date] | None:
    distance = step * rule.interval
    try:
        if rule.frequency == "DAILY":
            return [start + timedelta(days=distance)]
        if rule.frequency == "WEEKLY":
            into = (start.weekday() - rule.week_start) % DAYS_IN_WEEK
            first = start + timedelta(weeks=distance, days=-into)
            return [first + timedelta(days=day) for day in range(DAYS_IN_WEEK)]
        if rule.frequency == "MONTHLY":
            months = start.month - 1 + distance
            return _month(start.year + months // MONTHS, months % MONTHS + 1)
        year = start.year + distance
        months_named = rule.by_month or tuple(range(1, MONTHS + 1))
        return [day for month in months_named for day in _month(year, month)]
    except (OverflowError, ValueError):
        return None


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _chosen(rule: Rule, start: date, days: list[date]) -> list[date]:
    hits = [day for day in days if _fits(rule, start, day)]
    if not rule.by_position:
        return hits
    places = {
        position - 1 if position > 0 else len(hits) + position for position in rule.by_position
    }
    return [day for place, day in enumerate(hits) if place in places]


def _fits(rule: Rule, start: date, day: date) -> bool:
    if rule.by_month and day.month not in rule.by_month:
        return False
    if not (rule.by_month_day or rule.by_day or rule.by_year_day or rule.by_week):
        return _fits_start(rule, start, day)
    return (
        _among(rule.by_month_day, day.day, calendar.monthrange(day.year, day.month)[1])
        and _among(rule.by_year_day, day.timetuple().tm_yday, _year_length(day.year))
        and _fits_week(rule, start, day)
        and _fits_weekday(rule, day)
    )


def _fits_start(rule: Rule, start: date, day: date) -> bool:
    if rule.frequency == "WEEKLY":
        return day.weekday() == start.weekday()
    if rule.frequency == "MONTHLY":
        return day.day == start.day
    if rule.frequency == "YEARLY":
        return day.day == start.day and (bool(rule.by_month) or day.month == start.month)
    return True


def _among(numbers: tuple[int, ...], number: int, total: int) -> bool:
    return not numbers or number in numbers or number - total - 1 in numbers


def _fits_week(rule: Rule, start: date, day: date) -> bool:
    if not rule.by_week:
        return True
    named = rule.by_day or rule.by_month_day or rule.by_year_day
    if not named and day.weekday() != start.weekday():
        return False
    number, total = _week_number(day, rule.week_start)
    return _among(rule.by_week, number, total)


def _fits_weekday(rule: Rule, day: date) -> bool:
    if not rule.by_day:
        return True
    nths = [nth for nth, weekday in rule.by_day if weekday == day.weekday()]
    if not nths or 0 in nths:
        return bool(nths)
    by_year = rule.frequency == "YEARLY" and not rule.by_month
    place = day.timetuple().tm_yday if by_year else day.day
    length = _year_length(day.year) if by_year else calendar.monthrange(day.year, day.month)[1]
    forward = (place - 1) // DAYS_IN_WEEK + 1
    backward = -((length - place) // DAYS_IN_WEEK + 1)
    return forward in nths or backward in nths


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """Return the number of ``day``'s week in its calendar year and how many weeks that year has.

    Days of a week that belongs to a neighbouring year carry no number of this one: 0.
    """
    first, following = _first_week(day.year, week_start), _first_week(day.year + 1, week_start)
    total = (following - first).days // DAYS_IN_WEEK
    if not first <= day < following:
        return 0, total
    return (day - first).days // DAYS_IN_WEEK + 1, total


@lru_cache(maxsize=512)
def _first_week(year: int, week_start: int) -> date:
    fourth = date(year, 1, 4)
    return fourth - timedelta(days=(fourth.weekday() - week_start) % DAYS_IN_WEEK)


def _year_length(year: int) -> int:
    return 366 if calendar.isleap(year) else 365
