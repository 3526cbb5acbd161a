"""Findings: what the differences of one resource mean as acts of people, not yet judged."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from calwarden.domain.common_shift import Joined, joined
from calwarden.domain.difference import (
    Difference,
    Element,
    body_changes,
    differences,
    elements,
    occurrence,
    same,
)
from calwarden.domain.document import body_document, digest, resource_document
from calwarden.domain.drift import FIELDS, SCHEDULE, Aspect, DriftKind
from calwarden.domain.event import EventBody, EventResource, ManagedEvent, SubjectKind
from calwarden.domain.meaning import (
    Meant,
    meant_by_slots,
    meant_by_split,
    meant_by_whole,
    next_body,
    upcoming,
)
from calwarden.domain.series_split import SeriesSplit, series_split
from calwarden.domain.view import CalendarView, ResourceState
from calwarden.domain.wall_time import Slot, instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One human act on one resource.

    ``slot`` identifies it in its series. ``before`` and ``after`` are the bodies to show, ``meant``
    the slots (None for a single event) whose appointments it changes in time or existence.
    ``superseded``: the store changed the same thing since our last write. ``first`` is the first
    changed slot of a split.
    """

    state: ResourceState
    slot: Slot | None
    changes: dict[Aspect, DriftKind]
    elements: frozenset[Element]
    before: EventBody | None
    after: EventBody | None
    meant: tuple[Meant, ...]
    seen: str
    superseded: bool = False
    companions: tuple[str, ...] = ()
    cause: str | None = None
    first: Slot | None = None

    @property
    def schedule(self) -> bool:
        """Whether time or existence changed."""
        return bool(SCHEDULE & set(self.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A resource with the acts found on it, and what the store wants to have written.

    ``settled``: what should stand does, the store knows it, and nothing waits.
    """

    state: ResourceState
    base: EventResource | None
    acts: tuple[Act, ...] = ()
    stored: frozenset[Element] = frozenset()
    gap: frozenset[Element] = frozenset()
    settled: bool = False


def examine(state: ResourceState, view: CalendarView) -> Examined:
    """Compare desired, applied and observed of one resource; pure."""
    if _settled(state):
        return Examined(state=state, base=state.applied, settled=True)
    base, seen = state.base(), state.seen
    if state.unreadable:
        return Examined(state=state, base=base, acts=tuple(_unreadable(state, base, view)))
    if base is None:
        gap = _gap(state.event, seen)
        return Examined(state=state, base=base, stored=gap, gap=gap)
    if seen is None:
        return Examined(state=state, base=base, acts=tuple(_vanished(state, base, view)))
    written = state.written if base is state.applied and state.written is not None else base
    stored = elements(differences(written, state.event.resource)) if state.event else frozenset()
    gap = _gap(state.event, seen)
    outside = differences(base, seen)
    if outside:
        outside = (*outside, *_beside_agreement(state.event, outside, seen, gap))
    elif not stored and not gap:
        return Examined(state=state, base=base)
    acts = tuple(_acts(state, base, outside, stored, gap, view))
    return Examined(state=state, base=base, acts=acts, stored=stored, gap=gap)


def _settled(state: ResourceState) -> bool:
    """Tell, as fast as can be, whether all agree; False says nothing."""
    event, applied, seen, written = state.event, state.applied, state.seen, state.written
    if event is None or applied is None or seen is None or state.pending:
        return False
    desired = event.resource
    return (
        state.retry_at is None
        and (written is desired or written == desired)
        and same(applied, seen)
        and same(desired, seen)
    )


def _beside_agreement(
    event: ManagedEvent | None,
    outside: tuple[Difference, ...],
    seen: EventResource,
    gap: frozenset[Element],
) -> Iterator[Difference]:
    """Yield the exceptions that a person made beside a new rule that the store agrees with."""
    ruled = {(None, Aspect.TIME)}
    if event is None or ruled & gap or not ruled & elements(outside):
        return
    desired = event.resource
    for one in differences(desired, seen):
        if one.slot is not None and not {one.slot} & (set(desired.overrides) | desired.excluded):
            yield one


def _gap(event: ManagedEvent | None, seen: EventResource | None) -> frozenset[Element]:
    if event is None or seen is None:
        return frozenset()
    return elements(differences(event.resource, seen))


def _unreadable(
    state: ResourceState, base: EventResource | None, view: CalendarView
) -> Iterator[Act]:
    if base is None or state.observed is None:
        return
    yield Act(
        state=state,
        slot=None,
        changes={Aspect.TIME: _time_kind(state, DriftKind.MOVED)},
        elements=frozenset({(None, Aspect.TIME)}),
        before=next_body(state, base, view),
        after=None,
        meant=tuple(meant_by_whole(state, view, None)),
        seen=digest({"unreadable": state.observed.content}),
        cause=state.observed.problem or "the event can not be read",
    )


def _vanished(state: ResourceState, base: EventResource, view: CalendarView) -> Iterator[Act]:
    kind = DriftKind.MOVED_CALENDAR if state.elsewhere else DriftKind.DELETED
    if state.subject.kind is SubjectKind.OUT_OF_OFFICE:
        kind = DriftKind.OUT_OF_OFFICE_REMOVED
    if state.event is None:
        return
    changed = state.written is not None and bool(
        elements(differences(state.written, state.event.resource))
    )
    yield Act(
        state=state,
        slot=None,
        changes={Aspect.EXISTENCE: kind},
        elements=frozenset({(None, Aspect.EXISTENCE)}),
        before=next_body(state, base, view),
        after=None,
        meant=tuple(meant_by_whole(state, view, None)),
        seen=digest({"gone": state.uid}),
        superseded=changed,
    )


def _acts(
    state: ResourceState,
    base: EventResource,
    outside: tuple[Difference, ...],
    stored: frozenset[Element],
    gap: frozenset[Element],
    view: CalendarView,
) -> Iterator[Act]:
    for one in joined(outside, state, view):
        pending = {(slot, aspect) for slot in one.slots for aspect in one.first.changes}
        if state.event is not None:
            pending = {item for item in pending if _stands_apart(item, state.event, state, gap)}
        if pending:
            superseded = _overruled(pending, stored, state, one.first)
            act = _act(state, one, frozenset(pending), superseded=superseded)
            yield _told(act if act.slot is not None else _of_master(act, base, view))


def _stands_apart(
    item: Element, event: ManagedEvent, state: ResourceState, gap: frozenset[Element]
) -> bool:
    """Tell whether what was changed outside is not what the store says, too."""
    slot = item[0]
    if item in gap or (slot, Aspect.EXISTENCE) in gap or slot not in _slots(event):
        return True
    if slot is None or state.seen is None or (None, Aspect.TIME) not in gap:
        return False
    # where the rule differs, too, the gap tells nothing of single occurrences
    wanted, there = occurrence(event.resource, slot), occurrence(state.seen, slot)
    if wanted is None or there is None:
        return wanted is not there
    return item[1] in body_changes(wanted, there)


def _act(
    state: ResourceState, one: Joined, pending: frozenset[Element], *, superseded: bool
) -> Act:
    aspects = {aspect for _, aspect in pending}
    changes = {aspect: kind for aspect, kind in one.first.changes.items() if aspect in aspects}
    return Act(
        state=state,
        slot=one.first.slot,
        changes=changes,
        elements=pending,
        before=one.first.before,
        after=one.first.after,
        meant=tuple(meant_by_slots(state, one.members)),
        seen=_seen_digest(state, one, aspects),
        superseded=superseded,
    )


def _of_master(act: Act, base: EventResource, view: CalendarView) -> Act:
    """Return an act on the whole resource with what it means for each appointment."""
    state, time = act.state, act.changes.get(Aspect.TIME)
    meant = tuple(meant_by_whole(state, view, state.seen))
    if time is None or base.recurrence is None:
        return replace(act, meant=meant)
    split = None
    if time is DriftKind.RECURRENCE_CHANGED and state.seen is not None:
        split = series_split(state, base, state.seen, view)
    if split is not None:
        return _of_split(act, base, split, view)
    if meant:
        _, _, before, after = _typical(meant, state.event)
        if after is None and time is DriftKind.RECURRENCE_CHANGED and state.seen is not None:
            after = upcoming(state.seen, view.now)
        return replace(act, meant=meant, before=before, after=after)
    return replace(act, meant=meant)


def _typical(meant: tuple[Meant, ...], event: ManagedEvent | None) -> Meant:
    """Return the next meeting that follows the rule; one moved on purpose tells no shift."""
    own = {} if event is None else event.resource.overrides
    return next((one for one in meant if one[0] not in own), meant[0])


def _of_split(act: Act, base: EventResource, split: SeriesSplit, view: CalendarView) -> Act:
    before = occurrence(base, split.first)
    meant: tuple[Meant, ...] = ()
    if before is not None:
        moved = instant(split.body.start) - instant(before.start)
        meant = (
            *_moved_before(act.state, split.first, view),
            *meant_by_split(act.state, view, split.first, moved, split.body.length),
        )
    return replace(
        act,
        changes={**act.changes, Aspect.TIME: DriftKind.SERIES_SPLIT},
        before=before,
        after=split.body,
        meant=meant,
        companions=(split.remote_id,),
        first=split.first,
    )


def _moved_before(state: ResourceState, first: Slot, view: CalendarView) -> Iterator[Meant]:
    """Yield the meetings before a cut that were moved or deleted by themselves."""
    for slot, ref, body, there in meant_by_whole(state, view, state.seen):
        if slot is None or slot >= first:
            continue
        if there is None or {Aspect.TIME, Aspect.EXISTENCE} & set(body_changes(body, there)):
            yield slot, ref, body, there


def _told(act: Act) -> Act:
    changes = {aspect: _time_kind(act.state, kind) for aspect, kind in act.changes.items()}
    return replace(act, changes=changes)


def _overruled(
    pending: set[Element], stored: frozenset[Element], state: ResourceState, difference: Difference
) -> bool:
    """Tell whether the store changed the same thing since our last write."""
    if state.event is None or pending & stored:
        return True
    if difference.slot is None:
        return Aspect.TIME in difference.changes and any(item[1] in SCHEDULE for item in stored)
    if (difference.slot, Aspect.EXISTENCE) in stored:
        return True
    return difference.slot not in _slots(state.event)


def _slots(event: ManagedEvent) -> set[Slot | None]:
    return {None, *event.refs, *event.resource.overrides, *event.resource.excluded}


def _time_kind(state: ResourceState, kind: DriftKind) -> DriftKind:
    schedule = kind.rank <= DriftKind.RESIZED.rank
    if state.subject.kind is SubjectKind.OUT_OF_OFFICE and schedule:
        return DriftKind.OUT_OF_OFFICE_REMOVED
    return kind


def _seen_digest(state: ResourceState, one: Joined, aspects: set[Aspect]) -> str:
    seen = state.seen
    series = seen is not None and seen.recurrence is not None
    if seen is not None and series and one.first.slot is None and Aspect.TIME in aspects:
        return digest({"resource": resource_document(seen), "aspects": sorted(aspects)})
    shown: dict[str, Any] = {"aspects": sorted(aspects)}
    for each in one.members:
        shown[str(each.slot)] = None if each.after is None else _values(each.after, aspects)
    return digest(shown)


def _values(body: EventBody, aspects: set[Aspect]) -> dict[str, Any]:
    names = {name for aspect in aspects for name in FIELDS[aspect]}
    return {name: value for name, value in body_document(body).items() if name in names}
