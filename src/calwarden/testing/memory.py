"""A connector for a calendar in memory: strict, with conditional writes and a sync history.

It refuses what a real calendar would refuse and what would be a mistake of the caller: a text that
nobody gave it, a slot that its series does not have, a call that is none of the write's own.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from typing_extensions import override

from calwarden.domain.document import resource_document
from calwarden.domain.event import (
    EventBody,
    EventResource,
    Fingerprint,
    ManagedEvent,
    Observed,
    Recurrence,
)
from calwarden.domain.wall_time import Slot
from calwarden.ical.expansion import slots
from calwarden.sdk.connector import (
    Call,
    Capabilities,
    Connector,
    ConnectorKind,
    Context,
    Credential,
    Cursor,
    Delta,
    Discovery,
    Known,
    Link,
    RemoteCalendar,
    Verb,
    Window,
    Write,
)
from calwarden.sdk.errors import (
    CalendarGone,
    NeedsAuth,
    PreconditionFailed,
    Rejected,
)
from calwarden.sdk.landing import landed
from calwarden.testing.remote import PASSWORD, BadWrite, Item, MemoryCalendar, Text
from calwarden.testing.standing_in import embodied

__all__ = [
    "PASSWORD",
    "BadWrite",
    "Item",
    "MemoryCalendar",
    "MemoryConnector",
    "MemoryKind",
    "Text",
]


class MemoryConnector(Connector):
    """Looks at and writes to a `MemoryCalendar`."""

    def __init__(
        self, calendar: MemoryCalendar, fingerprint: Fingerprint, password: str = PASSWORD
    ) -> None:
        self._calendar = calendar
        self._fingerprint = fingerprint
        self._password = password
        self._requests = 0

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._calendar.capabilities

    @property
    @override
    def requests(self) -> int:
        return self._requests

    @override
    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        self._arrive("observe")
        calendar = self._calendar
        standing = calendar.resources()
        if cursor is None or not self.capabilities.incremental:
            return Delta(
                changed=tuple(self._told(item) for item in standing.values()),
                present=frozenset(standing),
                cursor=calendar.cursor(),
            )
        touched = calendar.since(cursor)
        return Delta(
            changed=tuple(self._told(standing[key]) for key in touched if key in standing),
            removed=tuple(key for key in touched if key not in standing),
            cursor=calendar.cursor(),
        )

    @override
    def read(self, remote_id: str) -> Observed | None:
        self._arrive("read")
        item = self._calendar.resources().get(remote_id)
        return None if item is None else self._told(item)

    @override
    def find(self, uid: str) -> Observed | None:
        self._arrive("find")
        item = self._of(uid)
        return None if item is None else self._told(item)

    @override
    def calls(self, write: Write) -> tuple[Call, ...]:
        final = landed(write)
        if final is None:
            return (Call(name="delete", expected=None),)
        if not self._calendar.exceptions_apart or final.recurrence is None:
            return (Call(name="put", expected=final),)
        stood = write.base
        same_slots = stood is not None and (
            stood.recurrence == final.recurrence and stood.body.start == final.body.start
        )
        # what is deleted and stays so is never there in between: it may be deleted for good
        gone = stood.excluded if stood else frozenset()
        step = replace(
            final,
            overrides=stood.overrides if stood and same_slots else {},
            excluded=gone if same_slots else gone & final.excluded,
        )
        calls = [Call(name="put", expected=step)]
        for slot in sorted({*step.overrides, *step.excluded, *final.overrides, *final.excluded}):
            following = _with_slot(step, final, slot)
            if following != step:
                # what stands in is put there once the occurrence in its place is gone
                gap = self._calendar.keeps_order and slot not in step.excluded
                passing = (step.with_exclusion(slot),) if gap else ()
                step = following
                calls.append(
                    Call(name="except", expected=step, passing=passing, detail={"slot": slot})
                )
        return tuple(calls)

    @override
    def perform(self, write: Write, call: Call) -> Observed | None:
        position = self._position(write, call)
        self._arrive(write.verb)
        item = self._standing(write)
        if call.expected is None:
            self._delete(write, item)
            result = None
        elif item is not None and self._landed(item, write, call.expected):
            result = self._told(item)
        else:
            self._guard(write, item, position)
            result = self._told(self._put(write, item, call.expected))
        self._calendar.reach(f"after:{write.verb}")
        self._requests += 1
        return result

    @override
    def expresses(self, recurrence: Recurrence) -> bool:
        return self._calendar.expresses(recurrence)

    @override
    def close(self) -> None:
        return

    def _arrive(self, request: str) -> None:
        self._requests += 1
        self._calendar.reach(f"before:{request}")
        if self._calendar.gone:
            raise CalendarGone("the calendar in memory was removed; unlink it, or link another")
        if self._password != self._calendar.password:
            raise NeedsAuth("the calendar in memory refused the password; link it again")

    def _position(self, write: Write, call: Call) -> int:
        calls = self.calls(write)
        if call not in calls:
            raise BadWrite(f"{call.name} is no call of this write")
        if write.event is not None and write.event.uid != write.uid:
            raise BadWrite("the write names another uid than its event")
        if (write.verb is Verb.DELETE) != (write.event is None):
            raise BadWrite("a delete has no event, and every other write has one")
        return calls.index(call)

    def _standing(self, write: Write) -> Item | None:
        if write.verb is not Verb.CREATE:
            if write.remote_id is None or write.revision is None:
                raise BadWrite("an update or delete names what a look saw")
            return self._calendar.resources().get(write.remote_id)
        return self._of(write.uid)

    def _of(self, uid: str) -> Item | None:
        found = (one for one in self._calendar.items.values() if one.resource.uid == uid)
        return next((self._calendar.whole(one) for one in found), None)

    def _guard(self, write: Write, item: Item | None, position: int) -> None:
        calls = self.calls(write)
        passing = calls[position].passing
        if item is not None and any(one and self._same(item, one) for one in passing):
            return  # this very call was left half done
        if position:
            before = calls[position - 1].expected
            if item is None or before is None or not self._same(item, before):
                raise PreconditionFailed("the event changed between two calls; read it again")
        elif write.verb is Verb.CREATE and item is not None:
            raise PreconditionFailed("an event with that uid stands already; read it")
        elif write.verb is Verb.CREATE and write.uid in self._calendar.spent:
            raise PreconditionFailed("the uid is a deleted event's, and stays it; take another")
        elif write.verb is Verb.UPDATE and (item is None or item.revision != write.revision):
            raise PreconditionFailed("the event changed since it was seen; read it again")

    def _delete(self, write: Write, item: Item | None) -> None:
        if item is None:
            return
        if item.revision != write.revision:
            raise PreconditionFailed("the event changed since it was seen; read it again")
        for one in self._calendar.stand_ins(write.uid).values():
            self._remove(one)
            self._between(write)
        self._remove(item)

    def _remove(self, item: Item) -> None:
        self._calendar.remove(item.remote_id)
        self._calendar.writes += 1

    def _between(self, write: Write) -> None:
        """Pass between two requests of one call."""
        self._calendar.reach(f"amid:{write.verb}")

    def _put(self, write: Write, item: Item | None, wanted: EventResource) -> Item:
        event = write.event
        if event is None:
            raise BadWrite("a put needs an event")
        self._refuse_inexpressible(item, wanted)
        texts = self._texts(event, item, wanted)
        made = Item(
            remote_id=item.remote_id if item else f"item/{write.uid}",
            resource=wanted,
            texts=texts,
            marker=write.uid,
            extras=item.extras if item else {},
        )
        if self._calendar.keeps_order and wanted.recurrence is not None:
            return self._put_in_order(write, made)
        self._calendar.writes += 1
        return self._calendar.put(made)

    def _put_in_order(self, write: Write, made: Item) -> Item:
        """Put a series, then what stands in for those occurrences that it cannot hold itself."""
        calendar = self._calendar
        stood = calendar.items.get(made.remote_id)
        series, apart = embodied(made.resource, None if stood is None else stood.resource)
        texts = {slot: text for slot, text in made.texts.items() if slot not in apart}
        if stood is None or (stood.resource, stood.texts) != (series, texts):
            calendar.writes += 1
            calendar.put(replace(made, resource=series, texts=texts))
        standing = calendar.stand_ins(write.uid)
        for slot in [slot for slot in standing if slot not in apart]:
            self._between(write)
            self._remove(standing[slot])
        for slot, body in apart.items():
            one = Item(
                remote_id=f"{made.remote_id}/{slot}",
                resource=EventResource(uid=f"{write.uid}/{slot}", body=body),
                texts={None: made.text(slot)},
                marker=write.uid,
                slot=slot,
            )
            there = standing.get(slot)
            if there is None or (there.resource, there.texts) != (one.resource, one.texts):
                self._between(write)
                calendar.writes += 1
                calendar.put(one)
        return calendar.whole(calendar.items[made.remote_id])

    def _refuse_inexpressible(self, item: Item | None, wanted: EventResource) -> None:
        if wanted.recurrence is not None and not self.expresses(wanted.recurrence):
            raise Rejected("the calendar cannot hold this recurrence; publish single events")
        if item is None or self.capabilities.restores_occurrences:
            return
        back = item.resource.excluded - wanted.excluded
        if back and any(
            one in back for one in takewhile(lambda one: one <= max(back), slots(wanted))
        ):
            raise Rejected("the calendar cannot bring a deleted occurrence back")

    def _texts(
        self, event: ManagedEvent, item: Item | None, wanted: EventResource
    ) -> dict[Slot | None, Text]:
        bodies: list[tuple[Slot | None, EventBody]] = [(None, wanted.body)]
        bodies.extend(wanted.overrides.items())
        texts = {}
        for slot, body in bodies:
            stood = item.text(slot) if item else Text()
            texts[slot] = replace(
                stood,
                title=self._said(event.text.title, body.title, stood.title),
                location=self._said(event.text.location, body.location, stood.location),
                attendees=tuple(
                    one for one in stood.attendees if self._fingerprint(one) in body.attendees
                ),
            )
        return texts

    def _said(self, given: str | None, wanted: str, stood: str) -> str:
        for text in (given, stood):
            if text is not None and self._fingerprint(text) == wanted:
                return text
        if given is None:
            return stood
        raise BadWrite(
            "the body's fingerprint is neither of the given text nor of the standing one"
        )

    def _same(self, item: Item, resource: EventResource) -> bool:
        told = self._told(item).resource
        return told is not None and resource_document(told) == resource_document(resource)

    def _landed(self, item: Item, write: Write, expected: EventResource) -> bool:
        return item.marker == write.uid and self._same(item, expected)

    def _told(self, item: Item) -> Observed:
        resource = item.resource
        told = replace(
            resource,
            body=self._body(resource.body, item.text(None)),
            overrides={
                slot: self._body(body, item.text(slot)) for slot, body in resource.overrides.items()
            },
        )
        return Observed(
            remote_id=item.remote_id,
            revision=item.revision,
            content=self._fingerprint(repr(replace(item, revision=""))),
            uid=resource.uid,
            marker=item.marker,
            resource=told,
        )

    def _body(self, body: EventBody, text: Text) -> EventBody:
        return replace(
            body,
            title=self._fingerprint(text.title),
            location=self._fingerprint(text.location),
            details=self._fingerprint(text.description),
            attendees=tuple(sorted(self._fingerprint(one) for one in text.attendees)),
        )


class MemoryKind(ConnectorKind):
    """Connector kind whose calendars are given by name.

    Hand it out where entry points would be read.
    """

    name = "memory"

    def __init__(self, calendars: Mapping[str, MemoryCalendar]) -> None:
        self._calendars = calendars

    @override
    def discover(self, credential: Credential, context: Context) -> Discovery:
        found = tuple(RemoteCalendar(remote_id=name, name=name) for name in self._calendars)
        return Discovery(account="memory", calendars=found, credential=credential)

    @override
    def probe(self, calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
        found = self._calendars[calendar.remote_id]
        return Link(remote_id=calendar.remote_id, account="memory", capabilities=found.capabilities)

    @override
    def open(self, link: Link, credential: Credential, context: Context) -> Connector:
        password: Any = credential.get("password", PASSWORD)
        return MemoryConnector(self._calendars[link.remote_id], context.fingerprint, password)


def _with_slot(step: EventResource, final: EventResource, slot: Slot) -> EventResource:
    if slot in final.excluded:
        return step.with_exclusion(slot)
    if slot in final.overrides:
        return step.with_override(slot, final.overrides[slot])
    return step.with_regular(slot)
