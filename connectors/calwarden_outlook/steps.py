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
from calwarden.ical.comparison import slots_among, within_rule
from calwarden.ical.likeness import Likeness, plain, with_slot
from calwarden.sdk.connector import Call, Verb, Write
from calwarden.sdk.landing import landed

INSERT = "insert"
MASTER = "master"
OCCURRENCE = "occurrence"
DELETE = "delete"

LIKENESS = Likeness(blank=lambda body: replace(body, details="", declined=False))
"""Never written are people's notes, and their answer."""


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
        if not LIKENESS.same(following, step):
            # a stand-in is made once the occurrence in its place is gone
            gone = (step.with_exclusion(slot),) if slot not in step.excluded else ()
            step = following
            found.append(Call(name=OCCURRENCE, expected=step, passing=gone, detail={"slot": slot}))
    return tuple(found) or (Call(name=MASTER, expected=final),)


def _master(base: EventResource, final: EventResource) -> tuple[EventResource, list[Call]]:
    if LIKENESS.same_master(base, final):
        return replace(base, body=final.body), []
    bare = replace(final, overrides={}, excluded=frozenset())
    if final.recurrence is None or base.recurrence is None or base.zone != final.zone:
        return bare, [Call(name=MASTER, expected=bare)]
    # exceptions of slots that are no more are taken away with the change of the master
    there = slots_among(final, {*base.overrides, *base.excluded})
    old = {slot: body for slot, body in base.overrides.items() if slot in there}
    kept = {slot: final.overrides.get(slot, body) for slot, body in old.items()}
    excluded = base.excluded & there
    step = plain(within_rule(replace(bare, overrides=kept, excluded=excluded)))
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
