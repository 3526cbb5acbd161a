"""RRULE ↔ patternedRecurrence, for all that either can say of the other (wire rules M18, M19).

Nothing is approximated: what one side cannot say is unsupported here. A day that a month lacks is
left out by iCalendar, while Exchange takes the month's last day: that has a spelling of its own.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from calwarden.domain.cadence import WEEKDAYS
from calwarden.domain.event import Recurrence
from calwarden.ical.recurrence import read_recurrence, unsupported
from calwarden.ical.rule import BadRule, Rule, parse_rule

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
NAMES = {number: name for name, number in INDEXES.items()}
SHORTEST_MONTH = 28
MOST_NUMBERED = 999
MOST_INTERVAL = 99
LEFT_TO_START = ("FREQ=MONTHLY", "FREQ=YEARLY")
SAMPLED_YEAR, SAMPLED_DAYS = 2028, 366


class Inexpressible(ValueError):
    """The rule has no exact patternedRecurrence."""


@lru_cache(maxsize=1024)
def expresses(recurrence: Recurrence) -> bool:
    """Tell whether a rule has an exact pattern, whenever its series begins."""
    if recurrence.rule.partition(";")[0] in LEFT_TO_START and "BY" not in recurrence.rule:
        return False  # of a series that begins on the 31st it could not be said
    first = datetime(SAMPLED_YEAR, 1, 1, tzinfo=UTC)
    return any(_fits(recurrence, first + timedelta(days=day)) for day in range(SAMPLED_DAYS))


def _fits(recurrence: Recurrence, start: datetime) -> bool:
    try:
        return bool(pattern_of(recurrence, start))
    except Inexpressible:
        return False


def pattern_of(recurrence: Recurrence, start: datetime, zone: str = "UTC") -> dict[str, Any]:
    """Return the patternedRecurrence of a series that begins at ``start``, in its ``zone``.

    Raises `Inexpressible`.
    """
    if not recurrence.supported or recurrence.extra or not recurrence.rule:
        raise Inexpressible
    try:
        rule, _ = parse_rule(recurrence.rule, start)
    except BadRule as error:
        raise Inexpressible from error
    if rule.by_week or rule.by_year_day or rule.interval > MOST_INTERVAL:
        raise Inexpressible
    return {
        "pattern": {**_pattern(rule, start), "interval": rule.interval},
        "range": _range(recurrence, start, zone),
    }


def recurrence_of(told: Mapping[str, Any], start: datetime) -> Recurrence | None:
    """Return the recurrence that a patternedRecurrence says of what begins at ``start``."""
    pattern, span = told.get("pattern"), told.get("range")
    if not isinstance(pattern, Mapping) or not isinstance(span, Mapping):
        return unsupported([str(sorted(told))])
    try:
        return read_recurrence([_rule_text(pattern) + _end_text(span, start)], start)
    except (Inexpressible, KeyError, TypeError, ValueError):
        return unsupported([repr(sorted(pattern.items())), repr(sorted(span.items()))])


def _pattern(rule: Rule, start: datetime) -> dict[str, Any]:
    match rule.frequency:
        case "DAILY" if not (rule.by_day or rule.by_month or rule.by_month_day or rule.by_position):
            return {"type": "daily"}
        case "WEEKLY" if not (rule.by_month or rule.by_month_day or rule.by_position):
            days = [day for _, day in rule.by_day] or [start.weekday()]
            if start.weekday() not in days:
                raise Inexpressible  # Exchange would begin on another day
            return {
                "type": "weekly",
                "daysOfWeek": [DAYS[day] for day in days],
                "firstDayOfWeek": DAYS[rule.week_start],
            }
        case "MONTHLY" if not rule.by_month:
            return _in_month(rule, start, "Monthly")
        case "YEARLY" if len(rule.by_month) <= 1:
            month = rule.by_month[0] if rule.by_month else start.month
            if rule.by_day and not rule.by_month:
                raise Inexpressible  # ordinals of the year, not of a month
            if month != start.month:
                raise Inexpressible
            return {**_in_month(rule, start, "Yearly"), "month": month}
    raise Inexpressible


def _in_month(rule: Rule, start: datetime, kind: str) -> dict[str, Any]:
    if rule.by_day:
        return {"type": f"relative{kind}", **_relative(rule)}
    days = rule.by_month_day or (start.day,)
    if rule.by_position:
        # the last of 28, 29, ... N: day N, or the last day of a month that lacks it
        last = days[-1]
        if rule.by_position != (-1,) or last <= SHORTEST_MONTH or days != _until(last):
            raise Inexpressible
        return {"type": f"absolute{kind}", "dayOfMonth": last}
    if len(days) > 1 or not 0 < days[0] <= SHORTEST_MONTH:
        raise Inexpressible
    if days[0] != start.day:
        raise Inexpressible
    return {"type": f"absolute{kind}", "dayOfMonth": days[0]}


def _relative(rule: Rule) -> dict[str, Any]:
    if rule.by_month_day:
        raise Inexpressible
    if len(rule.by_day) == 1 and not rule.by_position:
        place = rule.by_day[0][0]
    elif len(rule.by_position) == 1 and all(nth == 0 for nth, _ in rule.by_day):
        place = rule.by_position[0]
    else:
        raise Inexpressible
    if place not in NAMES:
        raise Inexpressible
    return {"daysOfWeek": [DAYS[day] for _, day in rule.by_day], "index": NAMES[place]}


def _range(recurrence: Recurrence, start: datetime, zone: str) -> dict[str, Any]:
    about = {"startDate": start.date().isoformat(), "recurrenceTimeZone": zone}
    if recurrence.count is None:
        return {"type": "noEnd", **about}
    if recurrence.count > MOST_NUMBERED:
        raise Inexpressible
    return {"type": "numbered", "numberOfOccurrences": recurrence.count, **about}


def _rule_text(pattern: Mapping[str, Any]) -> str:
    interval = int(pattern["interval"])
    match pattern["type"]:
        case "daily":
            parts = ["FREQ=DAILY"]
        case "weekly":
            week = WEEKDAYS[DAYS.index(pattern.get("firstDayOfWeek") or "sunday")]
            parts = ["FREQ=WEEKLY", _days(pattern), f"WKST={week}"]
        case "absoluteMonthly":
            parts = ["FREQ=MONTHLY", *_day(int(pattern["dayOfMonth"]))]
        case "relativeMonthly":
            parts = ["FREQ=MONTHLY", *_weekdays(pattern)]
        case "absoluteYearly":
            month = f"BYMONTH={int(pattern['month'])}"
            parts = ["FREQ=YEARLY", month, *_day(int(pattern["dayOfMonth"]))]
        case "relativeYearly":
            parts = ["FREQ=YEARLY", f"BYMONTH={int(pattern['month'])}", *_weekdays(pattern)]
        case _:
            raise Inexpressible
    return ";".join([*parts, f"INTERVAL={interval}"])


def _days(pattern: Mapping[str, Any]) -> str:
    days = [WEEKDAYS[DAYS.index(day)] for day in pattern.get("daysOfWeek") or ()]
    if not days:
        raise Inexpressible
    return f"BYDAY={','.join(days)}"


def _weekdays(pattern: Mapping[str, Any]) -> list[str]:
    place = INDEXES[pattern.get("index") or "first"]
    days = _days(pattern)
    if "," not in days:
        return [days.replace("BYDAY=", f"BYDAY={place}")]
    return [days, f"BYSETPOS={place}"]


def _day(number: int) -> list[str]:
    if number <= SHORTEST_MONTH:
        return [f"BYMONTHDAY={number}"]
    return [f"BYMONTHDAY={','.join(map(str, _until(number)))}", "BYSETPOS=-1"]


def _until(last: int) -> tuple[int, ...]:
    return tuple(range(SHORTEST_MONTH, last + 1))


def _end_text(span: Mapping[str, Any], start: datetime) -> str:
    match span["type"]:
        case "noEnd":
            return ""
        case "numbered":
            return f";COUNT={int(span['numberOfOccurrences'])}"
        case "endDate":
            end = max(date.fromisoformat(str(span["endDate"])), start.date())
            return f";UNTIL={end:%Y%m%d}"
        case _:
            raise Inexpressible
