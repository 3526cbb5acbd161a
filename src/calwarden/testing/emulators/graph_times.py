"""Times and recurrences as the mailbox keeps them: wall time in a named zone (M17, M18)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import rrule
from tzlocal.windows_tz import tz_win, win_tz

from calwarden.testing.emulators.graph_errors import ApiError

MOST = 3_000
"""Occurrences of an endless series that are looked at."""
MOST_NUMBERED = 999
MOST_INTERVAL = 99
# the days that every month has, the days of the longest, the months
ALWAYS, LONGEST, MONTHS = 28, 31, 12
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
WEEKDAYS = {
    "monday": rrule.MO,
    "tuesday": rrule.TU,
    "wednesday": rrule.WE,
    "thursday": rrule.TH,
    "friday": rrule.FR,
    "saturday": rrule.SA,
    "sunday": rrule.SU,
}
NEEDED = {
    "daily": frozenset[str](),
    "weekly": frozenset({"daysOfWeek"}),
    "absoluteMonthly": frozenset({"dayOfMonth"}),
    "relativeMonthly": frozenset({"daysOfWeek"}),
    "absoluteYearly": frozenset({"dayOfMonth", "month"}),
    "relativeYearly": frozenset({"daysOfWeek", "month"}),
}
NEVER = "0001-01-01"


def invalid(message: str) -> ApiError:
    """Return the refusal of a value that the mailbox cannot keep."""
    return ApiError(400, "ErrorPropertyValidationFailure", message, mistake=True)


def zone(name: str) -> ZoneInfo:
    """Return a zone by its IANA or Windows name."""
    try:
        return ZoneInfo(win_tz.get(name, name))
    except (KeyError, ValueError, OSError) as error:
        raise ApiError(
            400,
            "TimeZoneNotSupportedException",
            "A valid TimeZone value must be specified. The following TimeZone value is not "
            f"supported: '{name}'.",
            mistake=True,
        ) from error


def windows_name(name: str) -> str:
    """Return the Windows name of a zone, or the name itself where it has none."""
    if name in win_tz or name == "UTC":
        return name
    return tz_win.get(name, name)


def wall(told: Mapping[str, Any] | None, where: str) -> tuple[datetime, str]:
    """Read a dateTimeTimeZone: wall time and the zone's name; ``where`` names it in refusals."""
    if not told or not told.get("dateTime"):
        raise invalid(f"{where} is missing.")
    name = told.get("timeZone") or "UTC"
    zone(name)
    try:
        moment = datetime.fromisoformat(told["dateTime"])
    except ValueError as error:
        raise invalid(f"{where}: no dateTime.") from error
    if moment.tzinfo is not None:
        raise invalid(f"{where}: the zone belongs into timeZone, dateTime has no offset.")
    if "T" not in told["dateTime"]:
        raise invalid(f"{where}: dateTime has no time.")
    return moment, name


def instant(local: datetime, name: str) -> datetime:
    """Return the UTC instant of a wall time; a gap takes the offset before it."""
    return local.replace(tzinfo=zone(name)).astimezone(UTC)


def told(local: datetime, name: str, asked: str, *, floats: bool, spelled: str) -> dict[str, str]:
    """Return a dateTimeTimeZone in the zone ``asked``, named ``spelled`` (M13, M17).

    ``floats``: an all-day event begins at midnight wherever it is looked at.
    """
    if not floats:
        local = instant(local, name).astimezone(zone(asked)).replace(tzinfo=None)
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S.%f}0", "timeZone": spelled}


def recurrence(given: Mapping[str, Any], start: datetime, zone_name: str) -> dict[str, Any]:
    """Return a patternedRecurrence as it is kept (M13, M18); refuses what makes no sense."""
    pattern, span = given.get("pattern"), given.get("range")
    if not pattern or not span:
        raise invalid("A recurrence has a pattern and a range.")
    kept = {"pattern": _pattern(pattern), "range": _range(span, start, zone_name)}
    if next(days(kept), None) is None:
        raise ApiError(400, "ErrorRecurrenceHasNoOccurrence", mistake=True)
    return kept


