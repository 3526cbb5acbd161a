"""DATE, DATE-TIME and DURATION values (RFC 5545 section 3.3), as aware moments and back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import vDuration

from calwarden.domain.wall_time import (
    Slot,
    after,
    in_zone,
    instant,
    slot_of,
    slot_start,
    zone_name,
    zone_named,
)
from calwarden.ical.lines import BadObject, Component, Line
from calwarden.ical.zones import Zones

EARLIEST, LATEST = 1900, 2200
"""Years between which an event can be read; beyond them dates cannot be told in every zone."""

_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{8}T\d{6}Z?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A DATE or DATE-TIME value.

    A date stands at its midnight, a floating time in the reader's zone.
    """

    at: datetime
    is_date: bool = False
    floating: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How the times of one object are read.

    Its zones, and the ``zone`` of floating times and dates.
    """

    zones: Zones
    zone: str

    def moments(self, line: Line) -> Iterator[Moment]:
        """Yield the values of a property.

        Of a PERIOD its start. Raises `BadObject`, `UnknownZone`.
        """
        zone = line.parameter("TZID")
        for text in line.value.split(","):
            yield self._moment(text.strip().partition("/")[0], zone)

    def moment(self, line: Line) -> Moment:
        """Return the first value of a property; raises `BadObject`, `UnknownZone`."""
        return next(self.moments(line))

    def _moment(self, text: str, zone: str | None) -> Moment:
        is_date = _DATE.fullmatch(text) is not None
        if not is_date and _TIME.fullmatch(text) is None:
            raise BadObject("a date or time cannot be read")
        floating = False
        if text.endswith("Z"):
            where = zone_named("UTC")
        elif zone is not None and not is_date:
            where = self.zones.named(zone)
        else:
            where, floating = zone_named(self.zone), not is_date
        try:
            wall = datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError as error:
            raise BadObject("a date or time cannot be read") from error
        if not EARLIEST <= wall.year < LATEST:
            raise BadObject(f"a date lies before {EARLIEST} or after {LATEST}")
        return Moment(at=wall.replace(tzinfo=where), is_date=is_date, floating=floating)


def end_of(component: Component, start: Moment, clock: Clock) -> datetime:
    """Return when an event ends: DTEND, DURATION or what their absence means (RFC 5545 3.6.1).

    An end in another zone is told in the start's zone; one before the start is the start.
    """
    end = component.first("DTEND")
    duration = component.first("DURATION")
    if end is not None:
        moment = clock.moment(end)
        told = moment.at if moment.is_date else in_zone(moment.at, zone_name(start.at))
    elif duration is not None:
        told = _later(start.at, duration)
    else:
        told = start.at + timedelta(days=1) if start.is_date else start.at
    return told if instant(told) > instant(start.at) else start.at


def _later(start: datetime, duration: Line) -> datetime:
    try:
        elapsed: timedelta = vDuration.from_ical(duration.value)
        days = timedelta(days=elapsed.days)
        return after(start + days, elapsed - days)
    except (ValueError, OverflowError) as error:
        raise BadObject("a duration cannot be read") from error


def slot_at(moment: Moment, start: Moment) -> Slot:
    """Return the slot that an EXDATE, RDATE or RECURRENCE-ID names in a series from ``start``."""
    if start.is_date:
        day = (
            moment.at
            if moment.floating or moment.is_date
            else in_zone(moment.at, zone_name(start.at))
        )
        return Slot(day.date().isoformat())
    if moment.is_date:
        day = moment.at
        return slot_of(start.at.replace(year=day.year, month=day.month, day=day.day, fold=0))
    if moment.floating:
        return slot_of(moment.at)
    return slot_of(in_zone(moment.at, zone_name(start.at)))


def time_line(name: str, moment: datetime, *, is_date: bool = False, floating: bool = False) -> str:
    """Return the line that gives a property a moment.

    The second of two equal wall times cannot be told in its zone, so it is told in UTC.
    """
    if is_date:
        return f"{name};VALUE=DATE:{moment:%Y%m%d}"
    zone = zone_name(moment)
    if floating:
        return f"{name}:{moment:%Y%m%dT%H%M%S}"
    if zone == "UTC" or moment.fold:
        return f"{name}:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={zone}:{moment:%Y%m%dT%H%M%S}"


def slot_line(name: str, slot: Slot, zone: str, *, is_date: bool, floating: bool) -> str:
    """Return the line that gives EXDATE, RDATE or RECURRENCE-ID the moment of a slot."""
    return time_line(name, slot_start(slot, zone), is_date=is_date, floating=floating)
