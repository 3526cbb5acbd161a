"""What a command prints: one JSON document, or text and tables for people."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calwarden.domain.wall_time import in_zone, zone_name

PIPED_WIDTH = 200


class Output:
    """Standard output for results, standard error for everything else.

    Colours and widths follow the terminal; a pipe gets plain wide text. Nothing is read as
    markup, and control characters in data never reach the terminal.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
        self._console = Console(
            markup=False, highlight=False, emoji=False, soft_wrap=False, width=width
        )
        self.errors = Console(
            stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True
        )

    def document(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """Print the one JSON document of this command; does nothing in text mode."""
        if self.as_json:
            self.print_document(value)

    def print_document(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """Print a JSON document, whatever the mode."""
        sys.stdout.write(self.encoded(value))

    @staticmethod
    def encoded(value: Mapping[str, Any] | Sequence[Any]) -> str:
        """Return a JSON document as text, a line break at its end."""
        return json.dumps(value, ensure_ascii=False, indent=2, default=_encode) + "\n"

    def say(self, text: str = "", *, style: str = "") -> None:
        """Print a line for people; does nothing in JSON mode."""
        if not self.as_json:
            self._console.print(
                Text(clean(text), style=style), soft_wrap=not self._console.is_terminal
            )

    def note(self, text: str) -> None:
        """Print a line about what is going on to standard error."""
        self.errors.print(Text(clean(text)))

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str | Text]],
        *,
        wide: Iterable[str] = (),
    ) -> None:
        """Print a table for people; ``wide`` columns wrap, the others stay on one line."""
        if self.as_json:
            return
        wide = set(wide)
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column not in wide)
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
        self._console.print(table)

    def facts(self, facts: Iterable[tuple[str, str | Text]]) -> None:
        """Print names and values, one pair per line."""
        if self.as_json:
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in facts:
            grid.add_row(name, value if isinstance(value, Text) else Text(clean(value)))
        self._console.print(grid)


def clean(text: str) -> str:
    """Return a text without control characters: data cannot steer a terminal."""
    return "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign) != "Cc")


def moment(when: datetime) -> str:
    """Tell a moment in its own zone: ``Tue 2026-12-08 10:00 America/New_York``."""
    return f"{when:%a %Y-%m-%d %H:%M} {zone_name(when)}"


def span(start: datetime, end: datetime) -> str:
    """Tell a span in the zone of its start: ``Tue 2026-12-08 10:00-10:50 America/New_York``."""
    end = end.astimezone(start.tzinfo)
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%a %Y-%m-%d %H:%M}"
    return f"{start:%a %Y-%m-%d %H:%M}-{last} {zone_name(start)}"


def read_moment(text: str) -> datetime:
    """Read a moment of a document, RFC 3339 with offset."""
    return datetime.fromisoformat(text)


def told_span(document: Mapping[str, Any]) -> str:
    """Tell the span of a document with ``start``, ``end`` and ``timezone``."""
    zone = document["timezone"]
    start, end = (datetime.fromisoformat(document[name]) for name in ("start", "end"))
    return span(in_zone(start, zone), in_zone(end, zone))


def plural(count: int, singular: str, several: str | None = None) -> str:
    """Count things in words: ``1 drift``, ``3 drifts``."""
    return f"{count} {singular if count == 1 else several or singular + 's'}"


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
