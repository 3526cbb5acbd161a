"""Corrections: the true time of what has started, kept beside the scheduled one."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant, local_text
from calwarden.practice import claims
from calwarden.practice.appointments import demand_minutes, started
from calwarden.practice.rescheduling import stored_start
from calwarden.practice.series import resolve
from calwarden.store import appointments, audit


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueTime:
    """When an appointment really was, and how that is known. ``minutes`` None keeps the length."""

    start: datetime
    reason: str
    minutes: int | None = None


def correct(tx: Connection, ref: str, truth: TrueTime, *, now: datetime, actor: str) -> Appointment:
    """Correct what has started: no message goes out, the event outside and the claims follow.

    The time it was scheduled for is kept through any number of corrections. Raises `Refused`: for
    a true time that has not come, too.
    """
    before = resolve(tx, ref, now=now)
    if not truth.reason.strip():
        raise Refused("a correction needs a reason", next_step="give it with --reason")
    if not before.status.stands:
        raise Refused(
            f"appointment {ref} is {before.status.value}", next_step="there is nothing to correct"
        )
    if not started(before, now):
        raise Refused(
            f"appointment {ref} has not started, and only what has started is corrected",
            next_step=f"reschedule it: calwarden appointments reschedule {ref}",
        )
    minutes = before.minutes if truth.minutes is None else truth.minutes
    demand_minutes(minutes)
    start = stored_start(truth.start, before.zone)
    if instant(start) > now:
        raise Refused(
            f"{local_text(start)} lies ahead, and a correction tells when appointment {ref} was",
            next_step="correct it once it has begun; if it did not take place, record a no-show "
            "and book another",
        )
    after = replace(
        before,
        start=start,
        minutes=minutes,
        scheduled_start=before.scheduled_start or before.start,
        scheduled_minutes=before.scheduled_minutes or before.minutes,
    )
    if (after.start, after.minutes) == (before.start, before.minutes):
        return before
    appointments.save(tx, after, now=now, reason=truth.reason)
    redated = claims.follow(tx, after, now=now, actor=actor)
    detail = {
        "before_start": before.start.isoformat(),
        "before_minutes": before.minutes,
        "after_start": after.start.isoformat(),
        "after_minutes": after.minutes,
        "claims": redated,
    }
    action = "appointment.corrected"
    audit.append(
        tx, at=now, actor=actor, action=action, subject=f"appointment:{ref}", detail=detail
    )
    return after
