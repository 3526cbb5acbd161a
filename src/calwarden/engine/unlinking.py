"""Unlinking: settle what is under way, remove unfinished events, destroy the credential.

Events stay where the person asked to keep them.
"""

from calwarden.domain.drift import DriftStatus
from calwarden.domain.event import Observed
from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.domain.wall_time import instant
from calwarden.engine import push
from calwarden.engine.heads import Head
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.engine.services import Services
from calwarden.sdk.connector import Connector, Verb, Write
from calwarden.sdk.errors import CalendarGone, NeedsAuth, PreconditionFailed, Rejected
from calwarden.store import audit, calendars, journal, ledger, managed, observations, subscriptions
from calwarden.store.ledger import ENGINE
from calwarden.store.managed import ManagedResource, ResourceStatus


def unlink(services: Services, head: Head, connector: Connector, *, dry_run: bool) -> PollReport:
    """Carry an unlinking through as far as the server lets us; the next pass does the rest."""
    calendar = head.calendar
    with services.database.read() as connection:
        resources = managed.all_of(connection, calendar.id)
    leaving = [] if calendar.keep_events else [one for one in resources if _leaves(services, one)]
    removed, problem = 0, None
    try:
        for one in leaving:
            if dry_run:
                break
            if _remove(connector, one):
                removed += 1
            with services.database.write() as connection:
                managed.remove(connection, calendar.id, one.uid)
    except (NeedsAuth, CalendarGone, Rejected) as error:
        problem = f"what was left could not be removed: {error}"
    if not dry_run:
        push.end(services, calendar, connector)
        finish(services, calendar, removed=removed)
    return PollReport(
        id=calendar.id,
        connector=calendar.connector,
        outcome=PollOutcome.DONE,
        removed=removed,
        problem=problem,
    )


def finish(services: Services, calendar: LinkedCalendar, *, removed: int) -> None:
    """Close the link: nothing of it is left but its history."""
    now = services.clock.now()
    with services.database.write() as connection:
        unsettled = [intent.id for intent in journal.open_intents(connection, calendar.id)]
        journal.close(connection, unsettled, status="unlinked", now=now)
        observations.forget_all(connection, calendar.id)
        subscriptions.remove_all(connection, calendar.id)
        for one in managed.all_of(connection, calendar.id):
            managed.remove(connection, calendar.id, one.uid)
        for drift in ledger.known(connection, calendar.id):
            # nothing is watched any more, so nothing may hold a claim for ever
            ledger.close_drift(
                connection,
                drift.id,
                DriftStatus.WITHDRAWN,
                now=now,
                cause="the calendar was unlinked",
            )
        calendars.destroy_credential(connection, calendar.id)
        calendars.set_status(connection, calendar.id, CalendarStatus.UNLINKED)
        audit.append(
            connection,
            at=now,
            actor=ENGINE,
            action="calendar.unlinked",
            subject=f"calendar:{calendar.id}",
            detail={"removed": removed, "kept": calendar.keep_events},
        )


def _leaves(services: Services, one: ManagedResource) -> bool:
    if one.status is ResourceStatus.REMOVED:
        return False
    if one.applied is None or one.applied.recurrence is not None:
        return True
    return instant(one.applied.body.end) > services.clock.now()


def _remove(connector: Connector, one: ManagedResource) -> bool:
    there = _there(connector, one)
    if there is None:
        return False
    for _ in range(3):
        write = Write(
            verb=Verb.DELETE,
            uid=one.uid,
            remote_id=there.remote_id,
            revision=there.revision,
            base=there.resource,
        )
        try:
            for call in connector.calls(write):
                connector.perform(write, call)
        except PreconditionFailed:
            there = _there(connector, one)
            if there is None:
                return True
        else:
            return True
    return False


def _there(connector: Connector, one: ManagedResource) -> Observed | None:
    found = None if one.remote_id is None else connector.read(one.remote_id)
    return found if found is not None else connector.find(one.uid)
