"""The connector for Google Calendar: what the entry point names, and one open calendar."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from googleapiclient.errors import HttpError
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
from calwarden.sdk.errors import CalendarGone, NeedsAuth
from calwarden.sdk.push import Callback, Posting, Reading, Subscription
from calwarden_google import channels
from calwarden_google.credentials import SCOPES, account_of, with_subject
from calwarden_google.errors import UNGRANTED, reason_of, translated
from calwarden_google.free_busy import FreeBusyLooker
from calwarden_google.looking import Looker
from calwarden_google.mapping import Reader
from calwarden_google.oauth import Consent
from calwarden_google.probing import FREE_BUSY, WRITERS, ZONE, probe
from calwarden_google.service import FAULTS, Service
from calwarden_google.steps import calls
from calwarden_google.writing import Writer

OWN_NAME = "Appointments"


class GoogleCalendar(Connector):
    """One open Google calendar."""

    def __init__(self, link: Link, credential: Credential, context: Context) -> None:
        self._link = link
        self._now = context.now
        self._service = Service(credential, context)
        self._reader = Reader(context.fingerprint, context.zone)
        self._reader.learn_zone(link.probe.get(ZONE))
        self._looker = Looker(self._service, link.remote_id, self._reader)
        self._writer = Writer(
            self._service, link.remote_id, self._reader, self._looker, link.capabilities
        )
        self._busy = (
            FreeBusyLooker(self._service, link.remote_id, context.now)
            if link.probe.get(FREE_BUSY)
            else None
        )
        self._spans: dict[str, Observed] = {}

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
        if self._busy is None:
            return self._looker.observe(cursor, known, window)
        self._spans = self._busy.look(window)
        before = known.revisions()
        changed = tuple(seen for key, seen in self._spans.items() if key not in before)
        return Delta(changed=changed, present=frozenset(self._spans))

    @override
    def read(self, remote_id: str) -> Observed | None:
        return self._looker.read(remote_id) if self._busy is None else self._spans.get(remote_id)

    @override
    def find(self, uid: str) -> Observed | None:
        return self.read(uid)

    @override
    def calls(self, write: Write) -> tuple[Call, ...]:
        return calls(write)

    @override
    def perform(self, write: Write, call: Call) -> Observed | None:
        return self._writer.perform(write, call)

    @override
    def expresses(self, recurrence: Recurrence) -> bool:
        return recurrence.supported

    def subscribe(
        self, callback: Callback, lasting: timedelta, *, known: Collection[str] = ()
    ) -> Subscription:
        """Open a channel; Google lists none, so those that were lost just expire."""
        return channels.watch(self._service, self._link.remote_id, callback, lasting, self._now)

    def extend(self, subscription: Subscription, lasting: timedelta) -> None:
        """Return None: no channel can be prolonged (G25)."""

    def unsubscribe(self, subscription: Subscription) -> None:
        """Close a channel."""
        channels.stop(self._service, subscription)

    @override
    def rest(self) -> None:
        self._service.close()  # the next request borrows a connection again

    @override
    def close(self) -> None:
        self._service.close()


class GoogleConnector(ConnectorKind):
    """Google Calendar, by the JSON API v3."""

    name = "google"

    @override
    def discover(self, credential: Credential, context: Context) -> Discovery:
        """Sign in and list the account's calendars.

        Where only a calendar of our own was granted, nothing can be listed: `create` makes that
        calendar.
        """
        service = Service(credential, context)
        try:
            found = tuple(_listed(service))
        finally:
            service.close()
        primary = next((calendar.remote_id for calendar in found if calendar.primary), "")
        return Discovery(
            account=primary or account_of(service.credential),
            calendars=found,
            credential=service.credential,
        )

    @override
    def probe(self, calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
        service = Service(credential, context)
        try:
            return probe(service, calendar, context)
        finally:
            service.close()

    @override
    def open(self, link: Link, credential: Credential, context: Context) -> Connector:
        return GoogleCalendar(link, credential, context)

    def read_posting(self, posting: Posting) -> Reading:
        """Return what a notification says (G26)."""
        return channels.read(posting)

    def sign_in(
        self, purpose: str, context: Context, show: Callable[[str], None]
    ) -> dict[str, Any]:
        """Let a person consent in a browser to what ``purpose`` needs; blocks until they answered.

        ``show`` is given the address to open, at once. See `SCOPES` for the purposes.
        """
        with Consent(SCOPES[purpose], context) as consent:
            show(consent.address)
            return consent.wait()

    def credential_of(
        self, file: Mapping[str, Any], purpose: str, subject: str | None = None
    ) -> dict[str, Any]:
        """Return the credential in an authorized-user file, or a key file that speaks for one."""
        if file.get("type") == "service_account" and subject:
            return with_subject(file, subject, SCOPES[purpose])
        return {**file, "type": "authorized_user"}

    def own(self, credential: Credential, context: Context, known: Iterable[str] = ()) -> Discovery:
        """Return our own calendar there: the first of ``known`` that still stands, or a new one."""
        for key in known:
            service = Service(credential, context)
            try:
                found = service.send(service.resource("calendars").get(calendarId=key))
                return self._owned(service, found)
            except (CalendarGone, NeedsAuth):
                credential = service.credential
            finally:
                service.close()
        return self.create(credential, context)

    def create(self, credential: Credential, context: Context, name: str = OWN_NAME) -> Discovery:
        """Make a calendar of our own in the account (G30) and return it with the account's name."""
        service = Service(credential, context)
        try:
            body = {"summary": name, "timeZone": context.zone}
            made = service.send(service.resource("calendars").insert(body=body), writing=True)
            return self._owned(service, made)
        finally:
            service.close()

    @staticmethod
    def _owned(service: Service, found: Mapping[str, Any]) -> Discovery:
        account = str(found.get("dataOwner") or account_of(service.credential))
        calendar = RemoteCalendar(remote_id=str(found["id"]), name=str(found.get("summary", "")))
        named = {"account": account} if account else {}
        return Discovery(
            account=account,
            calendars=(calendar,),
            credential={**service.credential, **named},
        )


def _listed(service: Service) -> Iterator[RemoteCalendar]:
    page = None
    while True:
        try:
            answer = service.try_send(service.resource("calendarList").list(pageToken=page))
        except HttpError as error:
            if reason_of(error) in UNGRANTED:
                return
            raise translated(error) from error
        except FAULTS as error:
            raise translated(error) from error
        for entry in answer.get("items") or ():
            yield _calendar(entry)
        page = answer.get("nextPageToken")
        if page is None:
            return


def _calendar(entry: Mapping[str, Any]) -> RemoteCalendar:
    return RemoteCalendar(
        remote_id=str(entry["id"]),
        name=str(entry.get("summaryOverride") or entry.get("summary") or entry["id"]),
        writable=entry.get("accessRole") in WRITERS,
        primary=bool(entry.get("primary")),
    )
