"""From the rulings on one resource to the step that writes it, or to what needs no write."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from calwarden.domain.difference import Element, same
from calwarden.domain.drift import Aspect, DriftKey
from calwarden.domain.event import EventResource, EventText, ManagedEvent, Observed
from calwarden.domain.finding import Examined
from calwarden.domain.guard import CASE_KEY
from calwarden.domain.overlay import overlay
from calwarden.domain.plan import Action, Adoption, Step
from calwarden.domain.ruling import Docket, Ruling
from calwarden.domain.view import ResourceState
from calwarden.domain.wall_time import instant

REFUSED_AGAIN = timedelta(hours=6)
"""How long a write that was refused waits to be tried again."""


def outcome(one: Examined, rulings: Sequence[Ruling], docket: Docket) -> Step | Adoption | None:
    """Return what is done to one resource; None where nothing is, or not yet."""
    state = one.state
    now = instant(docket.view.now)
    # a moment further ahead was set by a clock that went back since
    waits = state.retry_at is not None and now < instant(state.retry_at) <= now + REFUSED_AGAIN
    if waits and state.retry_at is not None:
        docket.wake(state.retry_at)
        own = {ruling.reverts for ruling in rulings if ruling.reverts is not None}
        docket.put_off(own - {CASE_KEY})
    if waits or not (rulings or one.stored or one.gap or not _settled(state)):
        return None
    kept = frozenset(element for ruling in rulings for element in ruling.kept)
    undone = frozenset(element for ruling in rulings for element in ruling.undone)
    reverts = tuple(ruling.reverts for ruling in rulings if ruling.reverts is not None)
    if state.event is None:
        return _removal(state, reverts)
    if state.observed is None:
        return _creation(state, state.event, reverts) if one.base is None or undone else None
    seen = state.observed.resource
    if seen is None:
        # what cannot be read cannot be rewritten: taken away, it is made anew by the next look
        removal = _removal_step(state, state.observed, reverts)
        return replace(removal, recreated=True) if undone else None
    needed = ((one.stored | undone) & one.gap) - kept
    if needed:
        step = _update(state, state.event, seen, kept)
        place = state.observed
        return replace(
            step,
            remote_id=place.remote_id,
            revision=place.revision,
            reverts=reverts,
            partial=any(ruling.partial for ruling in rulings),
        )
    base = one.base if one.base is not None else seen
    return _adoption(state, state.event, overlay(seen, base, kept | undone))


def _settled(state: ResourceState) -> bool:
    """Tell whether what should stand does, and the store knows it; False says nothing."""
    if state.event is None or state.seen is None or state.applied is None or state.pending:
        return False
    return state.written == state.event.resource and same(state.applied, state.seen)


def _removal(state: ResourceState, reverts: tuple[DriftKey, ...]) -> Step | Adoption:
    if state.observed is None:
        return Adoption(uid=state.uid, written=None, applied=None, gone=True)
    return _removal_step(state, state.observed, reverts)


def _removal_step(state: ResourceState, place: Observed, reverts: tuple[DriftKey, ...]) -> Step:
    return Step(
        action=Action.DELETE,
        uid=state.uid,
        subject=state.subject,
        remote_id=place.remote_id,
        revision=place.revision,
        seen=state.seen,
        reverts=reverts,
        waits=True,
    )


def _creation(state: ResourceState, event: ManagedEvent, reverts: tuple[DriftKey, ...]) -> Step:
    if state.successor is not None:
        alone = replace(state, successor=None)
        return replace(_creation(alone, state.successor, reverts), replaces=state.uid)
    return Step(
        action=Action.CREATE,
        uid=event.uid,
        subject=state.subject,
        event=event,
        desired=event.resource,
        reverts=reverts,
    )


def _adoption(state: ResourceState, event: ManagedEvent, applied: EventResource) -> Adoption | None:
    if state.written == event.resource and state.applied == applied and not state.pending:
        return None
    return Adoption(uid=state.uid, written=event.resource, applied=applied)


def _update(
    state: ResourceState, event: ManagedEvent, seen: EventResource, kept: frozenset[Element]
) -> Step:
    target = overlay(event.resource, seen, kept)
    return Step(
        action=Action.UPDATE,
        uid=state.uid,
        subject=state.subject,
        event=replace(event, resource=target, text=_text(event.text, kept)),
        desired=event.resource,
        seen=seen,
        kept=kept,
        waits=_shorter(seen, target),
    )


def _text(text: EventText, kept: frozenset[Element]) -> EventText:
    """Leave alone the texts that a person has yet to decide about."""
    if (None, Aspect.TITLE) in kept:
        text = replace(text, title=None)
    if (None, Aspect.LOCATION) in kept:
        text = replace(text, location=None)
    return text


def _shorter(seen: EventResource, target: EventResource) -> bool:
    one = None if seen.recurrence is None else seen.recurrence.count
    other = None if target.recurrence is None else target.recurrence.count
    return other is not None and (one is None or other < one)
