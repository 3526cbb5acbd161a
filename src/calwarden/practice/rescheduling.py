"""Rescheduling one appointment that has not started: "this event only".

Nothing that has started changes, nothing moves into the past, and every claim that is not on file
follows its appointment in the same transaction. Both people are told.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.ask import AskStatus
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import in_zone, instant, parse_local, zone_name
from calwarden.practice import claims, departures, messages, standing_asks
from calwarden.practice.appointments import demand_minutes, demand_unstarted
from calwarden.practice.booking import demand_ahead
from calwarden.practice.conflicts import demand_free
from calwarden.practice.messages import Change
from calwarden.practice.series import resolve
from calwarden.store import appointments, audit
from calwarden.store.departures import Path


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
    it has changes nothing; a new one makes an open ask needless. Raises `Refused`, `NotFound`.
    """
    before = resolve(tx, ref, now=now)
    demand_unstarted(before, now)
    moved = replace(
        before,
        start=stored_start(start, before.zone),
        minutes=before.minutes if minutes is None else minutes,
        status=Status.SCHEDULED,
    )
    if (moved.start, moved.minutes) == (before.start, before.minutes):
        return before
    demand_minutes(moved.minutes)
    demand_ahead(moved.start, now)
    demand_free(tx, [moved], ignoring={ref})
    move(tx, before, moved, AskStatus.WITHDRAWN, now=now, actor=actor)
    return moved


def move(
    tx: Connection,
    before: Appointment,
    after: Appointment,
    ask: AskStatus,
    *,
    now: datetime,
    actor: str,
) -> None:
    """Store a new time that the rules allow, and tell both people; ``ask`` says how one ends."""
    change(tx, before, after, now=now, actor=actor)
    asked = standing_asks.close(tx, after.ref, ask, now=now, actor=actor)
    if asked is None and instant(after.start) != instant(before.start):
        departures.note(tx, before, Path.RESCHEDULE, now=now)
    messages.moved(tx, [Change(before=before, after=after)], now=now)


def change(
    tx: Connection, before: Appointment, after: Appointment, *, now: datetime, actor: str
) -> list[str]:
    """Store an appointment as changed, with its claims; return the refs of those re-dated."""
    appointments.save(tx, after, now=now)
    redated = claims.follow(tx, after, now=now, actor=actor)
    detail = {**_told("before", before), **_told("after", after), "claims": redated}
    subject, action = f"appointment:{after.ref}", "appointment.rescheduled"
    audit.append(tx, at=now, actor=actor, action=action, subject=subject, detail=detail)
    return redated


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


def _told(name: str, one: Appointment) -> dict[str, str | int]:
    return {
        f"{name}_start": one.start.isoformat(),
        f"{name}_timezone": one.zone,
        f"{name}_minutes": one.minutes,
    }
