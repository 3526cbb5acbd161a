"""Recurrence properties, read into a `Recurrence` and written from one.

Any connector that speaks RRULE uses these, so a rule has one spelling whatever calendar it stood
in.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, islice

from calwarden.domain.event import Recurrence
from calwarden.domain.wall_time import Slot, instant
from calwarden.ical.expansion import FARTHEST, rule_days, satisfiable
from calwarden.ical.rule import BadRule, End, Rule, parse_rule


def read_recurrence(
    rules: Sequence[str], start: datetime, extra: Sequence[Slot] = ()
) -> Recurrence | None:
    """Read RRULE values and RDATE slots of what begins at ``start``; None: it does not repeat.

    COUNT and UNTIL become ``count``. What cannot be read, repeats more often than daily, never
    repeats or has several rules comes back unsupported, with a digest of its spelling.
    """
    added = tuple(sorted(set(extra)))
    if not rules:
        # RFC 5545 section 3.8.5.2: RDATE alone makes a series too, of its start and the dates named
        return Recurrence(rule="", count=1, extra=added) if added else None
    try:
        rule, end = _only_rule(rules, start)
    except BadRule:
        return unsupported(rules, added)
    return Recurrence(rule=rule.text, count=_count(rule, end, start), extra=added)


def unsupported(rules: Sequence[str], extra: tuple[Slot, ...] = ()) -> Recurrence:
    """Return the recurrence that stands for rules which cannot be followed."""
    digest = hashlib.sha256("\n".join(sorted(rules)).encode()).hexdigest()
    return Recurrence(rule=f"unsupported:{digest[:32]}", extra=extra, supported=False)


def write_rule(recurrence: Recurrence) -> str | None:
    """Return the RRULE value that says ``recurrence``; None where only its extra dates repeat."""
    if not recurrence.rule:
        return None
    end = "" if recurrence.count is None else f";COUNT={recurrence.count}"
    return f"{recurrence.rule}{end}"


def _only_rule(rules: Sequence[str], start: datetime) -> tuple[Rule, End]:
    if len(rules) > 1:
        raise BadRule("a series has several recurrence rules")
    rule, end = parse_rule(rules[0], start)
    single = end.count == 1 or (end.until is not None and not _after_start(start, end))
    if not single and not satisfiable(rule, start.date()):
        raise BadRule("a recurrence rule names days that never come")
    return rule, end


def _after_start(start: datetime, end: End) -> bool:
    if isinstance(end.until, datetime):
        return instant(end.until) > instant(start)
    return end.until is not None and end.until > start.date()


def _count(rule: Rule, end: End, start: datetime) -> int | None:
    if end.count is not None:
        return end.count if end.count <= FARTHEST else None
    if end.until is None:
        return None
    begin = start.date()
    later = (day for day in rule_days(rule, begin) if day > begin)
    number = 0
    for day in islice(chain((begin,), later), FARTHEST + 1):
        moment = start.replace(year=day.year, month=day.month, day=day.day, fold=0)
        if number and _past(moment, end):
            return number
        number += 1
    return None if number > FARTHEST else number


def _past(moment: datetime, end: End) -> bool:
    if isinstance(end.until, datetime):
        return moment.astimezone(UTC) > instant(end.until)
    return end.until is not None and moment.date() > end.until
