"""What messages tell, as JSON: facts at the moment of queueing, without names or addresses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.wall_time import instant
from calwarden.store import appointments

STANDING = (Status.SCHEDULED, Status.RESCHEDULE_REQUESTED)


def appointment_facts(tx: Connection, one: Appointment) -> dict[str, Any]:
    """Return an appointment as a message tells it; ``sequence`` rises with its every change."""
    return {
        "ref": one.ref,
        "provider": one.provider,
        "client": one.client,
        "place": one.place.value,
        "start": one.start.isoformat(),
        "end": one.end.isoformat(),
        "timezone": one.zone,
        "cancelled": not one.status.stands,
        "sequence": appointments.get_record(tx, one.ref).revision,
    }


def next_facts(
    tx: Connection, one: Appointment, *, now: datetime, without: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Return the client's next appointment with that provider; None where there is none."""
    found = following(tx, one, now=now, without=without)
    return None if found is None else appointment_facts(tx, found)


def following(
    connection: Connection, one: Appointment, *, now: datetime, without: Sequence[str] = ()
) -> Appointment | None:
    """Return the next appointment of the same two people that is not ``one``, if there is one."""
    left_out = {one.ref, *without}
    found = appointments.search(
        connection,
        provider=one.provider,
        client=one.client,
        statuses=STANDING,
        ends_after=now,
    )
    ahead = [each for each in found if each.ref not in left_out]
    return next((each for each in ahead if instant(each.start) > instant(now)), None)


def moment_facts(moment: datetime) -> str:
    """Return a moment as a message keeps it."""
    return instant(moment).isoformat(timespec="seconds")
