"""The course of a series: how it carries on from one of its slots ("this and all subsequent").

From its first slot on the series itself changes. Behind that it is split: it ends before the slot,
and a new series carries on with the same appointments under the same refs.
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
from calwarden.domain.wall_time import slot_of
from calwarden.practice import claims
from calwarden.practice.appointments import demand_minutes, demand_unstarted
from calwarden.practice.booking import demand_ahead
from calwarden.practice.conflicts import demand_free
from calwarden.practice.series import due
from calwarden.store import appointments, audit, series


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a series carries on from slot ``number``: that slot's new start, the length, the cadence.

    ``cadence`` None keeps the pattern and the number of meetings.
    """

    number: int
    start: datetime
    minutes: int
    cadence: Cadence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a new course does: appointments as they are and become, those that end, those born."""

    new: Series
    carried: tuple[tuple[Appointment, Appointment], ...]
    ended: tuple[Appointment, ...]
    born: tuple[Appointment, ...]

    @property
    def moved(self) -> list[tuple[Appointment, Appointment]]:
        """The appointments whose time changes."""
        return [
            (before, after)
            for before, after in self.carried
            if (before.start, before.minutes) != (after.start, after.minutes)
        ]


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
    length = one.minutes if minutes is None else minutes
    course = Course(number=ahead[0], start=shifted(ahead[1], by), minutes=length)
    return carry_on(tx, one, course, now=now, actor=actor)


def carry_on(
    tx: Connection, old: Series, course: Course, *, now: datetime, actor: str
) -> list[Appointment]:
    """Let a series carry on differently from one slot on; return the appointments that moved.

    A meeting that was moved on purpose keeps its own time, a cancelled one stays cancelled. Raises
    `Refused`.
    """
    demand_minutes(course.minutes)
    demand_ahead(course.start, now)
    plan = _plan(tx, old, course, now)
    for before, after in plan.moved:
        demand_unstarted(before, now)
        demand_ahead(after.start, now)
    for one in plan.ended:
        demand_unstarted(one, now)
    moved = [after for _, after in plan.moved]
    own = {one.ref for one, _ in plan.carried} | {one.ref for one in plan.ended}
    demand_free(tx, [*moved, *plan.born], ignoring=own)
    _store(tx, old, plan, now=now)
    redated = [ref for one in moved for ref in claims.follow(tx, one, now=now, actor=actor)]
    detail = {
        "from": course.number,
        "start": plan.new.start.isoformat(),
        "timezone": plan.new.zone,
        "minutes": plan.new.minutes,
        "rule": plan.new.cadence.rule(plan.new.start),
        "series": plan.new.ref,
        "claims": redated,
    }
    action, subject = "series.rescheduled", f"series:{old.ref}"
    audit.append(tx, at=now, actor=actor, action=action, subject=subject, detail=detail)
    return moved


def _plan(tx: Connection, old: Series, course: Course, now: datetime) -> _Plan:
    new = _successor(tx, old, course)
    members = {
        one.number: one
        for one in appointments.search(tx, series=old.ref)
        if one.number is not None and one.number >= course.number
    }
    carried = _renumbered(old, new, members.values())
    kept = {before.ref for before, _ in carried}
    newest = max(members, default=course.number - 1)
    root = series.root(tx, old.ref)
    return _Plan(
        new=new,
        carried=tuple(carried),
        ended=tuple(one for one in members.values() if one.ref not in kept and one.status.stands),
        born=tuple(due(tx, new, root, newest, now)),
    )


def _successor(tx: Connection, old: Series, course: Course) -> Series:
    cadence = course.cadence
    if cadence is None:
        cadence = replace(old.cadence, count=meetings_from(old, course.number), until=None)
    monthly = cadence.frequency is Frequency.MONTHLY
    week = monthly_week(course.start.date()) if monthly else None
    first = course.number == old.first_number
    return replace(
        old,
        ref=old.ref if first else _split_ref(tx, old, course.number),
        start=course.start,
        minutes=course.minutes,
        cadence=replace(cadence, week=week),
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
    by_number = {one.number: one for one in members}
    carried: list[tuple[Appointment, Appointment]] = []
    for number, start in numbered(new):
        if not by_number:
            break
        before = by_number.pop(number, None)
        if before is None:
            continue
        after = replace(before, series=new.ref, slot=slot_of(start))
        if is_regular(before, old) and before.status.stands:
            after = replace(after, start=start, minutes=new.minutes)
        carried.append((before, after))
    return carried


def _store(tx: Connection, old: Series, plan: _Plan, *, now: datetime) -> None:
    new = plan.new
    if new.ref == old.ref:
        series.save(tx, new)
        # a slot may be one that another occurrence has until its turn comes
        for before, _ in plan.carried:
            appointments.save(tx, replace(before, slot=None), now=now)
    else:
        series.save(tx, cut_before(old, new.first_number))
        series.insert_one(tx, new, now=now, root=series.root(tx, old.ref))
    for one in plan.ended:
        ended = replace(one, status=Status.CANCELLED, slot=None)
        appointments.save(tx, ended, now=now, reason="the series ends before it")
    for _, after in plan.carried:
        appointments.save(tx, after, now=now)
    appointments.insert_all(tx, [(one, one.dos_zone) for one in plan.born], now=now)
