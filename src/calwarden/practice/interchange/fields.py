"""Fields of import rows: which there are, and their values in the one form that is compared.

A field's reader takes what stands in the file and returns a JSON value, or raises `BadField`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from calwarden.domain.appointment import AppointmentType, Place
from calwarden.domain.claim import ClaimStatus
from calwarden.domain.practice import (
    BadWorkingHours,
    Correction,
    ZoneOfService,
    parse_working_hours,
    working_hours_document,
)
from calwarden.domain.wall_time import (
    BadLocalTime,
    UnknownZone,
    local_text,
    parse_local,
    zone_named,
)
from calwarden.practice.appointments import LONGEST_MINUTES
from calwarden.practice.interchange.reading import Kind, Repeated, Row, nearest
from calwarden.practice.refs import ref_problem

Reader = Callable[[Any], Any]

LONGEST_TEXT = 500
LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Outside of these no zone rules are known, and dates are mistakes."""

MOST_CENTS = 2
MOST_MONEY = 1_000_000
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
REPEAT_KEYS = ("every_weeks", "every_months", "count", "until")


class BadField(ValueError):
    """The value is not one that this field can have."""


def text(value: Any) -> str:
    """Read a text of one line."""
    if not isinstance(value, str):
        raise BadField(f"{_shown(value)} is not a text")
    if len(value) > LONGEST_TEXT:
        raise BadField(f"a text has at most {LONGEST_TEXT} characters")
    if any(not sign.isprintable() for sign in value):
        raise BadField("the text has control characters")
    return value.strip()


def name(value: Any) -> str:
    """Read a text that says something."""
    found = text(value)
    if not found:
        raise BadField("the text is empty")
    return found


def optional(reader: Reader) -> Reader:
    """Let a field be null."""
    return lambda value: None if value is None else reader(value)


def ref(value: Any) -> str:
    """Read a ref for something of the practice's own."""
    found = text(value)
    problem = ref_problem(found)
    if problem is not None:
        raise BadField(problem)
    return found


def email(value: Any) -> str:
    """Read an e-mail address; an empty one says that there is none."""
    found = text(value)
    local, at, domain = found.rpartition("@")
    if found and not (local and at and domain and " " not in found):
        raise BadField("the text is not an e-mail address")
    return found


def zone(value: Any) -> str:
    """Read an IANA zone name."""
    found = name(value)
    try:
        return zone_named(found).key
    except UnknownZone as error:
        raise BadField(str(error)) from error


def local_time(value: Any) -> str:
    """Read wall time, with a date and a time of day, as ``2026-12-01T10:00:00``."""
    found = text(value)
    if not LOCAL.fullmatch(found):
        raise BadField(f"{found!r} is not a date and time; write it as 2026-12-01T10:00")
    try:
        moment = parse_local(found.replace(" ", "T"), "UTC")
    except BadLocalTime as error:
        raise BadField(f"{found!r} does not exist in any calendar or on any clock") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadField(f"the year {moment.year} lies outside {FIRST_YEAR} to {LAST_YEAR}")
    return local_text(moment)


def day(value: Any) -> str:
    """Read a date as ``2026-12-01``."""
    found = text(value)
    if not DAY.fullmatch(found):
        raise BadField(f"{found!r} is not a date; write it as 2026-12-01")
    try:
        return date.fromisoformat(found).isoformat()
    except ValueError as error:
        raise BadField(f"{found!r} does not exist in any calendar") from error


def whole(least: int, most: int) -> Reader:
    """Read a whole number within bounds."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadField(f"{_shown(value)} is not a whole number")
        if not least <= value <= most:
            raise BadField(f"{value} is not between {least} and {most}")
        return value

    return read


def amount(value: Any) -> str:
    """Read an amount of money as ``75.00``."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadField(f"{_shown(value)} is not an amount such as 75.00")
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise BadField(f"{_shown(value)} is not an amount such as 75.00") from error
    exponent = found.as_tuple().exponent
    if not found.is_finite() or not 0 <= found < MOST_MONEY:
        raise BadField(f"{_shown(value)} is not an amount from 0.00 to 999999.99")
    if isinstance(exponent, int) and exponent < -MOST_CENTS:
        raise BadField(f"{_shown(value)} has parts of a cent")
    return f"{found:.2f}"


def choice(options: type[StrEnum]) -> Reader:
    """Read one of a few words."""

    def read(value: Any) -> str:
        found = text(value)
        try:
            return options(found).value
        except ValueError as error:
            known = ", ".join(option.value for option in options)
            raise BadField(f"{found!r} is none of {known}{nearest(found, options)}") from error

    return read


