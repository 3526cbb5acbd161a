"""Query options and Prefer headers: the part of OData that calendars answer (M2, M9, M20)."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from calwarden.testing.emulators.graph_errors import mistake
from calwarden.testing.emulators.graph_fields import property_id
from calwarden.testing.emulators.graph_shape import Preferred, Shape
from calwarden.testing.emulators.graph_state import Item
from calwarden.testing.emulators.graph_times import instant, moment, zone

ANY = re.compile(
    r"(?i)singleValueExtendedProperties/any\((?P<v>\w+):\s*(?P=v)/id eq '(?P<id>(?:[^']|'')*)'"
    r"(?: and (?P=v)/value eq '(?P<value>(?:[^']|'')*)')?\)"
)
COMPARES = re.compile(r"(?P<name>[\w/]+) (?P<op>eq|ne|ge|gt|le|lt) '?(?P<value>(?:[^']|'')*)'?")
STARTS = re.compile(r"(?i)startswith\(subject,\s*'(?P<value>(?:[^']|'')*)'\)")
EXPAND = re.compile(
    r"(?P<what>singleValueExtendedProperties)\(\$filter=(?P<filter>.+)\)"
    r"|(?P<plain>exceptionOccurrences)"
)
PREFERENCE = re.compile(r'([\w.-]+)(?:\s*=\s*("[^"]*"|[\w.-]+))?')
IMMUTABLE = 'IdType="ImmutableId"'
MOST_ROWS = 1000
Test = Callable[[Item], bool]
# what each means to us, which values it has, and what to make of them
PREFERENCES: dict[str, tuple[str, Callable[[str], bool], Callable[[str], Any]]] = {
    "IdType": ("immutable", lambda value: value == "ImmutableId", bool),
    "outlook.timezone": ("zone", bool, str),
    "outlook.body-content-type": (
        "text",
        lambda value: value in {"text", "html"},
        lambda value: value == "text",
    ),
    "odata.maxpagesize": ("page", lambda value: value.isdigit() and int(value) > 0, int),
    "outlook.allow-unsafe-html": ("", lambda _value: True, str),
    "return": ("", lambda value: value in {"minimal", "representation"}, str),
}
SELECTABLE = {
    *("id", "uid", "iCalUId", "changeKey", "transactionId", "createdDateTime"),
    *("lastModifiedDateTime", "categories", "subject", "body", "bodyPreview", "start", "end"),
    *("originalStart", "originalStartTimeZone", "originalEndTimeZone", "location", "locations"),
    *("recurrence", "attendees", "organizer", "isAllDay", "isCancelled", "isOrganizer", "isDraft"),
    *("isReminderOn", "reminderMinutesBeforeStart", "responseRequested", "responseStatus"),
    *("importance", "sensitivity", "showAs", "type", "seriesMasterId", "occurrenceId", "webLink"),
    *("hasAttachments", "hideAttendees", "allowNewTimeProposals", "isOnlineMeeting"),
    *("onlineMeeting", "onlineMeetingProvider", "onlineMeetingUrl", "cancelledOccurrences"),
    *("exceptionOccurrences", "singleValueExtendedProperties"),
    # of calendars and users
    *("name", "mail", "displayName", "userPrincipalName"),
}


@dataclass(frozen=True)
class Expand:
    """What is to be put into a reply beside the event's own fields."""

    properties: frozenset[str] = frozenset()
    exceptions: bool = False


