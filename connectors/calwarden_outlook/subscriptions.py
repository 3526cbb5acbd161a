"""Subscriptions to a mailbox's events (wire rules M23 to M25).

Graph tells of a whole mailbox, so two calendars of one are each told of both: a notice is a hint to
look. Which calendar a subscription was opened for stands in the query of its address.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from calwarden.sdk.errors import Transient
from calwarden.sdk.push import (
    Callback,
    Notice,
    Notified,
    Posting,
    Reading,
    Subscription,
    UnreadablePosting,
)
from calwarden_outlook.errors import FAULTS, Refusal, translated
from calwarden_outlook.service import Service

CHANGES = "created,updated,deleted"
LONGEST = timedelta(minutes=10_080)
MOST_PAGES = 100
LIFECYCLE = {
    "reauthorizationRequired": Notified.EXTEND,
    "subscriptionRemoved": Notified.REOPEN,
    "missed": Notified.LOOK,
}
HANDSHAKE = "validationToken"
LONGEST_TOKEN = 2048
UNANSWERED = "validationerror"
"""Where nobody answers the handshake, be it for the moment (M24)."""

_PLACE = "subscriptions"


def subscribe(
    service: Service,
    calendar: str,
    callback: Callback,
    lasting: timedelta,
    now: Callable[[], datetime],
    known: Collection[str],
) -> Subscription:
    """Open a subscription, and end those of this calendar that nobody knows of (M25)."""
    address = f"{callback.address}?c={hashlib.sha256(calendar.encode()).hexdigest()[:16]}"
    for one in _listed(service):
        if one.get("notificationUrl") == address and one.get("id") not in known:
            end(service, str(one["id"]))
    until = now() + min(lasting, LONGEST)
    body = {
        "changeType": CHANGES,
        "notificationUrl": address,
        "lifecycleNotificationUrl": address,
        "resource": f"/{service.mailbox_name}/events",
        "expirationDateTime": _spelled(until),
        "clientState": callback.secret,
    }
    made = _made(service, body)
    # a handshake went before: the address was reached
    return Subscription(name=str(made["id"]), expires_at=_expiry(made, until), reached=True)


def extend(
    service: Service, subscription: Subscription, lasting: timedelta, now: Callable[[], datetime]
) -> Subscription | None:
    """Let a subscription go on, which authorizes it again too; None where Graph lost it."""
    until = now() + min(lasting, LONGEST)
    try:
        made = service.try_send(
            "PATCH",
            service.top(_PLACE, subscription.name),
            body={"expirationDateTime": _spelled(until)},
        )
    except Refusal as error:
        if error.missing:
            return None
        raise translated(error) from error
    except FAULTS as error:
        raise translated(error) from error
    return Subscription(name=subscription.name, expires_at=_expiry(made, until), reached=True)


def end(service: Service, name: str) -> None:
    """End a subscription; one that is gone already is fine."""
    try:
        service.try_send("DELETE", service.top(_PLACE, name))
    except Refusal as error:
        if not error.missing:
            raise translated(error) from error
    except FAULTS as error:
        raise translated(error) from error


def read(posting: Posting) -> Reading:
    """Return what a posting says: a handshake, changes, or what becomes of subscriptions."""
    token = posting.query.get(HANDSHAKE)
    if token is not None:
        if len(token) > LONGEST_TOKEN:
            raise UnreadablePosting("a handshake's token is longer than any")
        return Reading(reply=token)
    try:
        told = json.loads(posting.body)
        notices = tuple(_notice(one) for one in told["value"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadablePosting("a notice names its subscription") from error
    if not notices:
        raise UnreadablePosting("a posting holds at least one notice")
    # many changes of one mailbox come together, and ask for one look
    return Reading(notices=tuple(dict.fromkeys(notices)))


def _made(service: Service, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return service.try_send("POST", service.top(_PLACE), body=body)
    except FAULTS as error:
        if isinstance(error, Refusal) and error.says(UNANSWERED):
            raise Transient(
                "Outlook calendar: Graph got no answer to its handshake from web.public_url, or "
                "another one than ours; see the guide on Outlook, section Push"
            ) from error
        raise translated(error) from error


def _notice(one: Mapping[str, Any]) -> Notice:
    event = one.get("lifecycleEvent")
    return Notice(
        subscription=str(one["subscriptionId"]),
        secret=str(one.get("clientState") or ""),
        asks=Notified.LOOK if event is None else LIFECYCLE.get(str(event), Notified.LOOK),
    )


def _listed(service: Service) -> Iterator[Mapping[str, Any]]:
    place = service.top(_PLACE)
    for _ in range(MOST_PAGES):
        answer = service.send("GET", place)
        for one in answer.get("value") or ():
            if isinstance(one, Mapping):
                yield one
        following = answer.get("@odata.nextLink")
        if not following:
            return
        place = service.demand_ours(str(following))


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _expiry(made: Mapping[str, Any], asked: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(str(made["expirationDateTime"]))
    except (KeyError, ValueError):
        return asked
    return found if found.tzinfo else found.replace(tzinfo=UTC)
