"""Scratch objects, in which a server is tried out; whatever comes, they are removed again."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calwarden.domain.event import (
    EventBody,
    EventResource,
    EventText,
    ManagedEvent,
    Observed,
    Recurrence,
    Subject,
    SubjectKind,
)
from calwarden.domain.wall_time import Slot, after, parse_local
from calwarden.ical.reading import Reader, Reading
from calwarden.ical.writing import Writer
from calwarden.sdk.connector import Context
from calwarden.sdk.errors import Ambiguous, Rejected, RemoteError
from calwarden_caldav.errors import Missing
from calwarden_caldav.multistatus import DAV, propfind, uid_query
from calwarden_caldav.session import Reply, Session
from calwarden_caldav.writes import CONTENT_TYPE, object_path

FIRST = "2001-01-02T10:00"
"""When scratch objects take place: so long ago that no program reminds anybody of them."""

MOVED, LEFT_OUT = Slot("2001-01-09T10:00:00"), Slot("2001-01-16T10:00:00")
TRIES = 3
TYPE = f"{DAV}resourcetype"
PREFIX = "calwarden-probe-"
"""How the UIDs and names of everything begin that is made to try a server out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """One series far in the past, shaped as ours are, with everything that we would publish."""

    session: Session
    path: str
    context: Context
    began: datetime
    salt: str = field(default_factory=lambda: secrets.token_hex(8))
    made: list[str] = field(default_factory=list)

    @property
    def uid(self) -> str:
        """UID of the object: of this moment and calendar."""
        return f"{PREFIX}{self._digest()}"

    @property
    def target(self) -> str:
        """Where the object is put."""
        return object_path(self.path, self.uid)

    @property
    def other(self) -> str:
        """Where a second object of the same UID is put."""
        return object_path(self.path, f"{self.uid}-2")

    @property
    def calendar(self) -> str:
        """Where a calendar is made, to try the UID in another one."""
        return f"{self._home}{PREFIX}{self._digest()}/"

    @property
    def _home(self) -> str:
        return f"{self.path.rstrip('/').rpartition('/')[0]}/"

    def event(self, summary: str = "one") -> ManagedEvent:
        """Return the event with one of several titles."""
        start = parse_local(FIRST, self.context.zone)
        title = _title(summary)
        fingerprint = self.context.fingerprint
        body = EventBody(
            start=start,
            end=after(start, timedelta(minutes=50)),
            title=fingerprint(title),
            location=fingerprint("calwarden"),
        )
        resource = EventResource(
            uid=self.uid, body=body, recurrence=Recurrence(rule="FREQ=WEEKLY", count=4)
        )
        later = EventBody(
            start=start + timedelta(days=8),
            end=after(start + timedelta(days=8), timedelta(minutes=50)),
            title=body.title,
            location=body.location,
        )
        resource = resource.with_override(MOVED, later).with_exclusion(LEFT_OUT)
        return ManagedEvent(
            subject=Subject(kind=SubjectKind.SERIES, ref="probe"),
            generation=0,
            resource=resource,
            text=EventText(title=title, location="calwarden"),
        )

    def data(self, summary: str = "one") -> bytes:
        """Return the object as it is sent."""
        reader = Reader(zone=self.context.zone, fingerprint=self.context.fingerprint)
        return Writer(reader=reader, now=self.context.now()).create(self.event(summary))

    def put(self, summary: str, headers: Mapping[str, str], path: str | None = None) -> Reply:
        """Send the object, once more where no answer came and it does not stand there."""
        where = path or self.target
        if where not in self.made:
            self.made.append(where)
        named = {"Content-Type": CONTENT_TYPE, **headers}
        data = self.data(summary)
        try:
            return self.session.send("PUT", where, data, named)
        except Ambiguous:
            standing = self.session.get(where)
            if standing is not None and _title(summary).encode() in standing.body:
                return standing
            return self.session.send("PUT", where, data, named)

    def addresses(self, uid: str | None = None) -> list[str]:
        """Return where the server says that the UID, or one that begins so, stands."""
        uid = uid or self.uid
        try:
            answer = self.session.report(self.path, uid_query(uid), depth=1)
        except RemoteError:
            return []
        found = [row.path for row in answer.rows if not row.missing and row.path != self.path]
        return [path for path in found if self._holds(path, uid)]

    def sweep(self) -> None:
        """Remove what an earlier trial left, whose process was killed; never raises."""
        for path in self.addresses(PREFIX):
            self.remove(path)
        try:
            listed = self.session.propfind(self._home, propfind(TYPE), depth=1).rows
        except RemoteError:
            return
        for row in listed:
            if row.path.rstrip("/").rpartition("/")[2].startswith(PREFIX):
                self.remove(row.path)

    def read(self, reply: Reply) -> Observed:
        """Return what an object holds."""
        reader = Reader(zone=self.context.zone, fingerprint=self.context.fingerprint)
        readings = reader.read(reply.body)
        one = readings[0] if readings else Reading(uid="")
        return Observed(
            remote_id=reply.path,
            revision=reply.etag or "~",
            content="",
            uid=one.uid,
            marker=one.marker,
            resource=one.resource,
        )

    @contextmanager
    def removed_afterwards(self) -> Iterator[None]:
        """Remove everything that was made, whatever happens in the block; raises `Rejected`."""
        try:
            yield
        finally:
            left = [path for path in dict.fromkeys(self.made) if not self.remove(path)]
            renamed = [] if left or not self.made else self.addresses()
            left += [path for path in renamed if not self.remove(path)]
            if left:
                raise Rejected(
                    f"{self.session.host} did not let go of an event that it was tried out with; "
                    f"delete 'calwarden probe' of {FIRST[:10]} from the calendar, and try again"
                )

    def remove(self, path: str) -> bool:
        """Remove what stands at ``path``; tell whether it is gone."""
        for _ in range(TRIES):
            try:
                self.session.send("DELETE", path)
            except Missing:
                return True
            except RemoteError:
                pass
            try:
                if not self._stands(path):
                    return True
            except RemoteError:
                continue
        return False

    def _stands(self, path: str) -> bool:
        if not path.endswith("/"):
            return self.session.get(path) is not None
        try:
            self.session.propfind(path, "")
        except Missing:
            return False
        return True

    def _holds(self, path: str, uid: str) -> bool:
        try:
            reply = self.session.get(path)
        except RemoteError:
            return False
        return reply is not None and f"UID:{uid}".encode() in reply.body

    def _digest(self) -> str:
        # no two trials share an object: some servers never take a deleted UID again
        name = f"{self.path} {self.began.isoformat()} {self.salt}"
        return hashlib.sha256(name.encode()).hexdigest()[:24]


def _title(summary: str) -> str:
    return f"calwarden probe {summary}"
