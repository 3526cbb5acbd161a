"""The connector for Outlook and Microsoft 365: what the entry point names, one open calendar."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from typing_extensions import override

from calwarden.domain.event import Observed, Recurrence
from calwarden.sdk.connector import (
    Call,
    Capabilities,
    Connector,
    ConnectorKind,
    Context,
    Credential,
    Cursor,
    Delta,
    Discovery,
    Known,
    Link,
    RemoteCalendar,
    Window,
    Write,
)
from calwarden.sdk.push import Callback, Posting, Reading, Subscription
from calwarden_outlook import oauth, subscriptions, tokens
from calwarden_outlook.looking import Looker
from calwarden_outlook.mapping import Reader
from calwarden_outlook.patterns import expresses
from calwarden_outlook.probing import OWNER, listed, probe
from calwarden_outlook.resources import Resources
from calwarden_outlook.service import Service
from calwarden_outlook.steps import calls
from calwarden_outlook.writing import Writer


class OutlookCalendar(Connector):
    """One open calendar in Exchange Online or Outlook.com."""

    def __init__(self, link: Link, credential: Credential, context: Context) -> None:
        self._link = link
        self._now = context.now
        self._service = Service(credential, context)
        reader = Reader(context.fingerprint, context.zone)
        self._resources = Resources(self._service, link.remote_id, reader)
        self._looker = Looker(self._service, link.remote_id, reader, self._resources)
        self._writer = Writer(
            self._service,
            link.remote_id,
            reader,
            self._resources,
            int(context.settings.get("reminder_minutes") or 0),
        )

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._link.capabilities

    @property
    @override
    def requests(self) -> int:
        return self._service.requests

    @override
    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        return self._looker.observe(cursor, known, window)

    @override
    def read(self, remote_id: str) -> Observed | None:
        return self._resources.read(remote_id)

    @override
    def find(self, uid: str) -> Observed | None:
        return self._resources.find(uid)

    @override
    def calls(self, write: Write) -> tuple[Call, ...]:
        return calls(write)

    @override
    def perform(self, write: Write, call: Call) -> Observed | None:
        return self._writer.perform(write, call)

    @override
    def expresses(self, recurrence: Recurrence) -> bool:
        return expresses(recurrence)

    def subscribe(
        self, callback: Callback, lasting: timedelta, *, known: Collection[str] = ()
    ) -> Subscription:
        """Open a subscription on the mailbox's events."""
        return subscriptions.subscribe(
            self._service, self._link.remote_id, callback, lasting, self._now, known
        )

    def extend(self, subscription: Subscription, lasting: timedelta) -> Subscription | None:
        """Let a subscription go on; None where Graph does not know it any more."""
        return subscriptions.extend(self._service, subscription, lasting, self._now)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        subscriptions.end(self._service, subscription.name)

    @override
    def rest(self) -> None:
        self._service.close()  # the next request borrows a connection again

    @override
    def close(self) -> None:
        self._service.close()


class OutlookConnector(ConnectorKind):
    """Outlook and Microsoft 365, by Microsoft Graph v1.0."""

    name = "outlook"

    @override
    def discover(self, credential: Credential, context: Context) -> Discovery:
        service = Service(credential, context)
        try:
            found = tuple(listed(service))
            account = str(service.credential.get("account") or "")
            if not account:
                # a grant whose identity token names nobody: the calendar's owner does
                first = next((one for one in found if one.primary), None)
                account = str(probe(service, first).probe[OWNER]) if first else ""
            return Discovery(
                account=account,
                calendars=found,
                credential={**service.credential, "account": account},
            )
        finally:
            service.close()

    @override
    def probe(self, calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
        service = Service(credential, context)
        try:
            return probe(service, calendar)
        finally:
            service.close()

    @override
    def open(self, link: Link, credential: Credential, context: Context) -> Connector:
        return OutlookCalendar(link, credential, context)

    def sign_in(
        self, way: str, context: Context, show: Callable[[str], None], *, reading: bool = False
    ) -> dict[str, Any]:
        """Let a person consent, in a ``browser`` or with a code on another ``device``.

        Blocks until they answered; ``show`` is told at once what they are to open. ``reading``: the
        calendar is only to be read.
        """
        permission = tokens.READ if reading else tokens.READ_WRITE
        flow = oauth.on_device if way == "device" else oauth.in_browser
        return flow(permission, context, show)

    def read_posting(self, posting: Posting) -> Reading:
        """Return what Graph posted: a handshake, or notices."""
        return subscriptions.read(posting)

    def app_only(self, mailbox: str) -> dict[str, Any]:
        """Return the credential of a mailbox that the application opens by itself."""
        return tokens.app_credential(mailbox)
