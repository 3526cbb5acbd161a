"""Recurrence rules in canonical spelling (RFC 5545 section 3.3.10), by whole days.

Rules that name hours, minutes or seconds other than the start's are refused, so no rule can give
more than one occurrence a day.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from calwarden.domain.cadence import WEEKDAYS

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
LONGEST_RULE = 1_000
MOST_INTERVAL = 10_000
DAYS_IN_WEEK = 7
_MOST_WEEKS = 5

_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_CLOCK = {"BYHOUR": "hour", "BYMINUTE": "minute", "BYSECOND": "second"}
_NUMBERS = {
    "BYMONTH": range(1, 13),
    "BYWEEKNO": range(1, 54),
    "BYYEARDAY": range(1, 367),
    "BYMONTHDAY": range(1, 32),
    "BYSETPOS": range(1, 367),
}
_KNOWN = {"FREQ", "INTERVAL", "WKST", "COUNT", "UNTIL", "BYDAY", *_CLOCK, *_NUMBERS}


class BadRule(ValueError):
    """The recurrence rule cannot be read, or repeats more often than daily."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule by whole days, without its end.

    ``by_day`` pairs an ordinal (0: every) with a weekday (0: Monday).
    """

    frequency: str
    interval: int = 1
    by_month: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0

    @property
    def text(self) -> str:
        """The rule's spelling, parts in a fixed order."""
        parts = [
            f"FREQ={self.frequency}",
            "" if self.interval == 1 else f"INTERVAL={self.interval}",
            _listed("BYMONTH", self.by_month),
            _listed("BYWEEKNO", self.by_week),
            _listed("BYYEARDAY", self.by_year_day),
            _listed("BYMONTHDAY", self.by_month_day),
            _listed("BYDAY", tuple(f"{nth or ''}{WEEKDAYS[day]}" for nth, day in self.by_day)),
            _listed("BYSETPOS", self.by_position),
            f"WKST={WEEKDAYS[self.week_start]}" if self.week_start else "",
        ]
        return ";".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where a rule ends: after ``count`` occurrences or with the moment or date ``until``.

    Neither: never.
    """

    count: int | None = None
    until: date | datetime | None = None


def parse_rule(text: str, start: datetime) -> tuple[Rule, End]:
    """Read an RRULE value as the canonical rule of a series that begins at ``start``.

    Raises `BadRule`.
    """
    parts = _parts(text)
    _refuse_clock(parts, start)
    rule = Rule(
        frequency=parts["FREQ"],
        interval=_integer(parts.get("INTERVAL", "1"), range(1, MOST_INTERVAL + 1)),
        by_month=_integers(parts, "BYMONTH"),
        by_week=_integers(parts, "BYWEEKNO"),
        by_year_day=_integers(parts, "BYYEARDAY"),
        by_month_day=_integers(parts, "BYMONTHDAY"),
        by_day=_days(parts.get("BYDAY", "")),
        by_position=_integers(parts, "BYSETPOS"),
        week_start=_weekday(parts.get("WKST", "MO")),
    )
    if rule.frequency in {"DAILY", "WEEKLY"} and any(nth for nth, _ in rule.by_day):
        raise BadRule("a daily or weekly rule numbers its weekdays")
    return canonical(rule, start), _end(parts, start)


def canonical(rule: Rule, start: date) -> Rule:
    """Return the same rule spelled as `calwarden.domain.cadence.Cadence.rule` spells it.

    What the start implies and a week start that changes nothing are left out.
    """
    rule = _weeks_for_days(rule)
    rule = _ordinal_for_position(rule)
    rule = _ordinal_for_month_days(rule)
    rule = _without_implied(rule, start)
    return rule if _week_start_matters(rule) else replace(rule, week_start=0)


def _parts(text: str) -> dict[str, str]:
    if len(text) > LONGEST_RULE:
        raise BadRule("a recurrence rule is longer than any that a person makes")
    parts: dict[str, str] = {}
    for part in text.strip().strip(";").upper().split(";"):
        name, separator, value = part.strip().partition("=")
        if not separator or name not in _KNOWN or name in parts:
            raise BadRule("a recurrence rule has an unknown, repeated or empty part")
        parts[name] = value.strip()
    if parts.get("FREQ") not in FREQUENCIES:
        raise BadRule("a recurrence rule repeats more often than daily, or says not how often")
    return parts


def _refuse_clock(parts: Mapping[str, str], start: datetime) -> None:
    for name, attribute in _CLOCK.items():
        if name in parts and _bare(parts[name]) != _bare(str(getattr(start, attribute))):
            raise BadRule("a recurrence rule names times of day")


def _bare(digits: str) -> str:
    return digits.lstrip("0")


def _end(parts: Mapping[str, str], start: datetime) -> End:
    if "COUNT" in parts:
        return End(count=_integer(parts["COUNT"], range(1, 10**9)))
    if "UNTIL" not in parts:
        return End()
    text = parts["UNTIL"]
    try:
        if len(text) == len("20270104"):
            return End(until=date.fromisoformat(text))
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError as error:
        raise BadRule("a recurrence rule has an unreadable UNTIL") from error
    return End(until=moment.replace(tzinfo=UTC if text.endswith("Z") else start.tzinfo))


def _integer(text: str, allowed: range) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise BadRule("a recurrence rule has words where numbers belong") from error
    if abs(number) not in allowed:
        raise BadRule("a recurrence rule has a number out of range")
    return number


def _integers(parts: Mapping[str, str], name: str) -> tuple[int, ...]:
    if name not in parts:
        return ()
    numbers = {_integer(text, _NUMBERS[name]) for text in parts[name].split(",")}
    if name == "BYMONTH" and min(numbers) < 0:
        raise BadRule("a recurrence rule counts months from the end")
    return tuple(sorted(numbers))


def _weekday(text: str) -> int:
    if text not in WEEKDAYS:
        raise BadRule("a recurrence rule has an unknown weekday")
    return WEEKDAYS.index(text)


def _days(text: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for part in filter(None, text.split(",")):
        match = _DAY.fullmatch(part.strip())
        if match is None:
            raise BadRule("a recurrence rule has an unknown weekday")
        found.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
    return tuple(sorted(found, key=lambda day: (day[1], day[0])))


def _weeks_for_days(rule: Rule) -> Rule:
    plain = replace(rule, interval=1, week_start=0) == Rule(frequency="DAILY")
    if plain and rule.interval % DAYS_IN_WEEK == 0:
        return Rule(frequency="WEEKLY", interval=rule.interval // DAYS_IN_WEEK)
    return rule


def _ordinal_for_position(rule: Rule) -> Rule:
    one_day = len(rule.by_day) == 1 and rule.by_day[0][0] == 0 and len(rule.by_position) == 1
    others = rule.by_month_day or rule.by_year_day or rule.by_week
    if (
        rule.frequency != "MONTHLY"
        or not one_day
        or others
        or abs(rule.by_position[0]) > _MOST_WEEKS
    ):
        return rule
    return replace(rule, by_day=((rule.by_position[0], rule.by_day[0][1]),), by_position=())


def _ordinal_for_month_days(rule: Rule) -> Rule:
    one_day = len(rule.by_day) == 1 and rule.by_day[0][0] == 0 and not rule.by_position
    days = rule.by_month_day
    if rule.frequency != "MONTHLY" or not one_day or len(days) != DAYS_IN_WEEK:
        return rule
    nth, remainder = divmod(days[-1], DAYS_IN_WEEK)
    if remainder or days != tuple(range(days[-1] - DAYS_IN_WEEK + 1, days[-1] + 1)):
        return rule
    return replace(rule, by_day=((nth, rule.by_day[0][1]),), by_month_day=())


def _without_implied(rule: Rule, start: date) -> Rule:
    if rule.by_position or rule.by_week or rule.by_year_day:
        return rule
    if rule.frequency == "WEEKLY" and rule.by_day == ((0, start.weekday()),):
        return replace(rule, by_day=())
    if rule.frequency == "MONTHLY" and rule.by_month_day == (start.day,) and not rule.by_day:
        return replace(rule, by_month_day=())
    if rule.frequency == "YEARLY" and rule.by_month == (start.month,) and not rule.by_day:
        implied = rule.by_month_day in {(), (start.day,)}
        return replace(rule, by_month=(), by_month_day=()) if implied else rule
    return rule


def _week_start_matters(rule: Rule) -> bool:
    weekly = rule.frequency == "WEEKLY" and rule.interval > 1 and len(rule.by_day) > 0
    return weekly or bool(rule.by_week) or (rule.frequency == "WEEKLY" and bool(rule.by_position))


def _listed(name: str, values: tuple[int, ...] | tuple[str, ...]) -> str:
    return f"{name}={','.join(str(value) for value in values)}" if values else ""
