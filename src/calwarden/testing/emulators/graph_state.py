"""What the emulated mailboxes keep: accounts, calendars, items, and the log behind delta tokens."""

import base64
import copy
import itertools
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from calwarden.testing.emulators.graph_times import at, days, instant

DEFAULTS: dict[str, Any] = {
    "subject": "",
    "body": {"contentType": "html", "content": ""},
    "showAs": "busy",
    "sensitivity": "normal",
    "importance": "normal",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "categories": [],
    "attendees": [],
    "locations": [],
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
}


@dataclass
class Rules:
    """Switches for what the wire rules leave unproved, and for what the service may do at any time.

    ``if_match``: whether If-Match is obeyed on PATCH and on DELETE (M11). ``immutable_ids``: a call
    without ``Prefer: IdType="ImmutableId"`` is a mistake (M7). ``series_change``: what becomes of
    moved and deleted occurrences when a series' time or rule changes. ``redelete``: how a deleted
    item answers DELETE (M14). ``dedupe``: what a repeated transactionId meets, and
    ``dedupe_seconds`` for how long (M8); ``dedupe_deleted``: also after the event was deleted.
    ``container``: an event is found only below its own calendar. ``zone_names``: which names of
    zones replies use (M13). ``all_day``: whether all-day events begin at midnight in every zone.
    ``deleted_occurrence`` and ``deleted_series``: what delta says of them (M32); ``series_rows``:
    a changed series comes whole, or its changed rows only. ``split_series``: a page may end within
    a series. ``outside``: events outside the window are told as removed (M4). ``cursor_death``: how
    a dead cursor is refused (M6). ``generations``: how many delta tokens of one round's line live.
    ``original_start``: where it is told (M5). ``empty_pages``: an empty page before each.
    ``page_limit``: fewer rows than asked for. ``shuffled``: rows in any order. ``lag``: delta and
    listings show the mailbox as it was when this was set. ``duplicates``: a second subscription to
    the same resource (M25). ``late_change``: a new event's changeKey moves once more by itself.
    ``inherits``: occurrences follow later changes of their master's texts. ``concurrent``: requests
    under way per mailbox before 429 (M26). ``refresh_tokens``: what becomes of an old one.
    """

    if_match: frozenset[str] | set[str] = frozenset({"PATCH", "DELETE"})
    immutable_ids: bool = True
    series_change: Literal["drop", "keep", "drop_moved"] = "drop"
    redelete: Literal["404", "400"] = "404"
    dedupe: Literal["existing", "conflict"] = "existing"
    dedupe_seconds: float | None = None
    dedupe_deleted: bool = False
    container: Literal["checked", "ignored"] = "checked"
    zone_names: Literal["asked", "windows"] = "asked"
    all_day: Literal["floating", "fixed"] = "floating"
    deleted_occurrence: Literal["absent", "removed"] = "absent"
    deleted_series: Literal["master", "all"] = "master"
    series_rows: Literal["whole", "changed"] = "whole"
    split_series: bool = False
    outside: bool = True
    cursor_death: Literal["location", "syncStateNotFound", "resyncRequired"] = "location"
    generations: int = 4
    original_start: Literal["get", "always"] = "get"
    empty_pages: bool = False
    page_limit: int | None = None
    shuffled: bool = False
    lag: int | None = None
    duplicates: Literal["accepted", "409"] = "accepted"
    late_change: bool = False
    inherits: bool = True
    concurrent: int = 4
    refresh_tokens: Literal["old dies when new is used", "old dies at once", "old lives"] = (
        "old dies when new is used"
    )


@dataclass
class Account:
    """One mailbox and who owns it. ``personal``: a Microsoft account, not one of a tenant."""

    email: str
    id: str
    zone: str
    tenant: str
    personal: bool = False
    automatic_replies: dict[str, Any] = field(default_factory=dict)


@dataclass
class Change:
    """An occurrence that differs from its series: its own times and the fields that were set."""

    start: datetime
    end: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    change: int = 0
    created: int = 0


@dataclass
class Item:
    """One event or series. Times are wall times in ``zone``; ``zones`` are as they were given."""

    key: int
    calendar: str
    start: datetime
    end: datetime
    zone: str
    zones: tuple[str, str]
    uid: str
    fields: dict[str, Any] = field(default_factory=dict)
    all_day: bool = False
    recurrence: dict[str, Any] | None = None
    cancelled: set[date] = field(default_factory=set)
    changes: dict[date, Change] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    transaction: str | None = None
    organizer: str = ""
    response: str = "organizer"
    moves: int = 0
    change: int = 0
    created: int = 0
    modified: int = 0

    @property
    def length(self) -> timedelta:
        """How long a regular occurrence takes on the wall clock."""
        return self.end - self.start

    def value(self, name: str) -> Any:
        """Return a field, its default where it was never set."""
        return self.fields.get(name, DEFAULTS.get(name))

    def all_days(self) -> list[date]:
        """Return the original dates of occurrences, deleted ones too."""
        return [] if self.recurrence is None else list(days(self.recurrence))

    def days(self) -> list[date]:
        """Return the original dates of occurrences that stand."""
        return [day for day in self.all_days() if day not in self.cancelled]

    def times(self, day: date | None) -> tuple[datetime, datetime]:
        """Return start and end of the event, or of its occurrence of an original date."""
        if day is None:
            return self.start, self.end
        if day in self.changes:
            return self.changes[day].start, self.changes[day].end
        start = at(day, self.start.time())
        return start, start + self.length

    def overlaps(self, day: date | None, begin: datetime, end: datetime) -> bool:
        """Tell whether the event, or one occurrence, lies in a span of instants."""
        start, stop = (instant(local, self.zone) for local in self.times(day))
        return start < end and (stop > begin or start == stop == begin)


