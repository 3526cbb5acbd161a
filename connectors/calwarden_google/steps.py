"""The calls of a write.

The master, then the exceptions, each with how the resource stands after it. Pure.
"""

from dataclasses import replace

from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import Slot
from calwarden.ical.comparison import alike, occurrence, slots_among, within_rule
from calwarden.ical.expansion import regular
from calwarden.sdk.connector import Call, Verb, Write
from calwarden.sdk.landing import landed

INSERT = "insert"
MASTER = "master"
OCCURRENCE = "occurrence"
DELETE = "delete"


def calls(write: Write) -> tuple[Call, ...]:
    """Return the ordered calls of a write."""
    final = landed(write)
    if final is None:
        return (Call(name=DELETE, expected=None),)
    if write.verb is Verb.CREATE:
        # what is excluded from the start is said in the master's own lines
        step = replace(final, overrides={})
        found = [Call(name=INSERT, expected=step)]
    else:
        step, found = _master(write.base, final)
    for slot in sorted({*step.overrides, *step.excluded, *final.overrides, *final.excluded}):
        following = _with_slot(step, final, slot)
        if not same(following, step):
            step = following
            found.append(Call(name=OCCURRENCE, expected=step, detail={"slot": slot}))
    return tuple(found) or (Call(name=MASTER, expected=final),)


def same(one: EventResource, other: EventResource) -> bool:
    """Tell whether two resources agree in everything that a write here can bring about."""
    one, other = _plain(one), _plain(other)
    slots = {*one.overrides, *other.overrides}
    return (
        same_master(one, other)
        and one.excluded == other.excluded
        and all(
            alike(_writable(one.overrides.get(slot)), _writable(other.overrides.get(slot)))
            for slot in slots
        )
    )


def same_master(one: EventResource, other: EventResource) -> bool:
    """Tell whether two resources agree in everything but their exceptions."""
    return one.recurrence == other.recurrence and alike(_writable(one.body), _writable(other.body))


def same_slot(one: EventResource, other: EventResource, slot: Slot) -> bool:
    """Tell whether the same stands at a slot of two resources."""
    return alike(_writable(occurrence(one, slot)), _writable(occurrence(other, slot)))


def _master(base: EventResource | None, final: EventResource) -> tuple[EventResource, list[Call]]:
    if base is None:
        return final, []
    if same_master(base, final):
        return replace(base, body=final.body), []
    step = replace(final, overrides={}, excluded=frozenset())
    if final.recurrence is not None and base.recurrence is not None and base.zone == final.zone:
        # exceptions of slots that are no more are taken away with the change of the master
        there = slots_among(final, {*base.overrides, *base.excluded})
        kept = {slot: body for slot, body in base.overrides.items() if slot in there}
        step = within_rule(replace(step, overrides=kept, excluded=base.excluded & there))
        step = _plain(step)
    return step, [Call(name=MASTER, expected=step)]


def _with_slot(step: EventResource, final: EventResource, slot: Slot) -> EventResource:
    if slot in final.excluded:
        return step.with_exclusion(slot)
    if slot in final.overrides:
        return step.with_override(slot, final.overrides[slot])
    return step.with_regular(slot)


def _plain(resource: EventResource) -> EventResource:
    """Leave out overrides that stand exactly where the master puts them."""
    if not resource.overrides:
        return resource
    kept = {
        slot: body
        for slot, body in resource.overrides.items()
        if not alike(body, regular(resource, slot)) or not slots_among(resource, (slot,))
    }
    return replace(resource, overrides=kept)


def _writable(body: EventBody | None) -> EventBody | None:
    """Blank what is never written.

    People's notes, their answer, and the kind of event, which is fixed (G22).
    """
    return None if body is None else replace(body, details="", declined=False, out_of_office=False)
