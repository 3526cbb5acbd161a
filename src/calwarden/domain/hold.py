"""Holds: why a claim may not be sent yet. Derived from open causes at a moment, never stored."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.claim import date_of_service
from calwarden.domain.drift import CASES, DriftKind
from calwarden.domain.wall_time import instant

NEAR = timedelta(hours=2)
"""How long before the start any open question about time or existence holds the claim."""

HOLDING = CASES | {
    DriftKind.DELETED,
    DriftKind.MOVED_CALENDAR,
    DriftKind.CANCELLED,
    DriftKind.OCCURRENCE_DELETED,
    DriftKind.SERIES_SPLIT,
    DriftKind.RECURRENCE_CHANGED,
    DriftKind.MOVED,
    DriftKind.OCCURRENCE_MOVED,
    DriftKind.ALL_DAY,
    DriftKind.RESIZED,
    DriftKind.ZONE_CHANGED,  # on record only where an instant differs
}
"""Kinds about time or existence: those on which a date of service hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """What an open drift says about one appointment.

    ``redated`` is its own finding that the date of service would differ or cease. Where it is about
    this appointment alone (``direct``), ``start`` is where the outside has it; None: nowhere.
    """

    drift: int
    kind: DriftKind
    redated: bool = False
    direct: bool = False
    start: datetime | None = None
    all_day: bool = False

    def date_outside(self, zone: str) -> date | None:
        """Return the date of service if the outside were true; None where there would be none."""
        if self.start is None:
            return None
        return self.start.date() if self.all_day else date_of_service(self.start, zone)


def drift_hold(
    appointment: Appointment,
    said: Contradiction,
    *,
    zone: str,
    now: datetime,
    near: timedelta = NEAR,
) -> str | None:
    """Return why an open drift holds the claim of its appointment; None where it does not.

    It does where it would change the date of service, lies within ``near`` of the start (exactly
    ``near`` counts), sits on a started appointment, or belongs to a case.
    """
    if said.kind not in HOLDING:
        return None
    why = _why(appointment, said, zone=zone, now=now, near=near)
    return None if why is None else f"drift {said.drift} ({said.kind}) is open{why}"


def _why(
    appointment: Appointment, said: Contradiction, *, zone: str, now: datetime, near: timedelta
) -> str | None:
    start = instant(appointment.start)
    service = date_of_service(appointment.start, zone)
    if said.kind in CASES:
        return ": the whole calendar is in question"
    if instant(now) >= start:
        return " on an appointment that has started"
    if said.direct and said.start is None:
        return f": nothing stands in the calendar for the date of service {service}"
    if said.direct and said.date_outside(zone) != service:
        return f" and would change the date of service {service} to {said.date_outside(zone)}"
    if said.redated or not (said.direct or zone == appointment.dos_zone):
        return f" and would change the date of service {service}"
    return f" within {_hours(near)} of the start" if start - instant(now) <= near else None


def request_hold(appointment: Appointment, ask: int | None = None) -> str | None:
    """Return why an open reschedule request, ``ask``, holds the claim; None where none is open."""
    if appointment.status is Status.RESCHEDULE_REQUESTED:
        number = "" if ask is None else f" (ask {ask})"
        return f"a request to reschedule the appointment is open{number}"
    return None


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):g} h"
