"""Resources side by side, as connectors compare them: by wall time and zone, slot by slot."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile

from calwarden.domain.document import body_document
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import Slot
from calwarden.ical.expansion import regular, slots


def alike(one: EventBody | None, other: EventBody | None) -> bool:
    """Tell whether two bodies have the same managed fields, wall times and zones compared."""
    if one is None or other is None:
        return one is other
    return body_document(one) == body_document(other)


def same_frame(one: EventResource, other: EventResource) -> bool:
    """Tell whether two resources have the same slots: start, length, zone and rule."""
    return one.recurrence == other.recurrence and alike(_times(one.body), _times(other.body))


def occurrence(resource: EventResource, slot: Slot) -> EventBody | None:
    """Return what stands at a slot; None where nothing does, or the series has no such slot."""
    if slot in resource.overrides:
        return resource.overrides[slot]
    if slot in resource.excluded or not slots_among(resource, (slot,)):
        return None
    return regular(resource, slot)


def slots_among(resource: EventResource, wanted: Iterable[Slot]) -> set[Slot]:
    """Return those of ``wanted`` that a series has, excluded or not."""
    asked: set[Slot] = set(wanted)
    if not asked:
        return set()
    last = max(asked)
    whole = replace(resource, excluded=frozenset())
    return {slot for slot in takewhile(lambda slot: slot <= last, slots(whole)) if slot in asked}


def within_rule(resource: EventResource) -> EventResource:
    """Return the resource without exclusions of slots that its rule does not have.

    They change nothing.
    """
    if not resource.excluded or resource.recurrence is None or not resource.recurrence.supported:
        return resource
    there = slots_among(resource, resource.excluded)
    return replace(resource, excluded=frozenset(there))


def _times(body: EventBody) -> EventBody:
    return EventBody(start=body.start, end=body.end, all_day=body.all_day)
