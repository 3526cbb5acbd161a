"""Step 1: what a decision needs from the store, in one short read transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import Aspect, KnownDrift
from calwarden.domain.event import ManagedEvent, Observed, Subject, SubjectKind
from calwarden.domain.identity import resource_uid
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.projection import Projector
from calwarden.domain.view import WATCHED_BACK
from calwarden.domain.wall_time import Slot
from calwarden.engine.services import Services
from calwarden.sdk.connector import Connector
from calwarden.store import (
    appointments,
    calendars,
    journal,
    ledger,
    managed,
    observations,
    out_of_office,
    people,
    series,
)
from calwarden.store.journal import Intent
from calwarden.store.managed import ManagedResource, ResourceStatus
from calwarden.store.observations import Mark

SEEN_BACK = WATCHED_BACK + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Everything the store says about one calendar."""

    calendar: LinkedCalendar
    schedule_revision: int
    events: tuple[ManagedEvent, ...]
    resources: tuple[ManagedResource, ...]
    frozen: frozenset[str]
    intents: tuple[Intent, ...]
    known: tuple[KnownDrift, ...]
    reverts: Mapping[tuple[str, Slot | None, Aspect], int]
    observed: Mapping[str, Observed]
    elsewhere: frozenset[str]
    marks_elsewhere: Mapping[str, Mark]


def load(
    connection: Connection, services: Services, calendar_id: int, connector: Connector
) -> Stored:
    """Return what the store says now."""
    now = services.clock.now()
    calendar = calendars.get(connection, calendar_id)
    resources = tuple(managed.all_of(connection, calendar_id))
    newest = {one.subject: one for one in sorted(resources, key=lambda one: one.generation)}
    standing = {one.subject for one in resources if one.applied is not None}
    reuses_ids = connector.capabilities.reuses_ids

    def uid(subject: Subject, generation: int) -> str:
        return resource_uid(services.installation, calendar.remote_id, subject, generation)

    def generation(subject: Subject) -> int:
        known = newest.get(subject)
        if known is None:
            return 0
        spent = known.status is ResourceStatus.REMOVED and not reuses_ids
        return known.generation + spent

    def published(subject: Subject) -> bool:
        return subject in standing

    projector = Projector(
        uid=uid,
        generation=generation,
        published=published,
        expresses=connector.expresses,
        fingerprint=services.fingerprint,
        wording=services.wording,
        now=now,
    )
    since = now - SEEN_BACK
    provider = calendar.provider
    events = projector.project(
        _appointments(connection, provider, since),
        series.search(connection, provider=provider),
        out_of_office.search(connection, provider=provider, ends_after=since),
    )
    rows = {one.remote_id: one for one in observations.strangers(connection, calendar_id, now=now)}
    uids = {one.uid for one in resources} | {event.uid for event in events}
    rows |= {one.remote_id: one for one in observations.of_uids(connection, calendar_id, uids)}
    for one in resources:
        if one.remote_id is not None and one.remote_id not in rows:
            found = observations.find(connection, calendar_id, one.remote_id)
            if found is not None:
                rows[found.remote_id] = found
    return Stored(
        calendar=calendar,
        schedule_revision=people.schedule_revision(connection, provider),
        events=events,
        resources=resources,
        frozen=_frozen(connection, resources, events),
        intents=tuple(journal.open_intents(connection, calendar_id)),
        known=ledger.known(connection, calendar_id),
        reverts=ledger.recent_reverts(connection, calendar_id, now=now),
        observed=rows,
        elsewhere=observations.shown_elsewhere(connection, calendar_id, provider),
        marks_elsewhere=observations.marks_elsewhere(connection, calendar_id, provider),
    )


def _appointments(connection: Connection, provider: str, since: datetime) -> list[Appointment]:
    """Return what may still be watched, and of each series with such a meeting all meetings."""
    recent = appointments.search(connection, provider=provider, ends_after=since)
    found = {one.ref: one for one in recent}
    for ref in sorted({one.series for one in recent if one.series is not None}):
        found.update({one.ref: one for one in appointments.search(connection, series=ref)})
    return list(found.values())


def _frozen(
    connection: Connection,
    resources: tuple[ManagedResource, ...],
    events: tuple[ManagedEvent, ...],
) -> frozenset[str]:
    """Return the uids of what is too old to be watched: it stands in the store, is left alone."""
    projected = {event.uid for event in events}
    subjects = {event.subject for event in events}
    frozen: set[str] = set()
    for one in resources:
        if one.uid in projected or one.status is ResourceStatus.REMOVED or one.subject in subjects:
            continue
        stands = False
        match one.subject.kind:
            case SubjectKind.APPOINTMENT:
                appointment = appointments.find(connection, one.subject.ref)
                stands = appointment is not None and appointment.status.stands
                # an occurrence may stand in its series' own event by now, and the other way round
                if appointment is not None and appointment.series is not None:
                    whole = Subject(kind=SubjectKind.SERIES, ref=appointment.series)
                    stands = stands and whole not in subjects
            case SubjectKind.SERIES:
                kept = appointments.search(connection, series=one.subject.ref)
                known = series.find(connection, one.subject.ref)
                stands = any(each.status.stands for each in kept) and known is not None
                alone = {Subject(kind=SubjectKind.APPOINTMENT, ref=each.ref) for each in kept}
                stands = stands and not alone & subjects
            case SubjectKind.OUT_OF_OFFICE:
                stands = out_of_office.find(connection, one.subject.ref) is not None
        if stands:
            frozen.add(one.uid)
    return frozenset(frozen)
