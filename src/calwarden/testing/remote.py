"""The server's side of a calendar in memory: items, revisions, a history, and hooks for faults."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from calwarden.domain.event import EventResource, Recurrence
from calwarden.domain.wall_time import Slot, instant
from calwarden.ical.expansion import slots
from calwarden.ical.recurrence import read_recurrence, write_rule
from calwarden.sdk.connector import Capabilities, Cursor
from calwarden.sdk.errors import CursorExpired, Rejected
from calwarden.testing.standing_in import crossing, is_regular

Action = Callable[[], None]

PASSWORD = "memory"  # noqa: S105 - guards nothing


class BadWrite(AssertionError):
    """The caller asked for something that no correct caller asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What people read in an event."""

    title: str = ""
    location: str = ""
    description: str = ""
    attendees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A resource as the calendar keeps it, with its texts in the clear by slot.

    A slot without an entry in ``texts`` has those of the master, None. ``extras`` are properties
    that are not ours, ``marker`` the uid that our own property names. An item with a ``slot``
    stands in for that occurrence of the series ``marker``.
    """

    remote_id: str
    resource: EventResource
    texts: Mapping[Slot | None, Text]
    marker: str | None = None
    slot: Slot | None = None
    extras: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""

    def text(self, slot: Slot | None) -> Text:
        """Return the texts of an occurrence, or of the master."""
        return self.texts.get(slot, self.texts[None])


