"""Items as JSON: what a reply shows of an event, in the zone and body type that were preferred."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any
from urllib.parse import quote

from calwarden.testing.emulators.graph_state import (
    Account,
    Calendar,
    Change,
    Item,
    Rules,
    change_key,
    event_id,
)
from calwarden.testing.emulators.graph_times import instant, stamp, told, windows_name

NO_TIME = "0001-01-01T00:00:00Z"
PREVIEW = 255
NOWHERE = {
    "displayName": "",
    "locationType": "default",
    "uniqueIdType": "unknown",
    "address": {},
    "coordinates": {},
}
HEAD = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n'
FROM_TEXT = (
    '<meta name="Generator" content="Microsoft Exchange Server">\r\n<!-- converted from text -->'
    "\r\n<style><!-- .EmailQuote { margin-left: 1pt; padding-left: 4pt; } --></style>"
)
STAMPED_AS_OCCURRENCE = "DwAAABYAAAC"


@dataclass(frozen=True)
class Preferred:
    """What a request's Prefer headers ask for (M2, M7, M13, M17)."""

    immutable: bool = False
    zone: str | None = None
    text: bool = False
    page: int | None = None
    applied: tuple[str, ...] = ()


class Shape:
    """Turns items into JSON."""

    def __init__(self, rules: Rules, root: str) -> None:
        self.rules = rules
        self.root = root

    def etag(self, item: Item, day: date | None) -> str:
        """Return the etag of an event; one for a series and its exceptions (M11).

        Regular occurrences spell it otherwise.
        """
        if day is None or day in item.changes:
            return f'W/"{change_key(item.change)}"'
        return f'W/"{STAMPED_AS_OCCURRENCE}{change_key(item.change)}"'

    def kind(self, item: Item, day: date | None) -> str:
        """Return the type of an event (M5)."""
        if day is None:
            return "singleInstance" if item.recurrence is None else "seriesMaster"
        return "exception" if day in item.changes else "occurrence"

    def skinny(self, item: Item, day: date, preferred: Preferred) -> dict[str, Any]:
        """Return what delta tells of a regular occurrence (M5): zones by their Windows names."""
        start, end = item.times(day)
        return {
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": self.etag(item, day),
            "id": event_id(item, day, immutable=preferred.immutable),
            "seriesMasterId": event_id(item, None, immutable=preferred.immutable),
            "type": "occurrence",
            "start": self._time(item, start, preferred, windows=True),
            "end": self._time(item, end, preferred, windows=True),
        }

    def row(self, item: Item, day: date | None, preferred: Preferred) -> dict[str, Any]:
        """Return an event, a series, or one of its occurrences in full."""
        change = item.changes.get(day, Change(*item.times(day))) if day else None
        start, end = item.times(day)
        body = self.field(item, change, "body")
        key = event_id(item, day, immutable=preferred.immutable)
        etag = self.etag(item, day)
        changed = change.change if change and change.change else item.modified
        created = change.created if change and change.created else item.created
        row: dict[str, Any] = {
            "@odata.etag": etag,
            "id": key,
            "createdDateTime": stamp(created),
            "lastModifiedDateTime": stamp(changed),
            "changeKey": etag[3:-1],
            "categories": self.field(item, change, "categories"),
            "transactionId": item.transaction if day is None else None,
            "originalStartTimeZone": item.zones[0],
            "originalEndTimeZone": item.zones[1],
            "iCalUId": item.uid if day is None else f"{item.uid}{day:%Y%m%d}",
            "uid": item.uid,
            "reminderMinutesBeforeStart": self.field(item, change, "reminderMinutesBeforeStart"),
            "isReminderOn": self.field(item, change, "isReminderOn"),
            "hasAttachments": False,
            "subject": self.field(item, change, "subject"),
            "bodyPreview": plain(body)[:PREVIEW],
            "importance": self.field(item, change, "importance"),
            "sensitivity": self.field(item, change, "sensitivity"),
            "isAllDay": item.all_day,
            "isCancelled": bool(item.fields.get("isCancelled")),
            "isOrganizer": item.response == "organizer",
            "responseRequested": self.field(item, change, "responseRequested"),
            "seriesMasterId": (
                event_id(item, None, immutable=preferred.immutable) if day is not None else None
            ),
            "showAs": self.field(item, change, "showAs"),
            "type": self.kind(item, day),
            "webLink": f"https://outlook.office365.com/owa/?itemid={quote(key)}&exvsurl=1"
            "&path=/calendar/item",
            "onlineMeetingUrl": None,
            "isOnlineMeeting": self.field(item, change, "isOnlineMeeting"),
            "onlineMeetingProvider": self.field(item, change, "onlineMeetingProvider"),
            "allowNewTimeProposals": self.field(item, change, "allowNewTimeProposals"),
            "occurrenceId": occurrence_name(item, day, immutable=preferred.immutable),
            "isDraft": False,
            "hideAttendees": self.field(item, change, "hideAttendees"),
            "responseStatus": {"response": item.response, "time": NO_TIME},
            "body": shown_body(body, text=preferred.text),
            "start": self._time(item, start, preferred),
            "end": self._time(item, end, preferred),
            **self._places(item, change),
            "recurrence": item.recurrence if day is None else None,
            "attendees": self.field(item, change, "attendees"),
            "organizer": {"emailAddress": {"name": item.organizer, "address": item.organizer}},
            "onlineMeeting": None,
        }
        if day is not None:
            original = instant(item.times(None)[0].replace(day.year, day.month, day.day), item.zone)
            row["originalStart"] = f"{original.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return row

    def field(self, item: Item, change: Change | None, name: str) -> Any:
        """Return a field of an event, or of an occurrence that may have its own."""
        if change is not None and name in change.fields:
            return change.fields[name]
        return item.value(name)

    def calendar(self, calendar: Calendar) -> dict[str, Any]:
        """Return a calendar."""
        return {
            "id": calendar.id,
            "name": calendar.name,
            "color": calendar.color,
            "hexColor": "",
            "groupClassId": "0006f0b7-0000-0000-c000-000000000046",
            "isDefaultCalendar": calendar.default,
            "changeKey": change_key(calendar.change),
            "canShare": True,
            "canViewPrivateItems": True,
            "canEdit": calendar.can_edit,
            "allowedOnlineMeetingProviders": ["unknown"],
            "defaultOnlineMeetingProvider": "unknown",
            "isTallyingResponses": calendar.default,
            "isRemovable": not calendar.default,
            "owner": {"name": calendar.owner, "address": calendar.owner},
        }

    def user(self, account: Account) -> dict[str, Any]:
        """Return who owns a mailbox."""
        return {
            "businessPhones": [],
            "displayName": account.email,
            "givenName": None,
            "jobTitle": None,
            "mail": account.email,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "surname": None,
            "userPrincipalName": account.email,
            "id": account.id,
        }

    def _time(
        self, item: Item, local: Any, preferred: Preferred, *, windows: bool = False
    ) -> dict[str, str]:
        asked = preferred.zone or "UTC"
        by_windows = windows or self.rules.zone_names == "windows"
        floats = item.all_day and self.rules.all_day == "floating"
        spelled = windows_name(asked) if by_windows else asked
        return told(local, item.zone, asked, floats=floats, spelled=spelled)

    def _places(self, item: Item, change: Change | None) -> dict[str, Any]:
        places = [_place(given) for given in self.field(item, change, "locations")]
        return {"location": places[0] if places else NOWHERE, "locations": places}


