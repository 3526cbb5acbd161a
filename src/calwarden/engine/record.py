"""Step 4: everything that the decision says, in one transaction, under the lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.difference import differences
from calwarden.domain.drift import CASES, UNWRITTEN, DriftKey, DriftStatus
from calwarden.domain.event import EventResource
from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.domain.plan import Adoption, Decision, LedgerAct, LedgerEntry, Step
from calwarden.domain.view import CalendarView
from calwarden.engine import lease
from calwarden.engine.load import Stored
from calwarden.engine.observe import Look, busy_until
from calwarden.engine.services import Services
from calwarden.practice import work_items
from calwarden.sdk.connector import Call, Verb, Write
from calwarden.store import calendars, journal, ledger, managed, observations
from calwarden.store.journal import NewIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A step with its write and the calls that make it, worked out before anything is sent."""

    step: Step
    write: Write
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was committed: the fence to settle under, intents in the order of steps, drifts.

    ``lease_until`` is the end of the lease by the lease's clock.
    ``overruled`` are the uids whose outside edit the store overrules: only the write is due.
    """

    fence: int
    lease_until: datetime
    intents: tuple[int, ...]
    reverting: Mapping[DriftKey, int]
    touched: tuple[int, ...]
    overruled: frozenset[str] = frozenset()


def write_of(step: Step) -> Write:
    """Return the write that a step asks of a connector."""
    return Write(
        verb=Verb(step.action.value),
        uid=step.uid,
        event=step.event,
        remote_id=step.remote_id,
        revision=step.revision,
        base=step.seen,
    )


def record(
    services: Services,
    stored: Stored,
    look: Look,
    view: CalendarView,
    decision: Decision,
    prepared: Sequence[Prepared],
) -> Recorded:
    """Commit a decision.

    Raises `calwarden.engine.lease.LeaseLost` if another worker was first, or if a person decided a
    drift or stopped the link since it was loaded: such a decision is made again.
    """
    now, calendar = services.clock.now(), stored.calendar
    with services.database.write() as connection:
        fence, until = lease.take(connection, services, calendar.id, calendar.fence)
        not_before = _demand_unchanged(connection, stored)
        _observations(connection, services, calendar.id, look)
        journal.close(
            connection,
            [intent.id for intent in stored.intents],
            status="replanned",
            now=now,
        )
        known = {one.uid for one in stored.resources}
        for step in decision.plan.steps:
            if step.event is not None and step.subject is not None and step.uid not in known:
                generation = step.event.generation
                managed.plan(connection, calendar.id, step.uid, step.subject, generation)
        _adopt(connection, view, calendar.id, decision.adoptions)
        managed.clear_rereads(connection, calendar.id, look.reread)
        managed.confirm(connection, calendar.id)
        touched = _ledger(connection, services, stored, decision.ledger)
        overruled = _overruled(stored, decision)
        adopted = {one.uid for one in decision.adoptions}
        ledger.written(connection, calendar.id, overruled & adopted)
        if decision.held:
            standing = [one for one in stored.known if one.kind not in CASES]
            ledger.put_off(connection, [one.id for one in standing], now=now)
        ledger.await_retry(connection, calendar.id, decision.waiting, now=now)
        reverting = ledger.set_reverting(connection, calendar.id, decision.reverting, now=now)
        numbers = journal.record(
            connection,
            calendar.id,
            [
                NewIntent(
                    uid=one.step.uid,
                    verb=one.step.action.value,
                    position=position,
                    step=one.step.document(),
                    expected=_expected(one),
                )
                for position, one in enumerate(prepared)
            ],
            fence=fence,
            now=now,
        )
        _calendar(connection, services, stored, look, decision, not_before)
        if not prepared:
            lease.release(connection, services, calendar.id, fence)
    return Recorded(
        fence=fence,
        lease_until=until,
        intents=tuple(numbers),
        reverting=reverting,
        touched=tuple(touched),
        overruled=overruled,
    )


def _expected(one: Prepared) -> list[EventResource | None]:
    """Return what the calls of a step leave; what stood before them is nothing of ours."""
    states = [state for call in one.calls for state in (*call.passing, call.expected)]
    before = one.step.seen
    return [
        state for state in states if state is None or before is None or differences(before, state)
    ]


def _overruled(stored: Stored, decision: Decision) -> frozenset[str]:
    known = {one.key.uid for one in stored.known if one.decision == UNWRITTEN}
    acts = {LedgerAct.SUPERSEDE, LedgerAct.RECORD_SUPERSEDED}
    return frozenset(known) | {
        one.finding.key.uid
        for one in decision.ledger
        if one.act in acts and one.finding is not None
    }


def _demand_unchanged(connection: Connection, stored: Stored) -> datetime | None:
    """Return until when the calendar is to be asked nothing; it may just have been told."""
    before = stored.calendar
    now = calendars.get(connection, before.id)
    if now.status is not before.status or ledger.known(connection, before.id) != stored.known:
        raise lease.LeaseLost
    return now.not_before


def _observations(connection: Connection, services: Services, calendar_id: int, look: Look) -> None:
    now = services.clock.now()
    observations.forget(connection, calendar_id, look.removed)
    seen = {remote_id: (one, busy_until(one)) for remote_id, one in look.changed.items()}
    observations.store(connection, calendar_id, seen, now=now)


def _adopt(
    connection: Connection, view: CalendarView, calendar_id: int, adoptions: Sequence[Adoption]
) -> None:
    states = {state.uid: state for state in view.states}
    for adoption in adoptions:
        state = states[adoption.uid]
        generation = 0 if state.event is None else state.event.generation
        managed.plan(connection, calendar_id, adoption.uid, state.subject, generation)
        if adoption.gone:
            managed.remove(connection, calendar_id, adoption.uid)
            continue
        managed.settle(
            connection,
            calendar_id,
            adoption.uid,
            written=adoption.written,
            applied=adoption.applied,
            remote_id=None if state.observed is None else state.observed.remote_id,
            revision=None if state.observed is None else state.observed.revision,
        )


def _ledger(
    connection: Connection, services: Services, stored: Stored, entries: Sequence[LedgerEntry]
) -> list[int]:
    """Write the ledger and return the numbers of the drifts that changed."""
    now, calendar = services.clock.now(), stored.calendar
    touched: list[int] = []
    # what closes goes first: a drift that takes the place of another needs its key free
    for entry in sorted(entries, key=lambda one: one.act is LedgerAct.OPEN):
        if entry.drift is not None:
            _change(connection, entry, entry.drift, now)
            touched += [entry.drift] if entry.act is not LedgerAct.END_DISMISSAL else []
        elif entry.finding is not None:
            open_ = entry.act is LedgerAct.OPEN
            number = ledger.open_drift(
                connection,
                calendar.id,
                calendar.provider,
                entry.finding,
                now=now,
                status=DriftStatus.OPEN if open_ else DriftStatus.SUPERSEDED,
            )
            touched.append(number)
    work_items.follow_drifts(connection, touched, now=now, near=services.policy.near)
    return touched


def _change(connection: Connection, entry: LedgerEntry, number: int, now: datetime) -> None:
    match entry.act, entry.finding:
        case LedgerAct.UPDATE, finding if finding is not None:
            ledger.update_drift(connection, number, finding, now=now)
        case LedgerAct.SUPERSEDE, _:
            ledger.close_drift(connection, number, DriftStatus.SUPERSEDED, now=now)
        case LedgerAct.WITHDRAW, _:
            ledger.close_drift(connection, number, DriftStatus.WITHDRAWN, now=now)
        case LedgerAct.END_DISMISSAL, _:
            ledger.end_dismissal(connection, number, now=now)
        case _:
            raise AssertionError(f"a ledger entry {entry.act} lacks its finding or its number")


def _calendar(
    connection: Connection,
    services: Services,
    stored: Stored,
    look: Look,
    decision: Decision,
    not_before: datetime | None,
) -> None:
    now, calendar = services.clock.now(), stored.calendar
    values: dict[str, object] = {
        "planned_revision": stored.schedule_revision,
        "wake_at": decision.wake_at,
        "answered_at": now,
        "checked_at": now,
        "failures": 0,
    }
    if not_before is not None and not_before <= now:
        values["not_before"] = None  # one that another calendar of the account was told stands
    if look.cursor is not None:
        values |= {"cursor": look.cursor, "cursor_at": now}
    if look.complete:
        values["complete_at"] = now
    if calendar.status in {CalendarStatus.ACTIVE, CalendarStatus.HELD}:
        status = CalendarStatus.HELD if decision.held else CalendarStatus.ACTIVE
        values |= {"status": status.value, "status_reason": None}
    calendars.save(connection, calendar.id, **values)
