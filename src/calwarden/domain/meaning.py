"""Which appointments a change of a resource is about, and where the calendar then shows them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from calwarden.domain.cadence import read_rule
from calwarden.domain.difference import Difference, occurrence, shift
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.view import CalendarView, ResourceState, bodies
from calwarden.domain.wall_time import Slot, after, in_zone, instant, slot_of, slot_start

LISTED_AHEAD = timedelta(weeks=27)

Meant = tuple[Slot | None, str, EventBody, EventBody | None]
"""Slot, appointment ref, where the appointment is, and where the calendar shows it or None."""


def meant_by_whole(
    state: ResourceState, view: CalendarView, seen: EventResource | None
) -> Iterator[Meant]:
    """Yield what a change of the whole resource to ``seen`` means.

    That is all of a single event, and of a series what has not started and lies within
    `LISTED_AHEAD`.
    """
    if state.event is None:
        return
    desired = state.event.resource
    latest = instant(view.now) + LISTED_AHEAD
    order = sorted({str(slot) for slot in state.event.refs} | set(desired.excluded))
    for slot, ref, body in bodies(state.event):
        unstarted = instant(view.now) < instant(body.start) < latest
        if desired.recurrence is None or unstarted:
            there = None if seen is None else _counterpart(desired, seen, slot, order)
            yield slot, ref, body, there


def meant_by_split(
    state: ResourceState, view: CalendarView, first: Slot, moved: timedelta, length: timedelta
) -> Iterator[Meant]:
    """Yield what a split means: all from its ``first`` slot on, moved to the second half."""
    for slot, ref, body, _ in meant_by_whole(state, view, None):
        if slot is not None and slot >= first:
            start = after(body.start, moved)
            yield slot, ref, body, EventBody(start=start, end=after(start, length))


def meant_by_slots(state: ResourceState, found: Iterable[Difference]) -> Iterator[Meant]:
    """Yield the occurrences that differ, as far as they are appointments."""
    refs = {} if state.event is None else state.event.refs
    for one in found:
        if one.before is not None and one.slot in refs:
            yield one.slot, refs[one.slot], one.before, one.after


def next_body(state: ResourceState, base: EventResource, view: CalendarView) -> EventBody:
    """Return the occurrence to show for a whole resource: the next one, else the last."""
    standing = [] if state.event is None else [body for _, _, body in bodies(state.event)]
    upcoming = (body for body in standing if instant(body.start) > instant(view.now))
    return next(upcoming, standing[-1] if standing else base.body)


def upcoming(seen: EventResource, now: datetime) -> EventBody | None:
    """Return the next meeting of a series as it stands outside; its first where that is unknown.

    None where the series is cancelled or its meetings are over.
    """
    rule = seen.recurrence
    if seen.body.cancelled:
        return None
    cadence = None
    if rule is not None and rule.supported and not rule.extra:
        cadence = read_rule(rule.rule, seen.body.start)
    if rule is None or cadence is None:
        return seen.body
    for start in islice(cadence.starts(seen.body.start), rule.count):
        body = occurrence(seen, slot_of(start))
        if body is not None and instant(body.start) > instant(now):
            return body
    return None


def _counterpart(
    desired: EventResource, seen: EventResource, slot: Slot | None, order: list[str]
) -> EventBody | None:
    """Return where an occurrence is after its whole resource changed.

    None where it is gone or cannot be told.
    """
    if seen.body.cancelled:
        return None  # whoever cancels a series means its moved meetings, too
    if slot is None:
        return seen.body
    rules = desired.recurrence, seen.recurrence
    if rules[0] is None or rules[1] is None or rules[0].rule != rules[1].rule:
        return None
    if rules[1].count is not None and order.index(slot) >= rules[1].count:
        return None
    wall = slot_start(slot, desired.zone)
    moved = slot_start(slot_of(wall + shift(desired, seen)), desired.zone)
    local = in_zone(moved, seen.zone)
    # the slots of an all-day series are dates
    there = Slot(local.date().isoformat()) if seen.body.all_day else slot_of(local)
    return occurrence(seen, there)
