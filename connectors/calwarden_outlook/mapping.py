"""Graph's JSON of one event ↔ our values, and nowhere else.

Fillers and rewritings of Exchange are normalised (wire rule M13), moments are told in the event's
own zone (M17), and texts become fingerprints.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from lxml import html
from lxml.etree import LxmlError

from calwarden.domain.document import moment_document
from calwarden.domain.event import EventBody, EventText, Fingerprint, Recurrence
from calwarden.domain.wall_time import (
    Slot,
    instant,
    local_text,
    parse_local,
    resolution,
    same_instant,
    slot_of,
    slot_start,
    zone_name,
    zone_named,
)
from calwarden.ical.expansion import slot_on
from calwarden_outlook.patterns import pattern_of, recurrence_of
from calwarden_outlook.zones import zone_called

Row = Mapping[str, Any]

MARKER = "String {d5b0f2a4-6a3c-4c53-9d0e-7f2b8f0a6c11} Name calwarden"
"""The extended property that names the uid of what we made (M9)."""

EXPAND_MARKER = f"singleValueExtendedProperties($filter=id eq '{MARKER}')"
FIELDS = (
    "id,type,transactionId,createdDateTime,seriesMasterId,subject,body,start,end,"
    "originalStartTimeZone,isAllDay,isCancelled,showAs,sensitivity,location,attendees,"
    "responseStatus,recurrence"
)
SERIES_FIELDS = f"{FIELDS},originalStart,occurrenceId,cancelledOccurrences,exceptionOccurrences"
SERIES = "seriesMaster"
EXCEPTION = "exception"
OCCURRENCE = "occurrence"

HIDDEN = frozenset({"private", "confidential"})
IDLE = frozenset({"free", "workingElsewhere"})

_UID = r"(?P<uid>[0-9a-v]{52})"
_TRANSACTION = re.compile(
    rf"{_UID}(?:-w(?P<wall>\d{{8}}T\d{{6}})|-s(?P<slot>\d{{8}}(?:T\d{{6}})?)-[0-9a-f]{{8}}"
    r"|-[0-9a-f]{8})?"
)


class Unreadable(ValueError):
    """An event's times, zone or rule cannot be read; the message quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the transactionId says of a row that we made (M8): it never changes.

    ``slot``: a single event that stands in for that occurrence of the series ``uid``. ``wall``: a
    wall time in a spring gap, of which Exchange keeps the instant only.
    """

    uid: str
    slot: Slot | None = None
    wall: str | None = None


class Reader:
    """Reads the events of one mailbox."""

    def __init__(self, fingerprint: Fingerprint, zone: str) -> None:
        """Take the provider's ``zone``: all-day dates are read in it."""
        self._fingerprint = fingerprint
        self._zone = zone_named(zone)

    def body(self, row: Row, like: ZoneInfo | None = None) -> EventBody:
        """Return the managed fields of an event or occurrence.

        ``like`` is the zone in which it was told before. Raises `Unreadable`.
        """
        all_day = bool(row.get("isAllDay"))
        zone = self._zone if all_day else self._zone_of(row, like)
        start = self._moment(row.get("start"), zone, all_day=all_day)
        end = self._moment(row.get("end"), zone, all_day=all_day)
        start = _meant(row, start)
        location = row.get("location") or {}
        return EventBody(
            start=start,
            end=end,
            all_day=all_day,
            title=self._fingerprint(row.get("subject") or ""),
            location=self._fingerprint(location.get("displayName") or ""),
            details=self._fingerprint(_text(row.get("body"))),
            private=row.get("sensitivity") in HIDDEN,
            busy=row.get("showAs") not in IDLE,
            cancelled=bool(row.get("isCancelled")),
            declined=(row.get("responseStatus") or {}).get("response") == "declined",
            attendees=tuple(sorted(map(self._guest, row.get("attendees") or ()))),
            out_of_office=row.get("showAs") == "oof",
        )

    def recurrence(self, row: Row, body: EventBody) -> Recurrence | None:
        """Return how an event repeats."""
        told = row.get("recurrence")
        return recurrence_of(told, body.start) if isinstance(told, Mapping) else None

    def slot(self, row: Row, master: EventBody) -> Slot:
        """Return the slot of an exception, in the zone of its series (M5); raises `Unreadable`."""
        name = str(row.get("occurrenceId") or "")
        day = _last_date(name)
        if day is not None:
            return slot_on(master.start, day, all_day=master.all_day)
        original = row.get("originalStart")
        if original:
            return self._slot_at(_parsed(str(original)).replace(tzinfo=UTC), master)
        raise Unreadable("a changed occurrence does not say which one it is")

    def regular_slot(self, row: Row, master: EventBody) -> Slot:
        """Return the slot of an occurrence that stands where its series puts it."""
        start = self._moment(row.get("start"), UTC, all_day=master.all_day)
        if master.all_day:
            return slot_on(master.start, start.date(), all_day=True)
        return self._slot_at(start, master)

    def cancelled(self, row: Row, master: EventBody) -> frozenset[Slot]:
        """Return the slots of deleted occurrences that a series lists (M20)."""
        days = [_last_date(str(name)) for name in row.get("cancelledOccurrences") or ()]
        if None in days:
            raise Unreadable("a deleted occurrence does not say which one it is")
        return frozenset(
            slot_on(master.start, day, all_day=master.all_day) for day in days if day is not None
        )

    def _zone_of(self, row: Row, like: ZoneInfo | None) -> ZoneInfo:
        preferred = [self._zone] if like is None else [like, self._zone]
        span = (row.get("recurrence") or {}).get("range") or {}
        told = (row.get("start") or {}).get("timeZone")
        names = (
            row.get("originalStartTimeZone"),
            span.get("recurrenceTimeZone"),
            None if told == "UTC" else told,  # UTC is what was asked for, not where it is
        )
        for name in names:
            found = zone_called(str(name or ""), preferred)
            if found is not None:
                return found
        if row.get("recurrence") and row.get("originalStartTimeZone"):
            raise Unreadable("a series names an unknown time zone")
        return like or self._zone

    @staticmethod
    def _moment(told: Any, zone: Any, *, all_day: bool) -> datetime:
        """Return a dateTimeTimeZone in ``zone``; all-day dates are meant wherever one is."""
        try:
            wall = _parsed(str(told["dateTime"]))
            where = zone_called(str(told.get("timeZone") or "UTC"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unreadable("an event has no readable time") from error
        if where is None:
            raise Unreadable("an event names an unknown time zone")
        if all_day:
            midnight = wall.time() == time()
            day = wall.date() if midnight else wall.replace(tzinfo=where).astimezone(zone).date()
            return datetime.combine(day, time(), zone)
        try:
            moment = wall.replace(tzinfo=where).astimezone(zone)
        except OverflowError as error:
            raise Unreadable("an event has no readable time") from error
        return moment

    @staticmethod
    def _slot_at(moment: datetime, master: EventBody) -> Slot:
        local = moment.astimezone(master.start.tzinfo)
        regular = slot_on(master.start, local.date(), all_day=master.all_day)
        if not master.all_day and same_instant(
            slot_start(regular, zone_name(master.start)), moment
        ):
            return regular
        return slot_of(local.replace(fold=0))

    def _guest(self, guest: Any) -> str:
        who = (guest.get("emailAddress") or {}) if isinstance(guest, Mapping) else {}
        return self._fingerprint(str(who.get("address") or who.get("name") or "?"))


def origin(row: Row) -> Origin | None:
    """Return what the transactionId of a row says; None for what we did not make."""
    match = _TRANSACTION.fullmatch(str(row.get("transactionId") or ""))
    if match is None:
        return None
    slot, wall = match["slot"], match["wall"]
    return Origin(
        uid=match["uid"],
        slot=None if slot is None else Slot(_spelled(slot)),
        wall=None if wall is None else _spelled(wall),
    )


def marker(row: Row) -> str | None:
    """Return the uid that our extended property names; None where it is absent or was not read."""
    for one in row.get("singleValueExtendedProperties") or ():
        if isinstance(one, Mapping) and str(one.get("id")).casefold() == MARKER.casefold():
            return str(one.get("value"))
    return None


def marker_filter(uid: str) -> str:
    """Return the ``$filter`` for what carries our property with ``uid`` (M9)."""
    return f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARKER}' and ep/value eq '{uid}')"


def first_transaction(uid: str, body: EventBody) -> str:
    """Return the transactionId of a resource's first event: the same however often it is sent."""
    if not body.all_day and resolution(body.start) == "gap":
        return f"{uid}-w{_digits(local_text(body.start))}"
    return uid


def fresh_transaction(uid: str, slot: Slot | None = None) -> str:
    """Return a transactionId for an event that takes another's place: a new one each time."""
    place = "" if slot is None else f"s{_digits(slot)}-"
    return f"{uid}-{place}{uuid4().hex[:8]}"


def new_fields(body: EventBody, text: EventText, uid: str, transaction: str) -> dict[str, Any]:
    """Return the body of a POST: no attendee, no reminder, no question (M15, A7)."""
    return {
        **_times(body),
        "isAllDay": body.all_day,
        "subject": text.title or "",
        "location": {"displayName": text.location or ""},
        "sensitivity": "private" if body.private else "normal",
        "showAs": _shown(body),
        "isReminderOn": False,
        "responseRequested": False,
        "allowNewTimeProposals": False,
        "transactionId": transaction,
        "singleValueExtendedProperties": [{"id": MARKER, "value": uid}],
    }


def changed_fields(body: EventBody, text: EventText, stood: EventBody) -> dict[str, Any]:
    """Return what a PATCH has to say so that what ``stood`` becomes ``body``.

    Only what differs: saying the same times again may cost a series its exceptions.
    """
    fields: dict[str, Any] = {}
    if _written(body) != _written(stood):
        fields |= _times(body)
    if body.all_day != stood.all_day:
        fields["isAllDay"] = body.all_day
    if text.title is not None and body.title != stood.title:
        fields["subject"] = text.title
    if text.location is not None and body.location != stood.location:
        fields["location"] = {"displayName": text.location}
    if body.private != stood.private:
        fields["sensitivity"] = "private" if body.private else "normal"
    if (body.busy, body.out_of_office) != (stood.busy, stood.out_of_office):
        fields["showAs"] = _shown(body)
    if stood.attendees and not body.attendees:
        fields["attendees"] = []
    return fields


def recurrence_field(recurrence: Recurrence, body: EventBody) -> dict[str, Any]:
    """Return the patternedRecurrence to write.

    Raises `calwarden_outlook.patterns.Inexpressible`.
    """
    return pattern_of(recurrence, _existing(body.start), zone_name(body.start))


def ends_before(row: Row, moment: datetime) -> bool:
    """Tell whether a single event was over a day before ``moment``."""
    return _later_than(row.get("end"), moment, timedelta(days=-1)) is False


def begins_after(row: Row, moment: datetime) -> bool:
    """Tell whether a single event begins a day or more after ``moment``."""
    return _later_than(row.get("start"), moment, timedelta(days=1)) is True


def _later_than(told: Any, moment: datetime, by: timedelta) -> bool | None:
    try:
        where = zone_called(str(told.get("timeZone") or "UTC"))
        return _parsed(str(told["dateTime"])).replace(tzinfo=where) > instant(moment) + by
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _written(body: EventBody) -> tuple[str, str]:
    return moment_document(body.start), moment_document(body.end)


def _times(body: EventBody) -> dict[str, Any]:
    zone = zone_name(body.start)
    if body.start.fold or body.end.fold:
        # the second of two equal wall times can be told by its instant only
        return {name: _moment(moment.astimezone(UTC), "UTC") for name, moment in _both(body)}
    return {name: _moment(_existing(moment), zone) for name, moment in _both(body)}


def _both(body: EventBody) -> tuple[tuple[str, datetime], ...]:
    return ("start", body.start), ("end", body.end.astimezone(body.start.tzinfo))


def _moment(moment: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": local_text(moment), "timeZone": zone}


def _existing(moment: datetime) -> datetime:
    """Return a wall time that the clock shows: one in a spring gap is told as the one meant."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def _shown(body: EventBody) -> str:
    if not body.busy:
        return "free"
    return "oof" if body.out_of_office else "busy"


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(microsecond=0, tzinfo=None)


def _meant(row: Row, start: datetime) -> datetime:
    """Return the wall time in a spring gap that we wrote, while its instant stands."""
    made = origin(row)
    if made is None or made.wall is None or not isinstance(start.tzinfo, ZoneInfo):
        return start
    meant = parse_local(made.wall, start.tzinfo.key)
    return meant if same_instant(meant, start) else start


def _text(body: Any) -> str:
    """Return the text of an itemBody, without what Exchange wraps it in (M13)."""
    if not isinstance(body, Mapping):
        return ""
    content = str(body.get("content") or "")
    if str(body.get("contentType")).lower() != "html" or not content.strip():
        return content
    try:
        tree = html.fromstring(content)
    except (LxmlError, ValueError):
        return content
    for hidden in tree.xpath("//head|//style|//script|//comment()"):
        hidden.drop_tree()
    return str(tree.text_content())


def _last_date(name: str) -> date | None:
    try:
        return date.fromisoformat(name.rpartition(".")[2])
    except ValueError:
        return None


def _digits(text: str) -> str:
    return re.sub(r"[-:]", "", text)


def _spelled(digits: str) -> str:
    return (
        datetime.fromisoformat(digits).isoformat()
        if "T" in digits
        else date.fromisoformat(digits).isoformat()
    )


def standing(rows: Iterable[Any]) -> list[Row]:
    """Return rows that are events: what else a listing may hold is none of ours."""
    return [row for row in rows if isinstance(row, Mapping) and row.get("id")]
