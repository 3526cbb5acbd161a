"""What a request body may hold, and of which type: anything else is the sender's mistake.

The real service ignores some of it silently; a test would never learn that a field did nothing.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from calwarden.testing.emulators.graph_errors import mistake

DAY = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
ENUMS: dict[str, tuple[str, ...]] = {
    "bodyType": ("text", "html"),
    "freeBusyStatus": ("unknown", "free", "tentative", "busy", "oof", "workingElsewhere"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "importance": ("low", "normal", "high"),
    "dayOfWeek": DAY,
    "weekIndex": ("first", "second", "third", "fourth", "last"),
    "patternType": (
        "daily",
        "weekly",
        "absoluteMonthly",
        "relativeMonthly",
        "absoluteYearly",
        "relativeYearly",
    ),
    "rangeType": ("endDate", "noEnd", "numbered"),
    "attendeeType": ("required", "optional", "resource"),
    "meetingProvider": ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"),
    "calendarColor": (
        "auto",
        "lightBlue",
        "lightGreen",
        "lightOrange",
        "lightGray",
        "lightYellow",
        "lightTeal",
        "lightPink",
        "lightBrown",
        "lightRed",
        "maxColor",
    ),
    "repliesStatus": ("disabled", "alwaysEnabled", "scheduled"),
    "audience": ("none", "contactsOnly", "all"),
}
EVENT = {
    "subject": "String",
    "body": "itemBody",
    "start": "dateTimeTimeZone",
    "end": "dateTimeTimeZone",
    "location": "location",
    "locations": "[location]",
    "recurrence": "patternedRecurrence",
    "attendees": "[attendee]",
    "isAllDay": "Boolean",
    "showAs": "freeBusyStatus",
    "sensitivity": "sensitivity",
    "importance": "importance",
    "isReminderOn": "Boolean",
    "reminderMinutesBeforeStart": "Int32",
    "responseRequested": "Boolean",
    "allowNewTimeProposals": "Boolean",
    "hideAttendees": "Boolean",
    "categories": "[String]",
    "isOnlineMeeting": "Boolean",
    "onlineMeetingProvider": "meetingProvider",
    "singleValueExtendedProperties": "[extendedProperty]",
}
TYPES: dict[str, dict[str, str]] = {
    "event": EVENT,
    "new event": {**EVENT, "transactionId": "String"},
    "itemBody": {"contentType": "bodyType", "content": "String"},
    "dateTimeTimeZone": {"dateTime": "String", "timeZone": "String"},
    "location": {
        "displayName": "String",
        "locationType": "String",
        "uniqueId": "String",
        "uniqueIdType": "String",
    },
    "attendee": {"emailAddress": "emailAddress", "type": "attendeeType"},
    "emailAddress": {"name": "String", "address": "String"},
    "patternedRecurrence": {"pattern": "pattern", "range": "range"},
    "pattern": {
        "type": "patternType",
        "interval": "Int32",
        "month": "Int32",
        "dayOfMonth": "Int32",
        "daysOfWeek": "[dayOfWeek]",
        "firstDayOfWeek": "dayOfWeek",
        "index": "weekIndex",
    },
    "range": {
        "type": "rangeType",
        "startDate": "Date",
        "endDate": "Date",
        "recurrenceTimeZone": "String",
        "numberOfOccurrences": "Int32",
    },
    "extendedProperty": {"id": "String", "value": "String"},
    "calendar": {
        "name": "String",
        "color": "calendarColor",
        "singleValueExtendedProperties": "[extendedProperty]",
    },
    "new subscription": {
        "changeType": "String",
        "notificationUrl": "String",
        "lifecycleNotificationUrl": "String",
        "resource": "String",
        "expirationDateTime": "DateTimeOffset",
        "clientState": "String",
        "latestSupportedTlsVersion": "String",
        "includeResourceData": "Boolean",
    },
    # the lifecycle URL is set at creation only (M25)
    "subscription": {"expirationDateTime": "DateTimeOffset", "notificationUrl": "String"},
    "getSchedule": {
        "schedules": "[String]",
        "startTime": "dateTimeTimeZone",
        "endTime": "dateTimeTimeZone",
        "availabilityViewInterval": "Int32",
    },
    "mailboxSettings": {"automaticRepliesSetting": "automaticReplies"},
    "automaticReplies": {
        "status": "repliesStatus",
        "externalAudience": "audience",
        "scheduledStartDateTime": "dateTimeTimeZone",
        "scheduledEndDateTime": "dateTimeTimeZone",
        "internalReplyMessage": "String",
        "externalReplyMessage": "String",
    },
    "batch": {"requests": "[part]"},
    "part": {
        "id": "String",
        "method": "String",
        "url": "String",
        "headers": "Any",
        "body": "Any",
        "dependsOn": "[String]",
    },
}
NOT_NULL = {"start", "end", "isAllDay", "showAs", "sensitivity", "dateTime"}
# the value's type, its set's or tag's GUID, and a name or number
PROPERTY_ID = re.compile(
    r"(?i)(String|Integer|Boolean|SystemTime|Binary) "
    r"(\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}) (Name .{1,128}|Id 0x[0-9a-f]+)"
)


def check(kind: str, body: Any) -> dict[str, Any]:
    """Return a body that holds what ``kind`` may hold; refuses any other."""
    if not isinstance(body, dict):
        raise mistake("Empty Payload. JSON content expected.")
    _check_members(kind, kind, body)
    return body


def property_id(text: str) -> str:
    """Return the id of an extended property as it is kept (M9)."""
    match = PROPERTY_ID.fullmatch(text)
    if match is None:
        raise mistake(f"The property ID '{text}' is not valid.", "ErrorInvalidProperty")
    kind, scope, rest = match[1], match[2], match[4]
    return f"{kind} {scope.lower()} {rest}"


def _check_members(where: str, kind: str, body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        wanted = TYPES[kind].get(name)
        if name in {"@odata.type", "@odata.etag"}:
            continue
        if wanted is None:
            raise mistake(
                f"The property '{name}' does not exist on type 'microsoft.graph.{where}', or is "
                "not to be written. Make sure to only use property names that are defined by "
                "the type.",
                "RequestBodyRead",
            )
        if value is None:
            if name in NOT_NULL:
                raise mistake(f"{where}.{name} is not nullable.", "RequestBodyRead")
            continue
        _check_value(f"{where}.{name}", wanted, value)


def _check_value(where: str, wanted: str, value: Any) -> None:
    right = (
        isinstance(value, list)
        if wanted.startswith("[")
        else value in ENUMS[wanted]
        if wanted in ENUMS
        else PRIMITIVES.get(wanted, lambda value: isinstance(value, dict))(value)
    )
    if not right:
        raise mistake(
            f"Cannot convert the literal '{value}' to the expected type '{wanted}' ({where}).",
            "RequestBodyRead",
        )
    if wanted.startswith("["):
        for item in value:
            _check_value(f"{where}[]", wanted[1:-1], item)
    elif wanted in TYPES:
        _check_members(where, wanted, value)


def _is_date(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value).isoformat() == value)
    except (TypeError, ValueError):
        return False


def _is_moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


PRIMITIVES: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
    "Int32": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Date": _is_date,
    "DateTimeOffset": _is_moment,
    "Any": lambda _value: True,
}
