"""Looking at a calendar.

The whole of a span of it, or what changed since a delta link (wire rules M1 to M6, M32). What a
listing leaves out is read only where it matters: a series is read whole once it may have changed,
a single event where nothing says yet whether it carries our property.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from calwarden.domain.event import Observed
from calwarden.domain.wall_time import instant
from calwarden.ical.expansion import occurrences
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
    origin,
)
from calwarden_outlook.resources import (
    EDGE,
    EXPAND_SERIES,
    MOST_PAGES,
    Resources,
    is_original,
    items,
    listing,
    path_to,
    query,
    stand_ins_of,
    with_stand_ins,
)
from calwarden_outlook.rounds import Grouped, Round, Work
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
ROLLED = timedelta(days=28)
"""How far a frozen window's end may fall behind before a new round is begun (M3)."""

_BAD_REQUEST = 400


class Looker:
    """Looks at one calendar."""

    def __init__(
        self, service: Service, calendar: str, reader: Reader, resources: Resources
    ) -> None:
        self._service = service
        self._calendar = calendar
        self._reader = reader
        self._resources = resources

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
                rows += items(answer)
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

    def _single(self, key: str, row: Row, work: Work) -> None:
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

    def _series(self, key: str, rows: Sequence[Row], work: Work) -> None:
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
        inside = Window(start=window.start + EDGE, end=window.end - EDGE)
        expected = [one.slot for one in occurrences(resource, inside)]
        return all(slot is None or slot in there for slot in expected)

    def _removed(self, removed: Iterable[str], work: Work) -> list[str]:
        """Confirm what is said to be removed by a read (M4); return what is gone from here."""
        gone: list[str] = []
        for key in removed:
            if key not in work.revisions:
                self._removed_part(key, work)
                continue
            there = self._resources.read(key)
            if there is None or self._is_inside(there, work.window):
                # a row of its own would have told it, were it still in this calendar
                gone.append(key)
            else:
                work.changed[key] = there
        return gone

    @staticmethod
    def _removed_part(key: str, work: Work) -> None:
        """Have the series read again of which a stand-in was deleted."""
        for series, revision in work.revisions.items():
            if not has_stand_ins(revision):
                continue
            seen = work.known.observed(series)
            parts = () if seen is None else seen.parts.values()
            if any(part.partition(" ")[0] == key for part in parts):
                work.series.setdefault(series, [])

    def _read_all(self, work: Work) -> tuple[Observed, ...]:
        """Read what has to be read whole, together, and return everything that changed."""
        self._find_series(work)
        paths = [(key, path_to(key, FIELDS, EXPAND_MARKER)) for key in work.unmarked]
        paths += [(key, path_to(key, SERIES_FIELDS, EXPAND_SERIES)) for key in work.series]
        answers = self._answers(paths, work)
        uids = {
            key: uid
            for key, row in answers.items()
            if (uid := with_stand_ins(row, searched=work.had_stand_ins(key)))
        }
        place = f"calendars/{segment(self._calendar)}/events?"
        lists = [(key, place + query(listing(uid))) for key, uid in uids.items()]
        listed = {
            key: self._resources.rest(answer) for key, answer in self._answers(lists, work).items()
        }
        for key, row in answers.items():
            uid = uids.get(key)
            stand_ins = stand_ins_of(listed.get(key, ()), uid)
            rows = Rows(master=self._resources.completed(row), stand_ins=stand_ins)
            seen = work.known.observed(key) if key in work.revisions else None
            work.changed[key] = folded(rows, self._reader, seen)
            if stand_ins and work.revisions.get(key) == rows.revision:
                self._tell_surplus(rows, uid, work)
        return tuple(work.changed.values())

    def _tell_surplus(self, rows: Rows, uid: str | None, work: Work) -> None:
        """Tell of stand-ins that nothing needs and no write of their series took away."""
        try:
            surplus = frame(rows, self._reader).surplus
        except Unreadable:
            return
        for row in surplus:
            key = str(row["id"])
            work.alone.add(key)
            work.changed[key] = folded(Rows(master=row), self._reader, named=uid)

    def _find_series(self, work: Work) -> None:
        """Find the series of stand-ins whose own rows did not come."""
        by_uid = {
            made.uid: key
            for key, rows in work.series.items()
            if rows and (made := origin(rows[0])) is not None
        }
        for uid, rows in work.stand_ins.items():
            own: list[Row] = []
            if uid not in by_uid:
                own = [row for row in self._resources.listed(uid) if is_original(row, uid)]
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

    def _answers(self, paths: Sequence[tuple[str, str]], work: Work) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for key, answer in self._service.batch(paths).items():
            if not isinstance(answer, Refusal):
                found[key] = answer
            elif answer.missing:
                self._missing(key, work)
            else:
                raise translated(answer) from answer
        return found

    def _missing(self, key: str, work: Work) -> None:
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
        inside = Window(start=window.start + EDGE, end=window.end - EDGE)
        return resource is not None and bool(occurrences(resource, inside))

    @staticmethod
    def _is_outside(seen: Observed | None, window: Window) -> bool:
        if seen is None or seen.resource is None:
            return False
        wide = Window(start=window.start - EDGE, end=window.end + EDGE)
        return not occurrences(seen.resource, wide)
