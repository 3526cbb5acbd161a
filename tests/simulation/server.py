"""A calendar server that tells less than the truth, and remembers who wrote what."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from calwarden.domain.event import EventResource, Fingerprint, Observed
from calwarden.sdk.connector import Call, Capabilities, Cursor, Delta, Known, Verb, Window, Write
from calwarden.sdk.errors import PreconditionFailed
from calwarden.testing.acts import MemoryPerson
from calwarden.testing.memory import Item, MemoryCalendar, MemoryConnector
from calwarden.testing.world import FINGERPRINT as UNCACHED
from simulation.history import Setting

PARTS = 2
"""A partial or shortened listing tells every second resource."""

FINGERPRINT: Fingerprint = cache(UNCACHED)
"""A world has few texts, and asks for the fingerprints of each thousands of times."""

Reach = Callable[[str], None]


class Server(MemoryCalendar):
    """A calendar in memory that counts the edits of people apart from the daemon's writes.

    ``edits`` counts people's acts by uid, ``ours`` is each resource as the daemon left it,
    ``before`` what an item was before the last act of a person. ``lie`` is how the next listing
    deceives; while ``blind`` nothing can be read by its id. ``bots`` act after each write of the
    daemon.
    """

    def __init__(self, setting: Setting) -> None:
        guarded = setting.revisions != "content"
        super().__init__(
            capabilities=Capabilities(
                guards_create=guarded,
                guards_update=guarded,
                guards_delete=guarded,
                incremental=setting.incremental,
                restores_occurrences=setting.restores,
                reuses_ids=setting.reuses,
            ),
            exceptions_apart=setting.apart,
            keeps_order=setting.orders,
            expresses=lambda recurrence: (
                recurrence.supported
                and setting.expresses != "none"
                and (setting.expresses == "all" or recurrence.count is not None)
            ),
        )
        self.revisions = setting.revisions
        self.person = MemoryPerson(self)
        self.edits: Counter[str] = Counter()
        self.ours: dict[str, EventResource | None] = {}
        self.uids: dict[str, str] = {}
        self.before: dict[str, Item | None] = {}
        self.bots: dict[str, Callable[[str], None]] = {}
        self.foreign: dict[str, Item] = {}
        self.lie: str | None = None
        self.blind = False
        self.blinded = 0
        self._daemon = False
        self._stand_ins: set[str] = set()

    def put(self, item: Item) -> Item:
        """Store a resource, as the work of whoever is at it."""
        stood = self.items.get(item.remote_id)
        if item.slot is not None:
            self._stand_ins.add(item.remote_id)
        kept = super().put(item)
        self._noted(_series_of(kept), kept.remote_id, stood, kept)
        return kept

    def remove(self, remote_id: str) -> None:
        """Delete a resource, as the work of whoever is at it."""
        stood = self.items[remote_id]
        super().remove(remote_id)
        self._noted(_series_of(stood), remote_id, stood, None)

    def _noted(self, uid: str, remote_id: str, stood: Item | None, kept: Item | None) -> None:
        if remote_id not in self._stand_ins:
            self.uids[remote_id] = uid
        if self._daemon:
            return
        self.edits[uid] += 1
        self.before[remote_id] = stood
        if kept is not None and kept.marker is None:
            self.foreign[remote_id] = kept
        else:
            self.foreign.pop(remote_id, None)

    @contextmanager
    def others(self) -> Iterator[None]:
        """Let others act while the daemon is in the middle of a write."""
        self._daemon = False
        try:
            yield
        finally:
            self._daemon = True

    def touch(self, remote_id: str) -> None:
        """Give a resource a new revision and nothing else."""
        MemoryCalendar.put(self, self.items[remote_id])
        if remote_id in self.foreign:
            self.foreign[remote_id] = self.items[remote_id]

    def undo(self, remote_id: str) -> None:
        """Put back what stood before the last act of a person; out of the trash if need be."""
        item = self.before.get(remote_id)
        if item is None:
            if remote_id in self.items:
                self.remove(remote_id)
            return
        self.put(item)

    def write(
        self,
        work: Callable[[], Observed | None],
        uid: str,
        left: Callable[[], EventResource | None],
    ) -> Observed | None:
        """Let the daemon write; bots follow. ``left`` is what a write in parts has left so far."""
        self._daemon = True
        writes = self.writes
        try:
            result = work()
        except BaseException:
            if self.writes > writes:
                self.ours[uid] = left()
            raise
        finally:
            self._daemon = False
        if self.writes > writes:
            self.ours[uid] = None if result is None else result.resource
            if result is not None and uid in self.bots:
                self.bots[uid](result.remote_id)
        return result

    def listing(self, told: Delta) -> Delta:
        """Return what a look is told: the truth in another order, or what the lie makes of it."""
        lie, self.lie = self.lie, None
        told = replace(told, changed=tuple(reversed(told.changed)))
        match lie:
            case "partial":
                return Delta(changed=told.changed[::PARTS], removed=told.removed[::PARTS])
            case "empty":
                return replace(told, changed=(), removed=(), present=frozenset())
            case "subset":
                some = told.changed[::PARTS]
                return replace(
                    told, changed=some, removed=(), present=frozenset(one.remote_id for one in some)
                )
        return told


def _series_of(item: Item) -> str:
    """Return the uid that an item tells of: what stands in tells of its series."""
    return item.resource.uid if item.slot is None or item.marker is None else item.marker


class Connection(MemoryConnector):
    """A connector whose every request and answer is a point where something else may happen."""

    def __init__(
        self,
        server: Server,
        reach: Reach,
        told: Callable[[Mapping[str, EventResource | None]], None],
    ) -> None:
        super().__init__(server, FINGERPRINT)
        self._server = server
        self._reach = reach
        self._tell = told

    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        self._reach("ask:observe")
        if self._server.lie == "dead":
            self._server.lie = None
            self._server.forget()
        if self._server.lie in {"empty", "subset"}:
            cursor = None  # only a complete listing can say that something is not there
        delta = self._server.listing(super().observe(cursor, known, window))
        told: dict[str, EventResource | None] = {
            self._server.uids[remote_id]: None
            for remote_id in delta.removed
            if remote_id in self._server.uids
        }
        told |= {one.uid: one.resource for one in delta.changed}
        if delta.present is not None:
            absent = {
                uid: None
                for remote_id, uid in self._server.uids.items()
                if remote_id not in self._server.items
            }
            told = {**absent, **told}
        self._tell(told)
        self._reach("answer:observe")
        return delta

    def read(self, remote_id: str) -> Observed | None:
        self._reach("ask:read")
        found = None if self._server.blind else super().read(remote_id)
        self._tell({} if found is None else {found.uid: found.resource})
        self._reach("answer:read")
        return found

    def find(self, uid: str) -> Observed | None:
        self._reach("ask:find")
        found = None if self._server.blind else super().find(uid)
        if found is not None or not self._server.blind:
            self._tell({uid: None if found is None else found.resource})
        self._reach("answer:find")
        return found

    def perform(self, write: Write, call: Call) -> Observed | None:
        self._reach(f"ask:{write.verb}")
        work = super().perform
        seen = self._server.write(
            lambda: work(write, call), write.uid, lambda: self._left(write.uid)
        )
        self._reach(f"answer:{write.verb}")
        if seen is not None and self._server.revisions == "renamed":
            return replace(seen, revision=f"W/{seen.revision}")
        return seen

    def _left(self, uid: str) -> EventResource | None:
        item = self._of(uid)
        return None if item is None else self._told(item).resource

    def _between(self, write: Write) -> None:
        super()._between(write)
        self._server.ours[write.uid] = self._left(write.uid)
        with self._server.others():
            self._reach(f"amid:{write.verb}")

    def _standing(self, write: Write) -> Item | None:
        item = super()._standing(write)
        if item is None or self._server.revisions != "content":
            return item
        return replace(item, revision=self._told(item).revision)

    def _told(self, item: Item) -> Observed:
        told = super()._told(item)
        if self._server.revisions == "content":
            return replace(told, revision=told.content)
        return told

    def _guard(self, write: Write, item: Item | None, position: int) -> None:
        renamed = self._server.revisions == "renamed" and write.revision is not None
        if renamed and write.verb is Verb.UPDATE and write.revision.startswith("W/"):
            raise PreconditionFailed("a weak etag guards nothing; read the event again")
        super()._guard(write, item, position)
