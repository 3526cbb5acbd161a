"""Rescheduling what has not started: one appointment, or a series from its next meeting on.

Nothing that has started changes, nothing moves into the past, and every claim that is not on file
follows its appointment in the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Series, Status
from calwarden.domain.cadence import Cadence, Frequency, monthly_week
from calwarden.domain.occurrence import (
    cut_before,
    first_ahead,
    is_regular,
    meetings_from,
    numbered,
    shifted,
)
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import in_zone, parse_local, slot_of, zone_name
from calwarden.practice import claims
from calwarden.practice.appointments import demand_minutes, demand_unstarted
from calwarden.practice.booking import demand_ahead
from calwarden.practice.conflicts import demand_free
from calwarden.practice.series import resolve
from calwarden.store import appointments, audit, series


def reschedule_one(
    tx: Connection,
    ref: str,
    start: datetime,
    minutes: int | None = None,
    *,
    now: datetime,
    actor: str,
) -> Appointment:
    """Move "this event only"; an occurrence keeps its slot. ``minutes`` None keeps the length.

    ``start`` is told in the appointment's zone where it comes in another. Asking for the time that
    it has changes nothing. Raises `Refused`, `NotFound`.
    """
    before = resolve(tx, ref, now=now)
    demand_unstarted(before, now)
    moved = replace(
        before,
        start=stored_start(start, before.zone),
        minutes=before.minutes if minutes is None else minutes,
        status=Status.SCHEDULED,
    )
    if moved == before:
        return before
    demand_minutes(moved.minutes)
    demand_ahead(moved.start, now)
    demand_free(tx, [moved], ignoring={ref})
    appointments.save(tx, moved, now=now)
    redated = claims.follow(tx, moved, now=now, actor=actor)
    detail = {**_told("before", before), **_told("after", moved), "claims": redated}
    action = "appointment.rescheduled"
    audit.append(
        tx, at=now, actor=actor, action=action, subject=f"appointment:{ref}", detail=detail
    )
    return moved


def wall_start(one: Appointment, text: str) -> datetime:
    """Read a start as people write it, in the appointment's zone; raises `BadLocalTime`."""
    return parse_local(text, one.zone)


def stored_start(start: datetime, zone: str) -> datetime:
    """Return a start as it can be kept: wall time in ``zone``, the first of two equal ones.

    Raises `Refused` for the second pass of an hour that the clocks repeat: it cannot be told apart.
    """
    told = start if zone_name(start) == zone else in_zone(start, zone)
    if told.fold and told.utcoffset() != told.replace(fold=0).utcoffset():
        raise Refused(
            f"{told:%Y-%m-%d %H:%M} happens twice in {zone}, and this is the second time",
            next_step="choose the first, or a time outside the hour that is repeated",
        )
    return told.replace(fold=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a series carries on from one of its slots: the slot's new start, length, cadence.

    ``cadence`` says how often and how long; None keeps the pattern and the number of meetings.
    """

    number: int
    start: datetime
    minutes: int
    cadence: Cadence | None = None


def shift_series(
    tx: Connection,
    ref: str,
    by: timedelta,
    minutes: int | None = None,
    *,
    now: datetime,
    actor: str,
) -> list[Appointment]:
    """Move every meeting of a series that has not started by one span of wall time.

    Raises `Refused` where all have started, or where one of them cannot move; `NotFound`.
    """
    one = series.get(tx, ref)
    ahead = first_ahead(one, now)
    if ahead is None:
        raise Refused(
            f"every meeting of series {ref} has started", next_step="correct single meetings"
        )
    course = Course(number=ahead[0], start=shifted(ahead[1], by), minutes=minutes or one.minutes)
    return carry_on(tx, one, course, now=now, actor=actor)


def carry_on(
    tx: Connection, old: Series, course: Course, *, now: datetime, actor: str
) -> list[Appointment]:
    """Let a series carry on differently from one slot on; return the appointments that moved.

    From its first slot on the series itself changes; behind that it is split: it ends before the
    slot, and a new series has the same appointments under the same refs. A meeting that was moved
    on purpose keeps its own time, a cancelled one stays cancelled. Raises `Refused`.
    """
    demand_minutes(course.minutes)
    demand_ahead(course.start, now)
    new = _successor(tx, old, course)
    members = [
        one
        for one in appointments.search(tx, series=old.ref)
        if one.number is not None and one.number >= course.number
    ]
    carried = _renumbered(old, new, members)
    changed = [(one, other) for one, other in carried if _time(one) != _time(other)]
    for before, after in changed:
        demand_unstarted(before, now)
        demand_ahead(after.start, now)
    moved = [after for _, after in changed]
    demand_free(tx, moved, ignoring={one.ref for one in members})
    _store(tx, old, new, carried, now=now)
    redated = [ref for one in moved for ref in claims.follow(tx, one, now=now, actor=actor)]
    detail = {
        "from": course.number,
        "start": new.start.isoformat(),
        "timezone": new.zone,
        "minutes": new.minutes,
        "rule": new.cadence.rule(new.start),
        "series": new.ref,
        "claims": redated,
    }
    audit.append(
        tx,
        at=now,
        actor=actor,
        action="series.rescheduled",
        subject=f"series:{old.ref}",
        detail=detail,
    )
    return moved


def _successor(tx: Connection, old: Series, course: Course) -> Series:
    cadence = course.cadence or old.cadence
    monthly = cadence.frequency is Frequency.MONTHLY
    kept = replace(
        cadence,
        week=monthly_week(course.start.date()) if monthly else None,
        count=meetings_from(old, course.number),
        until=None,
    )
    first = course.number == old.first_number
    return replace(
        old,
        ref=old.ref if first else _split_ref(tx, old, course.number),
        start=course.start,
        minutes=course.minutes,
        cadence=kept,
        first_number=course.number,
    )


def _split_ref(tx: Connection, old: Series, number: int) -> str:
    ref = f"{series.root(tx, old.ref)}~{number}"
    while series.find(tx, ref) is not None:
        ref += "~"
    return ref


def _renumbered(
    old: Series, new: Series, members: Iterable[Appointment]
) -> list[tuple[Appointment, Appointment]]:
    """Return each appointment as it is and as it becomes in the new series."""
    by_number = {one.number: one for one in members}
    carried: list[tuple[Appointment, Appointment]] = []
    for number, start in numbered(new):
        before = by_number.pop(number, None)
        if before is not None:
            after = replace(before, series=new.ref, slot=slot_of(start))
            if is_regular(before, old) and before.status.stands:
                after = replace(after, start=start, minutes=new.minutes)
            carried.append((before, after))
        if not by_number:
            break
    return carried


def _store(
    tx: Connection,
    old: Series,
    new: Series,
    carried: list[tuple[Appointment, Appointment]],
    *,
    now: datetime,
) -> None:
    if new.ref == old.ref:
        series.save(tx, new)
        # a slot may be one that another occurrence has until its turn comes
        for before, _ in carried:
            appointments.save(tx, replace(before, slot=None), now=now)
    else:
        series.save(tx, cut_before(old, new.first_number))
        series.insert_one(tx, new, now=now, root=series.root(tx, old.ref))
    for _, after in carried:
        appointments.save(tx, after, now=now)


def _time(one: Appointment) -> tuple[datetime, int]:
    return one.start, one.minutes


def _told(name: str, one: Appointment) -> dict[str, str | int]:
    return {f"{name}_start": one.start.isoformat(), f"{name}_minutes": one.minutes}
