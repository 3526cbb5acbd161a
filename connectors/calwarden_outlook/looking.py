"""Looking at a calendar.

The whole of a span of it, what changed since a delta link, or one resource (wire rules M1 to M6,
M32). What a listing leaves out is read only where it matters: a series is read whole once it may
have changed, a single event where nothing says yet whether it carries our property.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from calwarden.domain.event import EventResource, Observed
from calwarden.domain.wall_time import Slot, instant
from calwarden.ical.expansion import occurrences, regular
from calwarden.sdk.connector import Cursor, Delta, Known, Window
from calwarden.sdk.errors import CursorExpired, Transient
from calwarden_outlook.errors import FAULTS, Refusal, translated
from calwarden_outlook.mapping import (
    EXCEPTION,
    EXPAND_MARKER,
    FIELDS,
    OCCURRENCE,
    SERIES,
    SERIES_FIELDS,
    Reader,
    Row,
    Unreadable,
    ends_before,
    marker,
    marker_filter,
    origin,
    standing,
)
from calwarden_outlook.series import (
    Rows,
    etag_of,
    folded,
    frame,
    handle_of,
    has_stand_ins,
    master_etag,
)
from calwarden_outlook.service import PREFER, Service, segment

PAGE = 500
PREFER_PAGES = f"{PREFER}, odata.maxpagesize={PAGE}"
FORM = "1"
"""Form of a cursor: this, the frozen window's begin and end, and the delta link (M3)."""

ROLLED = timedelta(days=28)
"""How far a frozen window's end may fall behind before a new round is begun (M3)."""

MOST_PAGES = 10_000

_BAD_REQUEST = 400
_MALFORMED = re.compile("(?i)malformed")


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


