"""Writing: conditional where the server honours it, else read, compare, write; always read back."""

from dataclasses import dataclass, replace
from urllib.parse import quote

from calwarden.domain.document import resource_document
from calwarden.domain.event import EventBody, EventResource, ManagedEvent, Observed
from calwarden.ical.writing import Writer
from calwarden.sdk.connector import Call, Capabilities, Verb, Write
from calwarden.sdk.errors import PreconditionFailed, Rejected, Transient
from calwarden.sdk.landing import landed
from calwarden_caldav.errors import Conflicting, Missing
from calwarden_caldav.habits import Habits, Kept
from calwarden_caldav.multistatus import uid_query
from calwarden_caldav.observation import Collection
from calwarden_caldav.session import Reply
from calwarden_caldav.spelling import canonical, strong

CONTENT_TYPE = "text/calendar; charset=utf-8"


def calls_of(write: Write, path: str, habits: Habits) -> tuple[Call, ...]:
    """Return the one call of a write: an object holds a series with all its exceptions."""
    target = write.remote_id or object_path(path, write.uid)
    name = "delete" if write.verb is Verb.DELETE else "put"
    expected = habits.expected(landed(write))
    return (Call(name=name, expected=expected, detail={"path": target}),)


def object_path(collection: str, uid: str) -> str:
    """Return where the object of ``uid`` is made."""
    return canonical(f"{collection}{quote(uid, safe='')}.ics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """Writes objects of one collection."""

    collection: Collection
    capabilities: Capabilities
    habits: Habits
    writer: Writer

    def perform(self, write: Write, call: Call) -> Observed | None:
        """Send one call and read back; see `calwarden.sdk.connector.Connector.perform`."""
        path = str(call.detail["path"])
        if write.event is None:
            return self._delete(write, path)
        if write.verb is Verb.CREATE:
            return self._create(write.event, call, path)
        return self._update(write, write.event, call, path)

    def find(self, uid: str) -> Observed | None:
        """Return the object of ``uid``, also where its href changed."""
        made = self.collection.read(object_path(self.collection.path, uid))
        if made is not None and made.uid == uid:
            return made
        for path in self._paths_of(uid):
            found = self.collection.read(path)
            if found is not None and found.uid == uid:
                return found
        return None

    def _paths_of(self, uid: str) -> list[str]:
        session, collection = self.collection.session, self.collection
        try:
            answer = session.report(collection.path, uid_query(uid), depth=1)
        except Rejected:
            return []
        return [row.path for row in answer.rows if not row.missing]

    def _create(self, event: ManagedEvent, call: Call, path: str) -> Observed:
        headers = {"If-None-Match": "*"}
        if not self.capabilities.guards_create or self.habits.renames:
            standing = self._standing(path, event.uid)
            if standing is not None:
                return self._landed(standing, event, call)
        if not self.capabilities.guards_create:
            headers = {}
        try:
            self._put(path, self.writer.create(event), headers)
        except PreconditionFailed:
            standing = self.find(event.uid)
            if standing is None:
                self._require_collection()
                raise
            return self._landed(standing, event, call)
        return self._read_back(path, event.uid)

    def _update(self, write: Write, event: ManagedEvent, call: Call, path: str) -> Observed:
        reply = self.collection.session.get(path)
        if reply is None and self.habits.renames:
            path = self._moved(event.uid) or path
            reply = self.collection.session.get(path)
        if reply is None:
            raise PreconditionFailed("the event is gone; read it again before it is written")
        standing = self.collection.answered(path, reply)
        if self._same(standing, call.expected) and standing.marker == event.uid:
            return standing
        self._demand_unchanged(standing, write)
        data = self.writer.rewrite(reply.body, event)
        condition = self._condition(reply.etag, guarded=self.habits.takes_if_match)
        try:
            self._put(path, data, condition)
        except Conflicting as error:
            there = self.collection.read(path)
            if there is None or there.revision != standing.revision:
                raise
            # some servers let no series that has exceptions begin at another time (OX)
            raise Rejected(
                f"{self.collection.session.host} keeps event {event.uid} as it was and refuses its "
                "change (status 409); delete the event there, and it is made anew"
            ) from error
        return self._read_back(path, event.uid)

    def _delete(self, write: Write, path: str) -> Observed | None:
        headers = self._condition(write.revision, guarded=self.habits.takes_if_match)
        if self.habits.renames and self.collection.read(path) is None:
            path = self._moved(write.uid) or path
        if not headers or not self.capabilities.guards_delete:
            standing = self.collection.read(path)
            if standing is None:
                return None
            self._demand_unchanged(standing, write)
        try:
            self._remove(path, headers)
        except Missing:
            return None
        except PreconditionFailed:
            if self.collection.read(path) is None:
                return None
            raise
        return self.collection.read(path)

    def _remove(self, path: str, headers: dict[str, str]) -> None:
        session = self.collection.session
        try:
            session.send("DELETE", path, headers=headers)
        except Rejected:
            # a trash bin refuses what it holds already, and lets it go when asked again
            session.send("DELETE", path, headers=headers)

    @staticmethod
    def _demand_unchanged(standing: Observed, write: Write) -> None:
        """Compare what stands with what the look saw; raises `PreconditionFailed`.

        A weak etag may stay the same over an edit, so there the content is compared as well.
        """
        changed = standing.revision != write.revision
        unsure = not strong(standing.revision) and write.base is not None
        if changed or (unsure and standing.resource != write.base):
            raise PreconditionFailed("the event changed since it was seen; read it again")

    def _put(self, path: str, data: bytes, headers: dict[str, str]) -> Reply:
        named = {"Content-Type": CONTENT_TYPE, **headers}
        return self.collection.session.send("PUT", path, data, named)

    def _standing(self, path: str, uid: str) -> Observed | None:
        """Return what stands at ``path``, or under ``uid`` where the server chooses addresses."""
        there = self.collection.read(path)
        return self.find(uid) if there is None and self.habits.renames else there

    def _read_back(self, path: str, uid: str) -> Observed:
        written = self.collection.read(path) or self.find(uid)
        if written is None:
            raise Transient("the event was written and is not there; it is looked at again")
        return written

    def _landed(self, standing: Observed, event: ManagedEvent, call: Call) -> Observed:
        if standing.marker == event.uid and self._same(standing, call.expected):
            return standing
        raise PreconditionFailed("another event stands under that uid; read it")

    def _same(self, seen: Observed, expected: EventResource | None) -> bool:
        return same(seen, expected, titles=Kept.TITLE not in self.habits.drops)

    def _moved(self, uid: str) -> str | None:
        """Return where the object of ``uid`` stands now, on a server that chooses addresses."""
        found = self.find(uid)
        return None if found is None else found.remote_id

    def _require_collection(self) -> None:
        """Raise `calwarden.sdk.errors.CalendarGone` where the whole calendar is missing."""
        self.collection.session.propfind(self.collection.path, "")

    @staticmethod
    def _condition(etag: str | None, *, guarded: bool) -> dict[str, str]:
        return {"If-Match": etag} if guarded and strong(etag) and etag is not None else {}


def same(seen: Observed, expected: EventResource | None, *, titles: bool = True) -> bool:
    """Tell whether what stands equals what was expected, descriptions aside.

    Without ``titles`` also these: some servers spell them anew.
    """
    if seen.resource is None or expected is None:
        return False
    return _told(seen.resource, titles=titles) == _told(expected, titles=titles)


def _told(resource: EventResource, *, titles: bool) -> object:
    def plain(body: EventBody) -> EventBody:
        return replace(body, details="") if titles else replace(body, details="", title="")

    bodies = {slot: plain(body) for slot, body in resource.overrides.items()}
    return resource_document(replace(resource, body=plain(resource.body), overrides=bodies))