@dataclass
class Calendar:
    """One calendar of a mailbox."""

    id: str
    owner: str
    name: str
    default: bool = False
    color: str = "auto"
    can_edit: bool = True
    change: int = 0
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class Version:
    """An item as it stood from a point of the log on; None: in no calendar any more."""

    seq: int
    item: Item | None


class State:
    """Everything the service keeps, behind one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.rules = Rules()
        self.accounts: dict[str, Account] = {}
        self.calendars: dict[str, Calendar] = {}
        self.items: dict[int, Item] = {}
        self.history: dict[int, list[Version]] = {}
        self.transactions: dict[tuple[str, str], tuple[int, datetime]] = {}
        self.clock: Callable[[], datetime] = lambda: datetime.fromtimestamp(time.time(), UTC)
        self.mails: list[tuple[str, str]] = []
        self.seq = 0
        self.on_change: Callable[[Item, str], None] = lambda _item, _kind: None
        self._ticks = itertools.count(int(time.time() * 1_000_000))
        self._keys = itertools.count(1)

    def add_account(
        self, email: str, *, zone: str = "America/New_York", personal: bool = False
    ) -> Calendar:
        """Add a mailbox with its default calendar."""
        tenant = "9188040d-6c67-4c5b-b112-36a304b66dad" if personal else TENANT
        key = str(uuid.uuid5(uuid.NAMESPACE_DNS, email))
        self.accounts[email] = Account(
            email=email, id=key, zone=zone, tenant=tenant, personal=personal
        )
        return self.add_calendar(email, "Calendar", default=True)

    def add_calendar(self, owner: str, name: str, **about: Any) -> Calendar:
        """Add a calendar to a mailbox."""
        key = f"AAkALg{_packed(next(self._keys), 30)}"
        calendar = Calendar(id=key, owner=owner, name=name, change=self.tick(), **about)
        self.calendars[key] = calendar
        return calendar

    def default(self, owner: str) -> Calendar:
        """Return the default calendar of a mailbox."""
        return next(c for c in self.calendars.values() if c.owner == owner and c.default)

    def new_key(self) -> int:
        """Return the number of a new item."""
        return next(self._keys)

    def tick(self) -> int:
        """Return a strictly increasing number of microseconds."""
        return next(self._ticks)

    def put(self, item: Item, kind: str) -> Item:
        """Store an item under a new changeKey and log the change."""
        now = self.tick()
        item.change = item.modified = now
        item.created = item.created or now
        self.items[item.key] = item
        self._log(item.key, copy.deepcopy(item))
        self.on_change(item, kind)
        return item

    def bury(self, item: Item) -> None:
        """Delete an event or a whole series for good."""
        del self.items[item.key]
        self._log(item.key, None)
        self.on_change(item, "deleted")

    def view(self, calendar: str, seq: int) -> dict[int, Item]:
        """Return the items of a calendar as they stood at a point of the log."""
        found = {}
        for key in self.history:
            item = self.version(key, seq)
            if item is not None and item.calendar == calendar:
                found[key] = item
        return found

    def version(self, key: int, seq: int) -> Item | None:
        """Return an item as it stood at a point of the log."""
        versions = self.history.get(key, [])
        return next((seen.item for seen in reversed(versions) if seen.seq <= seq), None)

    def changed(self, after: int, until: int) -> list[int]:
        """Return which items changed between two points of the log, the earliest first."""
        found = [
            (seen[-1].seq, key)
            for key, versions in self.history.items()
            if (seen := [one for one in versions if after < one.seq <= until])
        ]
        return [key for _seq, key in sorted(found)]

    def now(self) -> int:
        """Return the point of the log that listings show."""
        return self.seq if self.rules.lag is None else min(self.rules.lag, self.seq)

    def _log(self, key: int, item: Item | None) -> None:
        self.seq += 1
        self.history.setdefault(key, []).append(Version(seq=self.seq, item=item))


# how ids of either kind begin
IMMUTABLE, ORDINARY = "AAkALgAA", "AAMkADAw"
TENANT = "5b7d5b3e-1f0c-4f6a-9a53-6a1d1f3f9c01"


def _packed(number: int, size: int) -> str:
    raw = b"\x00\x1d\x84\x03" + number.to_bytes(size - 4, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def change_key(number: int) -> str:
    """Return a changeKey as the service spells them."""
    raw = b"\xb0\x1a\xdd\xdb\xab\x24\x76\x49\xb9\x39\x11\x7e" + number.to_bytes(8, "big")
    return base64.b64encode(raw).decode()


def event_id(item: Item, day: date | None, *, immutable: bool) -> str:
    """Return the id of an event or occurrence (M7): an ordinary one changes when it is moved.

    An occurrence's holds its original date, so it stays when the occurrence is moved.
    """
    part = day.toordinal() if day is not None else 0
    raw = item.key.to_bytes(8, "big") + part.to_bytes(4, "big")
    if not immutable:
        raw += item.moves.to_bytes(2, "big") + b"\x00"
    return (IMMUTABLE if immutable else ORDINARY) + base64.urlsafe_b64encode(raw).decode()


def read_id(text: str) -> tuple[int, date | None, int | None] | None:
    """Read an id of either kind: item, original date, and how often it had been moved."""
    kind, rest = text[:8], text[8:]
    try:
        raw = base64.urlsafe_b64decode(rest)
    except ValueError:
        return None
    if (kind, len(raw)) not in {(IMMUTABLE, 12), (ORDINARY, 15)}:
        return None
    part = int.from_bytes(raw[8:12], "big")
    moves = int.from_bytes(raw[12:14], "big") if kind == ORDINARY else None
    return int.from_bytes(raw[:8], "big"), date.fromordinal(part) if part else None, moves
