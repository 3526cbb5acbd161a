"""What the emulated service keeps.

Accounts, calendars, events, and the log that sync tokens point into.
"""

import copy
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from calwarden.testing.emulators.google_times import (
    at_wall,
    instant,
    length,
    lengthened,
    rendered,
    slots,
    wall,
)

Row = dict[str, Any]


@dataclass
class Rules:
    """Switches for what the wire rules leave unproved, and for what the service may do at any time.

    ``series_change``: what becomes of exceptions when their master's time or rule changes.
    ``exception_etag``: a written exception moves its master's etag too. ``tombstone_update``: an
    update may bring a tombstone back (G9). ``virtual_guard``: If-Match works on an occurrence that
    is no exception yet. ``cascade``: deleting a master leaves tombstones of its exceptions.
    ``late_etag``: a new series' etag moves once more by itself (G15). ``window_sticks``: rows of a
    sync begun with a window stay in it (G3). ``inherits``: exceptions follow later changes of their
    master's texts. ``restores``: a cancelled occurrence can be brought back.
    ``out_of_office_refusal``: how an account without out-of-office events refuses one (G22, G23).
    ``spells_by_day``: rules come back with the weekday that the start implies. ``page_limit``:
    fewer rows a page than asked for. ``empty_pages``: an empty page before each. ``shuffled``: rows
    in any order. ``lag``: listings show the state as it was when this was set.
    ``uid_hides_cancelled``: a listing by iCalUID leaves cancelled occurrences out.
    ``free_busy_days``: the longest span of a question about busy time.
    """

    series_change: Literal["keep", "drop", "shift"] = "keep"
    exception_etag: bool = False
    tombstone_update: bool = False
    virtual_guard: bool = True
    cascade: bool = True
    late_etag: bool = False
    window_sticks: bool = False
    inherits: bool = False
    restores: bool = True
    out_of_office_refusal: Literal["400", "403"] = "400"
    spells_by_day: bool = False
    page_limit: int | None = None
    empty_pages: bool = False
    shuffled: bool = False
    lag: int | None = None
    uid_hides_cancelled: bool = False
    free_busy_days: int = 90


@dataclass
class Account:
    """One person (or a service account). ``workspace``: may hold out-of-office events."""

    email: str
    zone: str = "America/New_York"
    workspace: bool = True


@dataclass
class Calendar:
    """One calendar. ``app`` is the OAuth client that made it, None for a person's own."""

    id: str
    owner: str
    summary: str
    zone: str
    primary: bool = False
    app: str | None = None
    readers: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    trash: dict[str, list[Row]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    history: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)
    seq: int = 0
    generation: int = 0
    etag: int = 1
    unsettled: set[str] = field(default_factory=set)

    def role(self, email: str) -> str | None:
        """Return what ``email`` may do here."""
        return "owner" if email == self.owner else self.readers.get(email)

    def view(self, at: int | None) -> dict[str, Row]:
        """Return the rows as they stood when ``seq`` was ``at`` (None: now)."""
        if at is None:
            return self.rows
        seen = {}
        for key, versions in self.history.items():
            row = next((row for seq, row in reversed(versions) if seq <= at), None)
            if row is not None:
                seen[key] = row
        return seen

    def exceptions(self, master: str) -> list[Row]:
        """Return the exceptions of a series, cancelled ones too."""
        return [row for row in self.rows.values() if row.get("recurringEventId") == master]


