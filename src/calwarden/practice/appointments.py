"""Appointments as documents, and the checks that every use case makes of one."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Place, Status
from calwarden.domain.claim import deciding_zone
from calwarden.domain.practice import ZoneOfService
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import after, instant, resolution
from calwarden.store import appointments, people

LONGEST_MINUTES = 24 * 60


def document(one: Appointment) -> dict[str, Any]:
    """Return an appointment as JSON values; ``start`` and ``end`` are the true time."""
    scheduled = one.scheduled_start
    length = timedelta(minutes=one.scheduled_minutes or one.minutes)
    return {
        "ref": one.ref,
        "provider": one.provider,
        "client": one.client,
        "type": one.type.value,
        "place": one.place.value,
        "status": one.status.value,
        "start": one.start.isoformat(),
        "end": one.end.isoformat(),
        "timezone": one.zone,
        "series": one.series,
        "slot": one.slot,
        "late_fee": one.late_fee,
        "scheduled_start": None if scheduled is None else scheduled.isoformat(),
        "scheduled_end": None if scheduled is None else after(scheduled, length).isoformat(),
        "resolved": resolution(one.start),
    }


def listing(
    connection: Connection, *, provider: str | None = None, client: str | None = None
) -> list[dict[str, Any]]:
    """Return every appointment, or those of a provider or client, in order of their starts."""
    return [
        document(one) for one in appointments.search(connection, provider=provider, client=client)
    ]


def started(one: Appointment, now: datetime) -> bool:
    """Tell whether an appointment has started: at its start it has."""
    return instant(one.start) <= instant(now)


def demand_unstarted(one: Appointment, now: datetime) -> None:
    """Raise `Refused` unless the appointment stands and has not started."""
    if not one.status.stands:
        raise Refused(
            f"appointment {one.ref} is {one.status.value}",
            next_step="book a new appointment instead",
        )
    if started(one, now) or one.status in {Status.COMPLETED, Status.NO_SHOW}:
        raise Refused(
            f"appointment {one.ref} has started, and what has started is never rescheduled",
            next_step=f"if it took place at another time: calwarden appointments correct {one.ref}",
        )


def demand_minutes(minutes: int) -> None:
    """Raise `Refused` unless an appointment can be that long."""
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise Refused(
            f"an appointment of {minutes} minutes is impossible",
            next_step=f"give a length of 1 to {LONGEST_MINUTES} minutes",
        )


def zone_of_claim(connection: Connection, one: Appointment, payer: str) -> str:
    """Return the zone that dates an appointment's claim to a payer; raises `NotFound`.

    It is the one copied at booking, unless the payer has a rule of its own for telehealth.
    """
    own = people.get_payer(connection, payer).telehealth_date_of_service
    if own is None or one.place is not Place.TELEHEALTH:
        return one.dos_zone
    return zone_that_dates(connection, one, own)


def zone_that_dates(
    connection: Connection, one: Appointment, telehealth: ZoneOfService | None = None
) -> str:
    """Return the zone that decides the date of service of a new appointment; raises `NotFound`.

    ``telehealth`` says whose zone counts there; None: the practice says.
    """
    provider = people.get_provider(connection, one.provider)
    practice = people.practice(connection)
    if telehealth is None:
        telehealth = practice.telehealth_date_of_service if practice else ZoneOfService.PROVIDER
    return deciding_zone(
        one.place,
        place_of_service=provider.place_of_service_timezone,
        provider=provider.timezone,
        client=people.get_client(connection, one.client).timezone,
        telehealth=telehealth,
    )
