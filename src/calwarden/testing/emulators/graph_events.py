"""Events written: created, changed, deleted, with their series and occurrences (M8, M11-M20)."""

import copy
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from calwarden.testing.emulators.graph_errors import ApiError, gone, mistake
from calwarden.testing.emulators.graph_fields import property_id
from calwarden.testing.emulators.graph_shape import kept_body
from calwarden.testing.emulators.graph_state import Calendar, Change, Item, State
from calwarden.testing.emulators.graph_times import days, instant, invalid, recurrence, wall, zone

SPECIAL = {
    "start",
    "end",
    "isAllDay",
    "recurrence",
    "transactionId",
    "singleValueExtendedProperties",
    "location",
    "locations",
    "body",
    "attendees",
    "@odata.type",
    "@odata.etag",
}
MIDNIGHT = time()


@dataclass(frozen=True)
class Target:
    """What an id names: an event or series, or the occurrence of an original date."""

    item: Item
    day: date | None = None


class Events:
    """The writes."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create(self, calendar: Calendar, body: Mapping[str, Any], mailbox: str) -> Item:
        """Create an event or series; a known transactionId makes no second one (M8)."""
        known = self._known(mailbox, body.get("transactionId"))
        if known is not None:
            return known
        item = Item(
            key=self.state.new_key(),
            calendar=calendar.id,
            uid=f"040000008200E00074C5B7101A82E008{uuid.uuid4().hex.upper()}",
            transaction=body.get("transactionId"),
            organizer=mailbox,
            **self._times(body),
        )
        item.all_day = bool(body.get("isAllDay"))
        self._check_all_day(item)
        if body.get("recurrence"):
            self.begin_series(item, body["recurrence"])
        self._set_fields(item.fields, item.properties, body)
        self.state.put(item, "created")
        if item.transaction:
            self.state.transactions[mailbox, item.transaction] = (item.key, self.state.clock())
        self._mail(item.fields, "invited")
        if self.state.rules.late_change:
            returned = copy.deepcopy(item)
            self.state.put(item, "updated")
            return returned
        return item

    def update(self, target: Target, body: Mapping[str, Any]) -> None:
        """Change an event, a series or one occurrence."""
        if "transactionId" in body:
            raise mistake("transactionId is set at creation only.", "ErrorInvalidRequest")
        if target.day is not None:
            self._update_occurrence(target.item, target.day, body)
            return
        item = target.item
        before = (item.start, item.end, item.zone, item.all_day, copy.deepcopy(item.recurrence))
        if "start" in body or "end" in body or "isAllDay" in body:
            self._move(item, body)
        if "recurrence" in body:
            self._change_rule(item, body["recurrence"])
        elif item.recurrence is not None and self._first(item) != item.start.date():
            raise invalid("start.dateTime of a series is the date of recurrence.range.startDate.")
        if (item.start, item.end, item.zone, item.all_day, item.recurrence) != before:
            self._series_changed(item, before[0], before[2])
        if not self.state.rules.inherits:
            self._freeze(item)
        self._set_fields(item.fields, item.properties, body)
        self.state.put(item, "updated")
        self._mail(item.fields, "updated")

    def remove(self, target: Target) -> None:
        """Delete an event, a series or one occurrence; the last cannot be brought back (M20)."""
        item, day = target.item, target.day
        self._mail(item.fields, "cancelled")
        if day is None:
            self.state.bury(item)
            return
        item.cancelled.add(day)
        item.changes.pop(day, None)
        if item.days():
            self.state.put(item, "updated")
        else:
            self.state.bury(item)

    def move_to(self, item: Item, calendar: Calendar) -> None:
        """Move an event to another calendar of its mailbox: only its ordinary id changes (M7)."""
        item.calendar = calendar.id
        item.moves += 1
        self.state.put(item, "updated")

    def _known(self, mailbox: str, transaction: str | None) -> Item | None:
        rules = self.state.rules
        if transaction is None or (mailbox, transaction) not in self.state.transactions:
            return None
        key, at = self.state.transactions[mailbox, transaction]
        age = (self.state.clock() - at).total_seconds()
        if rules.dedupe_seconds is not None and age > rules.dedupe_seconds:
            return None
        item = self.state.items.get(key)
        if item is None and rules.dedupe_deleted:
            item = next(seen.item for seen in reversed(self.state.history[key]) if seen.item)
        if item is not None and rules.dedupe == "conflict":
            raise ApiError(409, "ErrorDuplicateTransactionId")
        return item

    @staticmethod
    def _times(body: Mapping[str, Any]) -> dict[str, Any]:
        start, zone_name = wall(body.get("start"), "start")
        end, end_zone = wall(body.get("end"), "end")
        if zone(end_zone) != zone(zone_name):
            if body.get("isAllDay"):
                raise invalid("An all-day event begins and ends in one zone.")
            moved = instant(end, end_zone).astimezone(zone(zone_name))
            end = moved.replace(tzinfo=None)
        if end < start:
            raise ApiError(400, "ErrorPropertyValidationFailure", "The end is before the start.")
        return {"start": start, "end": end, "zone": zone_name, "zones": (zone_name, end_zone)}

    @staticmethod
    def _check_all_day(item: Item) -> None:
        if not item.all_day:
            return
        if item.start.time() != MIDNIGHT or item.end.time() != MIDNIGHT or item.end <= item.start:
            raise invalid("The start and end of an all-day event are set to midnight.")

    def begin_series(self, item: Item, given: Mapping[str, Any]) -> None:
        """Make a series of an event; it begins on the first day that its pattern names."""
        where = (given.get("range") or {}).get("recurrenceTimeZone")
        if where and zone(where) != zone(item.zone):
            raise invalid("recurrenceTimeZone is not the zone of start.")
        item.recurrence = recurrence(given, item.start, item.zone)
        first, length = self._first(item), item.length
        if first != item.start.date():
            item.start = datetime.combine(first, item.start.time())
            item.end = item.start + length
            item.recurrence["range"]["startDate"] = first.isoformat()

    @staticmethod
    def _first(item: Item) -> date:
        assert item.recurrence is not None
        return next(days(item.recurrence))

    def _move(self, item: Item, body: Mapping[str, Any]) -> None:
        shown = {
            name: {"dateTime": local.isoformat(), "timeZone": item.zone}
            for name, local in (("start", item.start), ("end", item.end))
        }
        given = {name: body[name] for name in ("start", "end", "isAllDay") if name in body}
        times = self._times({"isAllDay": item.all_day, **shown, **given})
        for name, value in times.items():
            setattr(item, name, value)
        item.all_day = bool(body.get("isAllDay", item.all_day))
        self._check_all_day(item)

    def _change_rule(self, item: Item, given: Mapping[str, Any] | None) -> None:
        if given is None:
            item.recurrence = None
            return
        self.begin_series(item, given)

    def _series_changed(self, item: Item, start: datetime, zone_name: str) -> None:
        if item.recurrence is None:
            item.cancelled, item.changes = set(), {}
            return
        how = self.state.rules.series_change
        if how == "drop":
            item.cancelled, item.changes = set(), {}
            return
        standing = set(days(item.recurrence))
        item.cancelled &= standing
        item.changes = {
            day: change for day, change in item.changes.items() if day in standing and how == "keep"
        }
        if zone_name != item.zone:
            for change in item.changes.values():
                for name in ("start", "end"):
                    moved = instant(getattr(change, name), zone_name).astimezone(zone(item.zone))
                    setattr(change, name, moved.replace(tzinfo=None))

    @staticmethod
    def _freeze(item: Item) -> None:
        for change in item.changes.values():
            change.fields = {**item.fields, **change.fields}

    def _update_occurrence(self, item: Item, day: date, body: Mapping[str, Any]) -> None:
        if body.get("recurrence") is not None or body.get("isAllDay", item.all_day) != item.all_day:
            raise ApiError(
                400,
                "ErrorInvalidRequest",
                "An occurrence has no recurrence of its own.",
                mistake=body.get("recurrence") is not None,
            )
        start, end = item.times(day)
        change = copy.deepcopy(item.changes.get(day)) or Change(
            start=start, end=end, created=item.created
        )
        if "start" in body or "end" in body:
            moved = copy.copy(item)
            moved.start, moved.end = start, end
            self._move(moved, body)
            change.start, change.end = self._in_zone(item, moved)
            self._check_neighbours(item, day, change)
        self._set_fields(change.fields, change.properties, body)
        item.changes[day] = change
        change.change = self.state.tick()
        # a written exception moves its master's etag too (M11)
        self.state.put(item, "updated")
        self._mail({**item.fields, **change.fields}, "updated")

    @staticmethod
    def _in_zone(item: Item, moved: Item) -> tuple[datetime, datetime]:
        if zone(moved.zone) == zone(item.zone):
            return moved.start, moved.end
        start, end = (
            instant(local, moved.zone).astimezone(zone(item.zone)).replace(tzinfo=None)
            for local in (moved.start, moved.end)
        )
        return start, end

    @staticmethod
    def _check_neighbours(item: Item, day: date, change: Change) -> None:
        standing = item.days()
        at = standing.index(day)
        before = item.times(standing[at - 1])[0] if at else None
        after = item.times(standing[at + 1])[0] if at + 1 < len(standing) else None
        moved = change.start.date()
        if (before and moved <= before.date()) or (after and moved >= after.date()):
            raise ApiError(400, "ErrorOccurrenceCrossingBoundary")

    @staticmethod
    def _set_fields(
        fields: dict[str, Any], properties: dict[str, str], body: Mapping[str, Any]
    ) -> None:
        fields |= {name: value for name, value in body.items() if name not in SPECIAL}
        if "body" in body:
            fields["body"] = kept_body(body["body"])
        if "location" in body or "locations" in body:
            places = body.get("locations") or [body.get("location") or {}]
            fields["locations"] = [
                {"displayName": place["displayName"]}
                for place in places
                if place.get("displayName")
            ]
        if "attendees" in body:
            fields["attendees"] = [_attendee(given) for given in body["attendees"] or []]
        for given in body.get("singleValueExtendedProperties") or []:
            if given.get("value") is None:
                raise mistake("An extended property has a value.", "ErrorInvalidProperty")
            properties[property_id(given.get("id", ""))] = given["value"]

    def _mail(self, fields: Mapping[str, Any], why: str) -> None:
        # Graph offers no way not to (M15)
        for attendee in fields.get("attendees", []):
            self.state.mails.append((attendee["emailAddress"]["address"], why))


def _attendee(given: Mapping[str, Any]) -> dict[str, Any]:
    who = given.get("emailAddress") or {}
    if not who.get("address"):
        raise mistake("An attendee has an address.", "ErrorInvalidRecipients")
    return {
        "type": given.get("type") or "required",
        "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
        "emailAddress": {"name": who.get("name") or who["address"], "address": who["address"]},
    }


def standing(state: State, key: int, day: date | None) -> Target:
    """Return what an id names, if it still stands; an occurrence only on a date of its series."""
    item = state.items.get(key)
    if item is None or (day is not None and day not in item.days()):
        raise gone()
    return Target(item, day)
