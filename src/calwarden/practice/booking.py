"""Booking single appointments, and what becomes of them once they have started."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, AppointmentType, Place, Status
from calwarden.domain.ask import AskStatus
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant, parse_local
from calwarden.practice import claims, messages, standing_asks
from calwarden.practice.appointments import demand_minutes, started, zone_that_dates
from calwarden.practice.conflicts import demand_free
from calwarden.practice.refs import demand_ref, unused_ref
from calwarden.practice.series import resolve
from calwarden.store import appointments, audit, people


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What is to be booked. ``start`` is wall time in ``zone``, else in the provider's zone."""

    provider: str
    client: str
    start: str
    minutes: int
    zone: str | None = None
    type: AppointmentType = AppointmentType.FOLLOW_UP
    place: Place = Place.OFFICE
    ref: str | None = None

    def as_appointment(self, ref: str, zone: str) -> Appointment:
        """Return the appointment that this asks for; ``zone`` counts where it names none."""
        return Appointment(
            ref=ref,
            provider=self.provider,
            client=self.client,
            start=parse_local(self.start, self.zone or zone),
            minutes=self.minutes,
            type=self.type,
            place=self.place,
        )


def book(
    tx: Connection, wanted: Booking, *, now: datetime, actor: str, force: bool = False
) -> Appointment:
    """Book an appointment at a time that is free, and tell both people; a ref is made if need be.

    With ``force`` it may lie in the past and in an overlap, and nobody is told: an import tells
    what is so already.
    Raises `Refused`, `NotFound` (provider, client), `BadLocalTime`, `UnknownZone`.
    """
    provider = people.get_provider(tx, wanted.provider)
    people.get_client(tx, wanted.client)
    demand_minutes(wanted.minutes)
    ref = demand_ref(wanted.ref) if wanted.ref else unused_ref(tx)
    if appointments.find(tx, ref) is not None:
        raise Refused(f"appointment {ref} exists already", next_step="choose another ref")
    new = wanted.as_appointment(ref, provider.timezone)
    if not force:
        demand_ahead(new.start, now)
        demand_free(tx, [new])
    new = replace(new, dos_zone=zone_that_dates(tx, new))
    appointments.insert_one(tx, new, dos_timezone=new.dos_zone, now=now)
    detail = {"start": new.start.isoformat(), "timezone": new.zone, "minutes": new.minutes}
    audit.append(
        tx,
        at=now,
        actor=actor,
        action="appointment.booked",
        subject=f"appointment:{ref}",
        detail=detail,
    )
    if not force:
        messages.booked(tx, [new], now=now)
    return new


def complete(tx: Connection, ref: str, *, now: datetime, actor: str) -> Appointment:
    """Say that an appointment took place; possible once it has started."""
    return _close(tx, ref, Status.COMPLETED, now=now, actor=actor)


def no_show(tx: Connection, ref: str, *, now: datetime, actor: str) -> Appointment:
    """Say that the client did not come; possible once it has started."""
    return _close(tx, ref, Status.NO_SHOW, now=now, actor=actor)


def demand_ahead(start: datetime, now: datetime) -> None:
    """Raise `Refused` where a start lies in the past."""
    if instant(start) < instant(now):
        raise Refused(
            f"{start:%Y-%m-%d %H:%M} has passed, and nothing is moved or booked into the past",
            next_step="choose a time that is still to come",
        )


def _close(tx: Connection, ref: str, status: Status, *, now: datetime, actor: str) -> Appointment:
    one = resolve(tx, ref, now=now)
    if one.status is status:
        return one
    if not one.status.stands:
        raise Refused(
            f"appointment {ref} is {one.status.value}", next_step="there is nothing to record"
        )
    if not started(one, now):
        raise Refused(
            f"appointment {ref} has not started yet",
            next_step=f"say so after {one.start:%Y-%m-%d %H:%M} ({one.zone})",
        )
    closed = replace(one, status=status)
    appointments.save(tx, closed, now=now)
    claims.follow(tx, closed, now=now, actor=actor)
    # they met, or were to: what was asked meanwhile no longer matters
    standing_asks.close(tx, ref, AskStatus.WITHDRAWN, now=now, actor=actor)
    action = "appointment.completed" if status is Status.COMPLETED else "appointment.no_show"
    detail = {"before": one.status.value}
    audit.append(
        tx, at=now, actor=actor, action=action, subject=f"appointment:{ref}", detail=detail
    )
    return closed
