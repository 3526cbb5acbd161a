"""Accepting a drift: the practice takes over what stands outside, by its own ordinary rules.

What has not started is rescheduled, what has started is corrected. A refusal leaves the drift open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import CASES, DriftKind, DriftStatus
from calwarden.domain.event import SubjectKind
from calwarden.domain.hold import HOLDING
from calwarden.domain.occurrence import shifted, wall_shift
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import in_zone, instant
from calwarden.practice.appointments import started
from calwarden.practice.corrections import TrueTime, correct
from calwarden.practice.drift_closing import ENDINGS, close
from calwarden.practice.drift_courses import COURSES, take_course
from calwarden.practice.rescheduling import reschedule_one
from calwarden.practice.series import resolve
from calwarden.practice.series_course import shift_series
from calwarden.store import drifts, series
from calwarden.store.drifts import DriftRow

ACCEPTABLE = frozenset({DriftKind.MOVED, DriftKind.RESIZED, DriftKind.OCCURRENCE_MOVED})
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Where something stood, and where it stands outside; ``minutes`` is its length there."""

    before: datetime
    after: datetime
    minutes: int
    resized: bool

    def shift(self, zone: str) -> timedelta:
        """By how much wall time moved, told in ``zone``."""
        return wall_shift(in_zone(self.before, zone), in_zone(self.after, zone))


def accept(tx: Connection, row: DriftRow, reason: str, *, now: datetime, actor: str) -> None:
    """Take over what stands outside, and close the drift and its kin in other calendars.

    Raises `Refused` where the kind cannot be accepted or the ordinary rules forbid the new time.
    """
    _demand_acceptable(row)
    if row.kind in COURSES:
        moved = take_course(tx, row, now=now, actor=actor)
        close(tx, row, DriftStatus.ACCEPTED, now=now, actor=actor, reason=reason)
        _close_kin(tx, row, moved, now=now, actor=actor)
        return
    seen = _seen(row)
    if row.subject_kind == SubjectKind.SERIES and row.slot is None:
        ref = row.subject_ref or ""
        by = seen.shift(series.get(tx, ref).zone)
        minutes = seen.minutes if seen.resized else None
        moved = shift_series(tx, ref, by, minutes, now=now, actor=actor)
    else:
        refs = [row.appointment or ""] if len(row.appointments) <= 1 else row.appointments
        moved = [_take(tx, row, ref, seen, reason, now=now, actor=actor) for ref in refs]
    close(tx, row, DriftStatus.ACCEPTED, now=now, actor=actor, reason=reason)
    _close_kin(tx, row, moved, now=now, actor=actor)


def _demand_acceptable(row: DriftRow) -> None:
    if row.kind in ACCEPTABLE | COURSES:
        return
    rule = f"a drift of kind {row.kind} cannot be accepted"
    revert = f"calwarden drift resolve {row.id} revert"
    if row.kind in ENDINGS and row.appointment is not None:
        raise Refused(
            f"{rule} with one click: it would end an appointment",
            next_step=f"cancel it (calwarden appointments cancel {row.appointment} --reason TEXT) "
            f"or ask to reschedule (calwarden appointments ask {row.appointment} --reason TEXT); "
            f"to put it back: {revert}",
        )
    if row.kind in CASES:
        raise Refused(
            f"{rule}: it is about a whole calendar",
            next_step=f"{revert}, or dismiss it, and decide its items one by one",
        )
    raise Refused(rule, next_step=f"{revert}, or dismiss it with a reason")


def _seen(row: DriftRow) -> _Seen:
    before, after = row.before, row.after
    if before is None or after is None:
        raise Refused(f"drift {row.id} does not tell a new time", next_step="revert or dismiss it")
    if after.get("all_day"):
        raise Refused(
            "an event for a whole day has no time of its own", next_step="revert or dismiss it"
        )
    start, length = _moment(after, "start"), _length(after)
    if length % MINUTE or not length:
        raise Refused(
            f"an appointment cannot be {length} long", next_step="revert or dismiss the drift"
        )
    return _Seen(
        before=_moment(before, "start"),
        after=start,
        minutes=length // MINUTE,
        resized=length != _length(before),
    )


def _take(
    tx: Connection,
    row: DriftRow,
    ref: str,
    seen: _Seen,
    reason: str,
    *,
    now: datetime,
    actor: str,
) -> Appointment:
    one = resolve(tx, ref, now=now)
    start = seen.after if ref == row.appointment else shifted(one.start, seen.shift(one.zone))
    minutes = seen.minutes if seen.resized else one.minutes
    if started(one, now):
        why = reason.strip() or f"accepted from the calendar (drift {row.id})"
        truth = TrueTime(start=start, minutes=minutes, reason=why)
        return correct(tx, ref, truth, now=now, actor=actor)
    return reschedule_one(tx, ref, start, minutes, now=now, actor=actor)


def _close_kin(
    tx: Connection, row: DriftRow, moved: list[Appointment], *, now: datetime, actor: str
) -> None:
    """Close the drifts of other calendars on what moved: withdrawn where they show the new time."""
    refs = {row.appointment, *(one.ref for one in moved)}
    for other in drifts.search(tx, provider=row.provider, statuses=[DriftStatus.OPEN]):
        if other.id == row.id or other.kind not in HOLDING or other.appointment not in refs:
            continue
        agrees = _times(other.after) == _times(row.after)
        status = DriftStatus.WITHDRAWN if agrees else DriftStatus.SUPERSEDED
        close(tx, other, status, now=now, actor=actor, reason=None)


def _times(after: Mapping[str, Any] | None) -> tuple[datetime, datetime] | None:
    if after is None or after.get("all_day"):
        return None
    return _moment(after, "start"), _moment(after, "end")


def _moment(document: Mapping[str, Any], key: str) -> datetime:
    return instant(datetime.fromisoformat(document[key]))


def _length(document: Mapping[str, Any]) -> timedelta:
    return _moment(document, "end") - _moment(document, "start")
