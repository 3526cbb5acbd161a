"""What a server does with a scratch object: conditions, etags, tokens, UIDs and rewriting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from calwarden.sdk.errors import (
    Ambiguous,
    CursorExpired,
    PreconditionFailed,
    Rejected,
    RemoteError,
    Transient,
)
from calwarden_caldav.habits import BadToken, dropped
from calwarden_caldav.listing import CTAG, TOKEN
from calwarden_caldav.multistatus import propfind, sync_collection
from calwarden_caldav.scratch import Scratch
from calwarden_caldav.session import Reply
from calwarden_caldav.spelling import quoted, strong

NO_TOKEN = "https://invalid.example/no-such-token"  # noqa: S105 - a sync token that is none
EPOCH = range(10**9, 10**10)
EDITS = 3
"""Edits in quick succession: a server that counts in seconds misses at least one of them."""

FRESH = {"If-None-Match": "*"}
CALENDAR = (
    '<?xml version="1.0" encoding="utf-8"?><c:mkcalendar xmlns:d="DAV:" '
    'xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop><d:displayname>calwarden probe'
    "</d:displayname></d:prop></d:set></c:mkcalendar>"
)


@dataclass(slots=True, kw_only=True)
class Trials:
    """Tries one server with one scratch object, which stands at ``path`` once it was made."""

    scratch: Scratch
    path: str = ""
    takes_if_match: bool = False
    renames: bool = False

    def found(self) -> Mapping[str, Any]:
        """Return what was found out; raises `Rejected` where nothing can be published there."""
        found = self._created()
        found |= self._updated()
        found |= self._tokens()
        found |= {"uid_twice": self._uid_twice(), "uid_elsewhere": self._uid_elsewhere()}
        found |= self._deleted()
        found |= {"reuses_uids": self._reused(), "renames": self.renames}
        # a server that does not tell what is gone cannot be asked for changes only
        return found | {"sync": found["sync"] and found.pop("tells_removals")}

    def _created(self) -> dict[str, Any]:
        scratch = self.scratch
        # some servers compare the star literally and refuse even the first
        refused = self._refuses(lambda: scratch.put("one", FRESH))
        if refused:
            scratch.put("one", {})
        self.path = scratch.target
        first = self._standing()
        guards = self._refuses(lambda: scratch.put("two", FRESH))
        lost = dropped(scratch.event("one").resource, scratch.uid, scratch.read(first))
        return {
            "guards_create": guards and not refused and not self.renames,
            "body": "kept" if first.body == scratch.data("one") else "rewritten",
            "drops": sorted(lost),
            "product": _product(first.body),
        }

    def _updated(self) -> dict[str, Any]:
        old, written, guards = self._standing().etag, None, False
        if old is not None and strong(old):
            written = self._accepted(lambda: self._put("three", {"If-Match": old}))
            self.takes_if_match = written is not None
            guards = self.takes_if_match and self._refuses(
                lambda: self._put("four", {"If-Match": old})
            )
        if written is None:
            written = self._put("three", {})
        standing = self._standing()
        return {
            "takes_if_match": self.takes_if_match,
            "guards_update": guards,
            "etag_on_put": _kind(quoted(written.headers.get("ETag"))),
            "etag_on_get": _kind(standing.etag),
            "etag_holds": written.etag is not None and written.etag == standing.etag,
        }

    def _tokens(self) -> dict[str, Any]:
        token, tag = self._positions()
        found = {
            "sync": token is not None and self._heeds(token),
            "bad_token": None if token is None else self._bad_token().value,
            "ctag": tag is not None and self._tag_moves(tag),
        }
        if found["bad_token"] == BadToken.PASSED:
            found["sync"] = False
        return found

    def _positions(self) -> tuple[str | None, str | None]:
        own = self.scratch.session.propfind(self.scratch.path, propfind(TOKEN, CTAG)).own
        return (None, None) if own is None else (own.text(TOKEN), own.text(CTAG))

    def _heeds(self, token: str) -> bool:
        """Tell whether changes since a token are told: all of them, and nothing else."""
        if _counts_seconds(token):
            return False
        try:
            told, token = self._since(token)
            if self.path in told:
                return False
            for number in range(EDITS):
                self._edit(number)
                told, token = self._since(token)
                if self.path not in told:
                    return False
        except (Rejected, CursorExpired, PreconditionFailed, Transient):
            return False
        return True

    def _since(self, token: str) -> tuple[dict[str, bool], str]:
        """Return what a report tells, path → whether it is gone, and the next token."""
        answer = self.scratch.session.report(self.scratch.path, sync_collection(token))
        if answer.token is None:
            raise Rejected("the server tells changes without a sync token")
        return {row.path: row.missing for row in answer.rows}, answer.token

    def _bad_token(self) -> BadToken:
        try:
            told, _ = self._since(NO_TOKEN)
        except RemoteError:
            return BadToken.REFUSED
        return BadToken.LISTED if self.path in told else BadToken.PASSED

    def _tag_moves(self, tag: str) -> bool:
        for number in range(EDITS):
            self._edit(EDITS + number)
            _, now = self._positions()
            if now is None or now == tag:
                return False
            tag = now
        return True

    def _uid_twice(self) -> str:
        """Try the UID at another address of the calendar."""
        scratch = self.scratch
        return self._twin(scratch.other, lambda: scratch.put("twin", FRESH, scratch.other))

    def _uid_elsewhere(self) -> str:
        """Try the UID in another calendar, where the account may make one."""
        scratch = self.scratch
        scratch.made.append(scratch.calendar)
        try:
            scratch.session.send("MKCALENDAR", scratch.calendar, CALENDAR)
        except Ambiguous:
            return "unknown"
        except RemoteError:
            scratch.made.remove(scratch.calendar)
            return "unknown"
        twin = f"{scratch.calendar}{scratch.target.rpartition('/')[2]}"
        return self._twin(twin, lambda: scratch.put("twin", FRESH, twin))

    def _twin(self, path: str, act: Callable[[], object]) -> str:
        try:
            act()
        except (PreconditionFailed, Rejected, Ambiguous):
            return "refused"
        session = self.scratch.session
        moved = session.get(self.path) is None
        self.scratch.remove(path)
        if moved:
            self.scratch.put("one", {})
            self.path = self.scratch.target
        return "moved" if moved else "kept"

    def _deleted(self) -> dict[str, Any]:
        guards = False
        standing = self._standing()
        token, _ = self._positions()
        if self.takes_if_match:
            stale = {"If-Match": '"0-calwarden-stale"'}
            guards = self._keeps(stale)
        self.scratch.remove(self.path)
        tells = False
        if token is not None and standing.etag is not None:
            try:
                tells = self._since(token)[0].get(self.path, False)
            except RemoteError:
                tells = False
        return {"guards_delete": guards, "tells_removals": tells}

    def _keeps(self, stale: Mapping[str, str]) -> bool:
        """Tell whether a DELETE of what changed is refused."""
        for _ in range(2):
            try:
                self.scratch.session.send("DELETE", self.path, headers=stale)
            except PreconditionFailed:
                return True
            except (Rejected, Ambiguous):
                # a trash bin refuses the first, whatever its condition
                continue
            return False
        return self.scratch.session.get(self.path) is not None

    def _reused(self) -> bool:
        """Tell whether a new object may have the UID of one that was deleted."""
        try:
            self.scratch.put("again", FRESH)
        except (PreconditionFailed, Rejected, Ambiguous):
            return False
        return True

    def _edit(self, number: int) -> None:
        etag = self._standing().etag if self.takes_if_match else None
        self._put(f"edit {number}", {} if etag is None else {"If-Match": etag})
        if self.renames:
            self._standing()

    def _put(self, summary: str, headers: Mapping[str, str]) -> Reply:
        return self.scratch.put(summary, headers, self.path)

    def _standing(self) -> Reply:
        """Return the object, also where the server gave it an address of its own choice."""
        scratch = self.scratch
        standing = scratch.session.get(self.path)
        if standing is None:
            self.renames = True
            addresses = scratch.addresses()
            scratch.made.extend(addresses)
            standing = scratch.session.get(addresses[0]) if addresses else None
        if standing is None:
            raise Rejected(
                f"{scratch.session.host} takes events and does not keep them; ask its operator"
            )
        self.path = standing.path
        return standing

    @staticmethod
    def _refuses(act: Callable[[], object]) -> bool:
        """Tell whether the server refuses an act for what stands there."""
        try:
            act()
        except PreconditionFailed:
            return True
        return False

    @staticmethod
    def _accepted(act: Callable[[], Reply]) -> Reply | None:
        try:
            return act()
        except PreconditionFailed:
            return None


def _counts_seconds(token: str) -> bool:
    """Tell whether a token is a time in seconds: two changes within one look the same."""
    last = token.rstrip("/").rpartition("/")[2]
    return last.isdecimal() and len(last) == len(str(EPOCH.start)) and int(last) in EPOCH


def _kind(etag: str | None) -> str:
    if etag is None:
        return "missing"
    return "strong" if strong(etag) else "weak"


def _product(body: bytes) -> str | None:
    """Return what made the object, where the server put its own name there."""
    for line in body.splitlines():
        if line.upper().startswith(b"PRODID:"):
            told = line[len(b"PRODID:") :].decode("utf-8", "replace").strip()
            return None if "calwarden" in told else told[:200]
    return None
