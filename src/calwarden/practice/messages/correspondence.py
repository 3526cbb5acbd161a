"""Who a message goes to and who it speaks of, looked up at the moment of delivery."""

from dataclasses import dataclass

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.linked_calendar import CalendarStatus, Role
from calwarden.domain.message import Reader, Recipient
from calwarden.store import appointments, calendars, people
from calwarden.store.outbox import OutboxMessage

HOUSE = "Your practice"
BILLING = "Billing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence:
    """The people of a message. ``name``, ``address`` and ``zone`` are the recipient's.

    ``provider`` is the provider's name. ``appointment`` is the one that a client's link is for,
    ``following`` the next one after it. ``linked``: the provider's calendar follows by itself.
    """

    to: Recipient
    name: str
    address: str
    zone: str
    practice: str
    provider: str
    appointment: Appointment | None = None
    following: Appointment | None = None
    linked: bool = False


def correspondence(connection: Connection, message: OutboxMessage) -> Correspondence:
    """Look up the people of a message; raises `NotFound`."""
    practice = people.practice(connection)
    to = message.recipient
    if to.reader is Reader.BILLING:
        return Correspondence(
            to=to,
            name=BILLING,
            address=to.ref,
            zone=practice.timezone if practice else "UTC",
            practice=HOUSE if practice is None else practice.name,
            provider="",
        )
    one = None
    if message.appointment is not None:
        one = appointments.get(connection, message.appointment)
    following = message.facts.get("next")
    person = (
        people.get_client(connection, to.ref)
        if to.reader is Reader.CLIENT
        else people.get_provider(connection, to.ref)
    )
    provider = people.get_provider(connection, to.ref if one is None else one.provider)
    managed = calendars.search(
        connection, provider=provider.ref, statuses=[CalendarStatus.ACTIVE], role=Role.MANAGED
    )
    return Correspondence(
        to=to,
        name=person.name,
        address=person.email,
        zone=person.timezone,
        practice=HOUSE if practice is None else practice.name,
        provider=provider.name,
        appointment=one,
        following=None if following is None else appointments.get(connection, following["ref"]),
        linked=bool(managed),
    )
