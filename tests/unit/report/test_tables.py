"""Tables as workbooks and CSV: typed, filtered, and never calculated by a spreadsheet."""

import csv
import io
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from calwarden.practice.report_tables import Sheet, spreadsheet, workbook

LONDON = ZoneInfo("Europe/London")
COLUMNS = ("id", "when", "day", "held", "text")


def table(*texts):
    """Return a table with a row for each text."""
    rows = [
        {
            "id": number,
            "when": datetime(2026, 7, 1, 9, 30, tzinfo=LONDON),
            "day": date(2026, 2, 28),
            "held": True,
            "text": text,
        }
        for number, text in enumerate(texts, start=1)
    ]
    return Sheet(name="Rows", columns=COLUMNS, rows=rows)


def opened(*sheets):
    """Return a written workbook, read again with its formulas as formulas."""
    return load_workbook(io.BytesIO(workbook(sheets)))


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")', " =1"]


class TestWorkbook:
    """XLSX."""

    def test_dates_are_dates_and_numbers_are_numbers(self):
        """A moment is wall time in its own zone."""
        [_, cells] = opened(table("a")).active.iter_rows()
        values = [cell.value for cell in cells]
        assert values == [
            *(1, datetime(2026, 7, 1, 9, 30), datetime(2026, 2, 28), "yes", "a"),  # noqa: DTZ001 - a spreadsheet knows no zones
        ]
        assert [cell.is_date for cell in cells] == [False, True, True, False, False]

    @pytest.mark.parametrize("text", FORMULAS)
    def test_no_text_is_a_formula(self, text):
        """It is shown as it was typed."""
        [_, cells] = opened(table(text)).active.iter_rows()
        assert cells[4].data_type == "s"
        assert cells[4].value.strip() == text.strip()

    def test_every_column_can_be_filtered_and_the_heads_stay_in_sight(self):
        """In each sheet, however many rows it has."""
        book = opened(table("a", "b"), Sheet(name="Empty", columns=COLUMNS))
        assert [page.auto_filter.ref for page in book] == ["A1:E3", "A1:E1"]
        assert [page.freeze_panes for page in book] == ["A2", "A2"]

    def test_control_characters_do_not_break_the_file(self):
        """XML cannot hold them."""
        [_, cells] = opened(table("a\x00\x08b")).active.iter_rows()
        assert cells[4].value == "ab"


class TestCsv:
    """CSV."""

    @pytest.mark.parametrize("text", FORMULAS)
    def test_a_formula_is_defused_by_an_apostrophe(self, text):
        """What the spreadsheet would calculate begins with one."""
        [read] = csv.DictReader(io.StringIO(spreadsheet(table(text)), newline=""))
        assert read["text"] == f"'{text}"

    def test_numbers_stay_numbers(self):
        """A negative number of days is no formula."""
        sheet = Sheet(name="Days", columns=("left",), rows=[{"left": -3}])
        assert spreadsheet(sheet) == "left\r\n-3\r\n"
