"""Making the calls of a write land: guarded, repeatable, and read back (wire rules G8 to G23).

An update brings the resource to what its call expects: it reads, compares with what the write saw,
and sends only what differs, each request guarded by the etag just read (A5). A repeated call finds
nothing left to send.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from googleapiclient.errors import HttpError

from calwarden.domain.event import EventBody, EventResource, EventText, ManagedEvent, Observed
from calwarden.domain.wall_time import Slot
from calwarden.ical.comparison import occurrence, same_frame
from calwarden.sdk.connector import Call, Capabilities, Verb, Write
from calwarden.sdk.errors import PreconditionFailed, Rejected
from calwarden_google.errors import RATE_LIMITS, USE_LIMITS, reason_of, status_of, translated
from calwarden_google.looking import Looker
from calwarden_google.mapping import (
    DELETED,
    Reader,
    Row,
    Unreadable,
    digest,
    original_start,
    out_of_office_fields,
    owned_fields,
    recurrence_lines,
    without_nulls,
)
from calwarden_google.series import Rows, folded, master_etag
from calwarden_google.service import FAULTS, Service
from calwarden_google.steps import DELETE, INSERT, LIKENESS, calls

NOT_HERE = frozenset({400, 403})
"""How an out-of-office event is refused (G23): an ordinary busy event stands in for it."""

SILENT = "none"
"""`sendUpdates`: we invite nobody, and what people added must not be mailed about by us (G18)."""

_MISSING = frozenset({404, 410})


class Writer:
    """Writes to one calendar."""

    def __init__(
        self,
        service: Service,
        calendar: str,
        reader: Reader,
        looker: Looker,
        capabilities: Capabilities,
    ) -> None:
        self._service = service
        self._calendar = calendar
        self._reader = reader
        self._looker = looker
        self._capabilities = capabilities

    def perform(self, write: Write, call: Call) -> Observed | None:
        """Send one call and return what stands then."""
        try:
            return self._perform(write, call)
        except Unreadable as error:
            raise Rejected(f"Google calendar: {error}; it is left as it stands") from error

    def _perform(self, write: Write, call: Call) -> Observed | None:
        if call.name == DELETE:
            self._delete(write)
            return None
        if write.event is None or call.expected is None:
            raise Rejected("Google calendar: a write that is no removal names no event")
        if call.name == INSERT:
            return self._insert(write, write.event, call.expected)
        if _is_single(write.base) and _is_single(call.expected) and write.verb is Verb.UPDATE:
            return self._single(write, write.event, call)
        return self._converge(write, write.event, call)

    def _insert(self, write: Write, event: ManagedEvent, wanted: EventResource) -> Observed:
        fields = without_nulls(owned_fields(wanted.body, event.text, write.uid))
        fields["id"] = write.uid
        lines = recurrence_lines(wanted.recurrence, wanted.excluded, wanted.body)
        if lines:
            fields["recurrence"] = lines
        try:
            if wanted.body.out_of_office and self._capabilities.out_of_office == "event":
                row = self._insert_absence(fields)
            else:
                row = self._inserted(fields)
        except HttpError as error:
            if reason_of(error) == "duplicate":
                return self._already(write, error)
            raise translated(error, writing=True) from error
        except FAULTS as error:
            raise translated(error, writing=True) from error
        return folded(Rows(master=row), self._reader)

    def _insert_absence(self, fields: dict[str, Any]) -> Row:
        try:
            return self._inserted({**fields, **out_of_office_fields()})
        except HttpError as error:
            if status_of(error) not in NOT_HERE or reason_of(error) in RATE_LIMITS | USE_LIMITS:
                raise
        return self._inserted(fields)

    def _inserted(self, fields: dict[str, Any]) -> Row:
        request = self._service.events.insert(
            calendarId=self._calendar, body=fields, sendUpdates=SILENT
        )
        return self._service.try_send(request)

    def _already(self, write: Write, error: HttpError) -> Observed:
        """Return what stands under our id if a create of ours made it.

        Its success is never taken on trust (G8).
        """
        seen = self._looker.read(write.uid)
        stages = [call.expected for call in calls(write) if call.expected is not None]
        there = None if seen is None or seen.marker != write.uid else seen.resource
        if (
            seen is not None
            and there is not None
            and any(LIKENESS.same(there, one) for one in stages)
        ):
            return seen
        # a deleted id stays reserved (G9): the next generation's is free
        raise PreconditionFailed(
            "Google calendar: an event with that id stands or stood; read it"
        ) from error

    def _single(self, write: Write, event: ManagedEvent, call: Call) -> Observed:
        """Update a single event in one request; anything unexpected is read and compared first."""
        wanted, base = call.expected, write.base
        if wanted is None or base is None or write.remote_id is None or write.revision is None:
            raise _changed()
        fields = self._master_fields(event, wanted, attended=bool(base.body.attendees))
        request = self._service.events.patch(
            calendarId=self._calendar, eventId=write.remote_id, body=fields, sendUpdates=SILENT
        )
        try:
            row = self._service.send(
                request, writing=True, addressed=True, etag=master_etag(write.revision)
            )
        except PreconditionFailed:
            return self._converge(write, event, call)
        return folded(Rows(master=row), self._reader)

    def _converge(self, write: Write, event: ManagedEvent, call: Call) -> Observed:
        key = write.remote_id or write.uid
        rows = self._looker.rows(key)
        if rows is not None:
            rows = self._with_hidden(write, rows)
        seen = None if rows is None else folded(rows, self._reader)
        if rows is None or seen is None or seen.resource is None or call.expected is None:
            raise _changed()
        if not self._as_seen(write, call, seen):
            raise _changed()
        wanted = call.expected
        if not LIKENESS.same_master(seen.resource, wanted):
            framed = same_frame(seen.resource, wanted)
            rows = self._put_master(event, wanted, seen.resource, rows)
            if not framed:
                # what becomes of exceptions when their series changes is Google's own affair: look
                rows = replace(rows, exceptions=self._looker.exceptions(rows.master))
            seen = folded(rows, self._reader)
        stands = seen.resource
        for slot in [] if stands is None else LIKENESS.differing(stands, wanted):
            rows = self._put_slot(event.text, wanted, slot, rows)
            seen = folded(rows, self._reader)
        return seen

    def _with_hidden(self, write: Write, rows: Rows) -> Rows:
        """Add the cancelled occurrences that a look saw and the listing of the series left out.

        That a listing by iCalUID tells them is nowhere promised.
        """
        base = write.base
        if base is None or not base.excluded or base.recurrence is None:
            return rows
        body = self._reader.body(rows.master)
        told = {self._reader.slot(row, body) for row in rows.exceptions}
        told |= self._reader.repetition(rows.master, body).excluded
        asked = [self._instance(rows.master, slot, body) for slot in base.excluded - told]
        found = [row for row in asked if row is not None and row.get("status") == DELETED]
        return replace(rows, exceptions=(*rows.exceptions, *found))

    def _as_seen(self, write: Write, call: Call, seen: Observed) -> bool:
        """Tell whether the resource is as the write saw it, or as one of its own calls left it."""
        if write.verb is Verb.UPDATE and seen.revision == write.revision:
            return True
        stages = [write.base] if write.base is not None else []
        for one in calls(write):
            if one.expected is not None:
                stages.append(one.expected)
            if one == call:
                break
        return seen.resource is not None and any(
            LIKENESS.same(stage, seen.resource) for stage in stages
        )

    def _put_master(
        self, event: ManagedEvent, wanted: EventResource, stood: EventResource, rows: Rows
    ) -> Rows:
        fields = self._master_fields(event, wanted, attended=bool(stood.body.attendees))
        if stood.recurrence is not None or wanted.recurrence is not None:
            fields |= self._repetition(wanted, rows)
        row = self._guarded(rows.master, lambda etag: self._patch(rows.master, fields, etag))
        return replace(rows, master=row)

    def _repetition(self, wanted: EventResource, rows: Rows) -> dict[str, Any]:
        recurrence = wanted.recurrence
        if recurrence is None:
            return {"recurrence": None}
        if not recurrence.supported:
            return {}  # a rule that we cannot spell is a person's, and stays as they spelled it
        apart = {
            self._reader.slot(row, wanted.body)
            for row in rows.exceptions
            if row.get("status") == DELETED
        }
        return {"recurrence": recurrence_lines(recurrence, wanted.excluded - apart, wanted.body)}

    def _master_fields(
        self, event: ManagedEvent, wanted: EventResource, *, attended: bool
    ) -> dict[str, Any]:
        fields = owned_fields(wanted.body, event.text, event.uid)
        if attended and not wanted.body.attendees:
            fields["attendees"] = []
        return fields

    def _put_slot(self, text: EventText, wanted: EventResource, slot: Slot, rows: Rows) -> Rows:
        body = occurrence(wanted, slot)
        part = {self._reader.slot(row, wanted.body): row for row in rows.exceptions}.get(slot)
        if part is None and body is not None:
            rows = self._readmitted(wanted, slot, rows)
        instance = part or self._instance(rows.master, slot, wanted.body)
        if instance is None:
            if body is None:
                return rows
            raise _changed()
        if body is None:
            row = self._removed(instance)
        else:
            fields = self._slot_fields(text, body, instance)
            row = self._guarded(instance, lambda etag: self._patch(instance, fields, etag))
        others = tuple(one for one in rows.exceptions if one["id"] != row["id"])
        return replace(rows, exceptions=(*others, row))

    def _slot_fields(self, text: EventText, body: EventBody, instance: Row) -> dict[str, Any]:
        fields = owned_fields(body, text, "")
        del fields["extendedProperties"]  # an occurrence has its series' own
        if instance.get("attendees") and not body.attendees:
            fields["attendees"] = []
        return fields

    def _readmitted(self, wanted: EventResource, slot: Slot, rows: Rows) -> Rows:
        """Take a slot out of the master's EXDATE lines, if it is there."""
        stood = self._reader.body(rows.master)
        repeats = self._reader.repetition(rows.master, stood)
        if slot not in repeats.excluded:
            return rows
        lines = recurrence_lines(wanted.recurrence, repeats.excluded - {slot}, wanted.body)
        row = self._guarded(
            rows.master, lambda etag: self._patch(rows.master, {"recurrence": lines}, etag)
        )
        return replace(rows, master=row)

    def _instance(self, master: Row, slot: Slot, body: EventBody) -> Row | None:
        """Return the occurrence at a slot, whether it is an exception yet or not (G20)."""
        answer = self._service.send(
            self._service.events.instances(
                calendarId=self._calendar,
                eventId=master["id"],
                originalStart=original_start(slot, body),
                showDeleted=True,
            ),
            addressed=True,
        )
        items = [row for row in answer.get("items") or () if isinstance(row, dict)]
        return next((row for row in items if self._reader.slot(row, body) == slot), None)

    def _removed(self, instance: Row) -> Row:
        if instance.get("status") == DELETED:
            return instance

        def send(etag: str | None) -> Row:
            self._send_delete(str(instance["id"]), etag)
            return {}

        self._guarded(instance, send)
        row = self._looker.row(str(instance["id"]))
        if row is None:
            raise _changed()
        return row

    def _delete(self, write: Write) -> None:
        """Delete a single event or a series; one that is gone already is fine (G4, G14)."""
        key, revision = write.remote_id, write.revision
        if key is None or revision is None:
            raise Rejected("Google calendar: a removal names what a look saw")
        if _is_single(write.base):
            try:
                self._send_delete(key, master_etag(revision))
            except PreconditionFailed:
                self._delete_as_seen(key, write)
            return
        self._delete_as_seen(key, write)

    def _delete_as_seen(self, key: str, write: Write) -> None:
        rows = self._looker.rows(key)
        if rows is None:
            return
        seen = folded(rows, self._reader)
        unchanged = seen.revision == write.revision or (
            write.base is not None
            and seen.resource is not None
            and LIKENESS.same(write.base, seen.resource)
        )
        if not unchanged:
            raise _changed()
        self._send_delete(key, str(rows.master.get("etag")))

    def _send_delete(self, key: str, etag: str | None) -> None:
        request = self._service.events.delete(
            calendarId=self._calendar, eventId=key, sendUpdates=SILENT
        )
        try:
            self._service.try_send(request, etag=etag)
        except HttpError as error:
            if status_of(error) not in _MISSING:
                raise translated(error, writing=True) from error
        except FAULTS as error:
            raise translated(error, writing=True) from error

    def _patch(self, row: Row, fields: dict[str, Any], etag: str | None) -> Row:
        request = self._service.events.patch(
            calendarId=self._calendar, eventId=row["id"], body=fields, sendUpdates=SILENT
        )
        return self._service.send(request, writing=True, addressed=True, etag=etag)

    def _guarded(self, row: Row, send: Callable[[str | None], Row]) -> Row:
        """Send under the row's etag, and once more if only the etag had moved by itself (A2, G15).

        An occurrence that is no exception yet may have an etag that guards nothing: then the
        comparison just made is the guard (A5).
        """
        try:
            return send(str(row.get("etag")))
        except PreconditionFailed:
            fresh = self._looker.row(str(row["id"]))
            if fresh is None or digest(fresh) != digest(row):
                raise
            moved = fresh.get("etag") != row["etag"]
        return send(str(fresh.get("etag")) if moved else None)


def _is_single(resource: EventResource | None) -> bool:
    return resource is not None and resource.recurrence is None


def _changed() -> PreconditionFailed:
    return PreconditionFailed("Google calendar: the event is not as it was seen; it is read again")
