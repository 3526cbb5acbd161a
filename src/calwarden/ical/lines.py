"""Content lines and components of an iCalendar object (RFC 5545 section 3.1), as spelled.

Nothing is interpreted before it is asked for, so a stranger's property costs a line and survives a
rewrite unchanged, and a hostile one is never expanded.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from icalendar import vText
from icalendar.parser import Contentline
from icalendar.parser.property import unescape_backslash

LARGEST_OBJECT = 1_000_000
"""Bytes of an object beyond which it is refused unread."""

MOST_LINES = 20_000
MOST_COMPONENTS = 1_200
LONGEST_LINE = 40_000
"""Characters of a line beyond which its parameters and value are not told apart."""

DEEPEST = 5

_WIDEST = 75
_CONTINUES = (0x80, 0xBF)
_FOLD = re.compile(r"\r?\n[ \t]")
_BREAK = re.compile(r"\r?\n")
_NAME = re.compile(r"[A-Za-z0-9-]+")


class BadObject(ValueError):
    """The object is no iCalendar object that can be read. The message never quotes it."""


class Line:
    """One unfolded content line."""

    def __init__(self, raw: str) -> None:
        match = _NAME.match(raw)
        self.raw = raw
        self.name = match[0].upper() if match else ""

    @cached_property
    def _parts(self) -> tuple[Mapping[str, str | list[str]], str]:
        if len(self.raw) > LONGEST_LINE:
            raise BadObject(f"the property {self.name[:40]} is longer than any that a person makes")
        try:
            _, parameters, value = Contentline(self.raw).raw_parts()
        except ValueError as error:
            raise BadObject(f"a {self.name or 'nameless'} property cannot be read") from error
        return parameters, value

    @property
    def value(self) -> str:
        """The value as spelled, without parameters."""
        return self._parts[1].strip()

    @property
    def text(self) -> str:
        """The value as a TEXT: escapes undone, bytes that are no UTF-8 replaced."""
        spelled = self._parts[1].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return str(unescape_backslash(spelled))

    def parameter(self, name: str) -> str | None:
        """Return the first value of a parameter."""
        value = self._parts[0].get(name)
        if isinstance(value, list):
            return str(value[0]) if value else None
        return None if value is None else str(value)


@dataclass(slots=True, kw_only=True)
class Component:
    """A component with its lines and inner components, in their order."""

    name: str
    lines: list[Line] = field(default_factory=list)
    children: list["Component"] = field(default_factory=list)

    def all(self, name: str) -> list[Line]:
        """Return every line of that property."""
        return [line for line in self.lines if line.name == name]

    def first(self, name: str) -> Line | None:
        """Return the first line of a property."""
        return next((line for line in self.lines if line.name == name), None)

    def value(self, name: str) -> str:
        """Return the upper-case value of a property that holds a keyword; empty without one."""
        line = self.first(name)
        return "" if line is None else line.value.upper()

    def text(self, name: str) -> str:
        """Return the text of a property; empty without one."""
        line = self.first(name)
        return "" if line is None else line.text

    def put(self, name: str, lines: Iterable[str]) -> None:
        """Let ``lines`` stand for every line of a property, where the first of them stood."""
        made = [Line(raw) for raw in lines]
        place = next((at for at, line in enumerate(self.lines) if line.name == name), None)
        kept = [line for line in self.lines if line.name != name]
        at = len(kept) if place is None else place
        self.lines = [*kept[:at], *made, *kept[at:]]

    def inner(self, name: str) -> list["Component"]:
        """Return the direct inner components of that name."""
        return [child for child in self.children if child.name == name]

    def copied(self) -> "Component":
        """Return a copy that can be changed without changing this one."""
        children = [child.copied() for child in self.children]
        return Component(name=self.name, lines=list(self.lines), children=children)

    def bytes(self) -> bytes:
        """Return the component as an iCalendar stream, folded."""
        return b"".join(_folded(raw) for raw in _spelled(self))


def parse(data: bytes) -> Component:
    """Return the VCALENDAR in ``data``; raises `BadObject`."""
    if len(data) > LARGEST_OBJECT:
        raise BadObject(f"the object is larger than {LARGEST_OBJECT // 1_000_000} MB")
    if data.count(b"BEGIN:") > MOST_COMPONENTS:
        raise BadObject(f"the object has more than {MOST_COMPONENTS} components")
    unfolded = _FOLD.sub("", data.decode("utf-8-sig", "surrogateescape"))
    spelled = _BREAK.split(unfolded)
    if len(spelled) > MOST_LINES:
        raise BadObject(f"the object has more than {MOST_LINES} lines")
    root = Component(name="")
    stack = [root]
    for raw in spelled:
        if raw.strip():
            _take(stack, Line(raw))
    calendars = root.inner("VCALENDAR")
    if len(stack) > 1 or len(calendars) != 1:
        raise BadObject("the object is not one whole VCALENDAR")
    return calendars[0]


def _take(stack: list[Component], line: Line) -> None:
    if line.name == "BEGIN":
        if len(stack) > DEEPEST:
            raise BadObject("the object's components are nested too deeply")
        child = Component(name=line.value.upper())
        stack[-1].children.append(child)
        stack.append(child)
    elif line.name == "END":
        if len(stack) == 1 or stack.pop().name != line.value.upper():
            raise BadObject("the object's components do not end in order")
    elif len(stack) == 1:
        raise BadObject("the object has properties outside of VCALENDAR")
    else:
        stack[-1].lines.append(line)


def _spelled(component: Component) -> Iterator[str]:
    yield f"BEGIN:{component.name}"
    for line in component.lines:
        yield line.raw
    for child in component.children:
        yield from _spelled(child)
    yield f"END:{component.name}"


def text_line(name: str, text: str) -> str:
    """Return the line that gives a property a TEXT value, escaped."""
    return f"{name}:{vText(text).to_ical().decode()}"


def _folded(raw: str) -> bytes:
    spelled = raw.encode("utf-8", "surrogateescape")
    if len(spelled) < _WIDEST:
        return spelled + b"\r\n"
    pieces = []
    while len(spelled) >= _WIDEST:
        cut = _WIDEST - 1
        while cut > 1 and _CONTINUES[0] <= spelled[cut] <= _CONTINUES[1]:  # within a character
            cut -= 1
        pieces.append(spelled[:cut])
        spelled = b" " + spelled[cut:]
    return b"\r\n".join((*pieces, spelled)) + b"\r\n"
