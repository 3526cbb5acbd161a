"""The course of a series: how it carries on from one of its slots ("this and all subsequent").

From its first slot on the series itself changes. Behind that it is split: it ends before the slot,
and a new series carries on with the same appointments under the same refs.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Series, Status
from calwarden.domain.ask import AskStatus
from calwarden.domain.cadence import Cadence
from calwarden.domain.occurrence import cut_before, first_ahead, meetings_from, shifted
from calwarden.domain.refusal import Refused
from calwarden.practice import claims, departures, messages, standing_asks
from calwarden.practice.appointments import demand_minutes, demand_unstarted
from calwarden.practice.booking import demand_ahead
from calwarden.practice.conflicts import demand_free
from calwarden.practice.course_plan import Course, CoursePlan, course_plan
from calwarden.practice.messages import Change
from calwarden.practice.rescheduling import stored_start
from calwarden.practice.series import resolve
from calwarden.store import appointments, audit, series
from calwarden.store.departures import Path


def reschedule_following(
    tx: Connection,
    ref: str,
    start: datetime,
    minutes: int | None = None,
    *,
    every_weeks: int | None = None,
    now: datetime,
    actor: str,
) -> list[Appointment]:
    """Let a series carry on from one of its meetings on: "this and all subsequent events".

    ``every_weeks`` changes the cadence and keeps the number of meetings. Returns what moved, by
    number, and tells both people. Raises `Refused`, `NotFound`, `BadCadence`.
    """
    one = resolve(tx, ref, now=now)
    demand_unstarted(one, now)
    if one.series is None or one.number is None:
        raise Refused(
            f"appointment {ref} is no part of a series", next_step="reschedule it with --scope this"
        )
    old = series.get(tx, one.series)
    cadence = None
    if every_weeks is not None:
        cadence = Cadence(every=every_weeks, count=meetings_from(old, one.number))
    course = Course(
        number=one.number,
        start=stored_start(start, old.zone),
        minutes=old.minutes if minutes is None else minutes,
        cadence=cadence,
        named=True,
    )
    return redirect(tx, old, course, now=now, actor=actor)


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
    return redirect(tx, one, course, now=now, actor=actor)


def redirect(
    tx: Connection, old: Series, course: Course, *, now: datetime, actor: str
) -> list[Appointment]:
    """As `carry_on`, and tell both people of every new time in one message."""
    changes = _carry_on(tx, old, course, now=now, actor=actor)
    if changes and changes[0].before.start != changes[0].after.start:
        # one act of one person, whatever number of meetings moved
        departures.note(tx, changes[0].before, Path.RESCHEDULE, now=now)
    messages.moved(tx, changes, now=now)
    return [change.after for change in changes]


def carry_on(
    tx: Connection, old: Series, course: Course, *, now: datetime, actor: str
) -> list[Appointment]:
    """Let a series carry on differently from one slot on; return the appointments that moved.

    A meeting that was moved on purpose keeps its own time, a cancelled one stays cancelled, and one
    that has started stays as it is. Raises `Refused`.
    """
    return [change.after for change in _carry_on(tx, old, course, now=now, actor=actor)]


def _carry_on(
    tx: Connection, old: Series, course: Course, *, now: datetime, actor: str
) -> list[Change]:
    demand_minutes(course.minutes)
    demand_ahead(course.start, now)
    plan = course_plan(tx, old, course, now)
    if plan.changes_nothing(old):
        return []
    for one in plan.ended:
        demand_unstarted(one, now)
    moved = [change.after for change in plan.moved]
    for one in moved:
        demand_ahead(one.start, now)
    leaving = {one.ref for one in (*moved, *plan.ended)}
    demand_free(tx, [*moved, *plan.born], ignoring=leaving, leaving=old.ref)
    _store(tx, old, plan, now=now)
    for one in (*moved, *plan.ended):
        standing_asks.close(tx, one.ref, AskStatus.WITHDRAWN, now=now, actor=actor)
    redated = [ref for one in moved for ref in claims.follow(tx, one, now=now, actor=actor)]
    detail = {
        "from": course.number,
        "start": plan.new.start.isoformat(),
        "timezone": plan.new.zone,
        "minutes": plan.new.minutes,
        "rule": plan.new.cadence.rule(plan.new.start),
        "series": plan.new.ref,
        "moved": [one.ref for one in moved],
        "claims": redated,
    }
    action, subject = "series.rescheduled", f"series:{old.ref}"
    audit.append(tx, at=now, actor=actor, action=action, subject=subject, detail=detail)
    return plan.moved


def _store(tx: Connection, old: Series, plan: CoursePlan, *, now: datetime) -> None:
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
