"""What a new course of a series does to its meetings, worked out before anything is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Series, Status
from calwarden.domain.cadence import Cadence, Frequency, monthly_week
from calwarden.domain.occurrence import meetings_from, numbered, stands_at_slot
from calwarden.domain.wall_time import slot_of
from calwarden.practice.appointments import started
from calwarden.practice.messages import Change
from calwarden.practice.series import due
from calwarden.store import appointments, series


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a series carries on from slot ``number``: that slot's new start, the length, the cadence.

    ``cadence`` None keeps the pattern and the number of meetings. ``named``: somebody meant that
    very meeting, so it takes the new start although it was moved on purpose before.
    """

    number: int
    start: datetime
    minutes: int
    cadence: Cadence | None = None
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePlan:
    """What a new course does: appointments as they are and become, those that end, those born."""

    new: Series
    carried: tuple[tuple[Appointment, Appointment], ...]
    ended: tuple[Appointment, ...]
    born: tuple[Appointment, ...]

    @property
    def moved(self) -> list[Change]:
        """The appointments whose time changes."""
        return [
            Change(before=before, after=after)
            for before, after in self.carried
            if (before.start, before.minutes) != (after.start, after.minutes)
        ]

    def changes_nothing(self, old: Series) -> bool:
        """Tell whether the series goes on as it would have anyway."""
        new = self.new
        slot = next(start for number, start in numbered(old) if number == new.first_number)
        same = (new.start, new.minutes) == (slot, old.minutes)
        same_rule = new.cadence.rule(new.start) == old.cadence.rule(old.start)
        ends_alike = new.cadence.meetings(new.start) == meetings_from(old, new.first_number)
        return same and same_rule and ends_alike and not (self.moved or self.born or self.ended)


def course_plan(tx: Connection, old: Series, course: Course, now: datetime) -> CoursePlan:
    """Return what a new course does to the series ``old``; reads only."""
    new = _successor(tx, old, course)
    members = {
        one.number: one
        for one in appointments.search(tx, series=old.ref)
        if one.number is not None and one.number >= course.number
    }
    carried = tuple(_carried(old, new, course, members, now))
    kept = {before.ref for before, _ in carried}
    newest = max(members, default=course.number - 1)
    root = series.root(tx, old.ref)
    return CoursePlan(
        new=new,
        carried=carried,
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


def _carried(
    old: Series,
    new: Series,
    course: Course,
    members: Mapping[int, Appointment],
    now: datetime,
) -> Iterator[tuple[Appointment, Appointment]]:
    """Yield each appointment that the new course still has, as it is and as it becomes."""
    last = max(members, default=0)
    for number, start in takewhile(lambda item: item[0] <= last, numbered(new)):
        before = members.get(number)
        if before is None:
            continue
        after = replace(before, series=new.ref, slot=slot_of(start))
        named = course.named and number == course.number
        if named or _follows(before, old, now):
            # a meeting made longer or shorter on purpose keeps that, unless it is the one named
            own = before.minutes != old.minutes
            takes = not own or (named and course.minutes != old.minutes)
            minutes = new.minutes if takes else before.minutes
            if (start, minutes) != (before.start, before.minutes):
                after = replace(after, start=start, minutes=minutes, status=Status.SCHEDULED)
        yield before, after


def _follows(one: Appointment, old: Series, now: datetime) -> bool:
    """Tell whether a meeting goes where its slot goes: nobody moved it, and it is still to come."""
    ended = one.status not in {Status.SCHEDULED, Status.RESCHEDULE_REQUESTED}
    return stands_at_slot(one, old) and not ended and not started(one, now)
