"""People in Outlook: what they can do there, as items change by it.

An event is named by its id, an occurrence by its series' id and its wall-clock slot. Every act is
done by the mailbox's owner, needs no etag and names no ``transactionId`` of ours.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from calwarden.testing.emulators.graph_api import Api
from calwarden.testing.emulators.graph_errors import gone
from calwarden.testing.emulators.graph_events import Target, standing
from calwarden.testing.emulators.graph_rules import pattern_of
from calwarden.testing.emulators.graph_shape import Preferred
from calwarden.testing.emulators.graph_state import Calendar, Item, event_id, read_id
from calwarden.testing.emulators.graph_times import DAYS, instant, zone

OTHER = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name other-app"
MINE = Preferred(immutable=True)


class Person:
    """Somebody at one calendar in Outlook."""

    def __init__(self, api: Api, calendar: Calendar) -> None:
        self.api = api
        self.calendar = calendar

    def add(
        self,
        title: str,
        start: str,
        end: str,
        *,
        zone: str = "America/New_York",
        rule: str | None = None,
        **more: Any,
    ) -> str:
        """Make an event of their own; ``start`` and ``end`` are local times; ``rule`` an RRULE."""
        body = {"subject": title, "isReminderOn": True, **self._times(start, end, zone), **more}
        if rule is not None:
            body["recurrence"] = pattern_of(rule, datetime.fromisoformat(start))
        with self.api.state.lock:
            return self._id(self.api.events.create(self.calendar, body, self.calendar.owner))

    def item(self, key: str) -> Item:
        """Return an event or series as it stands."""
        named = read_id(key)
        if named is None:
            raise gone()
        return standing(self.api.state, named[0], None).item

    def row(self, key: str) -> dict[str, Any]:
        """Return an event as a reply would show it, in its own zone."""
        item = self.item(key)
        return self.api.shape.row(item, None, Preferred(immutable=True, zone=item.zone, text=True))

    def change(self, key: str, **fields: Any) -> None:
        """Change fields of an event or of a whole series."""
        with self.api.state.lock:
            self.api.events.update(Target(self.item(key)), fields)

    def drag(self, key: str, minutes: int) -> None:
        """Move an event; a series ("all events") keeps what was changed and deleted in it."""
        with self.api.state.lock:
            item = self.item(key)
            start, end = (at + timedelta(minutes=minutes) for at in (item.start, item.end))
            body = self._times(start.isoformat(), end.isoformat(), item.zone)
            if item.recurrence is not None:
                body["recurrence"] = _shifted(item, start)
            with self._keeping():
                self.api.events.update(Target(item), body)

    def resize(self, key: str, minutes: int) -> None:
        """Give an event another length, in minutes."""
        item = self.item(key)
        end = item.start + timedelta(minutes=minutes)
        with self._keeping():
            self.change(key, end={"dateTime": end.isoformat(), "timeZone": item.zone})

    def retitle(self, key: str, title: str) -> None:
        """Type another title."""
        self.change(key, subject=title)

    def relocate(self, key: str, location: str) -> None:
        """Type another location."""
        self.change(key, location={"displayName": location})

    def describe(self, key: str, text: str) -> None:
        """Type a description, in Outlook's HTML."""
        self.change(key, body={"contentType": "html", "content": f"<div>{text}</div>"})

    def publish(self, key: str) -> None:
        """Make it visible to all with whom the calendar is shared."""
        self.change(key, sensitivity="normal")

    def show_as(self, key: str, status: str) -> None:
        """Say how the time shows: free, tentative, busy, oof, workingElsewhere."""
        self.change(key, showAs=status)

    def invite(self, key: str, *guests: str) -> None:
        """Invite people."""
        known = self.row(key)["attendees"]
        added = [{"emailAddress": {"address": guest}, "type": "required"} for guest in guests]
        kept = [{"emailAddress": one["emailAddress"], "type": one["type"]} for one in known]
        self.change(key, attendees=[*kept, *added])

    def answer(self, key: str, response: str) -> None:
        """Answer an invitation: accepted, declined or tentativelyAccepted."""
        with self.api.state.lock:
            item = self.item(key)
            item.response = response
            if response == "declined":
                item.fields["showAs"] = "free"
            self.api.state.put(item, "updated")

    def cancel(self, key: str) -> None:
        """Let the organizer call an event off: it stays, marked as cancelled."""
        with self.api.state.lock:
            item = self.item(key)
            item.fields["isCancelled"] = True
            item.fields["showAs"] = "free"
            self.api.state.put(item, "updated")

    def make_all_day(self, key: str) -> None:
        """Turn an event into an all-day event on the local date of its start."""
        item = self.item(key)
        day = datetime.combine(item.start.date(), datetime.min.time())
        after = day + timedelta(days=1)
        self.change(
            key, isAllDay=True, **self._times(day.isoformat(), after.isoformat(), item.zone)
        )

    def change_zone(self, key: str, name: str, *, keep_wall: bool = False) -> None:
        """Set an event's zone: the same instant told there, or the same wall time there."""
        item = self.item(key)
        start, end = (
            at if keep_wall else instant(at, item.zone).astimezone(zone(name)).replace(tzinfo=None)
            for at in (item.start, item.end)
        )
        body: dict[str, Any] = self._times(start.isoformat(), end.isoformat(), name)
        if item.recurrence is not None:
            body["recurrence"] = _shifted(item, start, name)
        self.change(key, **body)

    def custom_zone(self, key: str) -> None:
        """Let an old client have given the event a zone without a name (M17)."""
        with self.api.state.lock:
            item = self.item(key)
            item.zones = ("tzone://Microsoft/Custom", "tzone://Microsoft/Custom")
            self.api.state.put(item, "updated")

    def change_rule(self, key: str, rule: str) -> None:
        """Give a series another rule."""
        self.change(key, recurrence=pattern_of(rule, self.item(key).start))

    def delete(self, key: str) -> None:
        """Delete an event or a whole series."""
        with self.api.state.lock:
            self.api.events.remove(Target(self.item(key)))

    def copy(self, key: str, minutes: int = 0, *, properties: bool = True) -> str:
        """Duplicate an event, with or without the extended properties that apps hung on it."""
        with self.api.state.lock:
            old = self.item(key)
            new = copy.deepcopy(old)
            new.key, new.transaction, new.created = self.api.state.new_key(), None, 0
            new.uid = f"{old.uid[:-8]}{new.key:08X}"
            new.moves, new.cancelled, new.changes = 0, set(), {}
            by = timedelta(minutes=minutes)
            new.start, new.end = old.start + by, old.end + by
            if old.recurrence is not None:
                new.recurrence = None
                self.api.events.begin_series(new, _shifted(old, new.start))
            if not properties:
                new.properties = {}
            return self._id(self.api.state.put(new, "created"))

    def move_to(self, key: str, target: str) -> None:
        """Move an event to another calendar of the mailbox."""
        with self.api.state.lock:
            self.api.events.move_to(self.item(key), self.api.state.calendars[target])

    def change_occurrence(self, series: str, slot: str, **fields: Any) -> None:
        """Change fields of one occurrence ("this event")."""
        with self.api.state.lock:
            self.api.events.update(self._occurrence(series, slot), fields)

    def drag_occurrence(self, series: str, slot: str, minutes: int) -> None:
        """Move one occurrence from where it stands."""
        target = self._occurrence(series, slot)
        start, end = (at + timedelta(minutes=minutes) for at in target.item.times(target.day))
        told = self._times(start.isoformat(), end.isoformat(), target.item.zone)
        self.change_occurrence(series, slot, **told)

    def delete_occurrence(self, series: str, slot: str) -> None:
        """Delete one occurrence."""
        with self.api.state.lock:
            self.api.events.remove(self._occurrence(series, slot))

    def split(
        self,
        series: str,
        slot: str,
        minutes: int = 0,
        *,
        rule: str | None = None,
        properties: bool = False,
        **fields: Any,
    ) -> str:
        """Change "this and following": the series ends before ``slot``, a new one begins.

        The new one carries the texts, but neither transactionId nor (by default) the properties.
        """
        with self.api.state.lock:
            old = self.item(series)
            first = datetime.fromisoformat(slot)
            start = first + timedelta(minutes=minutes)
            given = pattern_of(rule, start) if rule else _remaining(old, first.date(), start)
            body = {
                **{name: value for name, value in old.fields.items() if name != "isCancelled"},
                **self._times(start.isoformat(), (start + old.length).isoformat(), old.zone),
                "recurrence": given,
                **fields,
            }
            if properties:
                body["singleValueExtendedProperties"] = [
                    {"id": name, "value": value} for name, value in old.properties.items()
                ]
            self.end_before(series, slot)
            return self._id(self.api.events.create(self.calendar, body, self.calendar.owner))

    def end_before(self, series: str, slot: str) -> None:
        """Delete "this and following": the series ends before ``slot``; later changes are lost."""
        with self.api.state.lock:
            old = self.item(series)
            assert old.recurrence is not None
            last = datetime.fromisoformat(slot).date() - timedelta(days=1)
            if last < old.start.date():
                self.api.events.remove(Target(old))
                return
            span = {
                "type": "endDate",
                "startDate": old.recurrence["range"]["startDate"],
                "endDate": last.isoformat(),
            }
            with self._keeping():
                given = {"pattern": old.recurrence["pattern"], "range": span}
                self.api.events.update(Target(old), {"recurrence": given})

    def adorn(self, key: str) -> None:
        """Add what people and their programs add."""
        self.change(
            key,
            categories=["Blue category"],
            body={"contentType": "html", "content": "<div>bring the folder</div>"},
            isReminderOn=True,
            reminderMinutesBeforeStart=30,
            singleValueExtendedProperties=[{"id": OTHER, "value": "kept"}],
        )

    def adornments(self, key: str) -> Mapping[str, str]:
        """Return what is left of `adorn`."""
        item = self.item(key)
        return {
            "colour": str(item.value("categories")),
            "note": str(item.value("body")),
            "reminders": f"{item.value('isReminderOn')} {item.value('reminderMinutesBeforeStart')}",
            "property": str(item.properties.get(OTHER)),
        }

    def _id(self, item: Item) -> str:
        return event_id(item, None, immutable=True)

    def _occurrence(self, series: str, slot: str) -> Target:
        item = self.item(series)
        return standing(self.api.state, item.key, datetime.fromisoformat(slot).date())

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        rules = self.api.state.rules
        before, rules.series_change = rules.series_change, "keep"
        try:
            yield
        finally:
            rules.series_change = before

    @staticmethod
    def _times(start: str, end: str, zone_name: str) -> dict[str, Any]:
        return {
            "start": {"dateTime": start, "timeZone": zone_name},
            "end": {"dateTime": end, "timeZone": zone_name},
        }


