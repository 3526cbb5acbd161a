"""The calls of a write.

The master, then the exceptions, each with how the resource stands after it. Pure.
"""

from dataclasses import replace

from calwarden.domain.event import EventResource
from calwarden.ical.comparison import slots_among, within_rule
from calwarden.ical.likeness import Likeness, plain, with_slot
from calwarden.sdk.connector import Call, Verb, Write
from calwarden.sdk.landing import landed

INSERT = "insert"
MASTER = "master"
OCCURRENCE = "occurrence"
DELETE = "delete"

LIKENESS = Likeness(
    blank=lambda body: replace(body, details="", declined=False, out_of_office=False)
)
"""Never written are people's notes, their answer, and the kind of event, which is fixed (G22)."""


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
        following = with_slot(step, final, slot)
        if not LIKENESS.same(following, step):
            step = following
            found.append(Call(name=OCCURRENCE, expected=step, detail={"slot": slot}))
    return tuple(found) or (Call(name=MASTER, expected=final),)


def _master(base: EventResource | None, final: EventResource) -> tuple[EventResource, list[Call]]:
    if base is None:
        return final, []
    if LIKENESS.same_master(base, final):
        return replace(base, body=final.body), []
    step = replace(final, overrides={}, excluded=frozenset())
    if final.recurrence is not None and base.recurrence is not None and base.zone == final.zone:
        # exceptions of slots that are no more are taken away with the change of the master
        there = slots_among(final, {*base.overrides, *base.excluded})
        kept = {slot: body for slot, body in base.overrides.items() if slot in there}
        step = within_rule(replace(step, overrides=kept, excluded=base.excluded & there))
        step = plain(step)
    return step, [Call(name=MASTER, expected=step)]
