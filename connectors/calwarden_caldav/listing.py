"""What stands in a collection, or what changed there: by sync token, by ctag, or by etags alone."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from calwarden.sdk.connector import Cursor
from calwarden.sdk.errors import CursorExpired, PreconditionFailed, Rejected, Transient
from calwarden_caldav.errors import Broken, Denied, Elsewhere, Oversized
from calwarden_caldav.guard import Forbidden
from calwarden_caldav.multistatus import (
    DAV,
    INSUFFICIENT_STORAGE,
    SERVER,
    Row,
    propfind,
    sync_collection,
)
from calwarden_caldav.session import Answer, Session

MOST_PAGES = 1_000

LONGEST_ADDRESS = 1_000
"""Characters of an address beyond which an object is known by a shorter name, and not read."""

ETAG, SIZE = f"{DAV}getetag", f"{DAV}getcontentlength"
CTAG, TOKEN = f"{SERVER}getctag", f"{DAV}sync-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Members by path: changed ones, or all where it is ``complete``; the gone, the next cursor."""

    members: Mapping[str, Row]
    removed: frozenset[str] = frozenset()
    complete: bool
    cursor: Cursor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lister:
    """Lists one collection.

    ``incremental``: its server's tokens can be trusted. ``suspicious``: it answers a token that it
    does not know with everything that stands, so every change is checked against a whole listing.
    ``trusts_ctag``: the ctag moves with every change.
    """

    session: Session
    path: str
    incremental: bool
    suspicious: bool
    trusts_ctag: bool

    def listing(self, cursor: Cursor | None) -> Listing:
        """Return what changed since ``cursor``, or everything; raises `CursorExpired`."""
        kind, _, value = (cursor or "").partition(":")
        if kind not in {"", "sync", "ctag", "list"}:
            raise CursorExpired("the cursor is not one of a CalDAV calendar; observe without one")
        if kind == "sync" and self.incremental:
            return self._since(value)
        return self._whole(value if kind == "ctag" else None)

    def _since(self, token: str) -> Listing:
        try:
            pages = self._pages(token, follow=not self.suspicious)
        except (Broken, Denied, PreconditionFailed) as error:
            raise _expired(self.session.host) from error
        except Rejected as error:
            if isinstance(error, Elsewhere | Forbidden | Oversized):
                raise
            raise _expired(self.session.host) from error
        news = pages.members or pages.removed or pages.token != token
        if self.suspicious and news:
            return self._whole(None)
        return Listing(
            members=pages.members,
            removed=frozenset(pages.removed),
            complete=False,
            cursor=Cursor(f"sync:{pages.token}"),
        )

    def _whole(self, ctag: str | None) -> Listing:
        """List everything, after asking where in its history the calendar is.

        What changes between the two is told again by the next look. A sync report without a token
        would do in one request, and on some servers silently leaves out a rest.
        """
        own = None
        if self.incremental or self.trusts_ctag:
            own = self.session.propfind(self.path, propfind(TOKEN, CTAG)).own
        tag = own.text(CTAG) if own is not None and self.trusts_ctag else None
        token = own.text(TOKEN) if own is not None and self.incremental else None
        cursor = Cursor("list:") if tag is None else Cursor(f"ctag:{tag}")
        if token is not None:
            cursor = Cursor(f"sync:{token}")
        elif tag is not None and tag == ctag:
            return Listing(members={}, complete=False, cursor=cursor)
        answer = self.session.propfind(self.path, propfind(ETAG, SIZE), depth=1)
        if not answer.rows:
            # even an empty calendar is listed with itself: nothing at all says nothing
            raise Transient(f"{self.session.host} told nothing of the calendar; it is asked again")
        if not _truncated(answer):
            members = {row.path: row for row in _members(answer) if not row.missing}
            return Listing(members=members, complete=True, cursor=cursor)
        if not self.incremental:
            raise Rejected(f"{self.session.host} lists only a part of the calendar; archive some")
        pages = self._pages("", follow=True)
        return Listing(members=pages.members, complete=True, cursor=Cursor(f"sync:{pages.token}"))

    def _pages(self, token: str, *, follow: bool) -> "_Pages":
        """Ask until all is told; ``follow``: also until nothing new is.

        Some servers cut an answer and do not say so (wire rule C3).
        """
        pages = _Pages(token=token)
        for _ in range(MOST_PAGES):
            answer = self.session.report(self.path, sync_collection(pages.token))
            news = pages.take(_members(answer))
            if answer.token is None:
                raise Transient("the server told changes without a sync token; it is asked again")
            if not _truncated(answer):
                ended = not (follow and news) or answer.token == pages.token
                pages.token = answer.token
                if ended:
                    return pages
                continue
            if answer.token == pages.token:
                raise Transient("the server's pages do not advance; it is asked again later")
            pages.token = answer.token
        raise Transient("the server's pages do not end; it is asked again later")


@dataclass(slots=True, kw_only=True)
class _Pages:
    """What the pages of a report tell; a later page may take back what an earlier one told."""

    token: str
    members: dict[str, Row] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def take(self, members: Sequence[Row]) -> bool:
        """Take in a page; tell whether it says anything that the pages before did not."""
        news = False
        for row in members:
            told = self.members.pop(row.path, None)
            gone = row.path in self.removed
            self.removed.discard(row.path)
            if row.missing:
                self.removed.add(row.path)
                news = news or not gone
            else:
                self.members[row.path] = row
                news = news or told is None or told.etag != row.etag
        return news


def _expired(host: str) -> CursorExpired:
    return CursorExpired(f"{host} does not take the sync token any more; observe without one")


def _members(answer: Answer) -> list[Row]:
    return list(_within(answer.rows, answer.path))


def _within(rows: Sequence[Row], folder: str) -> Iterator[Row]:
    """Yield what stands right in the folder: servers also list the folder itself, and others."""
    for row in rows:
        name = row.path.removeprefix(folder)
        if name in {row.path, "", ".", ".."} or "/" in name:
            continue
        if len(row.spelled) > LONGEST_ADDRESS:
            digest = hashlib.sha256(row.path.encode()).hexdigest()[:16]
            row = replace(row, path=f"{row.path[: LONGEST_ADDRESS // 2]}~{digest}")  # noqa: PLW2901 - the row as it is kept
        yield row


def _truncated(answer: Answer) -> bool:
    here = answer.path.rstrip("/")
    return any(
        row.status == INSUFFICIENT_STORAGE and row.path.rstrip("/") == here for row in answer.rows
    )