class State:
    """Everything the service keeps, behind one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.rules = Rules()
        self.accounts: dict[str, Account] = {}
        self.calendars: dict[str, Calendar] = {}
        self.mails: list[tuple[str, str]] = []
        self.on_change: Callable[[Calendar], None] = lambda _calendar: None
        self._ticks = itertools.count(int(time.time() * 1_000_000))
        self._names = itertools.count(1)

    def add_account(
        self, email: str, *, zone: str = "America/New_York", workspace: bool = True
    ) -> Calendar:
        """Add a person with a primary calendar."""
        self.accounts[email] = Account(email=email, zone=zone, workspace=workspace)
        return self.add_calendar(email, owner=email, summary=email, zone=zone, primary=True)

    def add_calendar(self, key: str | None, **about: Any) -> Calendar:
        """Add a calendar."""
        key = key or f"c_{next(self._names):026x}@group.calendar.google.com"
        calendar = Calendar(id=key, **about)
        self.calendars[key] = calendar
        return calendar

    def new_id(self) -> str:
        """Return an id as the service makes them."""
        return f"{next(self._names):08d}fake{next(self._ticks) % 10**10:010d}"

    def tick(self) -> int:
        """Return a strictly increasing number of microseconds."""
        return next(self._ticks)

    def put(self, calendar: Calendar, row: Row, *, significant: bool = True) -> Row:
        """Store a row under a new etag and log the change."""
        now = self.tick()
        row["etag"] = f'"{now * 2}"'
        row["kind"] = "calendar#event"
        if row.get("status") != "cancelled":
            row["updated"] = moment(now)
            row.setdefault("created", moment(now))
            if significant:
                row["sequence"] = row.get("sequence", -1) + 1
        self._log(calendar, row)
        return row

    def settle_etags(self, calendar: Calendar) -> None:
        """Move the etags that the service had yet to move by itself (G15)."""
        for key in sorted(calendar.unsettled):
            row = calendar.rows.get(key)
            if row is not None and row.get("status") != "cancelled":
                self.put(calendar, row, significant=False)
        calendar.unsettled.clear()

    def bury(self, calendar: Calendar, key: str) -> None:
        """Delete a single event or a whole series.

        Tombstones stay, the trash keeps what stood (G6, G14).
        """
        row = calendar.rows[key]
        parts = calendar.exceptions(key)
        calendar.trash[key] = [copy.deepcopy(item) for item in (row, *parts)]
        for part in parts:
            del calendar.rows[part["id"]]
            calendar.changed.pop(part["id"], None)
            if self.rules.cascade:
                self.put(calendar, tombstone(part))
        self.put(calendar, {"id": key, "status": "cancelled", "iCalUID": row.get("iCalUID")})

    def _log(self, calendar: Calendar, row: Row) -> None:
        calendar.seq += 1
        calendar.rows[row["id"]] = row
        calendar.changed[row["id"]] = calendar.seq
        calendar.history.setdefault(row["id"], []).append((calendar.seq, copy.deepcopy(row)))
        self.on_change(calendar)


def moment(microseconds: int) -> str:
    """Return a timestamp as the service spells it."""
    return (
        datetime.fromtimestamp(microseconds / 1e6, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def tombstone(row: Row) -> Row:
    """Return what is left of a cancelled row: no field is promised beyond these (G6)."""
    kept = ("id", "recurringEventId", "originalStartTime", "iCalUID")
    return {"status": "cancelled", **{name: row[name] for name in kept if name in row}}


def base_id(master: str) -> str:
    """Return the part of a master's id with which the ids of its occurrences begin."""
    return master.split("_R", maxsplit=1)[0]


def occurrence_id(master: Row, start: dict[str, Any]) -> str:
    """Return the id of the occurrence whose original start is ``start``."""
    if "date" in start:
        return f"{base_id(master['id'])}_{start['date'].replace('-', '')}"
    return f"{base_id(master['id'])}_{instant(start, 'UTC'):%Y%m%dT%H%M%SZ}"


def regular(master: Row, local: datetime, calendar_zone: str) -> Row:
    """Return the occurrence of a series at wall-clock time ``local``.

    As if nobody had touched it.
    """
    row = copy.deepcopy(master)
    row.pop("recurrence")
    start = at_wall(master["start"], local)
    row["recurringEventId"] = master["id"]
    row["originalStartTime"] = start
    row["start"] = dict(start)
    row["end"] = lengthened(start, length(master, calendar_zone))
    row["id"] = occurrence_id(master, start)
    return row


def occurrences(calendar: Calendar, master: Row, rows: dict[str, Row]) -> Iterator[Row]:
    """Yield every occurrence of a series: exceptions as they stand, the rest regular.

    Cancelled ones too.
    """
    exceptions = {
        instant(row["originalStartTime"], calendar.zone): row
        for row in rows.values()
        if row.get("recurringEventId") == master["id"]
    }
    for local in slots(master["recurrence"], master["start"]):
        row = regular(master, local, calendar.zone)
        yield exceptions.pop(instant(row["originalStartTime"], calendar.zone), row)
    yield from exceptions.values()


def find(calendar: Calendar, key: str) -> Row | None:
    """Return a row by id.

    A master, a single event, an exception, or a regular occurrence of a series.
    """
    if key in calendar.rows:
        return calendar.rows[key]
    base, _, stamp = key.rpartition("_")
    if not base:
        return None
    for master in [row for row in calendar.rows.values() if "recurrence" in row]:
        if base_id(master["id"]) != base:
            continue
        for local in slots(master["recurrence"], master["start"]):
            start = at_wall(master["start"], local)
            if occurrence_id(master, start).endswith(f"_{stamp}"):
                return regular(master, local, calendar.zone)
    return None


def slot_row(calendar: Calendar, master: Row, local: datetime) -> Row:
    """Return the occurrence of a series whose original start is the wall-clock time ``local``."""
    for row in occurrences(calendar, master, calendar.rows):
        if wall(at_wall(master["start"], _original(row, master))) == local:
            return row
    raise KeyError(f"{master['id']} has no occurrence at {local}")


def _original(row: Row, master: Row) -> datetime:
    start = row["originalStartTime"]
    if "date" in start or "date" in master["start"]:
        return wall(start)
    return wall(rendered({**start, "timeZone": master["start"]["timeZone"]}, "UTC"))


def overlaps(row: Row, calendar: Calendar, begin: datetime | None, end: datetime | None) -> bool:
    """Tell whether an event, or any occurrence of a series, lies in a span."""
    took = length(row, calendar.zone)
    starts = (
        [
            instant(at_wall(row["start"], local), calendar.zone)
            for local in slots(row["recurrence"], row["start"])
        ]
        if "recurrence" in row
        else [instant(row["start"], calendar.zone)]
    )
    return any(
        (begin is None or start + took > begin) and (end is None or start < end) for start in starts
    ) or (took == timedelta() and not starts)
