"""People at Google's own pages: what they can do there, as rows change by it.

An event is named by its id, an occurrence by its series' id and its wall-clock slot. Every act is
done by the calendar's owner and needs no etag: a page never asks for one.
"""

import copy
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calwarden.testing.emulators.google_api import Api
from calwarden.testing.emulators.google_state import Calendar, Row, slot_row
from calwarden.testing.emulators.google_times import (
    at_wall,
    length,
    lengthened,
    shifted,
    slots,
    wall,
    zone,
)


class Person:
    """Somebody at the page of one calendar."""

    def __init__(self, api: Api, calendar: Calendar) -> None:
        self.api = api
        self.calendar = calendar

    def add(
        self,
        title: str,
        start: str,
        end: str,
        *,
        zone: str | None = None,
        rule: str | None = None,
        **more: Any,
    ) -> str:
        """Make an event of their own; ``start`` and ``end`` are local times, or dates."""
        where = zone or self.calendar.zone
        times = [
            {"date": text} if "T" not in text else {"dateTime": text, "timeZone": where}
            for text in (start, end)
        ]
        body = {"summary": title, "start": times[0], "end": times[1], **more}
        if rule is not None:
            body["recurrence"] = [f"RRULE:{rule}"]
        with self.api.state.lock:
            return str(self.api.events.insert(self.calendar, body, updates=None)["id"])

    def row(self, key: str) -> Row:
        """Return an event as it stands."""
        return self.calendar.rows[key]

    def change(self, key: str, **fields: Any) -> None:
        """Change fields of an event, or of every regular occurrence of a series; None clears."""
        with self.api.state.lock:
            self.api.events.patch(self.calendar, key, fields, None, updates=None)

    def drag(self, key: str, minutes: int) -> None:
        """Move an event; a series with its exceptions ("all events")."""
        by = timedelta(minutes=minutes)
        with self.api.state.lock:
            row = self.row(key)
            start = shifted(row["start"], by)
            fields = {"start": start, "end": lengthened(start, length(row, self.calendar.zone))}
            kept, self.api.state.rules.series_change = self.api.state.rules.series_change, "shift"
            try:
                self.api.events.patch(
                    self.calendar, key, self._rule_moved(row, start, fields), None, updates=None
                )
            finally:
                self.api.state.rules.series_change = kept

    def resize(self, key: str, minutes: int) -> None:
        """Give an event another length, in minutes."""
        self.change(key, end=lengthened(self.row(key)["start"], timedelta(minutes=minutes)))

    def retitle(self, key: str, title: str) -> None:
        """Type another title."""
        self.change(key, summary=title)

    def relocate(self, key: str, location: str) -> None:
        """Type another location."""
        self.change(key, location=location)

    def describe(self, key: str, text: str) -> None:
        """Type a description."""
        self.change(key, description=text)

    def publish(self, key: str) -> None:
        """Make it public."""
        self.change(key, visibility="public")

    def free(self, key: str) -> None:
        """Show the time as available."""
        self.change(key, transparency="transparent")

    def invite(self, key: str, *guests: str) -> None:
        """Invite people; the owner appears among them."""
        known = self.row(key).get("attendees") or [
            {
                "email": self.calendar.owner,
                "self": True,
                "organizer": True,
                "responseStatus": "accepted",
            }
        ]
        added = [{"email": guest, "responseStatus": "needsAction"} for guest in guests]
        self.change(key, attendees=[*known, *added])

    def answer(self, key: str, response: str) -> None:
        """Answer an invitation: accepted, declined or tentative."""
        guests = copy.deepcopy(self.row(key).get("attendees", []))
        for guest in guests:
            if guest.get("self"):
                guest["responseStatus"] = response
        self.change(key, attendees=guests)

    def make_all_day(self, key: str) -> None:
        """Turn an event into an all-day event on the local date of its start."""
        day = wall(self.row(key)["start"]).date()
        self.change(
            key,
            start={"date": day.isoformat(), "dateTime": None, "timeZone": None},
            end={"date": (day + timedelta(days=1)).isoformat(), "dateTime": None, "timeZone": None},
        )

    def change_zone(self, key: str, name: str, *, keep_wall: bool = False) -> None:
        """Set an event's own time zone.

        The same instant told there, or the same wall time there.
        """
        told = {}
        for part in ("start", "end"):
            kept = self.row(key)[part]
            if keep_wall:
                told[part] = {
                    "dateTime": wall(kept).replace(tzinfo=zone(name)).isoformat(),
                    "timeZone": name,
                }
            else:
                told[part] = {**kept, "timeZone": name}
        self.change(key, **told)

    def change_rule(self, key: str, rule: str) -> None:
        """Give a series another rule."""
        self.change(key, recurrence=[f"RRULE:{rule}"])

    def delete(self, key: str) -> None:
        """Delete an event or a whole series."""
        with self.api.state.lock:
            self.api.events.remove(self.calendar, self.row(key))

    def undelete(self, key: str) -> None:
        """Bring an event, or a series with its exceptions, back from the bin."""
        with self.api.state.lock:
            for row in self.calendar.trash.pop(key):
                self.api.state.put(self.calendar, row)

    def copy(self, key: str, minutes: int = 0, *, marker: bool = True) -> str:
        """Duplicate an event, with or without the properties that apps hung on it."""
        with self.api.state.lock:
            row = copy.deepcopy(self.row(key))
            for name in ("id", "iCalUID", "etag", "created", "updated", "sequence", "kind"):
                row.pop(name, None)
            if not marker:
                row.pop("extendedProperties", None)
            start = shifted(row["start"], timedelta(minutes=minutes))
            row["end"] = lengthened(start, length(row, self.calendar.zone))
            row["start"] = start
            return str(self.api.events.insert(self.calendar, row, updates=None)["id"])

    def move_to(self, key: str, target: str) -> None:
        """Move an event to another calendar; it keeps its id."""
        with self.api.state.lock:
            self.api.moved(self.calendar, self.api.state.calendars[target], key)

    def occurrence(self, series: str, slot: str) -> Row:
        """Return one occurrence by its original wall-clock start."""
        return slot_row(self.calendar, self.row(series), datetime.fromisoformat(slot))

    def change_occurrence(self, series: str, slot: str, **fields: Any) -> None:
        """Change fields of one occurrence ("this event")."""
        with self.api.state.lock:
            key = self.occurrence(series, slot)["id"]
            self.api.events.patch(self.calendar, key, fields, None, updates=None)

    def drag_occurrence(self, series: str, slot: str, minutes: int) -> None:
        """Move one occurrence from where it stands."""
        row = self.occurrence(series, slot)
        start = shifted(row["start"], timedelta(minutes=minutes))
        end = lengthened(start, length(row, self.calendar.zone))
        self.change_occurrence(series, slot, start=start, end=end)

    def delete_occurrence(self, series: str, slot: str) -> None:
        """Delete one occurrence."""
        with self.api.state.lock:
            self.api.events.remove(self.calendar, self.occurrence(series, slot))

    def restore_occurrence(self, series: str, slot: str) -> None:
        """Bring one deleted occurrence back from the bin."""
        self.change_occurrence(series, slot, status="confirmed")

    def split(
        self, series: str, slot: str, minutes: int = 0, *, rule: str | None = None, **fields: Any
    ) -> str:
        """Change "this and following": the old series ends before ``slot``, a new one begins (G20).

        The new one's id is the old one's and its first start; it carries all that the old one
        carried, the properties of apps too. Exceptions at or after the slot are lost.
        """
        with self.api.state.lock:
            old = self.row(series)
            local = datetime.fromisoformat(slot)
            first = at_wall(old["start"], local)
            lines = self._remaining(old, local, rule)
            new = copy.deepcopy(old)
            stamp = f"{local:%Y%m%d}" if "date" in first else f"{_utc(first):%Y%m%dT%H%M%S}"
            new["id"] = f"{series.split('_R', maxsplit=1)[0]}_R{stamp}"
            new["iCalUID"] = f"{new['id']}@google.com"
            start = shifted(first, timedelta(minutes=minutes))
            new.update(
                start=start,
                end=lengthened(start, length(old, self.calendar.zone)),
                recurrence=lines,
            )
            new.update(copy.deepcopy(fields))
            for name in ("created", "sequence"):
                new.pop(name, None)
            self.end_before(series, slot)
            self.api.state.put(self.calendar, new)
            return str(new["id"])

    def end_before(self, series: str, slot: str) -> None:
        """Delete "this and following": the series ends before ``slot``."""
        with self.api.state.lock:
            old = self.row(series)
            local = datetime.fromisoformat(slot)
            for part in self.calendar.exceptions(series):
                if wall({**part["originalStartTime"], **_zone_of(old)}) >= local:
                    self.api.events.remove(self.calendar, part)
            first = at_wall(old["start"], local)
            if "date" in first:
                until = (date.fromisoformat(first["date"]) - timedelta(days=1)).strftime("%Y%m%d")
            else:
                until = f"{_utc(first) - timedelta(seconds=1):%Y%m%dT%H%M%SZ}"
            self._truncate(old, until)

    def adorn(self, key: str) -> None:
        """Add what people and their programs add."""
        self.change(
            key,
            colorId="7",
            description="bring the folder",
            reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 15}]},
            extendedProperties={"private": {"other-app": "kept"}},
        )

    def adornments(self, key: str) -> Mapping[str, str]:
        """Return what is left of `adorn`."""
        row = self.row(key)
        return {
            "colour": str(row.get("colorId")),
            "note": str(row.get("description")),
            "reminders": str(row.get("reminders")),
            "property": str(row.get("extendedProperties", {}).get("private", {}).get("other-app")),
        }

    def _truncate(self, old: Row, until: str) -> None:
        lines = []
        for line in old["recurrence"]:
            if not line.startswith("RRULE:"):
                lines.append(line)
                continue
            parts = [part for part in line.split(";") if not part.startswith(("COUNT=", "UNTIL="))]
            lines.append(";".join([*parts, f"UNTIL={until}"]))
        kept, self.api.state.rules.series_change = self.api.state.rules.series_change, "keep"
        try:
            self.api.events.patch(
                self.calendar, old["id"], {"recurrence": lines}, None, updates=None
            )
        finally:
            self.api.state.rules.series_change = kept

    @staticmethod
    def _remaining(old: Row, local: datetime, rule: str | None) -> list[str]:
        if rule is not None:
            return [f"RRULE:{rule}"]
        lines = []
        for line in old["recurrence"]:
            if line.startswith("RRULE:") and "COUNT=" in line:
                used = sum(1 for start in slots([line], old["start"]) if start < local)
                parts = line.split(";")
                left = [
                    f"COUNT={int(p[6:]) - used}" if p.startswith("COUNT=") else p for p in parts
                ]
                lines.append(";".join(left))
            elif line.startswith("RRULE:"):
                lines.append(line)
        return lines

    def _rule_moved(
        self, row: Row, start: Mapping[str, Any], fields: dict[str, Any]
    ) -> dict[str, Any]:
        if "recurrence" not in row or wall(row["start"]).weekday() == wall(start).weekday():
            return fields
        days = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
        old, new = (days[wall(told).weekday()] for told in (row["start"], start))
        lines = [line.replace(f"BYDAY={old}", f"BYDAY={new}") for line in row["recurrence"]]
        return {**fields, "recurrence": lines}


def _utc(told: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(told["dateTime"]).astimezone(UTC)


def _zone_of(row: Row) -> dict[str, Any]:
    return {} if "date" in row["start"] else {"timeZone": row["start"]["timeZone"]}
