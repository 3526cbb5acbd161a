"""Reading import files: from bytes to rows that know where they stand in the file."""

import csv
import difflib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

WHITESPACE = " \t\r\n"
LONGEST_NUMBER = 9

EMPTY = -1
"""Index under which an empty list is reported."""

Entry = tuple[str, int, int | None, Any]
"""Top-level key, position in the text, index in its list (None: no list), value."""


class Unreadable(ValueError):
    """The file as a whole is not what can be imported; nothing was written."""


class Kind(StrEnum):
    """What a row is about, in the order in which rows build on each other."""

    PRACTICE = "practice"
    PAYER = "payer"
    PROVIDER = "provider"
    CLIENT = "client"
    APPOINTMENT = "appointment"
    OUT_OF_OFFICE = "out_of_office"
    CLAIM = "claim"


SECTIONS: Mapping[str, Kind] = {
    "practice": Kind.PRACTICE,
    "payers": Kind.PAYER,
    "providers": Kind.PROVIDER,
    "clients": Kind.CLIENT,
    "appointments": Kind.APPOINTMENT,
    "out_of_office": Kind.OUT_OF_OFFICE,
    "claims": Kind.CLAIM,
}
"""Top-level keys of a practice file."""

COLUMNS = (
    "ref",
    "provider",
    "client",
    "type",
    "place",
    "start",
    "timezone",
    "minutes",
    "every_weeks",
    "every_months",
    "count",
    "until",
)
"""Columns of appointments as CSV; those behind ``minutes`` make a row a series."""

NUMBERS = frozenset({"minutes", "every_weeks", "every_months", "count"})
REPEAT = frozenset({"every_weeks", "every_months", "count", "until"})


class Repeated(dict[str, Any]):
    """A JSON object in which a key stands twice: one of its values would be lost unseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing in the file: its values as they stand there, its path and the line it begins on.

    ``problems`` were found while reading: a cell too many, a number that is none.
    """

    kind: Kind
    path: str
    line: int
    values: Any
    problems: tuple[str, ...] = field(default=())


def read(content: bytes, name: str = "the file") -> list[Row]:
    """Return the rows of a practice file (JSON) or of appointments as CSV; raises `Unreadable`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"{name} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    start = text.lstrip(WHITESPACE)[:1]
    if not start:
        raise Unreadable(f"{name} is empty")
    if start in "{[" or name.lower().endswith(".json"):
        return list(_json_rows(text, name))
    return list(_csv_rows(text, name))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint such as ``, did you mean minutes?``; empty where nothing is close."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {found[0]}?" if found else ""


def _json_rows(text: str, name: str) -> Iterator[Row]:
    seen: set[str] = set()
    for key, place, index, value in _Scanner(text, name).entries():
        if key not in SECTIONS:
            known = ", ".join(SECTIONS)
            raise Unreadable(
                f"{name} has an unknown key {key!r}{nearest(key, SECTIONS)} (known: {known})"
            )
        if index in {None, 0, EMPTY} and key in seen:
            raise Unreadable(f"{name} has the key {key!r} twice")
        seen.add(key)
        listed = index is not None
        if listed == (key == "practice"):
            wanted = "an object" if key == "practice" else "a list"
            raise Unreadable(f"{key} in {name} is not {wanted}")
        if index == EMPTY:
            continue
        path = f"{key}[{index}]" if listed else key
        line = text.count("\n", 0, place) + 1
        yield Row(kind=SECTIONS[key], path=path, line=line, values=value)


class _Scanner:
    """Walks the top level of a JSON object and its lists, so that every row knows its line."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._place = 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)

    def entries(self) -> Iterator[Entry]:
        if self._peek() != "{":
            raise Unreadable(f"{self._name} is not a practice file: a JSON object is expected")
        self._place += 1
        if self._peek() == "}":
            self._place += 1
        else:
            yield from self._members()
        if self._peek():
            self._fail("there is something behind the end of the object")

    def _members(self) -> Iterator[Entry]:
        while True:
            if self._peek() != '"':
                self._fail("a key in double quotes is expected")
            key = self._value()
            self._expect(":")
            if self._peek() == "[":
                yield from self._elements(key)
            else:
                place = self._place
                yield key, place, None, self._value()
            if self._peek() != ",":
                self._expect("}")
                return
            self._expect(",")

    def _elements(self, key: str) -> Iterator[Entry]:
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            yield key, self._place, EMPTY, None
            return
        index = 0
        while True:
            self._peek()
            place = self._place
            yield key, place, index, self._value()
            if self._peek() != ",":
                self._expect("]")
                return
            self._expect(",")
            index += 1

    def _value(self) -> Any:
        try:
            value, self._place = self._decoder.raw_decode(self._text, self._place)
        except json.JSONDecodeError as error:
            self._place = error.pos
            self._fail(error.msg)
        except (ValueError, RecursionError) as error:
            self._fail(str(error))
        return value

    def _peek(self) -> str:
        while self._place < len(self._text) and self._text[self._place] in WHITESPACE:
            self._place += 1
        return self._text[self._place : self._place + 1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            self._fail(f"{sign!r} is expected")
        self._place += 1

    def _fail(self, why: str) -> NoReturn:
        line = self._text.count("\n", 0, self._place) + 1
        raise Unreadable(f"{self._name} is not JSON: line {line}: {why}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(found)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    header = text.lstrip(WHITESPACE).partition("\n")[0]
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, name)
            else:
                yield _csv_row(columns, cells, line)
    except csv.Error as error:
        raise Unreadable(f"{name} is not CSV: line {reader.line_num}: {error}") from error


def _columns(cells: list[str], name: str) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    for column in columns:
        if column not in COLUMNS:
            raise Unreadable(
                f"{name} has an unknown column {column!r}{nearest(column, COLUMNS)} "
                f"(known: {', '.join(COLUMNS)})"
            )
    if len(set(columns)) < len(columns):
        raise Unreadable(f"{name} has a column twice")
    missing = [column for column in ("ref", "provider", "client", "start") if column not in columns]
    if missing:
        raise Unreadable(f"{name} has no column {', '.join(missing)}")
    return columns


def _csv_row(columns: list[str], cells: list[str], line: int) -> Row:
    problems = []
    if len(cells) != len(columns):
        problems.append(f"{len(cells)} cells stand in {len(columns)} columns")
    values: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):
        value: Any = cell.strip()
        if value == "":
            continue
        if column in NUMBERS:
            if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER):
                problems.append(f"{column}: {value!r} is not a whole number")
                continue
            value = int(value)
        if column in REPEAT:
            values.setdefault("repeat", {})[column] = value
        else:
            values[column] = value
    return Row(
        kind=Kind.APPOINTMENT,
        path=f"line {line}",
        line=line,
        values=values,
        problems=tuple(problems),
    )
