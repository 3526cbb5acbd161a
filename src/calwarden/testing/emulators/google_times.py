"""Times and recurrences as the calendar service keeps them.

Wall time in a named zone, instants derived.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import rrule

MOST = 3_000
"""Occurrences of an endless series that are looked at."""


class BadTime(ValueError):
    """A time, zone or rule that the service refuses."""


def zone(name: str) -> ZoneInfo:
    """Return a zone by name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadTime(f"Invalid time zone definition for {name}") from error


def stored(
    told: Mapping[str, Any] | None, calendar_zone: str, *, recurring: bool
) -> dict[str, Any]:
    """Return an EventDateTime as it is kept; raises `BadTime` for what G19 forbids."""
    if not told or bool(told.get("date")) == bool(told.get("dateTime")):
        raise BadTime("Invalid start or end time: give one of date and dateTime.")
    if told.get("date"):
        return {"date": told["date"]}
    name = told.get("timeZone")
    if recurring and not name:
        raise BadTime("Missing time zone definition for a recurring event.")
    moment = datetime.fromisoformat(told["dateTime"])
    if moment.tzinfo is None:
        if not name:
            raise BadTime("Missing time zone definition for a local time.")
        moment = moment.replace(tzinfo=zone(name))
    name = name or calendar_zone
    return {"dateTime": moment.astimezone(zone(name)).isoformat(), "timeZone": name}


def rendered(kept: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return an EventDateTime as replies show it.

    The offset of ``where``, the event's own zone beside it.
    """
    if "date" in kept:
        return dict(kept)
    return {
        **kept,
        "dateTime": datetime.fromisoformat(kept["dateTime"]).astimezone(zone(where)).isoformat(),
    }


def instant(kept: Mapping[str, Any], calendar_zone: str) -> datetime:
    """Return the UTC instant of an EventDateTime.

    Dates begin at midnight of the calendar's zone.
    """
    if "date" in kept:
        return datetime.combine(
            date.fromisoformat(kept["date"]), time(), zone(calendar_zone)
        ).astimezone(UTC)
    return datetime.fromisoformat(kept["dateTime"]).astimezone(UTC)


def wall(kept: Mapping[str, Any]) -> datetime:
    """Return the wall-clock time of an EventDateTime in its own zone, without the zone."""
    if "date" in kept:
        return datetime.combine(date.fromisoformat(kept["date"]), time())
    moment = datetime.fromisoformat(kept["dateTime"]).astimezone(zone(kept["timeZone"]))
    return moment.replace(tzinfo=None, fold=0)


def at_wall(like: Mapping[str, Any], local: datetime) -> dict[str, Any]:
    """Return an EventDateTime at a wall-clock time, of the kind and in the zone of ``like``."""
    if "date" in like:
        return {"date": local.date().isoformat()}
    where = zone(like["timeZone"])
    moment = local.replace(tzinfo=where).astimezone(UTC).astimezone(where)
    return {"dateTime": moment.isoformat(), "timeZone": like["timeZone"]}


def shifted(kept: Mapping[str, Any], by: timedelta) -> dict[str, Any]:
    """Return an EventDateTime moved by ``by`` on the wall clock."""
    return at_wall(kept, wall(kept) + by)


def length(row: Mapping[str, Any], calendar_zone: str) -> timedelta:
    """Return how long an event takes."""
    return instant(row["end"], calendar_zone) - instant(row["start"], calendar_zone)


def lengthened(start: Mapping[str, Any], took: timedelta) -> dict[str, Any]:
    """Return the end of an event that begins at ``start`` and takes ``took``.

    In the zone of ``start``.
    """
    if "date" in start:
        return {"date": (date.fromisoformat(start["date"]) + took).isoformat()}
    moment = datetime.fromisoformat(start["dateTime"]).astimezone(UTC) + took
    return {
        "dateTime": moment.astimezone(zone(start["timeZone"])).isoformat(),
        "timeZone": start["timeZone"],
    }


def check_recurrence(lines: list[str], start: Mapping[str, Any]) -> None:
    """Raise `BadTime` unless every line is one that the service takes (G19)."""
    if not any(line.startswith(("RRULE:", "RDATE")) for line in lines):
        raise BadTime("Invalid recurrence rule: nothing recurs.")
    for line in lines:
        if not line.startswith(("RRULE:", "EXRULE:", "RDATE", "EXDATE")) or "\n" in line:
            raise BadTime(f"Invalid recurrence rule: {line.split(':')[0]}")
    try:
        next(slots(lines, start), None)
    except (ValueError, KeyError, TypeError) as error:
        raise BadTime("Invalid recurrence rule.") from error


def slots(lines: list[str], start: Mapping[str, Any]) -> Iterator[datetime]:
    """Yield the wall-clock starts that a recurrence generates, in order, at most `MOST`."""
    first = wall(start)
    rules = rrule.rruleset()
    for line in lines:
        head, _, value = line.partition(":")
        match head.split(";")[0]:
            case "RRULE":
                rules.rrule(_rule(value, first, start))
            case "EXRULE":
                rules.exrule(_rule(value, first, start))
            case "RDATE":
                for moment in _moments(head, value, start):
                    rules.rdate(moment)
            case "EXDATE":
                for moment in _moments(head, value, start):
                    rules.exdate(moment)
            case _:
                raise BadTime("Invalid recurrence rule.")
    return islice(iter(rules), MOST)


def _rule(value: str, first: datetime, start: Mapping[str, Any]) -> rrule.rrule:
    parts = dict(part.split("=", 1) for part in value.split(";") if part)
    if parts.get("FREQ") not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise BadTime("Invalid recurrence rule: unsupported frequency.")
    if "UNTIL" in parts:
        parts["UNTIL"] = f"{_until(parts['UNTIL'], start):%Y%m%dT%H%M%S}"
    text = ";".join(f"{name}={part}" for name, part in parts.items())
    made = rrule.rrulestr(text, dtstart=first)
    if not isinstance(made, rrule.rrule):
        raise BadTime("Invalid recurrence rule.")
    return made


def _until(text: str, start: Mapping[str, Any]) -> datetime:
    if text.endswith("Z"):
        if "date" in start:
            raise BadTime("Invalid recurrence rule: UNTIL of an all-day event is a date.")
        moment = datetime.fromisoformat(text).astimezone(zone(start["timeZone"]))
        return moment.replace(tzinfo=None)
    if "T" in text:
        raise BadTime("Invalid recurrence rule: UNTIL with a time is in UTC.")
    return datetime.fromisoformat(text) + timedelta(days=1, seconds=-1)


def _moments(head: str, value: str, start: Mapping[str, Any]) -> Iterator[datetime]:
    where = next((part[5:] for part in head.split(";") if part.startswith("TZID=")), None)
    for text in value.split(","):
        moment = datetime.fromisoformat(text)
        if "T" not in text:
            if "date" not in start:
                raise BadTime("Invalid recurrence rule: a date where times recur.")
            yield moment
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone(where or start["timeZone"]))
        yield moment.astimezone(zone(start["timeZone"])).replace(tzinfo=None)
