"""Whether resources agree in everything that a service's writes can bring about."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import Slot
from calwarden.ical.comparison import alike, occurrence, slots_among
from calwarden.ical.expansion import regular


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Compares resources; ``blank`` takes out of a body what is never written."""

    blank: Callable[[EventBody], EventBody]

    def writable(self, body: EventBody | None) -> EventBody | None:
        """Return what of a body can be written."""
        return None if body is None else self.blank(body)

    def same(self, one: EventResource, other: EventResource) -> bool:
        """Tell whether two resources agree."""
        one, other = plain(one), plain(other)
        slots = {*one.overrides, *other.overrides}
        return (
            self.same_master(one, other)
            and one.excluded == other.excluded
            and all(self._alike(one.overrides.get(at), other.overrides.get(at)) for at in slots)
        )

    def same_master(self, one: EventResource, other: EventResource) -> bool:
        """Tell whether two resources agree in everything but their exceptions."""
        return one.recurrence == other.recurrence and self._alike(one.body, other.body)

    def differing(self, seen: EventResource, wanted: EventResource) -> list[Slot]:
        """Return the slots of a series that is wanted, in order, at which not the same stands."""
        if wanted.recurrence is None:
            return []
        slots = {*seen.overrides, *seen.excluded, *wanted.overrides, *wanted.excluded}
        return sorted(
            at for at in slots if not self._alike(occurrence(seen, at), occurrence(wanted, at))
        )

    def _alike(self, one: EventBody | None, other: EventBody | None) -> bool:
        return alike(self.writable(one), self.writable(other))


def plain(resource: EventResource) -> EventResource:
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


def with_slot(step: EventResource, final: EventResource, slot: Slot) -> EventResource:
    """Return ``step`` with ``slot`` as it stands in ``final``."""
    if slot in final.excluded:
        return step.with_exclusion(slot)
    if slot in final.overrides:
        return step.with_override(slot, final.overrides[slot])
    return step.with_regular(slot)