class MemoryCalendar:
    """The server's side of one calendar.

    Where ids are not reused, ``spent`` are the uids of what was deleted: only out of the trash do
    they come back (wire rule G9).
    ``on`` hangs an action before or after a request: ``before:observe``, ``after:create`` and so
    on, for observe, read, find, create, update, delete. An action may edit as a person, or raise a
    `calwarden.sdk.errors.RemoteError` that the caller then sees; after a write it has landed all
    the same. Where it ``keeps_order``, no occurrence crosses its neighbour.
    """

    def __init__(
        self,
        *,
        capabilities: Capabilities | None = None,
        exceptions_apart: bool = False,
        keeps_order: bool = False,
        expresses: Callable[[Recurrence], bool] = lambda recurrence: recurrence.supported,
    ) -> None:
        self.capabilities = capabilities or Capabilities()
        self.exceptions_apart = exceptions_apart or keeps_order
        self.keeps_order = keeps_order
        self.expresses = expresses
        self.items: dict[str, Item] = {}
        self.spent: set[str] = set()
        self.gone = False
        self.password = PASSWORD
        self.writes = 0
        self._series: dict[str, str] = {}  # the uid that an item belongs to
        self._changes: list[tuple[str, bool]] = []  # what was touched, and whether it then stood
        self._forgotten = 0
        self._actions: dict[str, deque[Action]] = {}

    def on(self, point: str, action: Action, *, times: int = 1) -> None:
        """Run ``action`` the next ``times`` times that ``point`` is reached."""
        self._actions.setdefault(point, deque()).extend([action] * times)

    def reach(self, point: str) -> None:
        """Run what hangs at ``point``."""
        waiting = self._actions.get(point)
        if waiting:
            waiting.popleft()()

    def put(self, item: Item) -> Item:
        """Store a resource under a new revision."""
        resource = item.resource
        _check(resource)
        if self.keeps_order and crossing(resource) is not None:
            raise Rejected("an occurrence may not cross its neighbour")
        for other in self.items.values():
            if other.resource.uid == resource.uid and other.remote_id != item.remote_id:
                raise Rejected("the calendar already holds that UID in another resource")
        self._changes.append((item.remote_id, True))
        self._series[item.remote_id] = item.marker or "" if item.slot else resource.uid
        kept = replace(item, revision=f'"{len(self._changes)}"')
        self.items[item.remote_id] = kept
        self.spent.discard(resource.uid)
        return kept

    def remove(self, remote_id: str) -> None:
        """Delete a resource."""
        gone = self.items.pop(remote_id)
        if not self.capabilities.reuses_ids:
            self.spent.add(gone.resource.uid)
        self._changes.append((remote_id, False))

    def stand_ins(self, uid: str) -> dict[Slot, Item]:
        """Return what stands in for occurrences of a series, needed or not, by slot."""
        found = {one.slot: one for one in self.items.values() if one.marker == uid}
        return {slot: one for slot, one in sorted(found.items(), key=str) if slot is not None}

    def whole(self, item: Item) -> Item:
        """Return a series with what stands in for its occurrences, under one revision."""
        if not self.keeps_order or item.resource.recurrence is None:
            return item
        resource, texts, revisions = item.resource, dict(item.texts), [item.revision]
        for slot, one in self.stand_ins(resource.uid).items():
            revisions.append(one.revision)
            if slot not in item.resource.excluded:
                continue
            if is_regular(one.resource.body, resource, slot) and one.text(None) == item.text(None):
                resource = resource.with_regular(slot)
            else:
                resource = resource.with_override(slot, one.resource.body)
                texts[slot] = one.text(None)
        return replace(item, resource=resource, texts=texts, revision=" ".join(revisions))

    def resources(self) -> Mapping[str, Item]:
        """Return what stands, whole, by remote id; what stands in is a part of its series."""
        if not self.keeps_order:
            return self.items
        gaps = {one.resource.uid: one.resource.excluded for one in self.items.values()}
        return {
            key: self.whole(item)
            for key, item in self.items.items()
            if item.slot is None or item.slot not in gaps.get(item.marker or "", ())
        }

    def forget(self) -> None:
        """Forget the history: every cursor given so far is dead."""
        self._forgotten = len(self._changes) + 1
        self._changes.append(("", False))

    def cursor(self) -> Cursor:
        """Return the position after the newest change."""
        return Cursor(str(len(self._changes)))

    def since(self, cursor: Cursor) -> list[str]:
        """Return the remote ids changed since ``cursor``; raises `CursorExpired`.

        What was made and deleted since is not among them, as RFC 6578 section 3.5.2 allows.
        """
        if not cursor.isdecimal() or not self._forgotten <= int(cursor) <= len(self._changes):
            raise CursorExpired(
                "the calendar in memory does not know this cursor; observe without one"
            )
        since = int(cursor)
        touched = dict.fromkeys(remote_id for remote_id, _ in self._changes[since:])
        if self.keeps_order:
            uids = {self._series.get(one) for one in touched}
            touched |= dict.fromkeys(one for one, uid in self._series.items() if uid in uids)
        return [one for one in touched if one in self.items or self._stood(one, since)]

    def _stood(self, remote_id: str, position: int) -> bool:
        before = reversed(self._changes[:position])
        return next((stood for one, stood in before if one == remote_id), False)


def _check(resource: EventResource) -> None:
    if instant(resource.body.end) <= instant(resource.body.start):
        raise Rejected("an event ends after it starts")
    if resource.recurrence is not None:
        _check_series(resource, resource.recurrence)
    elif resource.overrides or resource.excluded:
        raise BadWrite("a single event has no exceptions")


def _check_series(resource: EventResource, recurrence: Recurrence) -> None:
    rule = write_rule(recurrence)
    rules = [] if rule is None else [rule]
    if read_recurrence(rules, resource.body.start, recurrence.extra) != recurrence:
        raise BadWrite("the recurrence is not in canonical spelling")
    if set(resource.overrides) & resource.excluded:
        raise BadWrite("a slot is overridden or excluded, not both")
    named = {*resource.overrides, *resource.excluded}
    missing = named.difference(_slots_until(resource, max(named, default=None)))
    if missing:
        raise BadWrite(f"the series has no slot {min(missing)}")


def _slots_until(resource: EventResource, last: Slot | None) -> Iterator[Slot]:
    if last is None:
        return iter(())
    whole = replace(resource, overrides={}, excluded=frozenset())
    return takewhile(lambda slot: slot <= last, slots(whole))
