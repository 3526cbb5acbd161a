"""VTIMEZONE components for IANA zones (RFC 5545 section 3.6.5), by yearly rules where they hold."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from calwarden.domain.cadence import WEEKDAYS
from calwarden.domain.wall_time import zone_named
from calwarden.ical.lines import Component, Line
from calwarden.ical.rule import DAYS_IN_WEEK

YEARS_BEFORE, YEARS_AFTER = 1, 10
"""Years around an event's own in which a zone's clock changes are looked up."""

MOST_WEEKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a zone's clock: ``onset`` in the wall time that ends with it."""

    onset: datetime
    before: timedelta
    after: timedelta
    name: str
    summer: bool


@lru_cache(maxsize=256)
def zone_definition(name: str, year: int) -> Component:
    """Return the VTIMEZONE of an IANA zone, true from the year before ``year`` on.

    Not to be changed.
    """
    definition = Component(name="VTIMEZONE", lines=[Line(f"TZID:{name}")])
    changes = list(_changes(name, year - YEARS_BEFORE, year + YEARS_AFTER))
    by_kind: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (change.before, change.after, change.name, change.summer)
        by_kind.setdefault(key, []).append(change)
    definition.children = [_observance(kind) for kind in by_kind.values()]
    if not changes or not _recurs(changes):
        definition.children.insert(0, _standing(name, year - YEARS_BEFORE))
    return definition


def _recurs(changes: list[Change]) -> bool:
    return changes[-1].onset.year - changes[0].onset.year >= YEARS_AFTER


def _standing(name: str, year: int) -> Component:
    begin = datetime(year, 1, 1, tzinfo=zone_named(name))
    offset = begin.utcoffset() or timedelta()
    still = Change(
        onset=begin,
        before=offset,
        after=offset,
        name=begin.tzname() or name,
        summer=bool(begin.dst()),
    )
    return _observance([still])


def _observance(changes: list[Change]) -> Component:
    first = changes[0]
    lines = [
        f"DTSTART:{first.onset:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{_offset(first.before)}",
        f"TZOFFSETTO:{_offset(first.after)}",
        f"TZNAME:{first.name}",
    ]
    rule = _yearly(changes)
    if rule is not None:
        lines.append(f"RRULE:{rule}")
    elif len(changes) > 1:
        lines.append("RDATE:" + ",".join(f"{each.onset:%Y%m%dT%H%M%S}" for each in changes[1:]))
    return Component(
        name="DAYLIGHT" if first.summer else "STANDARD", lines=[Line(raw) for raw in lines]
    )


def _yearly(changes: list[Change]) -> str | None:
    """Return the rule of a change that comes every year on one weekday of a month."""
    first = changes[0].onset
    years = [change.onset.year for change in changes]
    if len(changes) < YEARS_AFTER or years != list(range(years[0], years[0] + len(years))):
        return None
    places = {(each.onset.month, each.onset.weekday(), each.onset.time()) for each in changes}
    ordinals = set.intersection(*({*_ordinals(change.onset.date())} for change in changes))
    if len(places) > 1 or not ordinals:
        return None
    ordinal = max(ordinals)
    return f"FREQ=YEARLY;BYMONTH={first.month};BYDAY={ordinal}{WEEKDAYS[first.weekday()]}"


def _ordinals(day: date) -> Iterator[int]:
    yield (day.day - 1) // DAYS_IN_WEEK + 1
    if day.day + DAYS_IN_WEEK > calendar.monthrange(day.year, day.month)[1]:
        yield -1


def _changes(name: str, first: int, last: int) -> Iterator[Change]:
    zone = zone_named(name)
    moment = datetime(first, 1, 1, tzinfo=UTC)
    while moment.year <= last:
        following = moment + timedelta(days=1)
        if _told(moment, name) != _told(following, name):
            at = _between(moment, following, name)
            before = (at - timedelta(seconds=1)).astimezone(zone)
            now = at.astimezone(zone)
            offset = before.utcoffset() or timedelta()
            yield Change(
                onset=at + offset,
                before=offset,
                after=now.utcoffset() or timedelta(),
                name=now.tzname() or name,
                summer=bool(now.dst()),
            )
        moment = following


def _told(moment: datetime, name: str) -> tuple[timedelta | None, str | None]:
    local = moment.astimezone(zone_named(name))
    return local.utcoffset(), local.tzname()


def _between(early: datetime, late: datetime, name: str) -> datetime:
    before = _told(early, name)
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        early, late = (middle, late) if _told(middle, name) == before else (early, middle)
    return late


def _offset(offset: timedelta) -> str:
    minutes, seconds = divmod(abs(offset) // timedelta(seconds=1), 60)
    tail = f"{seconds:02d}" if seconds else ""
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}{minutes % 60:02d}{tail}"
