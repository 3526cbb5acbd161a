"""Subscriptions: the handshake, notices of changes and of the subscription's life (M23-M25)."""

import contextlib
import json
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from calwarden.testing.emulators.deliveries import Deliveries
from calwarden.testing.emulators.graph_errors import ApiError, mistake
from calwarden.testing.emulators.graph_shape import Shape
from calwarden.testing.emulators.graph_state import TENANT, Item, State, event_id

LONGEST = timedelta(minutes=10_080)
SHORTEST = timedelta(minutes=45)
LONGEST_STATE = 128
CHANGES = {"created", "updated", "deleted"}
LIFECYCLE = {"reauthorizationRequired", "subscriptionRemoved", "missed"}


@dataclass
class Subscription:
    """One open subscription to the events of a mailbox."""

    id: str
    mailbox: str
    app: str
    resource: str
    changes: frozenset[str]
    url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: datetime
    immutable: bool
    authorized: bool = True


@dataclass(frozen=True)
class Sent:
    """One notice that was posted: to which subscription, what of, and how it was answered."""

    subscription: str
    what: str
    status: int


class Push(Deliveries):
    """Keeps subscriptions and posts to them; ``muted``: changes are announced to nobody."""

    def __init__(self, state: State, shape: Shape) -> None:
        super().__init__()
        self.state = state
        self.shape = shape
        self.subscriptions: dict[str, Subscription] = {}
        self.plain_http = False
        self.trusted: str | None = None
        self.muted = False
        self.sent: list[Sent] = []
        state.on_change = self.announce

    def prepare(
        self, body: Mapping[str, Any], mailbox: str, app: str, *, immutable: bool
    ) -> Subscription:
        """Check what is asked for; the handshake comes next, then `open`."""
        for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
            if not body.get(name):
                raise mistake(f"{name} is missing.", "InvalidRequest")
        changes = frozenset(body["changeType"].split(","))
        if not changes <= CHANGES:
            raise mistake("changeType.", "InvalidRequest")
        if len(body.get("clientState") or "") > LONGEST_STATE:
            raise mistake("clientState is longer than 128 characters.", "InvalidRequest")
        if body.get("includeResourceData"):
            raise mistake("No certificate to encrypt resource data with.", "InvalidRequest")
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            self._check_url(body.get(name))
        wanted = datetime.fromisoformat(body["expirationDateTime"])
        return Subscription(
            id=str(uuid.uuid4()),
            mailbox=mailbox,
            app=app,
            resource=body["resource"],
            changes=changes,
            url=body["notificationUrl"],
            lifecycle_url=body.get("lifecycleNotificationUrl"),
            client_state=body.get("clientState"),
            expires=self.until(wanted),
            immutable=immutable,
        )

    def until(self, wanted: datetime) -> datetime:
        """Return when a subscription ends that should last until ``wanted`` (M23)."""
        now = self.state.clock()
        if wanted - now > LONGEST + timedelta(minutes=1):
            raise mistake(
                "Subscription expiration can only be 10080 minutes in the future.",
                "ExtensionError",
            )
        if wanted <= now:
            raise mistake("Subscription expiration is in the past.", "ExtensionError")
        return max(wanted, now + SHORTEST)

    def handshake(self, subscription: Subscription) -> None:
        """Let each URL answer with the token it is sent (M24); not under the lock."""
        for url in {subscription.url, subscription.lifecycle_url} - {None}:
            assert url is not None
            token = f"Validation: Testing client application & reachability {uuid.uuid4()}"
            mark = "&" if "?" in url else "?"
            try:
                asked = f"{url}{mark}validationToken={quote(token)}"
                with self._open(asked, b"", "text/plain; charset=utf-8", 10) as reply:
                    kind = reply.headers.get("Content-Type", "")
                    said = reply.read().decode()
                    if (
                        reply.status == HTTPStatus.OK
                        and kind.startswith("text/plain")
                        and said == token
                    ):
                        continue
                    why = f"{reply.status} {kind}"
            except OSError as error:
                why = str(error)
            raise ApiError(
                400,
                "ValidationError",
                f"Subscription validation request failed. It must answer 200 and the token: {why}",
            )

    def open(self, subscription: Subscription) -> dict[str, Any]:
        """Keep a subscription whose handshake went well."""
        same = [
            other
            for other in self.subscriptions.values()
            if (other.mailbox, other.app, other.resource)
            == (subscription.mailbox, subscription.app, subscription.resource)
        ]
        if same and self.state.rules.duplicates == "409":
            raise ApiError(409, "ConflictError", "A subscription for this resource exists already.")
        self.subscriptions[subscription.id] = subscription
        return self.told(subscription)

    def find(self, key: str, app: str) -> Subscription:
        """Return an open subscription of an app."""
        found = self.subscriptions.get(key)
        if found is None or found.app != app or found.expires <= self.state.clock():
            raise ApiError(404, "ResourceNotFound", "The object was not found.")
        return found

    def told(self, subscription: Subscription) -> dict[str, Any]:
        """Return a subscription as replies show it: its clientState is never told again."""
        return {
            "id": subscription.id,
            "resource": subscription.resource,
            "applicationId": subscription.app,
            "changeType": ",".join(sorted(subscription.changes)),
            "clientState": None,
            "notificationUrl": subscription.url,
            "lifecycleNotificationUrl": subscription.lifecycle_url,
            "expirationDateTime": _spelled(subscription.expires),
            "creatorId": subscription.mailbox,
            "latestSupportedTlsVersion": "v1_2",
            "includeResourceData": None,
            "notificationQueryOptions": None,
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }

    def announce(self, item: Item, kind: str) -> None:
        """Tell the subscriptions of a mailbox that something changed."""
        owner = self.state.calendars[item.calendar].owner
        for subscription in list(self.subscriptions.values()):
            live = subscription.authorized and subscription.expires > self.state.clock()
            if subscription.mailbox != owner or kind not in subscription.changes or not live:
                continue
            if not self.muted:
                self._post_later(subscription.url, self._notice(subscription, item, kind), kind)

    def lifecycle(self, event: str, *, mailbox: str | None = None) -> None:
        """Send a notice about the life of subscriptions; a removed one is gone (M25)."""
        if event not in LIFECYCLE:
            raise ValueError(event)
        for subscription in list(self.subscriptions.values()):
            if mailbox not in {None, subscription.mailbox}:
                continue
            if event == "subscriptionRemoved":
                del self.subscriptions[subscription.id]
            if event == "reauthorizationRequired":
                subscription.authorized = False
            if subscription.lifecycle_url:
                notice = {**self._about(subscription), "lifecycleEvent": event}
                self._post_later(subscription.lifecycle_url, notice, event)

    def _check_url(self, url: str | None) -> None:
        if (
            url is None
            or url.startswith("https://")
            or (self.plain_http and url.startswith("http://"))
        ):
            return
        raise mistake("Only HTTPS notification URLs are accepted.", "InvalidRequest")

    def _about(self, subscription: Subscription) -> dict[str, Any]:
        account = self.state.accounts.get(subscription.mailbox)
        return {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": _spelled(subscription.expires),
            "clientState": subscription.client_state,
            "tenantId": account.tenant if account else TENANT,
            "resource": subscription.resource,
        }

    def _notice(self, subscription: Subscription, item: Item, kind: str) -> dict[str, Any]:
        account = self.state.accounts[subscription.mailbox]
        key = event_id(item, None, immutable=subscription.immutable)
        path = f"Users/{account.id}/Events/{key}"
        return {
            **self._about(subscription),
            "changeType": kind,
            "resource": path,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": path,
                "@odata.etag": self.shape.etag(item, None),
                "id": key,
            },
        }

    def _post_later(self, url: str, notice: dict[str, Any], what: str) -> None:
        self.later(partial(self._tell, url, notice, what))

    def _tell(self, url: str, notice: dict[str, Any], what: str) -> None:
        status = 0
        with contextlib.suppress(OSError):
            status = self._post(url, notice)
        self.sent.append(Sent(subscription=notice["subscriptionId"], what=what, status=status))

    def _post(self, url: str, notice: dict[str, Any]) -> int:
        content = json.dumps({"value": [notice]}).encode()
        try:
            with self._open(url, content, "application/json; charset=utf-8", 3) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code

    def _open(self, url: str, content: bytes, kind: str, seconds: float) -> Any:
        context = ssl.create_default_context(cafile=self.trusted) if self.trusted else None
        request = urllib.request.Request(  # noqa: S310 - _check_url let http and https through
            self.where(url), data=content, headers={"Content-Type": kind}, method="POST"
        )
        return urllib.request.urlopen(  # noqa: S310 - as above
            request, timeout=seconds, context=context
        )


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
