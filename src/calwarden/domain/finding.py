"""Findings: what the differences of one resource mean as acts of people, before anyone judges them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from calwarden.domain.difference import (
    Difference,
    Element,
    differences,
    elements,
    occurrence,
    shift,
)
from calwarden.domain.document import body_document, digest, resource_document
from calwarden.domain.drift import SCHEDULE, Aspect, DriftKind
from calwarden.domain.event import EventBody, EventResource, ManagedEvent, Observed, SubjectKind
from calwarden.domain.view import CalendarView, ResourceState, bodies
from calwarden.domain.wall_time import Slot, after, in_zone, instant, slot_of, slot_start

SPLIT_REACH = timedelta(days=31)
SPLIT_EARLY = timedelta(days=7)
LISTED_AHEAD = timedelta(weeks=27)

Meant = tuple[Slot | None, str, EventBody, EventBody | None]
"""Slot, appointment ref, where the appointment is, and where the calendar shows it (None: nowhere)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One human act on one resource. ``superseded``: the store changed the same thing since our last write.

    ``slot`` identifies it in its series. ``before`` and ``after`` are the bodies to show, ``meant`` the slots
    (None for a single event) whose appointments it changes in time or existence. ``first`` is the
    first changed slot of a split.
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
    """A resource with the acts found on it, and what the store wants to have written."""

    state: ResourceState
    base: EventResource | None
    acts: tuple[Act, ...] = ()
    stored: frozenset[Element] = frozenset()
    gap: frozenset[Element] = frozenset()


def examine(state: ResourceState, view: CalendarView) -> Examined:
    """Compare desired, applied and observed of one resource; pure."""
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
    acts = [] if not outside else list(_acts(state, base, outside, stored, gap, view))
    return Examined(state=state, base=base, acts=tuple(acts), stored=stored, gap=gap)


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
        before=_next_body(state, base, view),
        after=None,
        meant=tuple(_whole(state, view, None)),
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
        before=_next_body(state, base, view),
        after=None,
        meant=tuple(_whole(state, view, None)),
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
    for difference in _joined(outside, state, view):
        slots = difference.slots
        pending = {(slot, aspect) for slot in slots for aspect in difference.difference.changes}
        if state.event is not None:
            pending &= gap | {item for item in pending if item[0] not in _slots(state.event)}
        if not pending:
            continue
        aspects = {aspect for _, aspect in pending}
        changes = {
            aspect: kind
            for aspect, kind in difference.difference.changes.items()
            if aspect in aspects
        }
        overruled = _overruled(pending, stored, state, difference.difference)
        yield _act(state, base, difference, changes, frozenset(pending), view, overruled)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    difference: Difference
    slots: tuple[Slot | None, ...]
    rest: tuple[Difference, ...]


def _joined(
    outside: tuple[Difference, ...], state: ResourceState, view: CalendarView
) -> Iterator[_Joined]:
    """Join overrides that were moved by one common shift: one act of one person."""
    standing = {
        item.key.slot for item in view.known if item.key.uid == state.uid and item.status.standing
    }
    groups: dict[timedelta, list[Difference]] = {}
    for difference in outside:
        moved = _shifted(difference)
        if moved is not None and difference.slot not in standing:
            groups.setdefault(moved, []).append(difference)
    joined = {id(one) for group in groups.values() if len(group) > 1 for one in group}
    for difference in outside:
        if id(difference) not in joined:
            yield _Joined(difference=difference, slots=(difference.slot,), rest=())
    for group in groups.values():
        if len(group) > 1:
            slots = tuple(one.slot for one in group)
            yield _Joined(difference=group[0], slots=slots, rest=tuple(group[1:]))


def _shifted(difference: Difference) -> timedelta | None:
    if difference.slot is None or difference.before is None or difference.after is None:
        return None
    if difference.changes != {Aspect.TIME: DriftKind.OCCURRENCE_MOVED}:
        return None
    if difference.before.length != difference.after.length:
        return None
    return instant(difference.after.start) - instant(difference.before.start)


def _overruled(
    pending: Iterable[Element],
    stored: frozenset[Element],
    state: ResourceState,
    difference: Difference,
) -> bool:
    if state.event is None:
        return True
    items = set(pending)
    if items & stored:
        return True
    if difference.slot is None:
        return Aspect.TIME in difference.changes and any(item[1] in SCHEDULE for item in stored)
    return difference.slot not in _slots(state.event)


def _slots(event: ManagedEvent) -> set[Slot | None]:
    return {None, *event.refs, *event.resource.overrides, *event.resource.excluded}


def _act(
    state: ResourceState,
    base: EventResource,
    joined: _Joined,
    changes: dict[Aspect, DriftKind],
    pending: frozenset[Element],
    view: CalendarView,
    overruled: bool,
) -> Act:
    difference, seen = joined.difference, state.seen
    if seen is None:
        raise AssertionError("an act on a resource that stands needs its content")
    slot, before, body = difference.slot, difference.before, difference.after
    companions: tuple[str, ...] = ()
    first: Slot | None = None
    meant: tuple[Meant, ...]
    if slot is None:
        if Aspect.TIME in changes and base.recurrence is not None:
            split = _split(state, base, seen, changes[Aspect.TIME], view)
            if split is not None:
                first, body, companion = split
                before = occurrence(base, first)
                companions = (companion.remote_id,)
                changes = {**changes, Aspect.TIME: DriftKind.SERIES_SPLIT}
                meant = tuple(_behind(state, view, first, before, body))
            else:
                meant = tuple(_whole(state, view, seen))
                if meant:
                    _, _, before, body = meant[0]
        else:
            meant = tuple(_whole(state, view, seen))
    else:
        meant = tuple(_occurrences(state, joined))
    changes = {aspect: _time_kind(state, kind) for aspect, kind in changes.items()}
    return Act(
        state=state,
        slot=slot,
        changes=changes,
        elements=pending,
        before=before,
        after=body,
        meant=meant,
        seen=_seen_digest(seen, joined, changes),
        superseded=overruled,
        companions=companions,
        first=first,
    )


