"""The calls of a write.

The master, then the exceptions, each with how the resource stands after it, and how it may stand
while the call is under way. Pure.

Exchange may drop a series' exceptions when its times or rule change (they are written again in the
same call), or keep them, or let them follow the master's texts: whichever it does is our own step.
"""

from collections.abc import Iterable
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
    if write.verb is Verb.CREATE or write.base is None:
        step = replace(final, overrides={}, excluded=frozenset())
        found = [Call(name=INSERT, expected=step)]
    else:
        step, found = _master(write.base, final)
    for slot in sorted({*step.overrides, *step.excluded, *final.overrides, *final.excluded}):
        following = with_slot(step, final, slot)
        if not same(following, step):
            # a stand-in is made once the occurrence in its place is gone
            gone = (step.with_exclusion(slot),) if slot not in step.excluded else ()
            step = following
            found.append(Call(name=OCCURRENCE, expected=step, passing=gone, detail={"slot": slot}))
    return tuple(found) or (Call(name=MASTER, expected=final),)


def same(one: EventResource, other: EventResource) -> bool:
    """Tell whether two resources agree in everything that a write here can bring about."""
    one, other = _plain(one), _plain(other)
    slots = {*one.overrides, *other.overrides}
    return (
        same_master(one, other)
        and one.excluded == other.excluded
        and all(
            alike(writable(one.overrides.get(slot)), writable(other.overrides.get(slot)))
            for slot in slots
        )
    )


def same_master(one: EventResource, other: EventResource) -> bool:
    """Tell whether two resources agree in everything but their exceptions."""
    return one.recurrence == other.recurrence and alike(writable(one.body), writable(other.body))


def differing(seen: EventResource, wanted: EventResource) -> list[Slot]:
    """Return the slots, in order, at which not the same stands."""
    if wanted.recurrence is None:
        return []
    slots = {*seen.overrides, *seen.excluded, *wanted.overrides, *wanted.excluded}
    return sorted(
        slot
        for slot in slots
        if not alike(writable(occurrence(seen, slot)), writable(occurrence(wanted, slot)))
    )


def with_slot(step: EventResource, final: EventResource, slot: Slot) -> EventResource:
    """Return ``step`` with ``slot`` as it stands in ``final``."""
    if slot in final.excluded:
        return step.with_exclusion(slot)
    if slot in final.overrides:
        return step.with_override(slot, final.overrides[slot])
    return step.with_regular(slot)


def writable(body: EventBody | None) -> EventBody | None:
    """Blank what is never written: people's notes, and their answer."""
    return None if body is None else replace(body, details="", declined=False)


def _master(base: EventResource, final: EventResource) -> tuple[EventResource, list[Call]]:
    if same_master(base, final):
        return replace(base, body=final.body), []
    bare = replace(final, overrides={}, excluded=frozenset())
    if final.recurrence is None or base.recurrence is None or base.zone != final.zone:
        return bare, [Call(name=MASTER, expected=bare)]
    # exceptions of slots that are no more are taken away with the change of the master
    there = slots_among(final, {*base.overrides, *base.excluded})
    old = {slot: body for slot, body in base.overrides.items() if slot in there}
    kept = {slot: final.overrides.get(slot, body) for slot, body in old.items()}
    excluded = base.excluded & there
    step = _plain(within_rule(replace(bare, overrides=kept, excluded=excluded)))
    starts = (
        bare,
        replace(bare, overrides=old, excluded=excluded),
        replace(bare, overrides=_texts_of(bare.body, old), excluded=excluded),
    )
    passing = tuple(state for start in starts for state in _towards(start, step, there))
    return step, [Call(name=MASTER, expected=step, passing=passing)]


def _towards(
    start: EventResource, step: EventResource, slots: Iterable[Slot]
) -> Iterable[EventResource]:
    """Yield how a series stands on the way to ``step``, its slots written in order."""
    yield start
    for slot in sorted(slots):
        following = with_slot(start, step, slot)
        if following != start:
            start = following
            yield start


def _texts_of(master: EventBody, kept: dict[Slot, EventBody]) -> dict[Slot, EventBody]:
    return {
        slot: replace(
            body,
            title=master.title,
            location=master.location,
            private=master.private,
            busy=master.busy,
            out_of_office=master.out_of_office,
        )
        for slot, body in kept.items()
    }


def _plain(resource: EventResource) -> EventResource:
    """Leave out overrides that stand exactly where the master puts them."""
    if not resource.overrides:
        return resource
    there = slots_among(resource, resource.overrides)
    kept = {
        slot: body
        for slot, body in resource.overrides.items()
        if slot not in there or not alike(body, regular(resource, slot))
    }
    return replace(resource, overrides=kept)