def _pattern(given: Mapping[str, Any]) -> dict[str, Any]:
    kind, interval = given.get("type"), given.get("interval")
    if kind not in NEEDED or not isinstance(interval, int) or not 1 <= interval <= MOST_INTERVAL:
        raise invalid("pattern: type or interval.")
    missing = [name for name in sorted(NEEDED[kind]) if not given.get(name)]
    if missing:
        raise invalid(f"pattern of type {kind} needs {', '.join(missing)}.")
    kept: dict[str, Any] = {
        "type": kind,
        "interval": interval,
        "month": 0,
        "dayOfMonth": 0,
        "firstDayOfWeek": given.get("firstDayOfWeek") or "sunday",
        "index": "first",
    }
    for name in NEEDED[kind]:
        kept[name] = given[name]
    if kind.startswith("relative"):
        kept["index"] = given.get("index") or "first"
    if "daysOfWeek" in kept:
        kept["daysOfWeek"] = [day for day in DAYS if day in kept["daysOfWeek"]]
    if not 0 <= kept["dayOfMonth"] <= LONGEST or not 0 <= kept["month"] <= MONTHS:
        raise invalid("pattern: dayOfMonth or month.")
    return kept


def _range(given: Mapping[str, Any], start: datetime, zone_name: str) -> dict[str, Any]:
    kind = given.get("type")
    where = windows_name(given.get("recurrenceTimeZone") or zone_name)
    zone(where)
    kept = {
        "type": kind,
        "startDate": given.get("startDate"),
        "endDate": NEVER,
        "recurrenceTimeZone": where,
        "numberOfOccurrences": 0,
    }
    if kept["startDate"] != start.date().isoformat():
        raise invalid("range.startDate is the date of start.")
    if kind == "endDate":
        if not given.get("endDate") or given["endDate"] < kept["startDate"]:
            raise invalid("range.endDate.")
        kept["endDate"] = given["endDate"]
    elif kind == "numbered":
        number = given.get("numberOfOccurrences")
        if not isinstance(number, int) or not 1 <= number <= MOST_NUMBERED:
            raise invalid("range.numberOfOccurrences.")
        kept["numberOfOccurrences"] = number
    elif kind != "noEnd":
        raise invalid("range.type.")
    return kept


def days(kept: Mapping[str, Any]) -> Iterator[date]:
    """Yield the dates on which a series occurs, in order, at most `MOST`."""
    span = kept["range"]
    about: dict[str, Any] = {"dtstart": datetime.fromisoformat(span["startDate"])}
    if span["type"] == "endDate":
        about["until"] = datetime.fromisoformat(span["endDate"])
    if span["type"] == "numbered":
        about["count"] = span["numberOfOccurrences"]
    made = rrule.rrule(**_parts(kept["pattern"]), **about)
    return (moment.date() for moment in islice(iter(made), MOST))


def _parts(pattern: Mapping[str, Any]) -> dict[str, Any]:
    kind = pattern["type"]
    parts: dict[str, Any] = {"interval": pattern["interval"]}
    if kind == "daily":
        return {"freq": rrule.DAILY, **parts}
    if kind == "weekly":
        weekdays = [WEEKDAYS[day] for day in pattern["daysOfWeek"]]
        first = WEEKDAYS[pattern["firstDayOfWeek"]]
        return {"freq": rrule.WEEKLY, "byweekday": weekdays, "wkst": first, **parts}
    parts["freq"] = rrule.MONTHLY if kind.endswith("Monthly") else rrule.YEARLY
    if kind.endswith("Yearly"):
        parts["bymonth"] = pattern["month"]
    if kind.startswith("absolute"):
        # a day that a month lacks is its last day, other than in iCalendar
        last = pattern["dayOfMonth"]
        parts["bymonthday"] = last if last <= ALWAYS else list(range(ALWAYS, last + 1))
        return parts if last <= ALWAYS else {**parts, "bysetpos": -1}
    parts["byweekday"] = [WEEKDAYS[day] for day in pattern["daysOfWeek"]]
    return {**parts, "bysetpos": INDEXES[pattern["index"]]}


def at(day: date, clock: time) -> datetime:
    """Return the wall time of an occurrence."""
    return datetime.combine(day, clock)


def moment(text: str) -> datetime:
    """Read a startDateTime or endDateTime of a query; without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(
            400, "ErrorInvalidParameter", f"'{text}' is no time", mistake=True
        ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def stamp(microseconds: int) -> str:
    """Return a DateTimeOffset as the service spells it, with seven digits."""
    at_second = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return f"{at_second:%Y-%m-%dT%H:%M:%S.%f}0Z"
