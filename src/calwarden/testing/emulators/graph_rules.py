"""RRULE values, in which people's acts are written, as patternedRecurrence."""

from datetime import date, datetime
from typing import Any

from calwarden.testing.emulators.graph_times import DAYS

CODES = dict(zip(("SU", "MO", "TU", "WE", "TH", "FR", "SA"), DAYS, strict=True))
WORDS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}


def pattern_of(rule: str, start: datetime) -> dict[str, Any]:
    """Return a rule of the kinds that Outlook's dialog offers, beginning at ``start``."""
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    pattern: dict[str, Any] = {"interval": int(parts.get("INTERVAL", "1"))}
    days = [part for part in parts.get("BYDAY", "").split(",") if part]
    match parts["FREQ"]:
        case "DAILY":
            pattern["type"] = "daily"
        case "WEEKLY":
            pattern["type"] = "weekly"
            pattern["daysOfWeek"] = [CODES[day] for day in days] or [_weekday(start)]
        case freq:
            frequency = freq.capitalize()
            kind = "relative" if days else "absolute"
            pattern["type"] = f"{kind}{frequency}"
            if frequency == "Yearly":
                pattern["month"] = int(parts.get("BYMONTH", start.month))
            if days:
                pattern["index"] = WORDS[int(parts.get("BYSETPOS", days[0][:-2] or 1))]
                pattern["daysOfWeek"] = [CODES[day[-2:]] for day in days]
            else:
                pattern["dayOfMonth"] = int(parts.get("BYMONTHDAY", start.day))
    pattern["firstDayOfWeek"] = CODES[parts.get("WKST", "MO")]
    return {"pattern": pattern, "range": _range(parts, start)}


def _range(parts: dict[str, str], start: datetime) -> dict[str, Any]:
    span: dict[str, Any] = {"type": "noEnd", "startDate": start.date().isoformat()}
    if "COUNT" in parts:
        span.update(type="numbered", numberOfOccurrences=int(parts["COUNT"]))
    if "UNTIL" in parts:
        last = date.fromisoformat(parts["UNTIL"][:8])
        span.update(type="endDate", endDate=last.isoformat())
    return span


def _weekday(start: datetime) -> str:
    return DAYS[(start.weekday() + 1) % 7]
