"""Google's JSON of one event ↔ our values, and nowhere else.

Defaults are filled in (wire rule G21), moments are told in the event's own zone, and texts become
fingerprints.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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
from calwarden.ical.recurrence import read_recurrence, unsupported, write_rule
from calwarden.ical.zones import known_zone

Row = Mapping[str, Any]

MARKER = "calwarden"
"""Private property that names the uid of what we made (G11)."""

WALL = "calwarden-wall"
"""Private property with a wall-clock start in a spring gap: Google itself keeps its instant."""

DELETED = "cancelled"
VOLATILE = frozenset({"etag", "sequence", "updated"})


class Unreadable(ValueError):
    """An event's times, zone or rule cannot be read; the message quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """How a series repeats, and which slots its own lines take out."""

    recurrence: Recurrence | None
    excluded: frozenset[Slot] = frozenset()


class Reader:
    """Reads the events of one calendar."""

    def __init__(self, fingerprint: Fingerprint, zone: str) -> None:
        """Take the provider's ``zone``: all-day dates are read in it."""
        self._fingerprint = fingerprint
        self._zone = zone_named(zone)
        self.calendar_zone = self._zone

    def learn_zone(self, name: Any) -> None:
        """Take the calendar's own zone, in which times without one are meant."""
        self.calendar_zone = known_zone(str(name or "")) or self.calendar_zone

    def body(self, row: Row) -> EventBody:
        """Return the managed fields of an event or occurrence; raises `Unreadable`."""
        start, all_day = self._moment(row.get("start"))
        end, _ = self._moment(row.get("end"))
        start = _said_wall(row, start)
        guests = [guest for guest in row.get("attendees") or () if isinstance(guest, Mapping)]
        return EventBody(
            start=start,
            end=end.astimezone(start.tzinfo),
            all_day=all_day,
            title=self._fingerprint(row.get("summary") or ""),
            location=self._fingerprint(row.get("location") or ""),
            details=self._fingerprint(row.get("description") or ""),
            private=row.get("visibility") in {"private", "confidential"},
            busy=row.get("transparency") != "transparent",
            declined=any(_is_own_no(guest) for guest in guests),
            attendees=tuple(
                sorted(
                    self._fingerprint(str(guest.get("email") or guest.get("id") or "?"))
                    for guest in guests
                    if not guest.get("self")
                )
            ),
            out_of_office=row.get("eventType") == "outOfOffice",
        )

    def repetition(self, row: Row, body: EventBody) -> Repetition:
        """Return how an event repeats.

        Raises `Unreadable` where its zone or slots cannot be read.
        """
        lines = [str(line) for line in row.get("recurrence") or ()]
        if not lines:
            return Repetition(recurrence=None)
        if (
            not body.all_day
            and known_zone(str((row.get("start") or {}).get("timeZone") or "UTC")) is None
        ):
            raise Unreadable("a series names an unknown time zone")
        rules = [line.partition(":")[2] for line in lines if line.upper().startswith("RRULE")]
        extra = self._listed(lines, "RDATE", body)
        if any(line.upper().startswith("EXRULE") for line in lines):
            recurrence: Recurrence | None = unsupported(lines, tuple(sorted(extra)))
        else:
            recurrence = read_recurrence(rules, body.start, sorted(extra))
        return Repetition(recurrence=recurrence, excluded=self._listed(lines, "EXDATE", body))

    def slot(self, row: Row, master: EventBody) -> Slot:
        """Return the slot of an exception, in the zone of its series (G20); raises `Unreadable`."""
        original, all_day = self._moment(row.get("originalStartTime"))
        if all_day:
            return slot_on(master.start, original.date(), all_day=master.all_day)
        return named_slot(original, master)

    def _moment(self, told: Any) -> tuple[datetime, bool]:
        try:
            if told.get("date"):
                day = date.fromisoformat(told["date"])
                return datetime.combine(day, time(), self._zone), True
            moment = datetime.fromisoformat(told["dateTime"])
            zone = known_zone(told["timeZone"]) if told.get("timeZone") else None
            zone = zone or self.calendar_zone
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone)
            return moment.astimezone(zone), False
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise Unreadable("an event has no readable time") from error

    def _listed(self, lines: Iterable[str], kind: str, body: EventBody) -> frozenset[Slot]:
        found = set()
        for line in lines:
            head, _, value = line.partition(":")
            name, *parameters = head.upper().split(";")
            if name != kind:
                continue
            where = next(
                (part[5:] for part in head.split(";") if part.upper().startswith("TZID=")), ""
            )
            for text in value.split(","):
                found.add(self._listed_slot(text.strip(), where, parameters, body))
        return frozenset(found)

    @staticmethod
    def _listed_slot(text: str, where: str, parameters: Sequence[str], body: EventBody) -> Slot:
        try:
            if "VALUE=DATE" in parameters or "T" not in text.upper():
                return slot_on(body.start, date.fromisoformat(text[:8]), all_day=body.all_day)
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Unreadable("a series lists unreadable dates") from error
        if moment.tzinfo is None:
            zone = known_zone(where) if where else body.start.tzinfo
            if zone is None:
                raise Unreadable("a series lists dates in an unknown time zone")
            moment = moment.replace(tzinfo=zone)
        return named_slot(moment, body)