def working_hours(value: Any) -> dict[str, list[str]]:
    """Read ``{"mon": ["09:00-12:00"]}``."""
    if not isinstance(value, dict) or isinstance(value, Repeated):
        raise BadField('working hours are an object such as {"mon": ["09:00-12:00"]}')
    try:
        return working_hours_document(parse_working_hours(value))
    except BadWorkingHours as error:
        raise BadField(str(error)) from error


def repeat(value: Any) -> dict[str, Any]:
    """Read how a series repeats: every how many weeks or months, and its end if it has one."""
    if not isinstance(value, dict) or isinstance(value, Repeated):
        raise BadField('it is not an object such as {"every_weeks": 1, "count": 12}')
    for key in value:
        if key not in REPEAT_KEYS:
            raise BadField(f"unknown key {key!r}{nearest(key, REPEAT_KEYS)}")
    given = {key: item for key, item in value.items() if item is not None}
    if "every_weeks" in given and "every_months" in given:
        raise BadField("a series repeats every_weeks or every_months, not both")
    if "count" in given and "until" in given:
        raise BadField("a series ends by count or by until, not by both")
    unit = "every_months" if "every_months" in given else "every_weeks"
    found: dict[str, Any] = {unit: _inner(unit, whole(1, 52), given.get(unit, 1))}
    if "count" in given:
        found["count"] = _inner("count", whole(1, 1000), given["count"])
    if "until" in given:
        found["until"] = _inner("until", day, given["until"])
    return found


FIELDS: Mapping[Kind, Mapping[str, Reader]] = {
    Kind.PRACTICE: {
        "name": name,
        "timezone": zone,
        "telehealth_date_of_service": choice(ZoneOfService),
    },
    Kind.PAYER: {
        "name": name,
        "filing_limit_days": whole(1, 3650),
        "correction": choice(Correction),
        "telehealth_date_of_service": optional(choice(ZoneOfService)),
    },
    Kind.PROVIDER: {
        "name": name,
        "email": email,
        "timezone": zone,
        "place_of_service_timezone": zone,
        "late_cancellation_fee": optional(amount),
        "buffer_minutes": whole(0, LONGEST_MINUTES),
        "notice_hours": whole(0, 24 * 365),
        "working_hours": working_hours,
    },
    Kind.CLIENT: {"name": name, "email": email, "timezone": zone},
    Kind.APPOINTMENT: {
        "provider": name,
        "client": name,
        "type": choice(AppointmentType),
        "place": choice(Place),
        "start": local_time,
        "timezone": zone,
        "minutes": whole(1, LONGEST_MINUTES),
        "repeat": optional(repeat),
    },
    Kind.OUT_OF_OFFICE: {
        "provider": name,
        "start": local_time,
        "end": local_time,
        "timezone": zone,
    },
    Kind.CLAIM: {
        "appointment": name,
        "payer": name,
        "status": choice(ClaimStatus),
        "control_number": optional(name),
        "procedure_code": optional(name),
        "documented_minutes": optional(whole(0, LONGEST_MINUTES)),
    },
}
"""Every field beside ``ref``, by kind."""


def read_fields(row: Row) -> tuple[str | None, dict[str, Any], list[tuple[str, str]]]:
    """Return a row's ref, its values in comparable form, and every problem as field and reason."""
    problems = [("", problem) for problem in row.problems]
    if not isinstance(row.values, dict):
        return None, {}, [("", f"{_shown(row.values)} is not an object")]
    if isinstance(row.values, Repeated):
        problems.append(("", "a key stands twice in it"))
    known = FIELDS[row.kind]
    found: dict[str, Any] = {}
    own: str | None = None
    names = [*known] if row.kind is Kind.PRACTICE else ["ref", *known]
    for key, value in row.values.items():
        if key not in names:
            problems.append((key, f"unknown key {key!r}{nearest(key, names)}"))
            continue
        try:
            if key == "ref":
                own = ref(value)
            else:
                found[key] = known[key](value)
        except BadField as error:
            problems.append((key, str(error)))
    if own is None and row.kind is not Kind.PRACTICE and "ref" not in row.values:
        problems.append(("ref", "the ref is missing"))
    return own, found, problems


def _inner(key: str, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except BadField as error:
        raise BadField(f"{key}: {error}") from error


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:40]
