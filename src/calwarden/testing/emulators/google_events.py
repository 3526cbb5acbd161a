"""Writing events: ids, preconditions, exceptions, out-of-office rules (G8 to G23)."""

import copy
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from calwarden.testing.emulators.google_errors import ApiError
from calwarden.testing.emulators.google_state import (
    Calendar,
    Row,
    State,
    find,
    occurrence_id,
    tombstone,
)
from calwarden.testing.emulators.google_times import (
    BadTime,
    check_recurrence,
    instant,
    length,
    lengthened,
    shifted,
    slots,
    stored,
    wall,
)

ID = re.compile(r"[a-v0-9]{5,1024}")
READ_ONLY = frozenset(
    {
        "kind",
        "etag",
        "created",
        "updated",
        "creator",
        "htmlLink",
        "hangoutLink",
        "locked",
        "organizer",
    }
)
INHERITED = (
    "summary",
    "location",
    "description",
    "visibility",
    "transparency",
    "extendedProperties",
    "colorId",
)
LONGEST_KEY = 44
LONGEST_VALUE = 1024
MOST_REMINDERS = 5


class Events:
    """Answers the writing methods of events."""

    def __init__(self, state: State) -> None:
        self.state = state

    def insert(self, calendar: Calendar, body: Mapping[str, Any], *, updates: str | None) -> Row:
        """Answer events.insert; a given id that was ever used is refused (G8, G9)."""
        if "recurringEventId" in body or "originalStartTime" in body:
            raise ApiError(400, "invalid", "An occurrence cannot be inserted.")
        if "id" in body and "iCalUID" in body:
            raise ApiError(400, "invalid", "Give id or iCalUID, not both.")
        if "id" in body and not ID.fullmatch(body["id"]):
            raise ApiError(400, "invalid", "Invalid resource id value.")
        if body.get("id") in calendar.rows:
            raise ApiError(409, "duplicate")
        row = {
            name: value for name, value in copy.deepcopy(dict(body)).items() if value is not None
        }
        row["id"] = row.get("id") or self.state.new_id()
        row.setdefault("iCalUID", f"{row['id']}@google.com")
        row.setdefault("eventType", "default")
        row.setdefault("reminders", {"useDefault": True})
        self._accept(calendar, row)
        self._check_type(calendar, row)
        self._mail(row, updates)
        self.state.put(calendar, row)
        if self.state.rules.late_etag and "recurrence" in row:
            calendar.unsettled.add(row["id"])
        return row

    def update(
        self,
        calendar: Calendar,
        key: str,
        body: Mapping[str, Any],
        match: str | None,
        *,
        updates: str | None,
    ) -> Row:
        """Answer events.update: the body replaces all that can be written (G16)."""
        row = self._existing(calendar, key, match)
        fixed = (
            "id",
            "iCalUID",
            "eventType",
            "recurringEventId",
            "originalStartTime",
            "created",
            "sequence",
        )
        new = {
            name: value for name, value in copy.deepcopy(dict(body)).items() if value is not None
        }
        new = {**new, **{name: row[name] for name in fixed if name in row}}
        return self._replace(calendar, row, new, updates)

    def patch(
        self,
        calendar: Calendar,
        key: str,
        body: Mapping[str, Any],
        match: str | None,
        *,
        updates: str | None,
    ) -> Row:
        """Answer events.patch: objects merge, arrays are replaced, null clears (G16)."""
        row = self._existing(calendar, key, match)
        if body.get("eventType", row.get("eventType")) != row.get("eventType"):
            raise ApiError(400, "invalid", "The event type cannot be changed.")
        if row.get("status") == "cancelled":
            new = merged(self._revived(calendar, row), body)
        else:
            new = merged(copy.deepcopy(row), body)
        return self._replace(calendar, row, new, updates)

    def delete(
        self, calendar: Calendar, key: str, match: str | None, *, updates: str | None
    ) -> None:
        """Answer events.delete; repeated it is 410, guarded by the old etag 412 (G14)."""
        row = find(calendar, key)
        if row is None:
            raise ApiError(404, "notFound")
        self._guard(calendar, row, match)
        if row.get("status") == "cancelled":
            raise ApiError(410, "deleted")
        self._mail(row, updates)
        self.remove(calendar, row)

    def remove(self, calendar: Calendar, row: Row) -> None:
        """Delete a row: one occurrence is cancelled, anything else leaves a tombstone."""
        if "recurringEventId" in row:
            self.state.put(calendar, tombstone(row))
            self._touch_master(calendar, row)
        else:
            self.state.bury(calendar, row["id"])

    def _existing(self, calendar: Calendar, key: str, match: str | None) -> Row:
        self.state.settle_etags(calendar)
        row = find(calendar, key)
        if row is None:
            raise ApiError(404, "notFound")
        self._guard(calendar, row, match)
        if row.get("status") != "cancelled":
            return row
        if "recurringEventId" in row and self.state.rules.restores:
            return row
        if "recurringEventId" not in row and self.state.rules.tombstone_update:
            return row
        raise ApiError(403, "forbidden", "Forbidden")

    def _guard(self, calendar: Calendar, row: Row, match: str | None) -> None:
        virtual = row["id"] not in calendar.rows
        if match is None or match == "*":
            return
        if match != row["etag"] or (virtual and not self.state.rules.virtual_guard):
            raise ApiError(412, "conditionNotMet")

    def _revived(self, calendar: Calendar, row: Row) -> Row:
        if "recurringEventId" not in row:
            return {**row, "status": "confirmed"}
        master = calendar.rows[row["recurringEventId"]]
        revived = copy.deepcopy(master)
        revived.pop("recurrence", None)
        revived.update(
            {name: row[name] for name in ("id", "recurringEventId", "originalStartTime")}
        )
        revived["start"] = dict(row["originalStartTime"])
        revived["end"] = lengthened(revived["start"], length(master, calendar.zone))
        return revived | {"status": "cancelled"}

    def _replace(self, calendar: Calendar, row: Row, new: Row, updates: str | None) -> Row:
        if new.get("status") == "cancelled" and row.get("status") != "cancelled":
            self._mail(row, updates)
            self.remove(calendar, row)
            return calendar.rows[row["id"]]
        if "recurringEventId" in new and "recurrence" in new:
            raise ApiError(400, "invalid", "An occurrence has no recurrence.")
        self._accept(calendar, new)
        self._check_type(calendar, new)
        if "recurrence" in row or "recurrence" in new:
            self._settle_exceptions(calendar, row, new)
        self._mail(new, updates)
        self.state.put(calendar, new)
        self._touch_master(calendar, new)
        return new

    def _touch_master(self, calendar: Calendar, row: Row) -> None:
        master = calendar.rows.get(row.get("recurringEventId", ""))
        if (
            self.state.rules.exception_etag
            and master is not None
            and master.get("status") != "cancelled"
        ):
            self.state.put(calendar, master, significant=False)

    def _accept(self, calendar: Calendar, row: Row) -> None:
        for name in READ_ONLY - {"kind", "etag", "created", "updated"}:
            row.pop(name, None)
        if not row.get("recurrence"):
            row.pop("recurrence", None)
        self._accept_times(calendar, row)
        if "recurrence" in row and self.state.rules.spells_by_day:
            row["recurrence"] = [_by_day(line, row["start"]) for line in row["recurrence"]]
        self._check_extras(row)

    @staticmethod
    def _accept_times(calendar: Calendar, row: Row) -> None:
        recurring = "recurrence" in row
        try:
            for name in ("start", "end"):
                if name not in row:
                    raise ApiError(400, "required", f"Missing {name} time.")
                row[name] = stored(row[name], calendar.zone, recurring=recurring)
            if recurring:
                check_recurrence(row["recurrence"], row["start"])
        except BadTime as error:
            raise ApiError(400, "invalid", str(error)) from error
        if ("date" in row["start"]) != ("date" in row["end"]):
            raise ApiError(400, "invalid", "Start and end times must be of one kind.")
        if length(row, calendar.zone) < timedelta():
            raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.")

    @staticmethod
    def _check_extras(row: Row) -> None:
        for kind in ("private", "shared"):
            for name, value in row.get("extendedProperties", {}).get(kind, {}).items():
                if len(name) > LONGEST_KEY or len(value) > LONGEST_VALUE:
                    raise ApiError(400, "invalid", "An extended property is too long.")
        if len(row.get("reminders", {}).get("overrides", ())) > MOST_REMINDERS:
            raise ApiError(400, "invalid", "Too many override reminders.")
        if row.get("visibility", "default") not in {"default", "public", "private", "confidential"}:
            raise ApiError(400, "invalid", "Invalid visibility.")
        if row.get("transparency", "opaque") not in {"opaque", "transparent"}:
            raise ApiError(400, "invalid", "Invalid transparency.")
        if row.get("status", "confirmed") not in {"confirmed", "tentative", "cancelled"}:
            raise ApiError(400, "invalid", "Invalid status.")

    def _check_type(self, calendar: Calendar, row: Row) -> None:
        if row.get("eventType") != "outOfOffice":
            if "outOfOfficeProperties" in row:
                raise ApiError(
                    400, "eventTypeRestriction", "Only an out-of-office event has these properties."
                )
            return
        account = self.state.accounts.get(calendar.owner)
        if not calendar.primary or account is None or not account.workspace:
            refusal = int(self.state.rules.out_of_office_refusal)
            raise ApiError(
                refusal, "eventTypeRestriction", "This calendar does not allow the event type."
            )
        timed = "dateTime" in row["start"]
        opaque = row.get("transparency", "opaque") == "opaque"
        extra = {"attendees", "description", "conferenceData"} & {name for name in row if row[name]}
        mode = row.get("outOfOfficeProperties", {}).get("autoDeclineMode", "declineNone")
        known = {
            "declineNone",
            "declineAllConflictingInvitations",
            "declineOnlyNewConflictingInvitations",
        }
        if not timed or not opaque or extra or mode not in known:
            raise ApiError(
                400, "malformedOutOfOfficeEvent", "The out-of-office event is malformed."
            )

    def _settle_exceptions(self, calendar: Calendar, old: Row, new: Row) -> None:
        parts = calendar.exceptions(old["id"])
        if "recurrence" not in new:
            for part in parts:
                self.state.put(calendar, tombstone(part))
            return
        if self.state.rules.inherits:
            for part in parts:
                self._inherit(calendar, old, new, part)
        if "recurrence" in old and _times(old) != _times(new):
            self._reframe(calendar, old, new)

    def _reframe(self, calendar: Calendar, old: Row, new: Row) -> None:
        if self.state.rules.series_change == "keep":
            return
        parts = calendar.exceptions(old["id"])
        for part in parts:
            del calendar.rows[part["id"]]
            del calendar.changed[part["id"]]
        if self.state.rules.series_change == "shift":
            by = wall(new["start"]) - wall(old["start"])
            for part in parts:
                self._shift(calendar, new, part, by)

    def _shift(self, calendar: Calendar, master: Row, part: Row, by: timedelta) -> None:
        moved = copy.deepcopy(part)
        moved["originalStartTime"] = shifted(part["originalStartTime"], by)
        if wall(moved["originalStartTime"]) not in set(
            slots(master["recurrence"], master["start"])
        ):
            return
        for name in ("start", "end"):
            if name in moved:
                moved[name] = shifted(part[name], by)
        moved["id"] = occurrence_id(master, moved["originalStartTime"])
        self.state.put(calendar, moved)

    def _inherit(self, calendar: Calendar, old: Row, new: Row, part: Row) -> None:
        if part.get("status") == "cancelled":
            return
        for name in INHERITED:
            if part.get(name) == old.get(name) and new.get(name) != old.get(name):
                part[name] = copy.deepcopy(new.get(name))
        self.state.put(calendar, {key: value for key, value in part.items() if value is not None})

    def _mail(self, row: Row, updates: str | None) -> None:
        if updates in {"all", "externalOnly"}:
            self.state.mails += [(row["id"], guest["email"]) for guest in row.get("attendees", ())]


def merged(old: Row, new: Mapping[str, Any]) -> Row:
    """Return ``old`` with a patch applied: objects merge, arrays are replaced, null clears."""
    result = dict(old)
    for name, value in new.items():
        if name in READ_ONLY:
            continue
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def busy(row: Row, calendar: Calendar) -> tuple[datetime, datetime] | None:
    """Return the span that an event or occurrence takes, if it takes any."""
    declined = any(
        guest.get("self") and guest.get("responseStatus") == "declined"
        for guest in row.get("attendees", ())
    )
    if row.get("status") == "cancelled" or row.get("transparency") == "transparent" or declined:
        return None
    return instant(row["start"], calendar.zone).astimezone(UTC), instant(
        row["end"], calendar.zone
    ).astimezone(UTC)


def _times(row: Row) -> tuple[Any, ...]:
    return (row["start"], row["end"], row.get("recurrence"))


def _by_day(line: str, start: Mapping[str, Any]) -> str:
    if not line.startswith("RRULE:FREQ=WEEKLY") or "BYDAY" in line:
        return line
    return f"{line};BYDAY={('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU')[wall(start).weekday()]}"
