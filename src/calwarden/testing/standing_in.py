"""Single events that stand in for occurrences which a calendar lets cross no neighbour.

So it is with Exchange (wire rule M20): the occurrence is deleted in its series, never to come back
there, and a single event with the mark of the series takes its place.
"""

from dataclasses import replace
from datetime import date

from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import Slot, in_zone, slot_start
from calwarden.ical.comparison import same_frame, slots_among
from calwarden.ical.expansion import regular, slots


def crossing(resource: EventResource) -> Slot | None:
    """Return an override on the day of a neighbour or beyond it; None where the order is kept."""
    if not resource.overrides:
        return None
    last = max(resource.overrides)
    standing: list[Slot] = []
    for slot in slots(resource):
        standing.append(slot)
        if slot > last:  # the neighbour of the last override
            break
    days = [_day(resource, slot) for slot in standing]
    for at, slot in enumerate(standing):
        if slot not in resource.overrides:
            continue
        if (at and days[at] <= days[at - 1]) or (at + 1 < len(days) and days[at] >= days[at + 1]):
            return slot
    return None


def embodied(
    wanted: EventResource, stood: EventResource | None
) -> tuple[EventResource, dict[Slot, EventBody]]:
    """Return a resource as its series itself and what has to stand in, by slot.

    ``stood`` is the series itself as it is: what it has deleted stays so while its slots do.
    """
    apart: dict[Slot, EventBody] = {}
    kept = stood is not None and same_frame(stood, wanted)
    for slot in slots_among(wanted, stood.excluded if stood is not None and kept else ()):
        if slot not in wanted.excluded:
            apart[slot] = wanted.overrides.get(slot) or regular(wanted, slot)
    series = wanted
    for slot in apart:
        series = series.with_exclusion(slot)
    while (beyond := crossing(series)) is not None:
        apart[beyond] = series.overrides[beyond]
        series = series.with_exclusion(beyond)
    return series, dict(sorted(apart.items()))


def is_regular(body: EventBody, resource: EventResource, slot: Slot) -> bool:
    """Tell whether a single event stands where its series would have the occurrence."""
    return _plain(body) == _plain(regular(resource, slot))


def _plain(body: EventBody) -> EventBody:
    return replace(body, title="", location="", details="", attendees=())


def _day(resource: EventResource, slot: Slot) -> date:
    body = resource.overrides.get(slot)
    start = slot_start(slot, resource.zone) if body is None else body.start
    return in_zone(start, resource.zone).date()
