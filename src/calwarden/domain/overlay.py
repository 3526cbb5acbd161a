"""What is written: the projection, overlaid with what a person has yet to decide about."""

from collections.abc import Collection
from dataclasses import replace

from calwarden.domain.difference import Element, aligned, occurrence
from calwarden.domain.drift import FIELDS, SCHEDULE, Aspect
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import Slot


def overlay(
    resource: EventResource, source: EventResource, kept: Collection[Element]
) -> EventResource:
    """Return ``resource`` with the ``kept`` elements as they stand in ``source``.

    A series whose master's time is kept takes rule, slots and overrides from ``source`` with it.
    """
    if not kept:
        return resource
    by_slot: dict[Slot | None, set[Aspect]] = {}
    for slot, aspect in kept:
        by_slot.setdefault(slot, set()).add(aspect)
    master = by_slot.pop(None, set())
    result = replace(resource, body=_body(resource.body, source.body, master - {Aspect.TIME}))
    if Aspect.TIME in master:
        return replace(
            result,
            body=_body(result.body, source.body, {Aspect.TIME}),
            recurrence=source.recurrence,
            overrides=source.overrides,
            excluded=source.excluded,
        )
    told = aligned(source, resource)
    for slot, aspects in sorted(by_slot.items(), key=lambda item: str(item[0])):
        if slot is not None:
            result = _slot(result, told, slot, aspects)
    return result


def _slot(
    resource: EventResource, source: EventResource, slot: Slot, aspects: set[Aspect]
) -> EventResource:
    there, here = occurrence(source, slot), occurrence(resource, slot)
    if there is None or here is None:
        if not aspects & SCHEDULE:
            return resource
        if there is None:
            return resource.with_exclusion(slot)
        return resource.with_override(slot, there)
    body = _body(here, there, aspects)
    return resource if body == here else resource.with_override(slot, body)


def _body(body: EventBody, source: EventBody, aspects: set[Aspect]) -> EventBody:
    names = [name for aspect in aspects for name in FIELDS[aspect]]
    return replace(body, **{name: getattr(source, name) for name in names})
