"""Which failure has which exit status, and its sentence."""

from calwarden.bootstrap import UnknownConnector
from calwarden.clock import BadClock
from calwarden.domain.cadence import BadCadence
from calwarden.domain.policy import BadPolicy
from calwarden.domain.practice import BadWorkingHours
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import BadLocalTime, UnknownZone
from calwarden.engine.cycle import NotApproved
from calwarden.failpoint import BadFailpoint
from calwarden.practice.edi.segments import Broken
from calwarden.practice.interchange.reading import Unreadable
from calwarden.sdk.errors import RemoteError
from calwarden.settings import SettingsFault
from calwarden.store.anchor import AnchorUnreadable
from calwarden.store.errors import DatabaseBehind, DatabaseError, DatabaseNewer, NotFound
from calwarden.store.vault import VaultError
from calwarden.web.listening import AddressTaken, CannotListen

WRONG = 2
DEPENDENCY = 3
REFUSED = 4


class WrongInput(Exception):
    """What was given on the command line, or a file it names, cannot be used."""


STATUS: dict[type[Exception], int] = {
    WrongInput: WRONG,
    SettingsFault: WRONG,
    VaultError: WRONG,
    BadClock: WRONG,
    BadPolicy: WRONG,
    BadLocalTime: WRONG,
    UnknownZone: WRONG,
    BadCadence: WRONG,
    BadWorkingHours: WRONG,
    NotFound: WRONG,
    UnknownConnector: WRONG,
    BadFailpoint: WRONG,
    Unreadable: WRONG,
    Broken: WRONG,
    AnchorUnreadable: WRONG,
    DatabaseBehind: WRONG,
    DatabaseNewer: WRONG,
    AddressTaken: DEPENDENCY,
    CannotListen: WRONG,
    DatabaseError: DEPENDENCY,
    RemoteError: DEPENDENCY,
    Refused: REFUSED,
    NotApproved: REFUSED,
}
"""The first class that fits decides."""

KNOWN = tuple(STATUS)


def explain(error: Exception) -> tuple[int, str]:
    """Return the exit status of a failure and its sentence for people."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return status, str(error)
