"""What the engine works with; the composition root puts it together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from calwarden.clock import Clock
from calwarden.domain.event import Fingerprint
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.policy import Policy
from calwarden.domain.projection import Wording
from calwarden.sdk.connector import Connector
from calwarden.store.unit_of_work import Database

LEASE = timedelta(seconds=60)


def _nowhere(_point: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a poll needs.

    ``connect`` opens a linked calendar and raises `calwarden.sdk.errors`. ``owner`` names this
    process in leases, and ``alive`` tells whether the process that an owner names still runs (True
    when unknown). ``lease_clock`` is real time even where ``clock`` is turned by hand.
    ``failpoint`` is called at every named point of a cycle; tests kill the process there.
    """

    database: Database
    clock: Clock
    lease_clock: Clock
    installation: str
    fingerprint: Fingerprint
    connect: Callable[[LinkedCalendar], Connector]
    owner: str
    policy: Policy = field(default_factory=Policy)
    wording: Wording = field(default_factory=Wording)
    grace: timedelta = timedelta(seconds=60)
    timeout: timedelta = timedelta(seconds=30)
    alive: Callable[[str], bool] = lambda _owner: True
    failpoint: Callable[[str], None] = _nowhere
