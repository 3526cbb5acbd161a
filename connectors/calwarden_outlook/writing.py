"""Making the calls of a write land: compared, guarded, repeatable (wire rules M8 to M20).

An update brings the resource to what its call expects and sends only what differs, so a repeated
call finds nothing left to send.
"""

from dataclasses import replace
from typing import Any

from calwarden.domain.event import EventBody, EventResource, ManagedEvent, Observed
from calwarden.domain.wall_time import Slot
from calwarden.ical.comparison import occurrence, same_frame
from calwarden.sdk.connector import Call, Verb, Write
from calwarden.sdk.errors import PreconditionFailed, Rejected
from calwarden_outlook.mapping import (
    Reader,
    Row,
    Unreadable,
    changed_fields,
    first_transaction,
    fresh_transaction,
    recurrence_field,
)
from calwarden_outlook.patterns import Inexpressible
from calwarden_outlook.resources import Resources
from calwarden_outlook.sending import Crossing, Sender
from calwarden_outlook.series import Rows, folded, frame, has_stand_ins
from calwarden_outlook.service import Service
from calwarden_outlook.steps import DELETE, INSERT, LIKENESS, calls


class Writer:
    """Writes to one calendar."""

    def __init__(
        self,
        service: Service,
        calendar: str,
        reader: Reader,
        resources: Resources,
        reminder_minutes: int,
    ) -> None:
        self._reader = reader
        self._resources = resources
        self._sender = Sender(service, calendar, reader, resources, reminder_minutes)

    def perform(self, write: Write, call: Call) -> Observed | None:
        """Send one call and return what stands then."""
        try:
            return self._perform(write, call)
        except Unreadable as error:
            raise Rejected(f"Outlook calendar: {error}; it is left as it stands") from error
        except Inexpressible as error:
            raise Rejected(
                "Outlook calendar: a series repeats in a way that Outlook cannot hold exactly; it "
                "is left as it stands"
            ) from error

    def _perform(self, write: Write, call: Call) -> Observed | None:
        if call.name == DELETE:
            self._delete(write)
            return None
        if write.event is None or call.expected is None:
            raise Rejected("Outlook calendar: a write that is no removal names no event")
        if call.name == INSERT:
            return self._insert(write, write.event, call.expected)
        return self._converge(write, write.event, call, call.expected)

    def _insert(self, write: Write, event: ManagedEvent, wanted: EventResource) -> Observed:
        transaction = first_transaction(write.uid, wanted.body)
        row = self._sender.post(event, wanted, write.uid, transaction)
        if row is None:
            return self._already(write)
        seen = folded(Rows(master=row), self._reader, named=write.uid)
        if seen.resource is None or not LIKENESS.same(seen.resource, wanted):
            # a repeated transactionId brings back what it made, however that stands now (M8)
            return self._already(write)
        return seen

    def _already(self, write: Write) -> Observed:
        """Return what stands under our uid if a create of ours made it."""
        seen = self._resources.find(write.uid)
        there = None if seen is None else seen.resource
        if (
            seen is not None
            and there is not None
            and any(LIKENESS.same(there, one) for one in _states(write))
        ):
            return seen
        raise PreconditionFailed("Outlook calendar: another event stands there already; read it")

    def _converge(
        self, write: Write, event: ManagedEvent, call: Call, wanted: EventResource
    ) -> Observed:
        rows = self._as_seen(write, call)
        stood = _content(self._folded(rows))
        if stood.body.cancelled and not wanted.body.cancelled:
            rows = self._renewed(rows, event, wanted)
            stood = _content(self._folded(rows))
        if not LIKENESS.same_master(stood, wanted):
            rows = self._put_master(event, wanted, stood, rows)
        seen = self._folded(rows)
        if wanted.recurrence is None and not rows.stand_ins:
            return seen
        if self._clear_surplus(wanted, rows):
            rows = self._again(rows)
            seen = self._folded(rows)
        for slot in LIKENESS.differing(_content(seen), wanted):
            self._put_slot(event, wanted, slot, rows)
            rows = self._again(rows)
        return self._folded(rows)

    def _as_seen(self, write: Write, call: Call) -> Rows:
        """Return what stands, if that is what the write saw or what one of its own calls left."""
        base = write.base
        series = base is not None and base.recurrence is not None
        searched = has_stand_ins(write.revision or "")
        rows = (
            None
            if write.remote_id is None
            else self._resources.rows(write.remote_id, series=series, searched=searched)
        )
        if rows is None:
            # a create just made it, or an earlier call made it anew
            found = self._resources.find(write.uid)
            rows = None if found is None else self._resources.rows(found.remote_id, series=True)
        if rows is None:
            raise _changed()
        if write.verb is Verb.UPDATE and rows.revision == write.revision:
            return rows
        seen = self._folded(rows).resource
        if seen is None or not any(LIKENESS.same(seen, state) for state in _states(write, call)):
            raise _changed()
        return rows

    def _folded(self, rows: Rows) -> Observed:
        return folded(rows, self._reader)

    def _again(self, rows: Rows) -> Rows:
        fresh = self._resources.rows(rows.id, series=True, searched=bool(rows.stand_ins))
        if fresh is None:
            raise _changed()
        return fresh

    def _put_master(
        self, event: ManagedEvent, wanted: EventResource, stood: EventResource, rows: Rows
    ) -> Rows:
        fields = changed_fields(wanted.body, event.text, stood.body)
        supported = wanted.recurrence is None or wanted.recurrence.supported
        if not same_frame(stood, wanted) and supported:
            # a rule that we cannot spell is a person's, and stays as they spelled it
            fields |= self._repetition(wanted, stood)
        if not fields:
            return rows
        row = self._sender.patch(rows.master, fields, lambda: self._whole_again(rows, stood))
        if wanted.recurrence is None and stood.recurrence is None:
            return Rows(master={**row, **_property(rows.master)})
        return self._again(rows)

    @staticmethod
    def _repetition(wanted: EventResource, stood: EventResource) -> dict[str, Any]:
        if wanted.recurrence is None:
            return {} if stood.recurrence is None else {"recurrence": None}
        return {"recurrence": recurrence_field(wanted.recurrence, wanted.body)}

    def _clear_surplus(self, wanted: EventResource, rows: Rows) -> bool:
        """Take away stand-ins that nothing needs any more; tell whether there were any."""
        found = frame(rows, self._reader)
        unneeded = list(found.surplus)
        if wanted.recurrence is None:
            unneeded += found.stand_ins.values()
        for row in unneeded:
            self._sender.delete(row)
        return bool(unneeded)

    def _put_slot(self, event: ManagedEvent, wanted: EventResource, slot: Slot, rows: Rows) -> None:
        found = frame(rows, self._reader)
        body = occurrence(wanted, slot)
        stand_in = found.stand_ins.get(slot)
        part = found.exceptions.get(slot)
        if stand_in is not None:
            self._put_occurrence(event, wanted, slot, stand_in)
        elif slot in found.deleted:
            if body is not None:
                self._stand_in(event, wanted, slot, body)
        else:
            row = part or self._resources.instance(rows.master, slot, _content(self._folded(rows)))
            if row is None:
                if body is None:
                    return
                raise _changed()
            self._put_occurrence(event, wanted, slot, row)

    def _put_occurrence(
        self, event: ManagedEvent, wanted: EventResource, slot: Slot, row: Row
    ) -> None:
        body = occurrence(wanted, slot)
        if body is None or body.cancelled or not row.get("isCancelled"):
            try:
                self._sender.put(row, body, event)
            except Crossing:
                if body is None:
                    raise
            else:
                return
        # an occurrence may not cross its neighbour (M20), and one that was called off cannot be
        # revived: a single event takes its place
        self._sender.delete(row)
        if body is not None:
            self._stand_in(event, wanted, slot, body)

    def _stand_in(
        self, event: ManagedEvent, wanted: EventResource, slot: Slot, body: EventBody
    ) -> None:
        """Make a single event that belongs to the series, in place of an occurrence."""
        alone = EventResource(uid=wanted.uid, body=body)
        self._sender.post(event, alone, wanted.uid, fresh_transaction(wanted.uid, slot))

    def _renewed(self, rows: Rows, event: ManagedEvent, wanted: EventResource) -> Rows:
        """Make an event anew that was called off: that cannot be taken back."""
        for row in (*rows.stand_ins, rows.master):
            self._sender.delete(row)
        bare = replace(wanted, overrides={}, excluded=frozenset())
        made = self._sender.post(event, bare, event.uid, fresh_transaction(event.uid))
        if made is None:
            raise _changed()
        return Rows(master=made)

    def _delete(self, write: Write) -> None:
        """Delete a single event, or a series with its stand-ins; what is gone is fine (M14)."""
        if write.remote_id is None or write.revision is None:
            raise Rejected("Outlook calendar: a removal names what a look saw")
        series = write.base is not None and write.base.recurrence is not None
        searched = has_stand_ins(write.revision)
        rows = self._resources.rows(write.remote_id, series=series, searched=searched)
        if rows is None:
            return
        if rows.revision != write.revision:
            seen = self._folded(rows).resource
            states = () if write.base is None else _shrinking(write.base)
            if seen is None or not any(LIKENESS.same(seen, state) for state in states):
                raise _changed()
        for row in rows.stand_ins:
            self._sender.delete(row)
        alone = replace(rows, stand_ins=())
        self._sender.delete(rows.master, lambda: self._left(alone))

    def _left(self, rows: Rows) -> Row | None:
        """Return a series again whose stand-ins were just taken away, if nothing else changed."""
        stood = self._folded(rows).resource
        return None if stood is None else self._whole_again(rows, stood)

    def _whole_again(self, rows: Rows, stood: EventResource) -> Row | None:
        fresh = self._resources.rows(rows.id, series=stood.recurrence is not None)
        seen = None if fresh is None else self._folded(fresh).resource
        if fresh is None or seen is None or not LIKENESS.same(seen, stood):
            return None
        return fresh.master


def _states(write: Write, until: Call | None = None) -> list[EventResource]:
    """Return how the resource may stand before or amid a write, up to one of its calls."""
    found = [] if write.base is None else [write.base]
    for one in calls(write):
        found += [state for state in (*one.passing, one.expected) if state is not None]
        if one == until:
            break
    return found


def _shrinking(base: EventResource) -> list[EventResource]:
    """Return how a resource may stand whose stand-ins are being taken away."""
    found = [base]
    for slot in sorted(base.overrides):
        found.append(found[-1].with_exclusion(slot))
    return found


def _content(seen: Observed) -> EventResource:
    if seen.resource is None:
        raise _changed()
    return seen.resource


def _property(row: Row) -> dict[str, Any]:
    """Return what an answer to a PATCH leaves out: our property (M9)."""
    name = "singleValueExtendedProperties"
    return {name: row[name]} if name in row else {}


def _changed() -> PreconditionFailed:
    return PreconditionFailed("Outlook calendar: the event is not as it was seen; it is read again")