def _shifted(item: Item, start: datetime, zone_name: str | None = None) -> dict[str, Any]:
    assert item.recurrence is not None
    pattern, span = (
        copy.deepcopy(item.recurrence["pattern"]),
        copy.deepcopy(item.recurrence["range"]),
    )
    by = (start.date() - item.start.date()).days
    if "daysOfWeek" in pattern:
        pattern["daysOfWeek"] = [DAYS[(DAYS.index(d) + by) % 7] for d in pattern["daysOfWeek"]]
    if pattern["type"].startswith("absolute"):
        pattern["dayOfMonth"] = start.day
    if span["type"] == "endDate":
        span["endDate"] = (date.fromisoformat(span["endDate"]) + timedelta(days=by)).isoformat()
    span["startDate"] = start.date().isoformat()
    if zone_name is not None:
        span["recurrenceTimeZone"] = zone_name
    return {"pattern": pattern, "range": span}


def _remaining(old: Item, first: date, start: datetime) -> dict[str, Any]:
    given = _shifted(old, start)
    span = given["range"]
    if (first - old.start.date()).days and "daysOfWeek" in given["pattern"]:
        by = (start.date() - first).days
        assert old.recurrence is not None
        given["pattern"]["daysOfWeek"] = [
            DAYS[(DAYS.index(day) + by) % 7] for day in old.recurrence["pattern"]["daysOfWeek"]
        ]
    if span["type"] == "endDate" and old.recurrence is not None:
        span["endDate"] = old.recurrence["range"]["endDate"]
    if span["type"] == "numbered":
        used = sum(1 for day in old.all_days() if day < first)
        span["numberOfOccurrences"] -= used
    return given
