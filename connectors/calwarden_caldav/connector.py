"""The CalDAV connector: one open calendar, and the kind of connector that the entry point names."""

from typing import Any

from typing_extensions import override

from calwarden.domain.event import Observed, Recurrence
from calwarden.ical.reading import Reader
from calwarden.ical.writing import Writer
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
from calwarden_caldav.discovery import discover
from calwarden_caldav.habits import Habits, publishes_series
from calwarden_caldav.observation import Collection
from calwarden_caldav.probe import probe
from calwarden_caldav.session import Session, require_password
from calwarden_caldav.spelling import canonical
from calwarden_caldav.writes import Editor, calls_of


class CalDAVCalendar(Connector):
    """One open calendar on a CalDAV server."""

    def __init__(self, link: Link, credential: Credential, context: Context) -> None:
        self._link = link
        self._context = context
        self._habits = Habits.of(link)
        self._session = Session(link.remote_id, credential, context, spacing=self._habits.spacing)
        self._collection = Collection(
            session=self._session,
            path=canonical(link.remote_id),
            reader=Reader(
                zone=context.zone,
                fingerprint=context.fingerprint,
                owner=_owner(credential),
            ),
            incremental=link.capabilities.incremental,
            habits=self._habits,
        )

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._link.capabilities

    @property
    @override
    def requests(self) -> int:
        return self._session.requests

    @override
    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        return self._collection.observe(cursor, known)

    @override
    def read(self, remote_id: str) -> Observed | None:
        return self._collection.read(remote_id)

    @override
    def find(self, uid: str) -> Observed | None:
        return self._editor().find(uid)

    @override
    def calls(self, write: Write) -> tuple[Call, ...]:
        return calls_of(write, self._collection.path, self._habits)

    @override
    def perform(self, write: Write, call: Call) -> Observed | None:
        return self._editor().perform(write, call)

    @override
    def expresses(self, recurrence: Recurrence) -> bool:
        return recurrence.supported and publishes_series(self._habits)

    @property
    @override
    def outdated(self) -> bool:
        return not self._habits.knows(self._session.server, self._context.now())

    @override
    def rest(self) -> None:
        self._session.rest()

    @override
    def close(self) -> None:
        self._session.close()

    def _editor(self) -> Editor:
        writer = Writer(reader=self._collection.reader, now=self._context.now())
        return Editor(
            collection=self._collection,
            capabilities=self.capabilities,
            habits=self._habits,
            writer=writer,
        )


class CalDAVConnector(ConnectorKind):
    """Calendars on CalDAV servers. A credential is ``{"url", "username", "password"}``."""

    name = "caldav"

    @override
    def discover(self, credential: Credential, context: Context) -> Discovery:
        require_password(credential)
        return discover(credential, context)

    @override
    def probe(self, calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
        require_password(credential)
        return probe(calendar, credential, context)

    @override
    def open(self, link: Link, credential: Credential, context: Context) -> Connector:
        require_password(credential)
        return CalDAVCalendar(link, credential, context)


def _owner(credential: Credential) -> frozenset[str]:
    addresses: Any = credential.get("addresses") or ()
    return frozenset(str(address).lower() for address in (*addresses, credential["username"]))