@dataclass
class Query:
    """The options of one request."""

    options: Mapping[str, str]
    select: tuple[str, ...] = ()
    expand: Expand = field(default_factory=Expand)
    top: int | None = None
    skip: int = 0

    def selected(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return what was selected of a row, its id and etag in any case."""
        wanted = {*self.select, "@odata.etag", "id"}
        return {name: value for name, value in row.items() if not self.select or name in wanted}


def preferred(headers: Iterable[tuple[str, str]]) -> Preferred:
    """Read Prefer headers; an unknown preference, or a misspelt one, is a mistake."""
    text = ", ".join(value for name, value in headers if name.lower() == "prefer")
    found = PREFERENCE.findall(text)
    about: dict[str, Any] = {}
    for name, quoted in found:
        value = quoted.strip('"')
        known, valid, read = PREFERENCES.get(name, ("", lambda _value: False, str))
        if not valid(value):
            raise mistake(f"Prefer: {name}={value}")
        if name == "outlook.timezone":
            zone(value)
        if known:
            about[known] = read(value)
    applied = tuple(f"{name}={quoted}" for name, quoted in found if quoted)
    return Preferred(**about, applied=applied)


def read(options: Mapping[str, str]) -> Query:
    """Read the system options."""
    query = Query(options=options)
    if "$select" in options:
        query.select = tuple(name.strip() for name in options["$select"].split(","))
        for name in query.select:
            if name not in SELECTABLE:
                raise mistake(
                    "Parsing OData Select and Expand failed: Could not find a property named "
                    f"'{name}' on type 'microsoft.graph.event'."
                )
    if "$expand" in options:
        query.expand = _expand(options["$expand"])
    for name in ("$top", "$skip"):
        text = options.get(name, "0")
        if not text.isdigit() or int(text) > MOST_ROWS:
            raise mistake(f"Invalid value '{text}' for {name} query option found.")
    if "$top" in options:
        query.top = int(options["$top"]) or None
    query.skip = int(options.get("$skip", "0"))
    return query


def _expand(text: str) -> Expand:
    properties: set[str] = set()
    exceptions = False
    for part in _parts(text, ","):
        match = EXPAND.fullmatch(part)
        if match is None:
            raise mistake(f"Parsing OData Select and Expand failed: '{part}'.")
        if match["plain"]:
            exceptions = True
            continue
        for clause in re.split(r"(?i)\s+or\s+", match["filter"]):
            wanted = re.fullmatch(r"(?i)id eq '((?:[^']|'')*)'", clause.strip())
            if wanted is None:
                raise mistake(f"singleValueExtendedProperties: '{clause}' cannot be expanded.")
            properties.add(property_id(wanted[1]).casefold())
    return Expand(properties=frozenset(properties), exceptions=exceptions)


def _parts(text: str, by: str) -> list[str]:
    parts, depth, current, quoted = [], 0, "", False
    for letter in text:
        quoted ^= letter == "'"
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if letter == by and not depth and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += letter
    return [*parts, current.strip()]


def tests(text: str, shape: Shape) -> list[Test]:
    """Read a $filter: clauses joined by ``and``, of the kinds that Exchange can answer."""
    guarded = ANY.sub(lambda match: match[0].replace(" and ", "\0"), text)
    return [
        _test(clause.replace("\0", " and ").strip(" "), shape)
        for clause in re.split(r"(?i) and ", guarded)
    ]


def _test(clause: str, shape: Shape) -> Test:
    if match := ANY.fullmatch(clause):
        wanted = property_id(_unquoted(match["id"])).casefold()
        value = None if match["value"] is None else _unquoted(match["value"]).casefold()

        def has(item: Item) -> bool:
            # values are compared case-insensitively (M9)
            kept = {key.casefold(): held.casefold() for key, held in item.properties.items()}
            return wanted in kept and (value is None or kept[wanted] == value)

        return has
    if match := STARTS.fullmatch(clause):
        begins = _unquoted(match["value"])
        return lambda item: item.value("subject").startswith(begins)
    if match := COMPARES.fullmatch(clause):
        return _compared(match["name"], match["op"], _unquoted(match["value"]), shape)
    raise mistake(f"Invalid filter clause: {clause}", "ErrorInvalidUrlQueryFilter")


def _compared(name: str, operator: str, value: str, shape: Shape) -> Test:
    if name in {"start/dateTime", "end/dateTime"}:
        wanted = moment(value)
        part = name.split("/", maxsplit=1)[0]
        return lambda item: OPERATORS[operator](instant(getattr(item, part), item.zone), wanted)
    if operator != "eq" or name not in {"subject", "iCalUId", "type", "showAs", "isAllDay"}:
        raise mistake(f"The property '{name}' cannot be filtered.", "ErrorInvalidUrlQueryFilter")
    return lambda item: _text(shape.row(item, None, Preferred())[name]) == value


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "ge": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "le": lambda one, other: one <= other,
    "lt": lambda one, other: one < other,
}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def following(url: str, options: Mapping[str, str], skip: int) -> str:
    """Return the address of the next page."""
    return f"{url}?{urlencode({**options, '$skip': skip}, quote_via=quote)}"
