"""The other calendar's "this and following": a rule ends early and a new series carries on."""

from dataclasses import dataclass
from datetime import timedelta

from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.view import CalendarView, ResourceState
from calwarden.domain.wall_time import Slot, instant, slot_start

REACH = timedelta(days=31)
EARLY = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSplit:
    """A series cut in two: the ``first`` slot behind the cut, and the event carrying on there."""

    first: Slot
    body: EventBody
    remote_id: str


def series_split(
    state: ResourceState, base: EventResource, seen: EventResource, view: CalendarView
) -> SeriesSplit | None:
    """Recognise a split: the rule was cut, and a stranger of ours stands near the first slot cut.

    Ours is what carries the series' marker or, where it carries none, its title. Of several that
    fit, one with the marker comes before one that repeats, and that before the nearest.
    """
    first = _cut(state, base, seen)
    if first is None:
        return None
    expected = instant(slot_start(first, base.zone))
    found = []
    for stranger in view.strangers:
        if stranger.resource is None or stranger.marker not in {None, state.uid}:
            continue
        body = stranger.resource.body
        titled = bool(body.title) and body.title == base.body.title
        away = instant(body.start) - expected
        if -EARLY <= away <= REACH and (titled or stranger.marker == state.uid):
            single = stranger.resource.recurrence is None
            rank = (stranger.marker is None, single, abs(away), stranger.remote_id)
            found.append((rank, body))
    if not found:
        return None
    (*_, remote_id), body = min(found, key=lambda one: one[0])
    return SeriesSplit(first=first, body=body, remote_id=remote_id)


def _cut(state: ResourceState, base: EventResource, seen: EventResource) -> Slot | None:
    """Return the first slot that the same rule, now shorter, leaves out."""
    was, now = base.recurrence, seen.recurrence
    if state.event is None or was is None or now is None or now.count is None:
        return None
    if now.rule != was.rule or (was.count is not None and now.count >= was.count):
        return None
    named = {slot for slot in state.event.refs if slot is not None}
    slots = sorted(named | base.excluded | set(base.overrides))
    return slots[now.count] if now.count < len(slots) else None