class Looker:
    """Reads one calendar."""

    def __init__(self, service: Service, calendar: str, reader: Reader) -> None:
        self._service = service
        self._calendar = calendar
        self._reader = reader

    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        """Look; the cursor is returned once every page was read (A1)."""
        before = None if cursor is None else Round.of(cursor)
        if before is not None and instant(window.end) - before.window.end <= ROLLED:
            rows, link = self._pages(before.link, None)
            following = Round(window=before.window, link=link).cursor
            if not rows:
                return Delta(cursor=following)
            return self._changes(Grouped.of(rows), following, known, before.window)
        asked = {
            "startDateTime": instant(window.start).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endDateTime": instant(window.end).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        place = self._service.url("calendars", self._calendar, "calendarView", "delta")
        rows, link = self._pages(place, asked)
        following = Round(window=window, link=link).cursor
        return self._complete(Grouped.of(rows), following, known, window)

    def read(self, remote_id: str) -> Observed | None:
        """Read one resource now; None where nothing stands in this calendar under that id.

        An event that was moved to another calendar keeps its id (M7): ours are looked for here.
        """
        row = self._row(remote_id, FIELDS, EXPAND_MARKER)
        if row is None:
            return None
        made = origin(row)
        uid = made.uid if made is not None else marker(row)
        if uid is not None and remote_id not in {str(one["id"]) for one in self.listed(uid)}:
            return None
        if row.get("type") != SERIES:
            return folded(Rows(master=row), self._reader)
        rows = self.rows(remote_id, series=True)
        return None if rows is None else folded(rows, self._reader)

    def find(self, uid: str) -> Observed | None:
        """Return what a create with ``uid`` made; a copy has no transactionId of ours (M8)."""
        own = [row for row in self.listed(uid) if _is_original(row, uid)]
        if not own:
            return None
        first = min(own, key=lambda row: str(row.get("createdDateTime")))
        if first.get("type") != SERIES:
            return folded(Rows(master=first), self._reader)
        rows = self.rows(str(first["id"]), series=True)
        return None if rows is None else folded(rows, self._reader)

    def rows(self, remote_id: str, *, series: bool, searched: bool = False) -> Rows | None:
        """Return the rows of one resource now, wherever in the mailbox; None: nothing stands.

        ``searched``: it had stand-ins before, so they are looked for whatever the series says.
        """
        fields, expand = (SERIES_FIELDS, _EXPAND_SERIES) if series else (FIELDS, EXPAND_MARKER)
        row = self._row(remote_id, fields, expand)
        if row is None:
            return None
        if row.get("type") == SERIES and not series:
            return self.rows(remote_id, series=True, searched=searched)
        uid = _with_stand_ins(row, searched=searched)
        listed = () if uid is None else self.listed(uid)
        return Rows(master=self._completed(row), stand_ins=_stand_ins(listed, uid))

    def _completed(self, master: Row) -> Row:
        """Read those exceptions by themselves that a series tells in part only (M5)."""
        told = master.get("exceptionOccurrences") or ()
        if all(_is_whole(row) for row in told):
            return master
        whole = [row if _is_whole(row) else self.one(str(row["id"])) or row for row in told]
        return {**master, "exceptionOccurrences": whole}

    def listed(self, uid: str) -> list[Row]:
        """Return what carries our property with ``uid`` in this calendar (M9), copies too."""
        place = self._service.url("calendars", self._calendar, "events")
        answer = self._service.send("GET", place, params=_listing(uid))
        return self._rest(answer)

    def instance(self, master: Row, slot: Slot, resource: EventResource) -> Row | None:
        """Return the occurrence at a slot, while it stands where the series puts it (M20)."""
        body = regular(resource, slot)
        place = self._service.url("events", str(master["id"]), "instances")
        answer = self._service.send(
            "GET",
            place,
            params={
                "startDateTime": (instant(body.start) - _EDGE).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "endDateTime": (instant(body.end) + _EDGE).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "$select": f"{FIELDS},originalStart,occurrenceId",
            },
            addressed=True,
        )
        for row in self._rest(answer):
            if row.get("type") != EXCEPTION:
                found = self._reader.regular_slot(row, resource.body)
            else:
                found = self._reader.slot(row, resource.body)
            if found == slot:
                return row
        return None

    def between(self, start: datetime, end: datetime) -> list[Row]:
        """Return what stands in a span of time, occurrences in place of their series."""
        place = self._service.url("calendars", self._calendar, "calendarView")
        params = {
            "startDateTime": instant(start).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endDateTime": instant(end).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "$select": FIELDS,
            "$top": "100",
        }
        return self._rest(self._service.send("GET", place, params=params))

    def one(self, remote_id: str) -> Row | None:
        """Return one event or occurrence as it stands; None where nothing does."""
        return self._row(remote_id, f"{FIELDS},originalStart,occurrenceId", EXPAND_MARKER)

    def _row(self, remote_id: str, fields: str, expand: str) -> Row | None:
        params = {"$select": fields, "$expand": expand}
        try:
            return self._service.try_send(
                "GET", self._service.url("events", remote_id), params=params
            )
        except Refusal as error:
            if error.missing or (error.status == _BAD_REQUEST and _MALFORMED.search(error.code)):
                return None
            raise translated(error) from error
        except FAULTS as error:
            raise translated(error) from error

    def _rest(self, answer: Mapping[str, Any]) -> list[Row]:
        rows = _items(answer)
        following = answer.get("@odata.nextLink")
        for _ in range(MOST_PAGES):
            if following is None:
                break
            answer = self._service.send("GET", self._service.demand_ours(str(following)))
            rows += _items(answer)
            following = answer.get("@odata.nextLink")
        return rows

    def _pages(self, place: str, asked: Mapping[str, str] | None) -> tuple[list[Row], str]:
        rows: list[Row] = []
        resumed = asked is None
        if resumed:
            self._service.demand_ours(place)
        for _ in range(MOST_PAGES):
            try:
                answer = self._service.try_send("GET", place, params=asked, prefer=PREFER_PAGES)
            except FAULTS as error:
                if resumed and isinstance(error, Refusal) and error.status == _BAD_REQUEST:
                    raise CursorExpired(
                        "Outlook calendar: the delta link was refused; everything is listed"
                    ) from error
                raise translated(error) from error
            if answer.get("value"):
                rows += _items(answer)
            link = answer.get("@odata.deltaLink")
            if link:
                return rows, str(link)
            asked, resumed = None, True
            if not answer.get("@odata.nextLink"):
                break
            place = self._service.demand_ours(str(answer["@odata.nextLink"]))
        raise Transient("Outlook calendar: a listing was torn or has no end; it is read again")

    def _complete(self, grouped: Grouped, following: Cursor, known: Known, window: Window) -> Delta:
        revisions = known.revisions()
        work = Work(revisions=revisions, known=known, window=window, first=not revisions)
        for key, row in grouped.singles.items():
            made = origin(row)
            if made is not None and made.slot is not None:
                work.stand_ins.setdefault(made.uid, []).append(row)
            else:
                self._single(key, row, work)
        for key, rows in grouped.series.items():
            self._series(key, rows, work)
        changed = self._read_all(work)
        present = (
            set(grouped.singles) - work.taken | set(grouped.series) - work.missing | work.alone
        )
        # what lies outside the window cannot be listed: it stands as it was seen (A3)
        missing = [key for key in revisions if key not in present]
        present |= {key for key in missing if self._is_outside(known.observed(key), window)}
        return Delta(changed=changed, present=frozenset(present), cursor=following)

    def _changes(self, grouped: Grouped, following: Cursor, known: Known, window: Window) -> Delta:
        revisions = known.revisions()
        work = Work(revisions=revisions, known=known, window=window)
        for key, row in grouped.singles.items():
            made = origin(row)
            if made is not None and made.slot is not None:
                work.stand_ins.setdefault(made.uid, []).append(row)
            else:
                self._single(key, row, work)
        for key, rows in grouped.series.items():
            self._series(key, rows, work)
        gone = self._removed(grouped.removed, work)
        changed = self._read_all(work)
        removed = [*gone, *(key for key in work.missing if key in revisions)]
        news = tuple(seen for seen in changed if revisions.get(seen.remote_id) != seen.revision)
        return Delta(
            changed=news,
            removed=tuple(dict.fromkeys(removed)),
            cursor=following,
            told=frozenset({*grouped.singles, *grouped.series, *work.changed}) - set(removed),
        )

    def _single(self, key: str, row: Row, work: "Work") -> None:
        if work.revisions.get(key) == etag_of(row):
            return
        seen = work.known.observed(key) if key in work.revisions else None
        foreign = origin(row) is None
        if foreign and seen is None and not work.first:
            if not ends_before(row, work.window.start):
                work.unmarked[key] = row
            return
        named = None if seen is None else seen.marker
        work.changed[key] = folded(Rows(master=row), self._reader, seen, named)

    def _series(self, key: str, rows: Sequence[Row], work: "Work") -> None:
        revision = work.revisions.get(key)
        if revision is not None and not has_stand_ins(revision):
            seen = work.known.observed(key)
            if seen is not None and self._is_echo(seen, rows, work.window):
                return
        work.series[key] = rows

    def _is_echo(self, seen: Observed, rows: Sequence[Row], window: Window) -> bool:
        """Tell whether a repeated series says nothing new: not even by an absence (M32)."""
        master, resource = rows[0], seen.resource
        if master.get("type") != SERIES or etag_of(master) != master_etag(seen.revision):
            return False
        if resource is None:
            return False
        known = {handle: slot for slot, handle in seen.parts.items()}
        changed = [handle_of(row) for row in rows[1:] if row.get("type") == EXCEPTION]
        if not known.keys() >= set(changed):
            return False
        there = {known[handle] for handle in changed}
        try:
            there |= {
                self._reader.regular_slot(row, resource.body)
                for row in rows[1:]
                if row.get("type") != EXCEPTION
            }
        except Unreadable:
            return False
        inside = Window(start=window.start + _EDGE, end=window.end - _EDGE)
        expected = [one.slot for one in occurrences(resource, inside)]
        return all(slot is None or slot in there for slot in expected)

    def _removed(self, removed: Iterable[str], work: "Work") -> list[str]:
        """Confirm what is said to be removed by a read (M4); return what is gone from here."""
        gone: list[str] = []
        for key in removed:
            if key not in work.revisions:
                self._removed_part(key, work)
                continue
            there = self.read(key)
            if there is None or self._is_inside(there, work.window):
                # a row of its own would have told it, were it still in this calendar
                gone.append(key)
            else:
                work.changed[key] = there
        return gone

    @staticmethod
    def _removed_part(key: str, work: "Work") -> None:
        """Have the series read again of which a stand-in was deleted."""
        for series, revision in work.revisions.items():
            if not has_stand_ins(revision):
                continue
            seen = work.known.observed(series)
            parts = () if seen is None else seen.parts.values()
            if any(part.partition(" ")[0] == key for part in parts):
                work.series.setdefault(series, [])

    def _read_all(self, work: "Work") -> tuple[Observed, ...]:
        """Read what has to be read whole, together, and return everything that changed."""
        self._find_series(work)
        paths = [(key, _path(key, FIELDS, EXPAND_MARKER)) for key in work.unmarked]
        paths += [(key, _path(key, SERIES_FIELDS, _EXPAND_SERIES)) for key in work.series]
        answers = self._answers(paths, work)
        uids = {
            key: uid
            for key, row in answers.items()
            if (uid := _with_stand_ins(row, searched=work.had_stand_ins(key)))
        }
        place = f"calendars/{segment(self._calendar)}/events?"
        lists = [(key, place + _query(_listing(uid))) for key, uid in uids.items()]
        listed = {key: self._rest(answer) for key, answer in self._answers(lists, work).items()}
        for key, row in answers.items():
            uid = uids.get(key)
            stand_ins = _stand_ins(listed.get(key, ()), uid)
            rows = Rows(master=self._completed(row), stand_ins=stand_ins)
            seen = work.known.observed(key) if key in work.revisions else None
            work.changed[key] = folded(rows, self._reader, seen)
            if stand_ins and work.revisions.get(key) == rows.revision:
                self._tell_surplus(rows, uid, work)
        return tuple(work.changed.values())

    def _tell_surplus(self, rows: Rows, uid: str | None, work: "Work") -> None:
        """Tell of stand-ins that nothing needs and no write of their series took away."""
        try:
            surplus = frame(rows, self._reader).surplus
        except Unreadable:
            return
        for row in surplus:
            key = str(row["id"])
            work.alone.add(key)
            work.changed[key] = folded(Rows(master=row), self._reader, named=uid)

    def _find_series(self, work: "Work") -> None:
        """Find the series of stand-ins whose own rows did not come."""
        by_uid = {
            made.uid: key
            for key, rows in work.series.items()
            if rows and (made := origin(rows[0])) is not None
        }
        for uid, rows in work.stand_ins.items():
            own: list[Row] = []
            if uid not in by_uid:
                own = [row for row in self.listed(uid) if _is_original(row, uid)]
                if own:
                    work.series.setdefault(str(own[0]["id"]), [])
                else:  # an orphan: a single event with our marker
                    work.changed |= {
                        str(row["id"]): folded(Rows(master=row), self._reader, named=uid)
                        for row in rows
                    }
                    continue
            work.taken |= {str(row["id"]) for row in rows}
            work.stood_in.add(by_uid.get(uid) or str(own[0]["id"]))

    def _answers(self, paths: Sequence[tuple[str, str]], work: "Work") -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for key, answer in self._service.batch(paths).items():
            if not isinstance(answer, Refusal):
                found[key] = answer
            elif answer.missing:
                self._missing(key, work)
            else:
                raise translated(answer) from answer
        return found

    def _missing(self, key: str, work: "Work") -> None:
        """Note what went away between the listing and the read.

        An invitation to one occurrence of somebody's series has no master here.
        """
        work.missing.add(key)
        for row in work.series.get(key, ()):
            if row.get("type") in {EXCEPTION, OCCURRENCE} and row.get("showAs"):
                work.alone.add(str(row["id"]))
                work.changed[str(row["id"])] = folded(Rows(master=row), self._reader)

    @staticmethod
    def _is_inside(seen: Observed, window: Window) -> bool:
        resource = seen.resource
        inside = Window(start=window.start + _EDGE, end=window.end - _EDGE)
        return resource is not None and bool(occurrences(resource, inside))

    @staticmethod
    def _is_outside(seen: Observed | None, window: Window) -> bool:
        if seen is None or seen.resource is None:
            return False
        wide = Window(start=window.start - _EDGE, end=window.end + _EDGE)
        return not occurrences(seen.resource, wide)


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


_EDGE = timedelta(days=1)
_EXPAND_SERIES = f"exceptionOccurrences,{EXPAND_MARKER}"


def _items(answer: Mapping[str, Any]) -> list[Row]:
    items = answer.get("value") or []
    if not isinstance(items, list) or len(standing(items)) != len(items):
        raise Transient(
            "Outlook calendar: a listing held something that is no event; it is read again"
        )
    return list(items)


def _is_whole(row: Row) -> bool:
    return "showAs" in row and bool(row.get("occurrenceId") or row.get("originalStart"))


def _is_original(row: Row, uid: str) -> bool:
    made = origin(row)
    return made is not None and made.uid == uid and made.slot is None


def _with_stand_ins(row: Row, *, searched: bool = False) -> str | None:
    """Return the uid of a series of ours that may have stand-ins: one with deleted slots."""
    made = origin(row)
    if made is None or made.slot is not None or row.get("type") != SERIES:
        return None
    return made.uid if searched or row.get("cancelledOccurrences") else None


def _stand_ins(rows: Iterable[Row], uid: str | None) -> list[Row]:
    return [
        row
        for row in rows
        if (made := origin(row)) is not None and made.uid == uid and made.slot is not None
    ]


def _listing(uid: str) -> dict[str, str]:
    return {
        "$filter": marker_filter(uid),
        "$expand": EXPAND_MARKER,
        "$select": FIELDS,
        "$top": "100",
    }


def _query(params: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(value)}" for name, value in params.items())


def _path(key: str, fields: str, expand: str) -> str:
    return f"events/{segment(key)}?{_query({'$select': fields, '$expand': expand})}"
