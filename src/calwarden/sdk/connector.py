"""The connector protocol: how the engine looks at and writes to one remote calendar.

Glossary: a *resource* is one appointment, series or block as it stands remotely, whatever number of
remote items it takes; a *remote id* is the server's handle of it; a *revision* changes whenever it
may have changed; a *call* is one idempotent remote request; a *write* is an ordered list of calls.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NewType, Protocol

from calwarden.domain.event import EventResource, Fingerprint, ManagedEvent, Observed, Recurrence

Cursor = NewType("Cursor", str)
"""Opaque position in a calendar's history of changes."""

Credential = Mapping[str, Any]
"""Secrets of one link as JSON values; sealed at rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this link can do. Callers branch on these, never on a vendor's name.

    ``guards_*``: the server refuses a write whose precondition fails; where it does not, the
    connector reads, compares, writes and reads. ``incremental``: changes since a cursor can be
    asked for.
    ``client_ids``: we choose the id, so a repeated create cannot make a second event.
    ``reuses_ids``: the id of a deleted event can be used for a new one (wire rule G9).
    ``restores_occurrences``: a deleted occurrence can be brought back in place.
    ``silent_attendee_removal``: attendees can be removed without mail to them.
    ``out_of_office``: ``event`` a real out-of-office event, ``busy`` an ordinary busy one.
    ``push``: the connector is a `calwarden.sdk.push.Subscriber`, and its kind a ``PostingReader``.
    """

    guards_create: bool = True
    guards_update: bool = True
    guards_delete: bool = True
    incremental: bool = True
    client_ids: bool = True
    reuses_ids: bool = True
    restores_occurrences: bool = True
    silent_attendee_removal: bool = True
    out_of_office: Literal["event", "busy"] = "busy"
    push: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The span of time a look is about; end exclusive."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What a look saw.

    ``changed`` holds whole resources. ``removed`` holds remote ids that the server reports as gone.
    ``present`` is every remote id that stands in the calendar, and is None unless the listing was
    complete: only then is absence proof. A resource whose revision equals the known one need not be
    in ``changed``; ``told`` then names it, so that it counts as seen (its remote ids may hold those
    of the others, too).
    """

    changed: tuple[Observed, ...] = ()
    removed: tuple[str, ...] = ()
    present: frozenset[str] | None = None
    cursor: Cursor | None = None
    told: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether every resource of the calendar was listed."""
        return self.present is not None


class Known(Protocol):
    """What the last look stored; asked for only when a connector needs it."""

    def revisions(self) -> Mapping[str, str]:
        """Return remote id → revision of every stored resource."""
        ...

    def observed(self, remote_id: str) -> Observed | None:
        """Return the stored resource, as last seen."""
        ...


class Verb(StrEnum):
    """What a write does to its resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One resource to be brought to ``event`` (None: to be removed).

    ``remote_id`` and ``revision`` are what a look saw last (None for a create); the revision is the
    write guard. ``base`` is the content the look saw, from which a connector works out the calls it
    needs. A text that is None in ``event.text`` stays as it stands.
    """

    verb: Verb
    uid: str
    event: ManagedEvent | None = None
    remote_id: str | None = None
    revision: str | None = None
    base: EventResource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One idempotent request of a write, as a value.

    ``expected`` is how the resource stands once this call has landed (None: it is gone): an
    observation equal to it is our own step. ``passing`` is how it may stand while the call is under
    way, where that takes several requests. ``detail`` is the connector's own JSON, without secrets
    and without people's texts.
    """

    name: str
    expected: EventResource | None
    passing: tuple[EventResource | None, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


class Connector(Protocol):
    """One open remote calendar; one per thread. Raises only `calwarden.sdk.errors`."""

    @property
    def capabilities(self) -> Capabilities:
        """What this link can do."""
        ...

    @property
    def requests(self) -> int:
        """Requests sent to the calendar's API since the connector was opened."""
        ...

    @property
    def outdated(self) -> bool:
        """Whether the server is not the one that was tried out: it should be tried out again.

        Known after a request was answered.
        """
        return False

    def observe(self, cursor: Cursor | None, known: Known, window: Window) -> Delta:
        """Look for changes since ``cursor``, or list completely without one.

        The cursor is returned only once every page was read (wire rule A1). Raises `CursorExpired`.
        """
        ...

    def read(self, remote_id: str) -> Observed | None:
        """Read one resource now; None where nothing stands under that id."""
        ...

    def find(self, uid: str) -> Observed | None:
        """Look up what our deterministic id made, wherever it stands in this calendar."""
        ...

    def calls(self, write: Write) -> tuple[Call, ...]:
        """Return the ordered calls of a write. Pure: sends nothing."""
        ...

    def perform(self, write: Write, call: Call) -> Observed | None:
        """Send one call and read back what stands then; None once the resource is gone.

        Repeating a call that has landed does no harm. Raises `PreconditionFailed` when the resource
        is not as ``write`` saw it (for a create: something stands there already), `Ambiguous` when
        it may have landed.
        """
        ...

    def expresses(self, recurrence: Recurrence) -> bool:
        """Tell whether the calendar can hold this rule exactly; else single events go there."""
        ...

    def rest(self) -> None:
        """Give back what others can use: nothing is asked for a while, and then more may be."""
        return

    def close(self) -> None:
        """Release connections."""
        ...


def _wait(span: timedelta) -> None:
    threading.Event().wait(max(0.0, span.total_seconds()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the composition root hands to connectors.

    ``zone`` is the provider's zone: floating times and all-day dates are read in it. ``settings``
    is the connector's own section of the configuration. ``save_credential`` stores a renewed
    credential, sealed. ``pace`` blocks until a request to that host or mailbox may be sent, and is
    called before each one. ``back_off`` blocks for a while, longer for a higher number and never
    twice for the same, before a request that was refused for the moment is sent again.
    ``pause`` waits; only signing in and trying a calendar out may wait for a server that asks for
    patience.
    """

    fingerprint: Fingerprint
    zone: str
    now: Callable[[], datetime]
    settings: Mapping[str, Any] = field(default_factory=dict)
    allow_private: bool = False
    timeout: timedelta = timedelta(seconds=30)
    save_credential: Callable[[Credential], None] = lambda _credential: None
    pace: Callable[[str], None] = lambda _key: None
    back_off: Callable[[int], None] = lambda _attempt: None
    pause: Callable[[timedelta], None] = _wait


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCalendar:
    """One calendar of an account; ``remote_id`` is its canonical, unique URL or calendar id."""

    remote_id: str
    name: str
    writable: bool = True
    primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A linked calendar as stored: which one, on which account, and what linking found out."""

    remote_id: str
    account: str
    capabilities: Capabilities
    probe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What an account offers: its name for people, its calendars, and the credential to seal."""

    account: str
    calendars: tuple[RemoteCalendar, ...]
    credential: Credential


class ConnectorKind(Protocol):
    """What an entry point of the group ``calwarden.connectors`` names."""

    name: str

    def discover(self, credential: Credential, context: Context) -> Discovery:
        """Sign in and list the calendars; raises `calwarden.sdk.errors`."""
        ...

    def probe(self, calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
        """Find out what the calendar can do and return the link to store; leaves nothing behind."""
        ...

    def open(self, link: Link, credential: Credential, context: Context) -> Connector:
        """Open a linked calendar. Sends nothing yet."""
        ...
