"""Differences between two resources, element by element.

An element is the master (slot None) or one slot; its aspects are compared separately. A series is
compared as start, zone, length and rule, then as a map slot → override or exclusion (architecture:
one poll, three-way). Where the master's time or rule differs, the slots' times follow from it and
are not told again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from calwarden.domain.drift import Aspect, DriftKind
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import (
    Slot,
    after,
    in_zone,
    local_text,
    parse_local,
    same_instant,
    slot_of,
    slot_start,
    zone_name,
)

Element = tuple[Slot | None, Aspect]
NOTHING: frozenset[Element] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How one element differs; ``before`` or ``after`` is None where nothing stands there."""

    slot: Slot | None
    changes: Mapping[Aspect, DriftKind]
    before: EventBody | None
    after: EventBody | None

    @property
    def elements(self) -> frozenset[Element]:
        """The differing aspects, each with the slot."""
        return frozenset((self.slot, aspect) for aspect in self.changes)


def differences(base: EventResource, seen: EventResource) -> tuple[Difference, ...]:
    """Return how ``seen`` differs from ``base``: master first, then slots in order."""
    if same(base, seen):
        return ()
    if (base.recurrence is None) != (seen.recurrence is None):
        changes = {**body_changes(base.body, seen.body), Aspect.TIME: DriftKind.RECURRENCE_CHANGED}
        return (Difference(slot=None, changes=changes, before=base.body, after=seen.body),)
    master = _master_changes(base, seen)
    found = (
        [Difference(slot=None, changes=master, before=base.body, after=seen.body)] if master else []
    )
    if base.recurrence is not None and Aspect.TIME not in master:
        found.extend(_slot_differences(base, aligned(seen, base)))
    return tuple(found)


def same(base: EventResource, seen: EventResource) -> bool:
    """Tell, as fast as can be, whether nothing differs; False says nothing."""
    if base is seen:
        return True
    if base.overrides or seen.overrides or base.excluded != seen.excluded:
        return False
    one, other = base.body, seen.body
    # moments of different zones, or of both sides of a fold, are equal without being the same
    return (
        one == other
        and one.start.tzinfo is other.start.tzinfo
        and one.start.fold == other.start.fold
        and one.end.fold == other.end.fold
        and base.recurrence == seen.recurrence
    )


def elements(found: tuple[Difference, ...]) -> frozenset[Element]:
    """Return every differing element and aspect."""
    return frozenset().union(*(one.elements for one in found)) if found else NOTHING


def body_changes(base: EventBody, seen: EventBody) -> dict[Aspect, DriftKind]:
    """Return which aspects of a body differ, and as which kind."""
    changes: dict[Aspect, DriftKind] = {}
    if seen.cancelled != base.cancelled:
        changes[Aspect.EXISTENCE] = DriftKind.CANCELLED
    time = _time_change(base, seen)
    if time is not None:
        changes[Aspect.TIME] = time
    plain = (
        (Aspect.RESPONSE, DriftKind.DECLINED, seen.declined != base.declined),
        (Aspect.PRIVACY, DriftKind.EXPOSED, seen.private != base.private),
        (Aspect.ATTENDEES, DriftKind.ATTENDEES_CHANGED, seen.attendees != base.attendees),
        (Aspect.TITLE, DriftKind.RETITLED, seen.title != base.title),
        (Aspect.BUSY, DriftKind.FREED, seen.busy != base.busy),
        (Aspect.LOCATION, DriftKind.LOCATION_CHANGED, seen.location != base.location),
        (Aspect.DETAILS, DriftKind.DETAILS_EDITED, seen.details != base.details),
    )
    return changes | {aspect: kind for aspect, kind, differs in plain if differs}


def occurrence(resource: EventResource, slot: Slot) -> EventBody | None:
    """Return the body that stands for a slot; None for an exclusion.

    It is the slot's override, else the master moved there.
    """
    if slot in resource.excluded:
        return None
    if slot in resource.overrides:
        return resource.overrides[slot]
    start = slot_start(slot, resource.zone)
    return replace(resource.body, start=start, end=after(start, resource.body.length))


def shift(base: EventResource, seen: EventResource) -> timedelta:
    """Return by how much wall-clock time the master's start was moved, in the zone of ``base``."""
    moved = parse_local(local_text(in_zone(seen.body.start, base.zone)), "UTC")
    return moved - parse_local(local_text(base.body.start), "UTC")


def aligned(seen: EventResource, base: EventResource) -> EventResource:
    """Return ``seen`` with its slots told in the zone of ``base``."""
    if seen.zone == base.zone:
        return seen

    def told(slot: Slot) -> Slot:
        return slot_of(in_zone(slot_start(slot, seen.zone), base.zone))

    return replace(
        seen,
        body=replace(
            seen.body,
            start=in_zone(seen.body.start, base.zone),
            end=in_zone(seen.body.end, base.zone),
        ),
        overrides={told(slot): body for slot, body in seen.overrides.items()},
        excluded=frozenset(told(slot) for slot in seen.excluded),
    )


def _time_change(base: EventBody, seen: EventBody) -> DriftKind | None:
    if seen.all_day != base.all_day:
        return DriftKind.ALL_DAY
    if not same_instant(base.start, seen.start):
        return DriftKind.MOVED
    if base.length != seen.length:
        return DriftKind.RESIZED
    if zone_name(base.start) != zone_name(seen.start) or base.floating != seen.floating:
        return DriftKind.ZONE_CHANGED
    return None


def _master_changes(base: EventResource, seen: EventResource) -> dict[Aspect, DriftKind]:
    changes = body_changes(base.body, seen.body)
    if base.recurrence is not None and base.recurrence != seen.recurrence:
        changes[Aspect.TIME] = DriftKind.RECURRENCE_CHANGED
    return changes


def _slot_differences(base: EventResource, seen: EventResource) -> Iterator[Difference]:
    slots = set(base.overrides) | set(seen.overrides) | base.excluded | seen.excluded
    for slot in sorted(slots):
        one, other = occurrence(base, slot), occurrence(seen, slot)
        if _follows_master(base, slot) and _follows_master(seen, slot):
            continue
        changes = _occurrence_changes(one, other)
        if changes:
            yield Difference(slot=slot, changes=changes, before=one, after=other)


def _follows_master(resource: EventResource, slot: Slot) -> bool:
    return slot not in resource.overrides and slot not in resource.excluded


def _occurrence_changes(one: EventBody | None, other: EventBody | None) -> dict[Aspect, DriftKind]:
    if one is None and other is None:
        return {}
    if one is None or other is None:
        return {Aspect.EXISTENCE: DriftKind.OCCURRENCE_DELETED}
    changes = body_changes(one, other)
    if changes.get(Aspect.TIME) is DriftKind.MOVED:
        changes[Aspect.TIME] = DriftKind.OCCURRENCE_MOVED
    if Aspect.EXISTENCE in changes:
        changes[Aspect.EXISTENCE] = DriftKind.OCCURRENCE_DELETED
    return changes
