"""Wall time plus IANA zone: what is stored. Instants are derived from it.

A wall time in a zone is an aware ``datetime`` whose ``tzinfo`` is a ``ZoneInfo`` and whose ``fold``
is 0, so a start inside a spring gap takes the offset before the gap and a start that exists twice
is the first of the two (RFC 5545 section 3.3.5).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Literal, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Slot = NewType("Slot", str)
"""Original wall time of an occurrence in its series' zone: ``2026-12-08T10:00:00`` or a date."""

Resolution = Literal["gap", "fold"]


class UnknownZone(ValueError):
    """The zone is not an IANA time zone name known on this machine."""


class BadLocalTime(ValueError):
    """The text is not a local wall-clock time such as ``2026-12-01T10:00``."""


def zone_named(name: str) -> ZoneInfo:
    """Return the zone called ``name``; raises `UnknownZone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not a time zone; use an IANA name such as America/New_York"
        raise UnknownZone(message) from error


def zone_name(moment: datetime) -> str:
    """Return the IANA name of an aware datetime's zone; UTC in any spelling is ``UTC``."""
    zone = moment.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key not in {"Etc/UTC", "Etc/GMT", "GMT", "Zulu"}:
        return zone.key
    if zone is None:
        raise BadLocalTime("a datetime without a zone is not a moment")
    return "UTC"


def parse_local(text: str, zone: str) -> datetime:
    """Read a wall-clock time without offset as a moment in ``zone``.

    Raises `BadLocalTime`, `UnknownZone`.
    """
    where = zone_named(zone)
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadLocalTime(
            f"{text!r} is not a date and time; write it as 2026-12-01T10:00"
        ) from error
    if local.tzinfo is not None:
        raise BadLocalTime(
            f"{text!r} carries an offset; write wall-clock time only, as 2026-12-01T10:00"
        )
    return local.replace(tzinfo=where, fold=0)


def local_text(moment: datetime) -> str:
    """Return the wall-clock part of an aware datetime, ISO 8601 to the second, without offset."""
    return moment.replace(tzinfo=None, fold=0).isoformat(timespec="seconds")


def slot_of(moment: datetime) -> Slot:
    """Return the slot that an original start stands for."""
    return Slot(local_text(moment))


def slot_start(slot: Slot, zone: str) -> datetime:
    """Return the original start that ``slot`` stands for in ``zone``."""
    return parse_local(slot, zone)


def instant(moment: datetime) -> datetime:
    """Return the same moment in UTC; naive datetimes are refused."""
    if moment.tzinfo is None:
        raise BadLocalTime("a datetime without a zone is not a moment")
    return moment.astimezone(UTC)


def in_zone(moment: datetime, zone: str) -> datetime:
    """Return the same instant as wall time in ``zone``."""
    return instant(moment).astimezone(zone_named(zone))


def after(moment: datetime, elapsed: timedelta) -> datetime:
    """Return the moment ``elapsed`` later by the clock on the wall of physics, in the same zone."""
    return (instant(moment) + elapsed).astimezone(moment.tzinfo)


def same_instant(one: datetime, other: datetime) -> bool:
    """Tell whether two aware datetimes are one instant; fold-aware, unlike ``==`` in one zone."""
    return instant(one) == instant(other)


def resolution(moment: datetime) -> Resolution | None:
    """Tell whether a wall time falls in a spring ``gap`` or an autumn ``fold`` of its zone."""
    first, second = moment.replace(fold=0), moment.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return None
    existing = instant(first).astimezone(moment.tzinfo)
    return "fold" if existing.replace(tzinfo=None, fold=0) == first.replace(tzinfo=None) else "gap"


def local_date(moment: datetime, zone: str) -> date:
    """Return the calendar date of a moment in ``zone``."""
    return in_zone(moment, zone).date()
