"""The requests that change one row each: guarded, and looked up after a fault (M8 to M14).

Graph does not promise to honour If-Match, so it is sent, and what stands is read and compared just
before (M11): where it is ignored, an edit in the milliseconds between is lost.
"""

from collections.abc import Callable, Mapping
from typing import Any

from calwarden.domain.event import EventBody, EventResource, ManagedEvent
from calwarden.sdk.errors import Ambiguous, PreconditionFailed, Rejected
from calwarden_outlook.errors import CROSSING, FAULTS, Refusal, translated
from calwarden_outlook.mapping import (
    MARKER,
    Reader,
    Row,
    changed_fields,
    new_fields,
    recurrence_field,
)
from calwarden_outlook.resources import Resources
from calwarden_outlook.series import etag_of
from calwarden_outlook.service import Service
from calwarden_outlook.steps import LIKENESS

_BAD_REQUEST = 400
_CONFLICT = 409


class Crossing(Rejected):
    """An occurrence cannot stand where it is wanted."""


class Sender:
    """Creates, changes and deletes single rows of one calendar."""

    def __init__(
        self,
        service: Service,
        calendar: str,
        reader: Reader,
        resources: Resources,
        reminder_minutes: int,
    ) -> None:
        self._service = service
        self._calendar = calendar
        self._reader = reader
        self._resources = resources
        self._reminder_minutes = reminder_minutes

    def post(
        self, event: ManagedEvent, wanted: EventResource, uid: str, transaction: str
    ) -> Row | None:
        """Create one event; None where its transactionId was used before and that is refused.

        After a fault it is looked for before anybody repeats it (A6, M12).
        """
        fields = new_fields(wanted.body, event.text, uid, transaction)
        if wanted.recurrence is not None:
            fields["recurrence"] = recurrence_field(wanted.recurrence, wanted.body)
        if self._reminder_minutes:
            fields |= {
                "isReminderOn": True,
                "reminderMinutesBeforeStart": self._reminder_minutes,
            }
        place = self._service.url("calendars", self._calendar, "events")
        try:
            return self._service.try_send("POST", place, body=fields)
        except FAULTS as error:
            if isinstance(error, Refusal) and error.status == _CONFLICT:
                return None
            meant = translated(error, writing=True)
            if not isinstance(meant, Ambiguous):
                raise meant from error
            found = self._landed(wanted.body, transaction)
            if found is None:
                raise meant from error
            return found

    def put(self, row: Row, body: EventBody | None, event: ManagedEvent) -> None:
        """Bring a row to a body, sending what differs; None deletes it.

        Raises `Crossing` where it would pass a neighbour of its series (M20).
        """
        if body is None:
            self.delete(row)
            return
        fields = changed_fields(body, event.text, self._reader.body(row))
        if fields:
            self.patch(row, fields, lambda: self._again(row))

    def patch(self, row: Row, fields: Mapping[str, Any], again: Callable[[], Row | None]) -> Row:
        """Change fields of a row; ``again`` reads it once more, None where it differs."""
        return self._guarded(row, lambda etag: self._patch(str(row["id"]), fields, etag), again)

    def delete(self, row: Row, again: Callable[[], Row | None] | None = None) -> None:
        """Delete a row; one that is gone already is fine (M14)."""
        key = str(row["id"])

        def send(etag: str | None) -> Row:
            place = self._service.url("events", key)
            try:
                return self._service.try_send("DELETE", place, etag=etag)
            except Refusal as error:
                if error.missing:
                    return {}
                # a deleted event can answer 400 (M14): only a read tells
                if error.status == _BAD_REQUEST and self._resources.one(key) is None:
                    return {}
                raise translated(error, writing=True) from error
            except FAULTS as error:
                raise translated(error, writing=True) from error

        self._guarded(row, send, again or (lambda: self._again(row)))

    def _landed(self, body: EventBody, transaction: str) -> Row | None:
        """Return what a create left that a fault answered, with our property by now (M12)."""
        row = next(
            (
                row
                for row in self._resources.between(body.start, body.end)
                if row.get("transactionId") == transaction
                or self._is_of(row.get("seriesMasterId"), transaction)
            ),
            None,
        )
        if row is None:
            return None
        key = str(row.get("seriesMasterId") or row["id"])
        marked = {"singleValueExtendedProperties": [{"id": MARKER, "value": transaction[:52]}]}
        return self._service.send(
            "PATCH", self._service.url("events", key), body=marked, writing=True, addressed=True
        )

    def _is_of(self, master: Any, transaction: str) -> bool:
        row = self._resources.one(str(master)) if master else None
        return row is not None and row.get("transactionId") == transaction

    def _patch(self, key: str, fields: Mapping[str, Any], etag: str | None) -> Row:
        try:
            return self._service.try_send(
                "PATCH", self._service.url("events", key), body=fields, etag=etag
            )
        except FAULTS as error:
            if isinstance(error, Refusal) and error.says(CROSSING):
                raise Crossing(
                    "Outlook calendar: an occurrence may not cross its neighbour; it is left"
                ) from error
            raise translated(error, writing=True, addressed=True) from error

    @staticmethod
    def _guarded(
        row: Row, send: Callable[[str | None], Row], again: Callable[[], Row | None]
    ) -> Row:
        """Send under the row's etag, and once more if nothing but the etag had changed.

        Graph says 412 at times without cause, and moves etags by itself (A2, M12). ``again`` reads
        the row once more; None where it does not say the same.
        """
        try:
            return send(etag_of(row))
        except PreconditionFailed:
            fresh = again()
            if fresh is None:
                raise
        return send(etag_of(fresh))

    def _again(self, row: Row) -> Row | None:
        fresh = self._resources.one(str(row["id"]))
        if fresh is None:
            return None
        bodies = [LIKENESS.writable(self._reader.body(one)) for one in (fresh, row)]
        return fresh if bodies[0] == bodies[1] else None
