"""Notification channels: opened by ``events.watch``, closed by ``channels.stop``.

A notification is headers and nothing else. A channel cannot be prolonged; another takes its place
(wire rules G25, G26).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from googleapiclient.errors import HttpError

from calwarden.sdk.push import (
    Callback,
    Notice,
    Notified,
    Posting,
    Reading,
    Subscription,
    UnreadablePosting,
)
from calwarden_google.errors import status_of, translated
from calwarden_google.service import FAULTS, Service

HEADER = "x-goog-"
STATES = {"sync": Notified.REACHED}
"""`sync` only opens the channel; `exists` and `not_exists` tell of a change."""

_NOT_THERE = frozenset({404, 410})


def watch(
    service: Service,
    calendar: str,
    callback: Callback,
    lasting: timedelta,
    now: Callable[[], datetime],
) -> Subscription:
    """Open a channel on a calendar's events.

    One whose answer is lost expires unknown: asking again does no harm.
    """
    body = {
        "id": callback.name,
        "type": "web_hook",
        "address": callback.address,
        "token": callback.secret,
        "params": {"ttl": str(int(lasting.total_seconds()))},
    }
    asked = now() + lasting
    made = service.send(service.events.watch(calendarId=calendar, body=body))
    return Subscription(
        name=callback.name,
        resource=str(made.get("resourceId", "")),
        expires_at=_expiry(made) or asked,
    )


def stop(service: Service, subscription: Subscription) -> None:
    """Close a channel; one that is closed already is fine."""
    body = {"id": subscription.name, "resourceId": subscription.resource}
    try:
        service.try_send(service.resource("channels").stop(body=body))
    except HttpError as error:
        if status_of(error) not in _NOT_THERE:
            raise translated(error) from error
    except FAULTS as error:
        raise translated(error) from error


def read(posting: Posting) -> Reading:
    """Return what a notification says; everything stands in its headers."""
    channel = posting.headers.get(f"{HEADER}channel-id", "")
    state = posting.headers.get(f"{HEADER}resource-state", "")
    if not channel or not state:
        raise UnreadablePosting("a notification names its channel and a state")
    notice = Notice(
        subscription=channel,
        secret=posting.headers.get(f"{HEADER}channel-token", ""),
        asks=STATES.get(state, Notified.LOOK),
    )
    return Reading(notices=(notice,))


def _expiry(made: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(made["expiration"]) / 1000, tz=UTC)
    except (LookupError, ValueError, TypeError, OverflowError):
        return None
