"""What a changed rule or a split outside means for a series, where a cadence can say it."""

from datetime import datetime, timedelta
from itertools import dropwhile

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Series
from calwarden.domain.cadence import Cadence, read_rule
from calwarden.domain.drift import DriftKind
from calwarden.domain.event import EventResource, Observed
from calwarden.domain.occurrence import first_ahead, meetings_from, numbered
from calwarden.domain.refusal import Refused
from calwarden.domain.strangers import copy_finding
from calwarden.domain.wall_time import instant, same_instant, slot_of
from calwarden.practice.course_plan import Course
from calwarden.practice.rescheduling import stored_start
from calwarden.practice.series_course import redirect
from calwarden.store import drifts, ledger, managed, observations, series
from calwarden.store.drifts import DriftRow

MINUTE = timedelta(minutes=1)
COURSES = frozenset({DriftKind.SERIES_SPLIT, DriftKind.RECURRENCE_CHANGED})
REVERT = "revert"


def take_course(tx: Connection, row: DriftRow, *, now: datetime, actor: str) -> list[Appointment]:
    """Let a series go on as the calendar shows it, with as many meetings as it had.

    Raises `Refused` where no cadence can say that, or where it would end meetings.
    """
    old = series.get(tx, row.subject_ref or "")
    if row.kind is DriftKind.RECURRENCE_CHANGED:
        course = _of_rule(row, old, _seen(tx, row), now)
        return redirect(tx, old, course, now=now, actor=actor)
    second = _second_half(tx, row, now)
    moved = redirect(tx, old, _of_split(row, old, second), now=now, actor=actor)
    _let_go(tx, row, second, now=now)
    return moved


def _of_rule(row: DriftRow, old: Series, seen: EventResource, now: datetime) -> Course:
    start = stored_start(seen.body.start, old.zone)
    cadence = _cadence(row, seen, start)
    same = cadence.rule(start) == old.cadence.rule(old.start) and same_instant(start, old.start)
    _demand_no_end(row, seen, old.cadence.meetings(old.start))
    ahead = first_ahead(old, now)
    if same or ahead is None:
        raise _unsayable(row, "it moves no meeting that is still to come")
    starts = Cadence(frequency=cadence.frequency, every=cadence.every, week=cadence.week)
    following = dropwhile(lambda moment: instant(moment) <= instant(now), starts.starts(start))
    return _course(row, old, ahead[0], next(following), seen, cadence)


def _of_split(row: DriftRow, old: Series, second: Observed) -> Course:
    half = _resource(row, second)
    number = next((n for n, start in numbered(old) if slot_of(start) == row.occurrence), None)
    if number is None:
        raise _unsayable(row, "the series has changed since")
    _demand_no_end(row, half, meetings_from(old, number))
    start = stored_start(half.body.start, old.zone)
    return _course(row, old, number, start, half, _cadence(row, half, start))


def _course(
    row: DriftRow,
    old: Series,
    number: int,
    start: datetime,
    seen: EventResource,
    cadence: Cadence,
) -> Course:
    minutes, rest = divmod(seen.body.length, MINUTE)
    if rest or seen.body.all_day:
        raise _unsayable(row, "its meetings have no length in minutes")
    kept = Cadence(
        frequency=cadence.frequency,
        every=cadence.every,
        week=cadence.week,
        count=meetings_from(old, number),
    )
    return Course(number=number, start=start, minutes=minutes, cadence=kept)


def _cadence(row: DriftRow, seen: EventResource, start: datetime) -> Cadence:
    rule = seen.recurrence
    found = None
    if rule is not None and rule.supported and not rule.extra:
        found = read_rule(rule.rule, start)
    if found is None:
        raise _unsayable(row, "its rule is none that a series here can have")
    return found


def _demand_no_end(row: DriftRow, seen: EventResource, meetings: int | None) -> None:
    count = None if seen.recurrence is None else seen.recurrence.count
    if count is not None and (meetings is None or count < meetings):
        raise _unsayable(row, "it would end meetings, and that takes a cancellation of each")


def _seen(tx: Connection, row: DriftRow) -> EventResource:
    found = observations.of_uids(tx, row.calendar_id, [row.uid])
    ours = next((one for one in found if one.uid == row.uid), None)
    if ours is None:
        raise _unsayable(row, "the calendar shows it no more")
    return _resource(row, ours)


def _second_half(tx: Connection, row: DriftRow, now: datetime) -> Observed:
    """Return the event that carries the series on: not ours, at the time that the drift tells."""
    after = row.after or {}
    places = {one.remote_id for one in managed.all_of(tx, row.calendar_id)}
    for one in observations.strangers(tx, row.calendar_id, now=now):
        if one.remote_id in places or one.resource is None or "start" not in after:
            continue
        told = datetime.fromisoformat(after["start"]), datetime.fromisoformat(after["end"])
        body = one.resource.body
        if same_instant(body.start, told[0]) and same_instant(body.end, told[1]):
            return one
    raise _unsayable(row, "the calendar shows its second half no more")


def _resource(row: DriftRow, one: Observed) -> EventResource:
    if one.resource is None:
        raise _unsayable(row, "the event cannot be read")
    return one.resource


def _let_go(tx: Connection, row: DriftRow, second: Observed, *, now: datetime) -> None:
    """Have the next pass remove the second half, which our own event replaces: it is a copy."""
    observations.mark(tx, row.calendar_id, second.remote_id, row.uid)
    finding = copy_finding(second, row.subject_ref or "")
    number = ledger.open_drift(tx, row.calendar_id, row.provider, finding, now=now)
    drifts.save(tx, number, decision=REVERT, reason=f"drift {row.id} was accepted")


def _unsayable(row: DriftRow, why: str) -> Refused:
    name = "NAME" if row.subject_ref is None else row.subject_ref
    return Refused(
        f"drift {row.id} ({row.kind}) cannot be accepted as it stands: {why}",
        next_step="change the series itself (calwarden appointments reschedule "
        f"{name}#N --scope following) and then: calwarden drift resolve {row.id} revert",
    )
