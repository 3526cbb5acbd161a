"""The methods of calendar v3 that the emulator answers.

Each behind the scopes and roles it needs (G30).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from calwarden.testing.emulators.google_errors import ApiError
from calwarden.testing.emulators.google_events import Events, busy
from calwarden.testing.emulators.google_listing import Listing, shown
from calwarden.testing.emulators.google_push import Push
from calwarden.testing.emulators.google_state import Calendar, State, find, occurrences

SCOPE = "https://www.googleapis.com/auth/"
WRITERS = {"owner", "writer"}
MOST_FREE_BUSY = 50


@dataclass(frozen=True)
class Caller:
    """Who asks: the person, what was granted, and through which OAuth client."""

    email: str
    scopes: frozenset[str]
    client: str


@dataclass(frozen=True)
class Asked:
    """One checked request."""

    caller: Caller
    path: Mapping[str, str]
    parameters: Mapping[str, Any]
    body: Mapping[str, Any]
    match: str | None

    @property
    def updates(self) -> str | None:
        """Whom to mail."""
        return self.parameters.get("sendUpdates")


class Api:
    """Answers checked requests."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.events = Events(state)
        self.listing = Listing(state)
        self.push = Push(state)
        self.answers: dict[str, Callable[[Asked], Any]] = {
            "calendarList.list": self._calendar_list,
            "calendarList.get": self._calendar_entry,
            "calendars.insert": self._calendar_insert,
            "calendars.get": self._calendar_get,
            "calendars.patch": self._calendar_patch,
            "calendars.delete": self._calendar_delete,
            "events.list": self._list,
            "events.get": self._get,
            "events.instances": self._instances,
            "events.insert": self._insert,
            "events.patch": self._patch,
            "events.update": self._update,
            "events.delete": self._delete,
            "events.move": self._move,
            "events.watch": self._watch,
            "channels.stop": self._stop,
            "freebusy.query": self._free_busy,
        }

    def calendar(self, asked: Asked, *roles: str, name: str | None = None) -> Calendar:
        """Return the calendar that a request names, if its caller may use it so.

        Else 403 or 404.
        """
        caller = asked.caller
        key = name or asked.path["calendarId"]
        calendar = self.state.calendars.get(caller.email if key == "primary" else key)
        role = calendar.role(caller.email) if calendar else None
        if calendar is None or role is None:
            raise ApiError(404, "notFound")
        if not self._reaches(caller, calendar):
            raise ApiError(403, "insufficientPermissions")
        if roles and role not in roles:
            raise ApiError(
                403, "requiredAccessLevel", "You need to have writer access to this calendar."
            )
        return calendar

    @staticmethod
    def _reaches(caller: Caller, calendar: Calendar) -> bool:
        narrow = {
            f"{SCOPE}calendar.app.created",
            f"{SCOPE}calendar.freebusy",
            f"{SCOPE}calendar.calendarlist.readonly",
        }
        owned = {f"{SCOPE}calendar.events.owned", f"{SCOPE}calendar.events.owned.readonly"}
        wide = caller.scopes - narrow - owned
        if any(scope.startswith(f"{SCOPE}calendar") for scope in wide):
            return True
        if caller.scopes & owned and calendar.owner == caller.email:
            return True
        return f"{SCOPE}calendar.app.created" in caller.scopes and calendar.app == caller.client

    def _calendar_list(self, asked: Asked) -> Any:
        email = asked.caller.email
        items = [
            self._entry(found, email)
            for found in self.state.calendars.values()
            if found.role(email)
        ]
        return {
            "kind": "calendar#calendarList",
            "etag": '"p1"',
            "nextSyncToken": "list",
            "items": items,
        }

    def _calendar_entry(self, asked: Asked) -> Any:
        return self._entry(self.calendar(asked), asked.caller.email)

    @staticmethod
    def _entry(calendar: Calendar, email: str) -> dict[str, Any]:
        entry = {
            "kind": "calendar#calendarListEntry",
            "etag": f'"{calendar.etag}"',
            "id": calendar.id,
            "summary": calendar.summary,
            "timeZone": calendar.zone,
            "accessRole": calendar.role(email),
            "selected": True,
            "defaultReminders": [{"method": "popup", "minutes": 30}],
        }
        return {**entry, "primary": True} if calendar.primary and calendar.owner == email else entry

    @staticmethod
    def _calendar(calendar: Calendar) -> dict[str, Any]:
        reply = {
            "kind": "calendar#calendar",
            "etag": f'"{calendar.etag}"',
            "id": calendar.id,
            "summary": calendar.summary,
            "timeZone": calendar.zone,
        }
        return reply if calendar.primary else {**reply, "dataOwner": calendar.owner}

    def _calendar_insert(self, asked: Asked) -> Any:
        if not asked.body.get("summary"):
            raise ApiError(400, "required", "Missing title.")
        zone = asked.body.get("timeZone") or self.state.accounts[asked.caller.email].zone
        return self._calendar(
            self.state.add_calendar(
                None,
                owner=asked.caller.email,
                summary=asked.body["summary"],
                zone=zone,
                app=asked.caller.client,
            )
        )

    def _calendar_get(self, asked: Asked) -> Any:
        return self._calendar(self.calendar(asked))

    def _calendar_patch(self, asked: Asked) -> Any:
        calendar = self.calendar(asked, "owner")
        calendar.summary = asked.body.get("summary", calendar.summary)
        calendar.zone = asked.body.get("timeZone", calendar.zone)
        calendar.etag += 1
        return self._calendar(calendar)

    def _calendar_delete(self, asked: Asked) -> None:
        calendar = self.calendar(asked, "owner")
        if calendar.primary:
            raise ApiError(
                403, "cannotDeletePrimaryCalendar", "The primary calendar cannot be deleted."
            )
        del self.state.calendars[calendar.id]

    def _list(self, asked: Asked) -> Any:
        calendar = self.calendar(asked)
        details = calendar.role(asked.caller.email) != "freeBusyReader"
        return self.listing.events(calendar, asked.parameters, details=details)

    def _get(self, asked: Asked) -> Any:
        calendar = self.calendar(asked)
        self.state.settle_etags(calendar)
        row = find(calendar, asked.path["eventId"])
        if row is None:
            raise ApiError(404, "notFound")
        return shown(row, calendar, asked.parameters.get("timeZone", calendar.zone))

    def _instances(self, asked: Asked) -> Any:
        calendar = self.calendar(asked)
        row = calendar.rows.get(asked.path["eventId"])
        if row is None or row.get("status") == "cancelled":
            raise ApiError(404, "notFound")
        return self.listing.instances(calendar, row, asked.parameters)

    def _insert(self, asked: Asked) -> Any:
        calendar = self.calendar(asked, *WRITERS)
        return shown(
            self.events.insert(calendar, asked.body, updates=asked.updates), calendar, calendar.zone
        )

    def _patch(self, asked: Asked) -> Any:
        calendar = self.calendar(asked, *WRITERS)
        row = self.events.patch(
            calendar, asked.path["eventId"], asked.body, asked.match, updates=asked.updates
        )
        return shown(row, calendar, calendar.zone)

    def _update(self, asked: Asked) -> Any:
        calendar = self.calendar(asked, *WRITERS)
        row = self.events.update(
            calendar, asked.path["eventId"], asked.body, asked.match, updates=asked.updates
        )
        return shown(row, calendar, calendar.zone)

    def _delete(self, asked: Asked) -> None:
        calendar = self.calendar(asked, *WRITERS)
        self.events.delete(calendar, asked.path["eventId"], asked.match, updates=asked.updates)

    def _move(self, asked: Asked) -> Any:
        source = self.calendar(asked, *WRITERS)
        target = self.calendar(asked, *WRITERS, name=asked.parameters["destination"])
        row = find(source, asked.path["eventId"])
        if row is None or row.get("status") == "cancelled":
            raise ApiError(404, "notFound")
        if row.get("eventType") != "default" or "recurringEventId" in row:
            raise ApiError(400, "eventTypeRestriction", "Only a default event can be moved.")
        return shown(self.moved(source, target, row["id"]), target, target.zone)

    def moved(self, source: Calendar, target: Calendar, key: str) -> dict[str, Any]:
        """Take an event, with its exceptions, to another calendar; its id stays."""
        rows = [source.rows[key], *source.exceptions(key)]
        self.state.bury(source, key)
        for row in rows:
            self.state.put(target, {**row})
        return target.rows[key]

    def _watch(self, asked: Asked) -> Any:
        return self.push.watch(self.calendar(asked), asked.body)

    def _stop(self, asked: Asked) -> None:
        self.push.stop(asked.body)

    def _free_busy(self, asked: Asked) -> Any:
        items = asked.body.get("items", [])
        begin, end = (datetime.fromisoformat(asked.body[name]) for name in ("timeMin", "timeMax"))
        if len(items) > MOST_FREE_BUSY:
            raise ApiError(400, "tooManyCalendarsRequested", "Too many calendars.")
        if end <= begin:
            raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.")
        if end - begin > timedelta(days=self.state.rules.free_busy_days):
            raise ApiError(400, "timeRangeTooLong", "The requested time range is too long.")
        found = {item["id"]: self._busy(asked.caller, item["id"], begin, end) for item in items}
        return {
            "kind": "calendar#freeBusy",
            "timeMin": asked.body["timeMin"],
            "timeMax": asked.body["timeMax"],
            "calendars": found,
        }

    def _busy(self, caller: Caller, key: str, begin: datetime, end: datetime) -> dict[str, Any]:
        calendar = self.state.calendars.get(caller.email if key == "primary" else key)
        if calendar is None or calendar.role(caller.email) is None:
            return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
        spans = []
        for row in calendar.rows.values():
            if "recurringEventId" in row or row.get("status") == "cancelled":
                continue
            parts = occurrences(calendar, row, calendar.rows) if "recurrence" in row else [row]
            spans += [span for span in (busy(part, calendar) for part in parts) if span is not None]
        inside = sorted(span for span in spans if span[0] < end and span[1] > begin)
        merged: list[list[datetime]] = []
        for start, stop in inside:
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], stop)
            else:
                merged.append([max(start, begin), min(stop, end)])
        told = [
            {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{stop:%Y-%m-%dT%H:%M:%SZ}"}
            for start, stop in merged
        ]
        return {"busy": told}
