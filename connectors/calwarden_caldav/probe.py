"""Finding out at linking time what a server honours, in one object that is always removed.

Servers promise more than they keep, so the answers are stored with the link and trusted over any
list of products (wire rules C7, C8, C14).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calwarden.ical.reading import MARKER
from calwarden.sdk.connector import Capabilities, Context, Credential, Link, RemoteCalendar
from calwarden.sdk.errors import (
    CursorExpired,
    PreconditionFailed,
    Rejected,
    RemoteError,
)
from calwarden_caldav.discovery import CALENDAR, PRIVILEGES, TYPE
from calwarden_caldav.errors import Missing
from calwarden_caldav.multistatus import DAV, propfind, rows, sync_collection, sync_token
from calwarden_caldav.session import Session, canonical
from calwarden_caldav.writes import CONTENT_TYPE, object_path

TOKEN, REPORTS = f"{DAV}sync-token", f"{DAV}supported-report-set"
NO_TOKEN = "https://invalid.example/no-such-token"  # noqa: S105 - a sync token that is none
SCHEDULING = "calendar-auto-schedule"


def probe(calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
    """Return the link of a calendar, with what its server honours; leaves nothing behind.

    A calendar that is not writable is only looked at. Raises `calwarden.sdk.errors`.
    """
    session = Session(calendar.remote_id, credential, context)
    try:
        return _probe(session, calendar, credential, context)
    finally:
        session.close()


def _probe(
    session: Session, calendar: RemoteCalendar, credential: Credential, context: Context
) -> Link:
    path = canonical(calendar.remote_id)
    found: dict[str, Any] = {
        "host": session.host,
        "writable": calendar.writable,
        **_looked_at(session, path),
    }
    if calendar.writable:
        scratch = Scratch(session=session, path=path, context=context, began=context.now())
        found.update(scratch.tried())
    capabilities = Capabilities(
        guards_create=bool(found.get("guards_create")),
        guards_update=bool(found.get("guards_update")),
        guards_delete=bool(found.get("guards_delete")),
        incremental=found["sync"],
        silent_attendee_removal=not found["schedules"],
        out_of_office="busy",
    )
    return Link(
        remote_id=calendar.remote_id,
        account=f"{credential['username']}@{session.host.partition(':')[0]}",
        capabilities=capabilities,
        probe=found,
    )


def _looked_at(session: Session, path: str) -> dict[str, Any]:
    told = rows(session.propfind(path, propfind(TYPE, TOKEN, REPORTS, PRIVILEGES)))
    row = next((each for each in told if not each.missing), None)
    if row is None or CALENDAR not in row.names(TYPE):
        raise Rejected(
            f"there is no calendar at that address of {session.host}; list its calendars"
        )
    options = session.send("OPTIONS", path)
    token = row.text(TOKEN)
    return {
        "sync": token is not None and _syncs(session, path, token),
        "refuses_bad_token": token is not None and _refuses(session, path),
        "schedules": SCHEDULING in options.headers.get("DAV", ""),
    }


def _syncs(session: Session, path: str, token: str) -> bool:
    try:
        return sync_token(session.report(path, sync_collection(token))) is not None
    except (Rejected, CursorExpired, PreconditionFailed):
        return False


def _refuses(session: Session, path: str) -> bool:
    try:
        session.report(path, sync_collection(NO_TOKEN))
    except CursorExpired:
        return True
    except RemoteError:
        return False
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """One object in the calendar, far in the past, to try writes on."""

    session: Session
    path: str
    context: Context
    began: datetime

    @property
    def uid(self) -> str:
        """UID of the object: of this moment and calendar."""
        name = f"{self.path} {self.began.isoformat()}"
        return f"calwarden-probe-{hashlib.sha256(name.encode()).hexdigest()[:24]}"

    @property
    def target(self) -> str:
        """Where the object stands."""
        return object_path(self.path, self.uid)

    def tried(self) -> Mapping[str, Any]:
        """Return what the server honoured; the object is gone afterwards."""
        try:
            return self._tried()
        finally:
            self._removed()

    def _tried(self) -> dict[str, Any]:
        fresh = {"If-None-Match": "*"}
        # some servers compare the star literally and refuse even the first
        refused_first = self._refused(lambda: self._put("one", fresh))
        if refused_first:
            self._put("one", {})
        guards_create = self._refused(lambda: self._put("two", fresh)) and not refused_first
        first = self.session.get(self.target)
        if first is None:
            raise Rejected(
                f"{self.session.host} takes events and does not keep them; ask its operator"
            )
        old = first.etag
        strong = old is not None and old.startswith('"')
        moved = False
        if strong and old is not None:
            moved = not self._refused(lambda: self._put("three", {"If-Match": old}))
        guards_update = moved and self._refused(lambda: self._put("four", {"If-Match": str(old)}))
        guards_delete = moved and self._refused(
            lambda: self.session.send("DELETE", self.target, headers={"If-Match": str(old)})
        )
        return {
            "guards_create": guards_create,
            "guards_update": guards_update,
            "guards_delete": guards_delete,
            "keeps_properties": MARKER.encode() in first.body,
            "strong_etags": strong,
        }

    def _removed(self) -> None:
        try:
            self.session.send("DELETE", self.target)
        except RemoteError:
            if self.session.get(self.target) is not None:
                raise

    def _put(self, summary: str, headers: dict[str, str]) -> None:
        stamp = f"{self.context.now():%Y%m%dT%H%M%SZ}"
        lines = (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//calwarden//calwarden//EN",
            "BEGIN:VEVENT",
            f"UID:{self.uid}",
            f"DTSTAMP:{stamp}",
            "DTSTART:20010101T120000Z",
            "DTEND:20010101T120500Z",
            f"SUMMARY:calwarden probe {summary}",
            "CLASS:PRIVATE",
            "TRANSP:TRANSPARENT",
            f"{MARKER}:{self.uid}",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        )
        data = "\r\n".join(lines).encode()
        self.session.send("PUT", self.target, data, {"Content-Type": CONTENT_TYPE, **headers})

    @staticmethod
    def _refused(act: Any) -> bool:
        try:
            act()
        except (PreconditionFailed, Missing):
            return True
        return False
