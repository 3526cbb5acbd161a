"""What a command prints: one JSON document, or text and tables for people."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from calwarden.cli.options import ReaderGone
from calwarden.domain.wall_time import in_zone, zone_name

PIPED_WIDTH = 200

GAP = 3
"""Characters between two columns of a table."""

NARROWEST = 18
"""Characters that a column needs whose text is broken into lines."""


class Printer(Console):
    """A console that leaves it to the program what a reader that left means."""

    @override
    def on_broken_pipe(self) -> None:
        raise ReaderGone


class Output:
    """Standard output for results, standard error for everything else.

    Colours and widths follow the terminal; a pipe gets plain wide text. Nothing is read as
    markup, and control characters in data never reach the terminal.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
        self._console = Printer(
            markup=False, highlight=False, emoji=False, soft_wrap=False, width=width
        )
        self.errors = Console(
            stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True
        )

    def document(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """Print the one JSON document of this command; does nothing in text mode."""
        if self.as_json:
            self.print_document(value)

    def long_document(self, value: Mapping[str, Any]) -> None:
        """Print a JSON document whose iterators are lists: written as they come, never held."""
        if not self.as_json:
            return
        for number, (name, part) in enumerate(value.items()):
            sys.stdout.write(f"{',' if number else '{'}\n  {json.dumps(name)}: ")
            if isinstance(part, Iterator):
                self._write_list(part)
            else:
                sys.stdout.write(json.dumps(part, ensure_ascii=False, default=_encode))
        sys.stdout.write("\n}\n")

    @staticmethod
    def _write_list(values: Iterator[Any]) -> None:
        sys.stdout.write("[")
        empty = True
        for one in values:
            sys.stdout.write("\n    " if empty else ",\n    ")
            sys.stdout.write(json.dumps(one, ensure_ascii=False, default=_encode))
            empty = False
        sys.stdout.write("]" if empty else "\n  ]")

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
        """Print a table for people; ``wide`` columns wrap, the others stay on one line.

        Where the terminal is too narrow for that, each row is told by itself.
        """
        if self.as_json:
            return
        wide = set(wide)
        cells = [[self._cell(cell) for cell in row] for row in rows]
        if not self._fits(columns, cells, wide):
            self._tell_one_by_one(columns, cells)
            return
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column not in wide)
        for row in cells:
            table.add_row(*row)
        self._console.print(table)

    @staticmethod
    def _cell(cell: str | Text) -> Text:
        return cell if isinstance(cell, Text) else Text(clean(cell))

    def _fits(self, columns: Sequence[str], rows: Sequence[Sequence[Text]], wide: set[str]) -> bool:
        """Tell whether the columns stand side by side, the wide ones broken into few lines."""
        left = self._console.width - GAP * (len(columns) - 1)
        for number, column in enumerate(columns):
            own = max((row[number].cell_len for row in rows), default=0)
            least = max(len(word) for word in column.split())
            left -= max(least, min(own, NARROWEST)) if column in wide else max(len(column), own)
        return left >= 0

    def _tell_one_by_one(self, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
        for number, row in enumerate(rows):
            if number:
                self._console.print()
            self._console.print(Text.assemble((f"{columns[0]} ", "bold"), row[0]))
            grid = Table.grid(padding=(0, 2))
            grid.add_column(no_wrap=True)
            grid.add_column(overflow="fold")
            for column, cell in zip(columns[1:], row[1:], strict=True):
                if cell.plain:
                    grid.add_row(Text(f"  {column}", style="dim"), cell)
            self._console.print(grid)

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