def occurrence_name(item: Item, day: date | None, *, immutable: bool) -> str | None:
    """Return the occurrenceId of an occurrence, as cancelledOccurrences lists them (M20)."""
    if day is None:
        return None
    return f"OID.{event_id(item, None, immutable=immutable)}.{day.isoformat()}"


def _place(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **given,
        "locationType": "default",
        "uniqueId": given["displayName"],
        "uniqueIdType": "private",
    }


def kept_body(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Return an itemBody as it is kept."""
    given = given or {}
    return {
        "contentType": given.get("contentType") or "text",
        "content": given.get("content") or "",
    }


def plain(body: Mapping[str, str]) -> str:
    """Return the text of a body."""
    content = body["content"]
    if body["contentType"] == "html":
        content = html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"(?s)<head>.*</head>", "", content)))
    return content.strip()


def shown_body(body: Mapping[str, str], *, text: bool) -> dict[str, str]:
    """Return a body as replies tell it: HTML is wrapped, text became HTML (M13)."""
    if text:
        return {"contentType": "text", "content": plain(body).replace("\n", "\r\n")}
    content = body["content"]
    if body["contentType"] == "text":
        inner = html.escape(content).replace("\n", "<br>\r\n") or "&nbsp;"
        content = (
            f'<html><head>{HEAD}{FROM_TEXT}</head>\r\n<body>\r\n<font size="2"><span '
            f'style="font-size:11pt;"><div class="PlainText">{inner}</div></span></font>\r\n'
            "</body>\r\n</html>\r\n"
        )
    elif content and "<html" not in content:
        content = f"<html><head>\r\n{HEAD}</head><body>{content}</body></html>\r\n"
    return {"contentType": "html", "content": content}
