"""Step 3, first half: fold what was seen over what is stored into the view to decide on."""

from dataclasses import replace
from datetime import timedelta

from calwarden.domain.event import ManagedEvent, Observed
from calwarden.domain.identity import resource_uid
from calwarden.domain.view import CalendarView, ResourceState, Span
from calwarden.engine.load import Stored
from calwarden.engine.observe import Look
from calwarden.engine.services import Services
from calwarden.ical.expansion import busy_spans
from calwarden.sdk.connector import Capabilities, Window
from calwarden.store.managed import ManagedResource, ResourceStatus

OVERLAPS_AHEAD = timedelta(weeks=27)


def surroundings(
    services: Services, stored: Stored, look: Look, capabilities: Capabilities, *, immediate: bool
) -> CalendarView:
    """Return the view of one calendar; pure but for reading the clock."""
    now = services.clock.now()
    standing = {
        remote_id: one
        for remote_id, one in stored.observed.items()
        if remote_id not in look.removed
    }
    standing |= look.changed
    events = {event.uid: event for event in stored.events}
    rows = {one.uid: one for one in stored.resources if one.status is not ResourceStatus.REMOVED}
    places = _places(events, rows, standing)
    states = tuple(
        _state(uid, events.get(uid), rows.get(uid), places.get(uid), stored, look)
        for uid in sorted(set(events) | set(rows))
        if uid not in stored.frozen
    )
    if not capabilities.reuses_ids:
        states = tuple(_with_successor(state, services, stored) for state in states)
    taken = {one.remote_id for one in places.values()}
    strangers = tuple(
        one
        for remote_id, one in sorted(standing.items())
        if remote_id not in taken and _matters(one, stored)
    )
    window = Window(start=now, end=now + OVERLAPS_AHEAD)
    own = set(events) | set(rows) | set(stored.marks_elsewhere)
    return CalendarView(
        provider=stored.calendar.provider,
        now=now,
        states=states,
        policy=services.policy,
        grace=timedelta(0) if immediate else services.grace,
        strangers=strangers,
        spans={one.remote_id: _spans(one, window) for one in strangers if one.marker not in own},
        retired={
            one.uid: one.subject
            for one in stored.resources
            if one.status is ResourceStatus.REMOVED and one.uid not in events
        },
        marks_elsewhere={
            uid: mark.subject for uid, mark in stored.marks_elsewhere.items() if mark.stands
        },
        known=stored.known,
        reverts=stored.reverts,
        silent_attendee_removal=capabilities.silent_attendee_removal,
        restores_occurrences=capabilities.restores_occurrences,
    )


def _places(
    events: dict[str, ManagedEvent],
    rows: dict[str, ManagedResource],
    standing: dict[str, Observed],
) -> dict[str, Observed]:
    """Join each managed resource with what stands for it: by its remote id, else by its uid."""
    by_uid: dict[str, Observed] = {}
    for remote_id in sorted(standing):
        by_uid.setdefault(standing[remote_id].uid, standing[remote_id])
    places: dict[str, Observed] = {}
    for uid in set(events) | set(rows):
        row = rows.get(uid)
        there = None if row is None or row.remote_id is None else standing.get(row.remote_id)
        there = there if there is not None else by_uid.get(uid)
        if there is not None:
            places[uid] = there
    return places


def _state(
    uid: str,
    event: ManagedEvent | None,
    row: ManagedResource | None,
    there: Observed | None,
    stored: Stored,
    look: Look,
) -> ResourceState:
    subject = event.subject if event is not None else row.subject if row is not None else None
    if subject is None:
        raise AssertionError("a managed resource has a projection or a row")
    remote_id = None if row is None else row.remote_id
    news = there is not None and there.remote_id in look.changed
    return ResourceState(
        uid=uid,
        subject=subject,
        event=event,
        written=None if row is None else row.written,
        applied=None if row is None else row.applied,
        remote_id=remote_id,
        observed=there,
        pending=tuple(
            expected
            for intent in stored.intents
            # where the revision that it was to change still stands, nothing of it has landed
            if intent.uid == uid and (there is None or intent.revision != there.revision)
            for expected in intent.expected
        ),
        changed=news or remote_id in look.removed or uid in look.reread,
        elsewhere=uid in stored.elsewhere,
        retry_at=None if row is None else row.retry_at,
    )


def _with_successor(state: ResourceState, services: Services, stored: Stored) -> ResourceState:
    """Give what vanished the id of its next generation: the calendar keeps the old one reserved."""
    if state.event is None or state.applied is None or state.observed is not None:
        return state
    generation = state.event.generation + 1
    remote_calendar = stored.calendar.remote_id
    uid = resource_uid(services.installation, remote_calendar, state.subject, generation)
    resource = replace(state.event.resource, uid=uid)
    return replace(state, successor=replace(state.event, generation=generation, resource=resource))


def _matters(one: Observed, stored: Stored) -> bool:
    """Leave out what another linked calendar of ours merely misses: that one tells the move."""
    if one.marker is None:
        return True
    mark = stored.marks_elsewhere.get(one.marker)
    return mark is None or mark.stands


def _spans(one: Observed, window: Window) -> tuple[Span, ...]:
    if one.resource is None or one.resource.body.all_day:
        return ()
    return tuple(Span(start=span.start, end=span.end) for span in busy_spans(one.resource, window))
