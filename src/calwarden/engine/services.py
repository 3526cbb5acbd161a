"""What the engine works with; the composition root puts it together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from calwarden.clock import Clock
from calwarden.domain.event import Fingerprint
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.policy import Policy
from calwarden.domain.projection import Wording
from calwarden.domain.rules import Rules
from calwarden.engine.clock_watch import ClockWatch
from calwarden.engine.connections import Connections
from calwarden.engine.smtp import MailServer
from calwarden.practice.digest import Digest
from calwarden.practice.links import Links
from calwarden.practice.messages.correspondence import Correspondence
from calwarden.practice.messages.house import Rendered
from calwarden.sdk.connector import Link
from calwarden.store.outbox import OutboxMessage
from calwarden.store.unit_of_work import Database

LEASE = timedelta(seconds=60)


def _nowhere(_point: str) -> None:
    return None


class Words(Protocol):
    """What puts messages into words."""

    def render(self, message: OutboxMessage, people: Correspondence) -> Rendered:
        """Put a message into words for its recipient."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What mail takes: a server to hand it to, and what puts messages into words."""

    server: MailServer
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a poll needs.

    ``connections`` opens linked calendars. ``owner`` names this
    process in leases, and ``alive`` tells whether the process that an owner names still runs (True
    when unknown). ``lease_clock`` is real time even where ``clock`` is turned by hand.
    ``failpoint`` is called at every named point of a cycle; tests kill the process there.
    ``watch`` notices when the clock jumps; None where it is turned by hand.
    ``links`` makes the addresses in messages. ``post`` is None where no mail server is set:
    messages wait. ``hooks`` is where calendar services tell of changes; None where they cannot.
    ``digest`` is None where billing gets none. ``probe`` tries a linked calendar
    out again and raises `calwarden.sdk.errors`.
    """

    database: Database
    clock: Clock
    lease_clock: Clock
    installation: str
    fingerprint: Fingerprint
    connections: Connections
    owner: str
    links: Links
    policy: Policy = field(default_factory=Policy)
    wording: Wording = field(default_factory=Wording)
    grace: timedelta = timedelta(seconds=60)
    timeout: timedelta = timedelta(seconds=30)
    alive: Callable[[str], bool] = lambda _owner: True
    failpoint: Callable[[str], None] = _nowhere
    post: Post | None = None
    hooks: str | None = None
    rules: Rules = field(default_factory=Rules)
    digest: Digest | None = None
    watch: ClockWatch | None = None
    probe: Callable[[LinkedCalendar], Link] | None = None
