"""What every message of an installation has in common, and what a message in words is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from calwarden.domain.appointment import Appointment, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every message of an installation says: addresses, places and rules of the practice.

    ``link`` makes the address of a client's page; ``home`` names the installation in UIDs.
    """

    home: str
    sender: str
    public_url: str
    link: Callable[[Appointment], str]
    contact: str = ""
    notice_hours: int = 24
    places: Mapping[Place, str] = field(
        default_factory=lambda: {Place.OFFICE: "Office", Place.TELEHEALTH: "Telehealth"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message in words. ``calendar`` is the .ics file, where there is one."""

    subject: str
    text: str
    html: str
    calendar: bytes | None