def _time_kind(state: ResourceState, kind: DriftKind) -> DriftKind:
    schedule = kind.rank <= DriftKind.RESIZED.rank
    if state.subject.kind is SubjectKind.OUT_OF_OFFICE and schedule:
        return DriftKind.OUT_OF_OFFICE_REMOVED
    return kind


def _seen_digest(seen: EventResource, joined: _Joined, changes: dict[Aspect, DriftKind]) -> str:
    if joined.difference.slot is None and Aspect.TIME in changes and seen.recurrence is not None:
        return digest({"resource": resource_document(seen), "aspects": sorted(changes)})
    shown: dict[str, Any] = {"aspects": sorted(changes)}
    for one in (joined.difference, *joined.rest):
        shown[str(one.slot)] = _values(one.after, set(changes))
    return digest(shown)


def _values(body: EventBody | None, aspects: set[Aspect]) -> Any:
    if body is None:
        return None
    document = body_document(body)
    kept = {
        Aspect.TIME: ("start", "end", "all_day", "floating"),
        Aspect.EXISTENCE: ("cancelled",),
        Aspect.RESPONSE: ("declined",),
        Aspect.PRIVACY: ("private",),
        Aspect.ATTENDEES: ("attendees",),
        Aspect.TITLE: ("title",),
        Aspect.BUSY: ("busy",),
        Aspect.LOCATION: ("location",),
        Aspect.DETAILS: ("details",),
    }
    names = {name for aspect in aspects for name in kept[aspect]}
    return {name: value for name, value in document.items() if name in names}


def _whole(state: ResourceState, view: CalendarView, seen: EventResource | None) -> Iterator[Meant]:
    """Yield what a change of the whole resource means: all of a single event, what has not started of a series."""
    if state.event is None:
        return
    desired = state.event.resource
    latest = instant(view.now) + LISTED_AHEAD
    order = sorted({str(slot) for slot in state.event.refs} | set(desired.excluded))
    for slot, ref, body in bodies(state.event):
        unstarted = instant(view.now) < instant(body.start) < latest
        if desired.recurrence is None or unstarted:
            there = None if seen is None else _counterpart(desired, seen, slot, order)
            yield slot, ref, body, there


def _counterpart(
    desired: EventResource, seen: EventResource, slot: Slot | None, order: list[str]
) -> EventBody | None:
    """Return where an occurrence is after its whole resource changed; None where it is gone or can't be told."""
    if slot is None:
        return None if seen.body.cancelled else seen.body
    rules = desired.recurrence, seen.recurrence
    if rules[0] is None or rules[1] is None or rules[0].rule != rules[1].rule:
        return None
    if rules[1].count is not None and order.index(slot) >= rules[1].count:
        return None
    wall = slot_start(slot, desired.zone)
    moved = slot_start(slot_of(wall + shift(desired, seen)), desired.zone)
    return occurrence(seen, slot_of(in_zone(moved, seen.zone)))


def _behind(
    state: ResourceState,
    view: CalendarView,
    cut: Slot,
    before: EventBody | None,
    after_: EventBody | None,
) -> Iterator[Meant]:
    if before is None or after_ is None:
        return
    moved = instant(after_.start) - instant(before.start)
    for slot, ref, body, _ in _whole(state, view, None):
        if slot is not None and slot >= cut:
            start = after(body.start, moved)
            yield slot, ref, body, EventBody(start=start, end=after(start, after_.length))


def _occurrences(state: ResourceState, joined: _Joined) -> Iterator[Meant]:
    refs = {} if state.event is None else state.event.refs
    for one in (joined.difference, *joined.rest):
        if one.before is not None and one.slot in refs:
            yield one.slot, refs[one.slot], one.before, one.after


def _split(
    state: ResourceState,
    base: EventResource,
    seen: EventResource,
    kind: DriftKind,
    view: CalendarView,
) -> tuple[Slot, EventBody, Observed] | None:
    """Recognise the other calendar's "this and following": the rule ends early and a new series carries on."""
    rule = seen.recurrence
    if kind is not DriftKind.RECURRENCE_CHANGED or rule is None or base.recurrence is None:
        return None
    shorter = rule.count is not None and (
        base.recurrence.count is None or rule.count < base.recurrence.count
    )
    if (
        not shorter
        or rule.count is None
        or rule.rule != base.recurrence.rule
        or state.event is None
    ):
        return None
    slots = sorted(
        {slot for slot in state.event.refs if slot is not None}
        | set(base.excluded)
        | set(base.overrides)
    )
    if rule.count >= len(slots):
        return None
    cut = slots[rule.count]
    expected = slot_start(cut, base.zone)
    for stranger in view.strangers:
        found = stranger.resource
        if found is None:
            continue
        ours = stranger.marker == state.uid or (
            found.body.title and found.body.title == base.body.title
        )
        distance = instant(found.body.start) - instant(expected)
        if ours and -SPLIT_EARLY <= distance <= SPLIT_REACH:
            return cut, found.body, stranger
    return None


def _next_body(state: ResourceState, base: EventResource, view: CalendarView) -> EventBody:
    if state.event is not None:
        upcoming = [
            body for _, _, body in bodies(state.event) if instant(body.start) > instant(view.now)
        ]
        everything = [body for _, _, body in bodies(state.event)]
        if upcoming:
            return upcoming[0]
        if everything:
            return everything[-1]
    return base.body
