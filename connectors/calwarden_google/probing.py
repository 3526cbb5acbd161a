"""Finding out what a calendar can do when it is linked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from googleapiclient.errors import HttpError

from calwarden.domain.wall_time import parse_local
from calwarden.sdk.connector import Capabilities, Context, Link, RemoteCalendar, Window
from calwarden.sdk.errors import NeedsAuth
from calwarden_google.credentials import account_of
from calwarden_google.errors import RATE_LIMITS, USE_LIMITS, reason_of, status_of, translated
from calwarden_google.free_busy import FreeBusyLooker
from calwarden_google.mapping import out_of_office_fields
from calwarden_google.service import FAULTS, Service

ZONE = "zone"
ROLE = "access_role"
FREE_BUSY = "free_busy"
PRIMARY = "primary"
WRITABLE = "writable"
WRITERS = frozenset({"owner", "writer"})

CAPABILITIES = Capabilities(
    guards_create=True,
    guards_update=True,
    guards_delete=True,
    incremental=True,
    client_ids=True,
    reuses_ids=False,
    restores_occurrences=True,
    # "some emails may still be sent" even with sendUpdates=none (G18)
    silent_attendee_removal=False,
    out_of_office="busy",
    push=True,
)
BUSY_ONLY = Capabilities(
    guards_create=False,
    guards_update=False,
    guards_delete=False,
    incremental=False,
    client_ids=False,
    restores_occurrences=False,
    silent_attendee_removal=False,
)

_FORBIDDEN = 403
_REFUSED = frozenset({400, _FORBIDDEN})


def probe(service: Service, calendar: RemoteCalendar, context: Context) -> Link:
    """Return the link to store.

    The calendar's canonical id, its zone, our role, what it can hold.
    """
    key = calendar.remote_id
    try:
        seen = service.try_send(service.events.list(calendarId=key, maxResults=1))
    except HttpError as error:
        if status_of(error) != _FORBIDDEN:
            raise translated(error) from error
        return _busy_only(service, key, context)
    except FAULTS as error:
        raise translated(error) from error
    key, primary = _canonical(service, calendar)
    role = seen.get("accessRole")
    writable = role in WRITERS
    found = {ZONE: seen.get("timeZone"), ROLE: role, PRIMARY: primary, WRITABLE: writable}
    capabilities = CAPABILITIES
    # nothing is written to a calendar that is only to be read
    if primary and writable and calendar.writable and _holds_absences(service, key):
        capabilities = replace(capabilities, out_of_office="event")
    return Link(
        remote_id=key,
        account=account_of(service.credential) or (key if primary else ""),
        capabilities=capabilities,
        probe=found,
    )


def _canonical(service: Service, calendar: RemoteCalendar) -> tuple[str, bool]:
    """Return the calendar's own id, which ``primary`` is not.

    And whether it is the account's primary one.
    """
    if calendar.remote_id != PRIMARY:
        return calendar.remote_id, calendar.primary
    try:
        entry = service.send(service.resource("calendarList").get(calendarId=PRIMARY))
        return str(entry["id"]), True
    except NeedsAuth:
        account = account_of(service.credential)
        return account or PRIMARY, True


def _holds_absences(service: Service, key: str) -> bool:
    """Find out by making an out-of-office event long ago and taking it away again (G22, G23)."""
    start, end = (parse_local(f"2001-01-01T0{hour}:00", "UTC").isoformat() for hour in (4, 5))
    body: dict[str, Any] = {
        "summary": "Out of office",
        "start": {"dateTime": start, "timeZone": "UTC"},
        "end": {"dateTime": end, "timeZone": "UTC"},
        "visibility": "private",
        **out_of_office_fields(),
    }
    try:
        made = service.try_send(
            service.events.insert(calendarId=key, body=body, sendUpdates="none")
        )
    except HttpError as error:
        if status_of(error) in _REFUSED and reason_of(error) not in RATE_LIMITS | USE_LIMITS:
            return False
        raise translated(error, writing=True) from error
    except FAULTS as error:
        raise translated(error, writing=True) from error
    service.send(
        service.events.delete(calendarId=key, eventId=made["id"], sendUpdates="none"), writing=True
    )
    return True


def _busy_only(service: Service, key: str, context: Context) -> Link:
    """Link a calendar of which only the busy time was granted."""
    now = context.now()
    FreeBusyLooker(service, key, context.now).look(Window(start=now, end=now + timedelta(hours=1)))
    return Link(
        remote_id=key,
        account=account_of(service.credential),
        capabilities=BUSY_ONLY,
        probe={FREE_BUSY: True, WRITABLE: False},
    )
