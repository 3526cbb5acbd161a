"""Looking at a collection: by sync token where the server has them, else by ctag and etags."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from calwarden.domain.event import Observed
from calwarden.ical.reading import Reader
from calwarden.sdk.connector import Cursor, Delta, Known
from calwarden.sdk.errors import CursorExpired, Rejected, Transient
from calwarden_caldav.multistatus import (
    CALDAV,
    DAV,
    INSUFFICIENT_STORAGE,
    SERVER,
    Row,
    multiget,
    propfind,
    rows,
    sync_collection,
    sync_token,
)
from calwarden_caldav.session import Session

BATCH = 100
"""Objects asked for in one multiget."""

MOST_PAGES = 1_000

ETAG, CTAG, DATA = f"{DAV}getetag", f"{SERVER}getctag", f"{CALDAV}calendar-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Etags of changed objects by path (None.

    Not told), paths of removed ones, and the next cursor.
    """

    etags: Mapping[str, str | None]
    removed: frozenset[str]
    complete: bool
    cursor: Cursor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A calendar collection at ``path``. ``incremental``: its server has sync tokens."""

    session: Session
    path: str
    reader: Reader
    incremental: bool

    def observe(self, cursor: Cursor | None, known: Known) -> Delta:
        """Return what changed since ``cursor``; one request where nothing did."""
        listing = self._listing(cursor)
        revisions = known.revisions() if listing.etags else {}
        wanted = {
            path: etag
            for path, etag in listing.etags.items()
            if etag is None or revisions.get(path) != etag
        }
        found = list(self._fetch(wanted))
        vanished = {path for path in wanted if path not in {each.remote_id for each in found}}
        present = frozenset(listing.etags) - vanished
        return Delta(
            changed=tuple(found),
            removed=tuple(sorted(listing.removed | vanished)),
            present=present if listing.complete else None,
            cursor=listing.cursor,
        )

    def read(self, path: str) -> Observed | None:
        """Read one object; None where nothing stands."""
        reply = self.session.get(path)
        return None if reply is None else self.told(path, reply.etag, reply.body)

    def told(self, path: str, etag: str | None, data: bytes) -> Observed:
        """Return an object's representation as what a look saw."""
        content = self.reader.fingerprint(data.decode("utf-8", "replace"))
        revision = etag or f"~{content}"
        readings = self.reader.read(data)
        if len(readings) != 1:
            several = "an object holds events of several UIDs" if readings else None
            uid = readings[0].uid if readings else ""
            return Observed(
                remote_id=path, revision=revision, content=content, uid=uid, problem=several
            )
        reading = readings[0]
        return Observed(
            remote_id=path,
            revision=revision,
            content=content,
            uid=reading.uid,
            marker=reading.marker,
            resource=reading.resource,
            problem=reading.problem,
        )

    def _listing(self, cursor: Cursor | None) -> Listing:
        kind, _, value = (cursor or "").partition(":")
        if kind == "ctag":
            return self._by_etags(value)
        if kind not in {"", "sync"}:
            raise CursorExpired("the cursor is not one of a CalDAV calendar; observe without one")
        if not self.incremental:
            return self._by_etags(None)
        return self._by_token(value)

    def _by_token(self, token: str) -> Listing:
        etags: dict[str, str | None] = {}
        removed: set[str] = set()
        position = token
        for _ in range(MOST_PAGES):
            reply = self.session.report(self.path, sync_collection(position))
            found = rows(reply)
            for row in self._members(found):
                removed.discard(row.path)
                etags.pop(row.path, None)
                if row.missing:
                    removed.add(row.path)
                else:
                    etags[row.path] = row.etag
            following = sync_token(reply)
            if following is None:
                raise Transient("the server told changes without a sync token; it is asked again")
            if not self._truncated(found):
                break
            if following == position:
                raise Transient("the server's pages do not advance; it is asked again later")
            position = following
        else:
            raise Transient("the server's pages do not end; it is asked again later")
        return Listing(
            etags=etags,
            # a first report may name what is gone already (Radicale); nobody knows those
            removed=frozenset(removed) if token else frozenset(),
            complete=not token,
            cursor=Cursor(f"sync:{following}"),
        )

    def _by_etags(self, ctag: str | None) -> Listing:
        told = rows(self.session.propfind(self.path, propfind(CTAG, ETAG)))
        own = next((row for row in told if row.path == self.path), None)
        current = None if own is None else own.text(CTAG)
        cursor = None if current is None else Cursor(f"ctag:{current}")
        if current is not None and current == ctag:
            return Listing(etags={}, removed=frozenset(), complete=False, cursor=cursor)
        listed = rows(self.session.propfind(self.path, propfind(ETAG), depth=1))
        etags = {row.path: row.etag for row in self._members(listed) if not row.missing}
        return Listing(etags=etags, removed=frozenset(), complete=True, cursor=cursor)

    def _members(self, found: list[Row]) -> Iterator[Row]:
        for row in found:
            name = row.path.removeprefix(self.path)
            if name not in {row.path, "", ".", ".."} and "/" not in name:
                yield row

    def _truncated(self, found: list[Row]) -> bool:
        return any(
            row.status == INSUFFICIENT_STORAGE and row.path.rstrip("/") == self.path.rstrip("/")
            for row in found
        )

    def _fetch(self, wanted: Mapping[str, str | None]) -> Iterator[Observed]:
        paths = list(wanted)
        for first in range(0, len(paths), BATCH):
            batch = paths[first : first + BATCH]
            told = self._multiget(batch) if len(batch) > 1 else {}
            for path in batch:
                seen = told.get(path) or self._single(path, wanted[path])
                if seen is not None:
                    yield seen

    def _multiget(self, batch: list[str]) -> dict[str, Observed]:
        try:
            found = rows(self.session.report(self.path, multiget(batch)))
        except Rejected:
            return {}
        told = {}
        for row in found:
            data = row.text(DATA)
            if data is not None:
                told[row.path] = self.told(row.path, row.etag, data.encode())
        return told

    def _single(self, path: str, etag: str | None) -> Observed | None:
        try:
            return self.read(path)
        except Rejected as error:
            return Observed(
                remote_id=path, revision=etag or "~", content="", uid="", problem=str(error)
            )
