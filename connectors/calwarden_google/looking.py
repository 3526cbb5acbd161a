"""Looking at a calendar.

The whole of it, what changed since a sync token, or one resource (wire rules G1 to G6).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from googleapiclient.errors import HttpError

from calwarden.domain.event import Observed
from calwarden.sdk.connector import Cursor, Delta, Known, Window
from calwarden.sdk.errors import CursorExpired, RemoteError, Transient
from calwarden_google.errors import status_of, translated
from calwarden_google.mapping import DELETED, Reader, Row, ends_before, marker, series_of
from calwarden_google.series import Rows, folded, master_etag, refolded
from calwarden_google.service import FAULTS, Service

LARGEST_PAGE = 2500
FORM = "1:"
"""Form of a cursor: the sync token, made with exactly the parameters below (G2)."""

_BAD_REQUEST = 400
_NOT_FOUND = 404
_QUIET: tuple[Row, ...] = ()


@dataclass(slots=True)
class Grouped:
    """Rows of a listing by resource: masters and single events, and exceptions by their series."""

    masters: dict[str, Row] = field(default_factory=dict)
    exceptions: dict[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Grouped":
        """Sort the rows of a listing; of rows told twice the later one counts (A1)."""
        found = cls()
        latest = {str(row["id"]): row for row in rows}
        for key, row in latest.items():
            series = series_of(row)
            if series is None:
                found.masters[key] = row
            else:
                found.exceptions.setdefault(series, []).append(row)
        return found


class Looker:
    """Reads one calendar."""

    def __init__(self, service: Service, calendar: str, reader: Reader) -> None:
        self._service = service
        self._calendar = calendar
        self._reader = reader
        self._asked: tuple[str, Any] | None = None

    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        """Look; the cursor is returned once every page was read (A1)."""
        if cursor is None:
            rows, following = self._pages(None)
            return self._complete(Grouped.of(rows), following, known, window)
        if not cursor.startswith(FORM):
            raise CursorExpired(
                "Google calendar: the cursor was kept by another version; everything is listed"
            )
        rows, following = self._pages(cursor.removeprefix(FORM))
        if not rows:
            return Delta(cursor=following)
        return self._changes(Grouped.of(rows), following, known, window)

    def read(self, remote_id: str) -> Observed | None:
        """Read one resource now; None where nothing stands."""
        rows = self.rows(remote_id)
        return None if rows is None else folded(rows, self._reader)

    def rows(self, remote_id: str) -> Rows | None:
        """Return the rows of one resource now; None where nothing stands."""
        master = self.row(remote_id)
        if master is None or master.get("status") == DELETED:
            return None
        return Rows(master=master, exceptions=self.exceptions(master))

    def row(self, remote_id: str) -> Row | None:
        """Return one row as it stands, a tombstone too (G6); None where Google knows no such id."""
        request = self._service.events.get(calendarId=self._calendar, eventId=remote_id)
        try:
            return self._service.try_send(request)
        except HttpError as error:
            if status_of(error) == _NOT_FOUND:
                return None
            raise translated(error) from error
        except FAULTS as error:
            raise translated(error) from error

    def exceptions(self, master: Row) -> tuple[Row, ...]:
        """Return the exceptions of a series, cancelled ones too: they share its iCalUID (G10)."""
        if not master.get("recurrence"):
            return ()
        found, page = [], None
        while True:
            answer = self._service.send(
                self._service.events.list(
                    calendarId=self._calendar,
                    iCalUID=master.get("iCalUID") or f"{master['id']}@google.com",
                    showDeleted=True,
                    maxResults=LARGEST_PAGE,
                    pageToken=page,
                )
            )
            found += [row for row in _items(answer) if series_of(row) == master["id"]]
            page = answer.get("nextPageToken")
            if page is None:
                return tuple({str(row["id"]): row for row in found}.values())

    def _pages(self, token: str | None) -> tuple[Sequence[Row], Cursor | None]:
        rows: list[Row] = []
        page = None
        while True:
            answer = self._page(token, page)
            items = answer.get("items")
            if items:
                rows += _items(answer)
            page = answer.get("nextPageToken")
            if page is not None:
                continue
            following = answer.get("nextSyncToken")
            if not rows and token is not None:
                return _QUIET, Cursor(f"{FORM}{following}") if following else Cursor(
                    f"{FORM}{token}"
                )
            self._reader.learn_zone(answer.get("timeZone"))
            return rows, Cursor(f"{FORM}{following}") if following else None

    def _page(self, token: str | None, page: str | None) -> dict[str, Any]:
        if page is None and token is not None and self._asked and self._asked[0] == token:
            request = self._asked[1]
        else:
            request = self._request(token, page)
        try:
            return self._service.try_send(request)
        except FAULTS as error:
            raise self._listing_error(
                error, resumed=token is not None or page is not None
            ) from error

    def _request(self, token: str | None, page: str | None) -> Any:
        # showDeleted is left to its default and no window is given: both would have to be repeated
        # with the token (G2), a window's edge would look like a deletion (A3), and cancelled
        # exceptions are told anyway (G5)
        request = self._service.events.list(
            calendarId=self._calendar,
            maxResults=LARGEST_PAGE,
            singleEvents=False,
            syncToken=token,
            pageToken=page,
        )
        if page is None and token is not None:
            # a quiet calendar is asked the same again, and building this is a sixth of the call
            self._asked = (token, request)
        return request

    @staticmethod
    def _listing_error(error: Exception, *, resumed: bool) -> RemoteError:
        if resumed and status_of(error) == _BAD_REQUEST:
            return CursorExpired(
                "Google calendar: the sync token was refused; everything is listed"
            )
        return translated(error)

    def _complete(
        self, grouped: Grouped, following: Cursor | None, known: Known, window: Window
    ) -> Delta:
        revisions = known.revisions()
        changed, present = [], set()
        for rows in self._standing(grouped):
            key = str(rows.master["id"])
            present.add(key)
            if revisions.get(key) == rows.revision or self._is_past(rows.master, revisions, window):
                continue
            changed.append(folded(rows, self._reader))
        return Delta(changed=tuple(changed), present=frozenset(present), cursor=following)

    @staticmethod
    def _standing(grouped: Grouped) -> Iterator[Rows]:
        for key, master in grouped.masters.items():
            if master.get("status") != DELETED:
                yield Rows(master=master, exceptions=tuple(grouped.exceptions.get(key, ())))
        for series, exceptions in grouped.exceptions.items():
            if series in grouped.masters:
                continue
            # an invitation to one occurrence of somebody's series has no master here
            yield from (Rows(master=row) for row in exceptions if row.get("status") != DELETED)

    @staticmethod
    def _is_past(row: Row, revisions: Any, window: Window) -> bool:
        foreign = marker(row) is None and str(row["id"]) not in revisions
        return foreign and not row.get("recurrence") and ends_before(row, window.start)

    def _changes(
        self, grouped: Grouped, following: Cursor | None, known: Known, window: Window
    ) -> Delta:
        revisions = known.revisions()
        changed: dict[str, Observed] = {}
        removed: dict[str, None] = {}
        for key, master in grouped.masters.items():
            exceptions = grouped.exceptions.pop(key, [])
            if master.get("status") == DELETED:
                removed[key] = None
            elif not self._is_past(master, revisions, window):
                changed[key] = self._changed(master, exceptions, known)
        for series, exceptions in grouped.exceptions.items():
            self._alone(series, exceptions, known, changed, removed)
        news = (seen for key, seen in changed.items() if revisions.get(key) != seen.revision)
        return Delta(
            changed=tuple(news),
            removed=tuple(removed),
            cursor=following,
            told=frozenset(changed),
        )

    def _changed(self, master: Row, exceptions: list[Row], known: Known) -> Observed:
        seen = known.observed(str(master["id"])) if master.get("recurrence") else None
        if seen is None:
            return folded(Rows(master=master, exceptions=exceptions), self._reader)
        same = master_etag(seen.revision) == master.get("etag")
        found = refolded(seen, None if same else master, exceptions, self._reader)
        if found is not None:
            return found
        rows = Rows(master=master, exceptions=self.exceptions(master))
        return folded(rows, self._reader)

    def _alone(
        self,
        series: str,
        exceptions: list[Row],
        known: Known,
        changed: dict[str, Observed],
        removed: dict[str, None],
    ) -> None:
        """Take in exceptions whose master is not among the changes."""
        seen = known.observed(series)
        found = refolded(seen, None, exceptions, self._reader) if seen is not None else None
        found = found or self.read(series)
        if found is not None:
            changed[series] = found
            return
        for row in exceptions:
            key = str(row["id"])
            if row.get("status") == DELETED:
                removed[key] = None
            else:
                changed[key] = folded(Rows(master=row), self._reader)


def _items(answer: Row) -> list[Row]:
    items = answer.get("items") or []
    if not all(isinstance(row, dict) and "id" in row for row in items):
        raise Transient(
            "Google calendar: a listing held something that is no event; it is read again"
        )
    return list(items)
