"""Rounds of delta: where one stands, its rows by resource, and what it leaves to do (M1 to M5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from calwarden.domain.event import Observed
from calwarden.domain.wall_time import instant
from calwarden.sdk.connector import Cursor, Known, Window
from calwarden.sdk.errors import CursorExpired
from calwarden_outlook.mapping import SERIES, Row
from calwarden_outlook.series import has_stand_ins

FORM = "1"
"""Form of a cursor: this, the frozen window's begin and end, and the delta link (M3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where a delta link stands: the window that is frozen in it, and the link."""

    window: Window
    link: str

    @property
    def cursor(self) -> Cursor:
        """The round as text."""
        begin, end = (
            instant(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
            for moment in (self.window.start, self.window.end)
        )
        return Cursor(f"{FORM} {begin} {end} {self.link}")

    @classmethod
    def of(cls, cursor: Cursor) -> "Round":
        """Read a cursor; raises `CursorExpired` for another version's."""
        try:
            form, begin, end, link = cursor.split(" ", 3)
            window = Window(start=datetime.fromisoformat(begin), end=datetime.fromisoformat(end))
        except ValueError:
            form, window, link = "", None, ""
        if form != FORM or window is None:
            raise CursorExpired(
                "Outlook calendar: the cursor was kept by another version; everything is listed"
            )
        return cls(window=window, link=link)


@dataclass(slots=True)
class Grouped:
    """Rows of a listing by resource: single events, and series with their occurrences."""

    singles: dict[str, Row] = field(default_factory=dict)
    series: dict[str, list[Row]] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Grouped":
        """Sort the rows of a listing; of rows told twice the later one counts (A1)."""
        found = cls()
        latest = {str(row["id"]): row for row in rows}
        for key, row in latest.items():
            if "@removed" in row:
                found.removed[key] = None
            elif row.get("seriesMasterId"):
                found.series.setdefault(str(row["seriesMasterId"]), []).append(row)
            elif row.get("type") == SERIES:
                found.series.setdefault(key, []).insert(0, row)
            else:
                found.singles[key] = row
        return found


@dataclass(slots=True, kw_only=True)
class Work:
    """What a listing leaves to do: ``series`` and ``unmarked`` are to be read.

    ``changed`` is told already, ``taken`` are stand-ins, which are told with their series, and
    ``alone`` are occurrences of a series that is not here.
    """

    revisions: Mapping[str, str]
    known: Known
    window: Window
    first: bool = False
    changed: dict[str, Observed] = field(default_factory=dict)
    unmarked: dict[str, Row] = field(default_factory=dict)
    series: dict[str, Sequence[Row]] = field(default_factory=dict)
    stand_ins: dict[str, list[Row]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    stood_in: set[str] = field(default_factory=set)

    def had_stand_ins(self, key: str) -> bool:
        """Tell whether a series has stand-ins, as far as was seen before or is told now."""
        return key in self.stood_in or has_stand_ins(self.revisions.get(key, ""))
