"""Tables of a report: as CSV, as a workbook (XLSX) with typed cells, as an HTML page to print."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from calwarden.domain.wall_time import in_zone

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

DAY_FORMAT, MOMENT_FORMAT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm"
WIDEST = 48

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows by column name. Values are text, numbers, booleans, dates and moments, or None.

    A moment is told as wall time in its own zone.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Row] = field(default_factory=tuple)


def records(sheet: Sheet) -> list[dict[str, Any]]:
    """Return the rows as JSON values: ISO 8601 and RFC 3339 for dates and moments."""
    return [{column: _plain(row[column]) for column in sheet.columns} for row in sheet.rows]


def spreadsheet(sheet: Sheet) -> str:
    """Return the table as CSV (RFC 4180) whose cells no spreadsheet takes for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    for row in records(sheet):
        writer.writerow([cell(value) for value in row.values()])
    return text.getvalue()


def cell(value: object) -> str:
    """Return a value as CSV text; a leading apostrophe keeps a spreadsheet from calculating it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _told(value)
    if isinstance(value, int):
        return str(value)
    text = str(value)
    # a spreadsheet drops spaces in front before it looks for a formula
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """Return tables as one XLSX file: a filter on every column, real dates, texts never formulas.

    A moment is told in its own zone, for a spreadsheet knows no zones.
    """
    # loaded where needed: no other command writes a workbook
    from openpyxl import Workbook  # noqa: PLC0415 - see above

    book = Workbook(write_only=True)
    for sheet in sheets:
        _fill(book.create_sheet(sheet.name), sheet)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _fill(page: Any, sheet: Sheet) -> None:
    # as above
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - see above
    from openpyxl.styles import Font  # noqa: PLC0415 - see above
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - see above

    def typed(value: Any) -> Any:
        if isinstance(value, datetime):
            made = WriteOnlyCell(page, value=value.replace(tzinfo=None, microsecond=0))
            made.number_format = MOMENT_FORMAT
        elif isinstance(value, date):
            made = WriteOnlyCell(page, value=value)
            made.number_format = DAY_FORMAT
        elif isinstance(value, str | bool):
            made = WriteOnlyCell(page, value=_written(_told(value)))
            made.data_type = "s"
        else:
            made = WriteOnlyCell(page, value=value)
        return made

    for number, column in enumerate(sheet.columns, start=1):
        longest = max((_length(row[column]) for row in sheet.rows), default=0)
        width = min(max(longest, len(column)) + 3, WIDEST)
        page.column_dimensions[get_column_letter(number)].width = width
    page.freeze_panes = "A2"
    last = get_column_letter(len(sheet.columns))
    page.auto_filter.ref = f"A1:{last}{len(sheet.rows) + 1}"
    heads = [WriteOnlyCell(page, value=column) for column in sheet.columns]
    for head in heads:
        head.font = Font(bold=True)
    page.append(heads)
    for row in sheet.rows:
        page.append([typed(row[column]) for column in sheet.columns])


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A page about one table: its words, and how a column is headed. ``empty``: without rows."""

    title: str
    practice: str
    made_at: datetime
    lead: str
    empty: str
    heads: Mapping[str, str]
    tell: Callable[[Any], str]


def table_page(sheet: Sheet, told: Told) -> str:
    """Return a table as one HTML page without script or outside reference."""
    return template("table.html").render(sheet=sheet, told=told)


@cache
def template(name: str) -> Template:
    """Return a template of the reports."""
    environment = Environment(
        loader=PackageLoader("calwarden.practice", "templates/report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(in_zone=in_zone)
    return environment.get_template(name)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def _told(value: str | bool) -> str:  # noqa: FBT001 - a value of a cell, not a switch
    if isinstance(value, str):
        return value
    return "yes" if value else "no"


def _written(text: str) -> str:
    """Return a text without the control characters that XML 1.0 cannot hold."""
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n\r")


def _length(value: Any) -> int:
    if value is None:
        return 0
    return len(MOMENT_FORMAT) if isinstance(value, date) else len(str(value))