def named_slot(moment: datetime, master: EventBody) -> Slot:
    """Return the slot at an original start; one in a spring gap keeps the series' own wall time."""
    local = moment.astimezone(master.start.tzinfo)
    regular = slot_on(master.start, local.date(), all_day=master.all_day)
    if not master.all_day and same_instant(slot_start(regular, zone_name(master.start)), moment):
        return regular
    return slot_of(local.replace(fold=0))


def series_of(row: Row) -> str | None:
    """Return the id of the series that an occurrence belongs to."""
    found = row.get("recurringEventId")
    return str(found) if found else None


def marker(row: Row) -> str | None:
    """Return the uid that our own property names."""
    found = _private(row).get(MARKER)
    return str(found) if found else None


def digest(row: Row) -> str:
    """Return a digest of a row without what changes by itself (wire rule A2)."""
    kept = {name: value for name, value in row.items() if name not in VOLATILE}
    text = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def times(body: EventBody) -> dict[str, Any]:
    """Return start and end to write, with nulls for the other kind of time (G16, G19)."""
    if body.all_day:
        return {
            name: {"date": moment.date().isoformat(), "dateTime": None, "timeZone": None}
            for name, moment in (("start", body.start), ("end", body.end))
        }
    return {
        name: {
            "date": None,
            "dateTime": moment.isoformat(timespec="seconds"),
            "timeZone": zone_name(body.start),
        }
        for name, moment in (("start", body.start), ("end", body.end))
    }


def owned_fields(body: EventBody, text: EventText, uid: str) -> dict[str, Any]:
    """Return every field that we own, explicitly (G16).

    No attendee, reminder or conference is ours (A7).
    """
    fields = {
        **times(body),
        "status": "confirmed",
        "transparency": "opaque" if body.busy else "transparent",
        "extendedProperties": {"private": {MARKER: uid, WALL: _impossible_wall(body)}},
    }
    if text.title is not None:
        fields["summary"] = text.title
    if text.location is not None:
        fields["location"] = text.location
    if body.private:
        fields["visibility"] = "private"
    return fields


def out_of_office_fields() -> dict[str, Any]:
    """Return what makes an event an out-of-office event that declines nothing by itself (G22)."""
    return {
        "eventType": "outOfOffice",
        "outOfOfficeProperties": {"autoDeclineMode": "declineNone"},
    }


def recurrence_lines(
    recurrence: Recurrence | None, excluded: Iterable[Slot], body: EventBody
) -> list[str]:
    """Return the RRULE, RDATE and EXDATE lines to write; none for a single event (G19)."""
    if recurrence is None:
        return []
    rule = write_rule(recurrence)
    lines = [] if rule is None else [f"RRULE:{rule}"]
    for name, slots in (("RDATE", recurrence.extra), ("EXDATE", excluded)):
        lines += [_line(name, slot, body) for slot in sorted(slots)]
    return lines


def original_start(slot: Slot, master: EventBody) -> str:
    """Return a slot as `events.instances` names it in ``originalStart`` (G20)."""
    start = slot_start(slot, zone_name(master.start))
    return start.date().isoformat() if master.all_day else start.isoformat(timespec="seconds")


def without_nulls(fields: Row) -> dict[str, Any]:
    """Return fields for an insert, where there is nothing to clear."""
    return {
        name: without_nulls(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if value is not None
    }


def ends_before(row: Row, moment: datetime) -> bool:
    """Tell whether a single event was over a day before ``moment``, from its raw times.

    A day covers every zone in which an all-day event may be meant.
    """
    told = row.get("end") or {}
    try:
        end = datetime.fromisoformat(told.get("dateTime") or f"{told['date']}T00:00:00+00:00")
    except (KeyError, TypeError, ValueError):
        return False
    return end.tzinfo is not None and instant(end) + timedelta(days=1) < instant(moment)


def _line(name: str, slot: Slot, body: EventBody) -> str:
    start = slot_start(slot, zone_name(body.start))
    if body.all_day:
        return f"{name};VALUE=DATE:{start:%Y%m%d}"
    zone = zone_name(body.start)
    return (
        f"{name}:{start:%Y%m%dT%H%M%SZ}"
        if zone == "UTC"
        else f"{name};TZID={zone}:{start:%Y%m%dT%H%M%S}"
    )


def _private(row: Row) -> Row:
    found = (row.get("extendedProperties") or {}).get("private")
    return found if isinstance(found, Mapping) else {}


def _is_own_no(guest: Row) -> bool:
    return bool(guest.get("self")) and guest.get("responseStatus") == "declined"


def _impossible_wall(body: EventBody) -> str | None:
    return local_text(body.start) if not body.all_day and resolution(body.start) == "gap" else None


def _said_wall(row: Row, start: datetime) -> datetime:
    said = _private(row).get(WALL)
    if not said or not isinstance(start.tzinfo, ZoneInfo):
        return start
    try:
        meant = parse_local(str(said), start.tzinfo.key)
    except ValueError:
        return start
    return meant if same_instant(meant, start) else start
