"""Reading one resource of a mailbox now: by its id, by our property, or slot by slot.

What Graph leaves out of an answer is read by itself, where it matters (wire rules M5, M9, M20).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from calwarden.domain.event import EventResource, Observed
from calwarden.domain.wall_time import Slot, instant
from calwarden.ical.expansion import regular
from calwarden.sdk.errors import Transient
from calwarden_outlook.errors import FAULTS, Refusal, translated
from calwarden_outlook.mapping import (
    EXCEPTION,
    EXPAND_MARKER,
    FIELDS,
    SERIES,
    SERIES_FIELDS,
    Reader,
    Row,
    marker,
    marker_filter,
    origin,
    standing,
)
from calwarden_outlook.series import Rows, folded
from calwarden_outlook.service import Service, segment

MOST_PAGES = 10_000
EDGE = timedelta(days=1)
EXPAND_SERIES = f"exceptionOccurrences,{EXPAND_MARKER}"

_BAD_REQUEST = 400
_MALFORMED = re.compile("(?i)malformed")


class Resources:
    """Reads one resource at a time of one calendar."""

    def __init__(self, service: Service, calendar: str, reader: Reader) -> None:
        self._service = service
        self._calendar = calendar
        self._reader = reader

    def read(self, remote_id: str) -> Observed | None:
        """Read one resource now; None where nothing stands in this calendar under that id.

        An event that was moved to another calendar keeps its id (M7): ours are looked for here.
        """
        row = self._row(remote_id, FIELDS, EXPAND_MARKER)
        if row is None:
            return None
        made = origin(row)
        uid = made.uid if made is not None else marker(row)
        if uid is not None and remote_id not in {str(one["id"]) for one in self.listed(uid)}:
            return None
        if row.get("type") != SERIES:
            return folded(Rows(master=row), self._reader)
        rows = self.rows(remote_id, series=True)
        return None if rows is None else folded(rows, self._reader)

    def find(self, uid: str) -> Observed | None:
        """Return what a create with ``uid`` made; a copy has no transactionId of ours (M8)."""
        own = [row for row in self.listed(uid) if is_original(row, uid)]
        if not own:
            return None
        first = min(own, key=lambda row: str(row.get("createdDateTime")))
        if first.get("type") != SERIES:
            return folded(Rows(master=first), self._reader)
        rows = self.rows(str(first["id"]), series=True)
        return None if rows is None else folded(rows, self._reader)

    def rows(self, remote_id: str, *, series: bool, searched: bool = False) -> Rows | None:
        """Return the rows of one resource now, wherever in the mailbox; None: nothing stands.

        ``searched``: it had stand-ins before, so they are looked for whatever the series says.
        """
        fields, expand = (SERIES_FIELDS, EXPAND_SERIES) if series else (FIELDS, EXPAND_MARKER)
        row = self._row(remote_id, fields, expand)
        if row is None:
            return None
        if row.get("type") == SERIES and not series:
            return self.rows(remote_id, series=True, searched=searched)
        uid = with_stand_ins(row, searched=searched)
        listed = () if uid is None else self.listed(uid)
        return Rows(master=self.completed(row), stand_ins=stand_ins_of(listed, uid))

    def completed(self, master: Row) -> Row:
        """Read those exceptions by themselves that a series tells in part only (M5)."""
        told = master.get("exceptionOccurrences") or ()
        if all(_is_whole(row) for row in told):
            return master
        whole = [row if _is_whole(row) else self.one(str(row["id"])) or row for row in told]
        return {**master, "exceptionOccurrences": whole}

    def listed(self, uid: str) -> list[Row]:
        """Return what carries our property with ``uid`` in this calendar (M9), copies too."""
        place = self._service.url("calendars", self._calendar, "events")
        answer = self._service.send("GET", place, params=listing(uid))
        return self.rest(answer)

    def instance(self, master: Row, slot: Slot, resource: EventResource) -> Row | None:
        """Return the occurrence at a slot, while it stands where the series puts it (M20)."""
        body = regular(resource, slot)
        place = self._service.url("events", str(master["id"]), "instances")
        answer = self._service.send(
            "GET",
            place,
            params={
                "startDateTime": (instant(body.start) - EDGE).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "endDateTime": (instant(body.end) + EDGE).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "$select": f"{FIELDS},originalStart,occurrenceId",
            },
            addressed=True,
        )
        for row in self.rest(answer):
            if row.get("type") != EXCEPTION:
                found = self._reader.regular_slot(row, resource.body)
            else:
                found = self._reader.slot(row, resource.body)
            if found == slot:
                return row
        return None

    def between(self, start: datetime, end: datetime) -> list[Row]:
        """Return what stands in a span of time, occurrences in place of their series."""
        place = self._service.url("calendars", self._calendar, "calendarView")
        params = {
            "startDateTime": instant(start).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endDateTime": instant(end).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "$select": FIELDS,
            "$top": "100",
        }
        return self.rest(self._service.send("GET", place, params=params))

    def one(self, remote_id: str) -> Row | None:
        """Return one event or occurrence as it stands; None where nothing does."""
        return self._row(remote_id, f"{FIELDS},originalStart,occurrenceId", EXPAND_MARKER)

    def _row(self, remote_id: str, fields: str, expand: str) -> Row | None:
        params = {"$select": fields, "$expand": expand}
        try:
            return self._service.try_send(
                "GET", self._service.url("events", remote_id), params=params
            )
        except Refusal as error:
            if error.missing or (error.status == _BAD_REQUEST and _MALFORMED.search(error.code)):
                return None
            raise translated(error) from error
        except FAULTS as error:
            raise translated(error) from error

    def rest(self, answer: Mapping[str, Any]) -> list[Row]:
        rows = items(answer)
        following = answer.get("@odata.nextLink")
        for _ in range(MOST_PAGES):
            if following is None:
                break
            answer = self._service.send("GET", self._service.demand_ours(str(following)))
            rows += items(answer)
            following = answer.get("@odata.nextLink")
        return rows


def items(answer: Mapping[str, Any]) -> list[Row]:
    """Return the rows of an answer; raises `Transient` for what holds none."""
    items = answer.get("value") or []
    if not isinstance(items, list) or len(standing(items)) != len(items):
        raise Transient(
            "Outlook calendar: a listing held something that is no event; it is read again"
        )
    return list(items)


def _is_whole(row: Row) -> bool:
    return "showAs" in row and bool(row.get("occurrenceId") or row.get("originalStart"))


def is_original(row: Row, uid: str) -> bool:
    """Tell whether a row is what a create with ``uid`` made; a copy is not (M8)."""
    made = origin(row)
    return made is not None and made.uid == uid and made.slot is None


def with_stand_ins(row: Row, *, searched: bool = False) -> str | None:
    """Return the uid of a series of ours that may have stand-ins: one with deleted slots."""
    made = origin(row)
    if made is None or made.slot is not None or row.get("type") != SERIES:
        return None
    return made.uid if searched or row.get("cancelledOccurrences") else None


def stand_ins_of(rows: Iterable[Row], uid: str | None) -> list[Row]:
    """Return those rows that stand in for occurrences of the series ``uid``."""
    return [
        row
        for row in rows
        if (made := origin(row)) is not None and made.uid == uid and made.slot is not None
    ]


def listing(uid: str) -> dict[str, str]:
    """Return the query for what carries our property with ``uid`` (M9)."""
    return {
        "$filter": marker_filter(uid),
        "$expand": EXPAND_MARKER,
        "$select": FIELDS,
        "$top": "100",
    }


def query(params: Mapping[str, str]) -> str:
    """Return a query as text; spaces as %20."""
    return "&".join(f"{name}={quote(value)}" for name, value in params.items())


def path_to(key: str, fields: str, expand: str) -> str:
    """Return the path of an event below its mailbox, with its query."""
    return f"events/{segment(key)}?{query({'$select': fields, '$expand': expand})}"
