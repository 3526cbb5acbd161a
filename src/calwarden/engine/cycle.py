"""One poll of one calendar: load, observe, decide, record, apply, settle. Data only moves down."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from calwarden.domain.decision import decide
from calwarden.domain.drift import Verdict
from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar, Role
from calwarden.domain.plan import Decision, Plan, Step
from calwarden.domain.view import CalendarView
from calwarden.engine import (
    elsewhere,
    failures,
    heads,
    load,
    observe,
    reprobing,
    surroundings,
    unlinking,
)
from calwarden.engine.apply import Applied, Applier
from calwarden.engine.heads import Head
from calwarden.engine.load import Stored
from calwarden.engine.observe import CURSOR_KEPT, Look
from calwarden.engine.record import Prepared, Recorded, record, write_of
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.engine.services import Services
from calwarden.sdk.connector import Connector
from calwarden.sdk.errors import CalendarGone, NeedsAuth, RemoteError
from calwarden.store import calendars, managed

SHOWN = 12
"""Characters of a plan's digest that stand for it in front of people."""

STOPPED = {
    CalendarStatus.PAUSED: PollOutcome.PAUSED,
    CalendarStatus.NEEDS_RELINK: PollOutcome.NEEDS_RELINK,
    CalendarStatus.GONE: PollOutcome.GONE,
    CalendarStatus.UNLINKED: PollOutcome.GONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a poll is made.

    ``immediate``: no grace. ``approve``: write only if the plan has this digest. ``probed``: the
    server was just tried out.
    """

    immediate: bool = False
    dry_run: bool = False
    approve: str | None = None
    probed: bool = False


class NotApproved(Exception):
    """The plan is not the one that was reviewed; nothing was written."""


def poll(
    services: Services, calendar_id: int, mode: Mode | None = None, *, head: Head | None = None
) -> PollReport:
    """Make one pass over a calendar, whether due or not; ``head`` is it as just read, if it was.

    Raises `NotApproved`, `calwarden.engine.lease.LeaseLost` and the store's own errors; what the
    remote side does wrong is an outcome.
    """
    mode = mode or Mode()
    if head is None:
        head = _head(services, calendar_id)
    calendar = head.calendar
    if calendar.status in STOPPED:
        return _report(calendar, STOPPED[calendar.status], problem=calendar.status_reason)
    now = services.clock.now()
    if calendar.not_before is not None and calendar.not_before > now:
        wait = f"asked to wait until {calendar.not_before.isoformat(timespec='seconds')}"
        return _report(calendar, PollOutcome.THROTTLED, problem=wait)
    report, spent = _pass(services, head, mode)
    if report is not None:
        return report
    # nothing is written to a server that nobody has met
    try:
        link = reprobing.probe(services, calendar)
    except RemoteError as error:
        return _failed(services, calendar, error, mode, requests=spent)
    spent += int(link.probe.get("requests", 0))
    report, _ = _pass(services, _head(services, calendar_id), replace(mode, probed=True))
    if report is None:
        raise AssertionError("a server was to be tried out twice in one poll")
    return replace(report, requests=report.requests + spent)


def _head(services: Services, calendar_id: int) -> Head:
    with services.database.read() as connection:
        return heads.head(connection, calendar_id, now=services.clock.now())


def _pass(services: Services, head: Head, mode: Mode) -> tuple[PollReport | None, int]:
    """Make one pass with a connector that is lent for it; return its report and its requests.

    There is no report where the server is not the one that was tried out. A connector counts
    for as long as it is open, hence the difference.
    """
    spent = 0
    try:
        with services.connections.lent(head) as connector:
            before = connector.requests
            try:
                report = _with(services, head, connector, mode, before=before)
            finally:
                spent = connector.requests - before
    except RemoteError as error:
        return _failed(services, head.calendar, error, mode, requests=spent), spent
    if report is not None and report.requests != spent:
        report = replace(report, requests=spent)
    return report, spent


def _failed(
    services: Services, calendar: LinkedCalendar, error: RemoteError, mode: Mode, *, requests: int
) -> PollReport:
    ended = isinstance(error, NeedsAuth | CalendarGone)
    if ended and calendar.status is CalendarStatus.UNLINKING and not mode.dry_run:
        # nobody can take our events out any more, and nobody is to be asked to link it again
        unlinking.finish(services, calendar, removed=0)
        return _report(calendar, PollOutcome.DONE, requests=requests, problem=str(error))
    report = failures.note(services, calendar, error, dry_run=mode.dry_run)
    return replace(report, requests=requests)


def _with(
    services: Services, head: Head, connector: Connector, mode: Mode, *, before: int
) -> PollReport | None:
    calendar = head.calendar
    if calendar.status is CalendarStatus.UNLINKING:
        return unlinking.unlink(services, head, connector, dry_run=mode.dry_run)
    found = observe.look(services, calendar, connector)
    if not (mode.dry_run or mode.probed) and reprobing.due(services, calendar, connector):
        return None
    services.failpoint("after_observe")
    if _quiet(services, head, found, mode):
        _checkpoint(services, calendar, found)
        spent = connector.requests - before
        return _report(calendar, _standing(calendar), quiet=True, requests=spent)
    with services.database.read() as connection:
        unsettled = dict(managed.rereads(connection, calendar.id))
        made = managed.unconfirmed(connection, calendar.id)
        stored = load.load(connection, services, calendar.id, connector)
    if stored.calendar.status in STOPPED:  # meanwhile
        return _report(stored.calendar, STOPPED[stored.calendar.status])
    if not found.complete:
        # what was made and deleted since the cursor need not be told (RFC 6578 section 3.5.2)
        unsettled.update({uid: place for uid, place in made if place not in found.told})
    places = {one.uid: one.remote_id for one in stored.resources}
    unsettled.update({intent.uid: places.get(intent.uid) for intent in stored.intents})
    found = observe.confirm(
        connector, found, ours=stored.resources, unsettled=sorted(unsettled.items())
    )
    stored = replace(stored, elsewhere=elsewhere.shown(services, stored, found))
    # the fence of the first read: whoever recorded since makes this look worthless
    stored = replace(stored, calendar=replace(stored.calendar, fence=calendar.fence))
    view = surroundings.surroundings(
        services, stored, found, connector.capabilities, immediate=mode.immediate
    )
    decision = decide(view)
    if calendar.role is Role.BUSY:
        decision = Decision(plan=Plan())
    return _carry_out(services, stored, found, view, decision, connector, mode)


def _carry_out(
    services: Services,
    stored: Stored,
    found: Look,
    view: CalendarView,
    decision: Decision,
    connector: Connector,
    mode: Mode,
) -> PollReport:
    calendar = stored.calendar
    prepared = [_prepare(connector, step) for step in decision.plan.steps]
    steps = tuple(step.document() for step in decision.plan.steps)
    outcome = PollOutcome.HELD if decision.held else PollOutcome.DONE
    flagged = [one for one in decision.findings if one.verdict in {Verdict.FLAG, Verdict.HOLD}]
    if mode.dry_run:
        return _report(
            calendar,
            outcome,
            findings=decision.findings,
            flagged=len(flagged),
            steps=steps,
            digest=decision.plan.digest,
        )
    if mode.approve is not None and not _approves(mode.approve, decision.plan.digest):
        raise NotApproved(
            f"calendar {calendar.id}: the plan now has digest {decision.plan.digest[:SHOWN]}, not "
            "the approved one; something changed since it was reviewed. Review a new dry run."
        )
    services.failpoint("before_record")
    recorded = record(services, stored, found, view, decision, prepared)
    services.failpoint("after_record")
    applied = _apply(services, connector, stored, recorded, prepared)
    report = _report(
        calendar,
        outcome,
        published=applied.published,
        removed=applied.removed,
        reverted=applied.reverted,
        flagged=len([one for one in flagged if not one.superseded]),
        drifts=tuple(sorted({*recorded.touched, *recorded.reverting.values()})),
        steps=steps,
        digest=decision.plan.digest,
        again=applied.again,
        made=applied.made,
        problem="; ".join(sorted(set(applied.refused))) or None,
    )
    if applied.stopped is not None:
        ended = failures.note(services, calendar, applied.stopped, dry_run=False)
        return replace(report, outcome=ended.outcome, problem=ended.problem)
    return report


def _approves(given: str, digest: str) -> bool:
    """Tell whether a digest is the one approved: whole, or by as much of it as messages show."""
    return len(given) >= SHOWN and digest.startswith(given.lower())


def _apply(
    services: Services,
    connector: Connector,
    stored: Stored,
    recorded: Recorded,
    prepared: list[Prepared],
) -> Applied:
    if not prepared:
        return Applied()
    return Applier(services, connector, stored, recorded).run(prepared)


def _prepare(connector: Connector, step: Step) -> Prepared:
    write = write_of(step)
    return Prepared(step=step, write=write, calls=connector.calls(write))


def _quiet(
    services: Services,
    head: Head,
    found: Look,
    mode: Mode,
) -> bool:
    """Tell whether nothing can follow from this look (architecture: a quiet poll)."""
    calendar, now = head.calendar, services.clock.now()
    if mode.dry_run or mode.approve is not None or head.unsettled or head.owed:
        return False
    if calendar.answered_at is not None and calendar.answered_at > now:
        return False  # the clock went back: what was to wake up by it may be long overdue
    if not found.empty or (found.complete and calendar.complete_at is None):
        return False
    if calendar.role is Role.MANAGED and calendar.planned_revision != head.schedule_revision:
        return False
    wake = _wake(calendar, immediate=mode.immediate, services=services)
    return wake is None or wake > now


def _wake(calendar: LinkedCalendar, *, immediate: bool, services: Services) -> datetime | None:
    """Return when the plan may differ; a pass without grace is early by the grace."""
    if calendar.wake_at is None:
        return None
    return calendar.wake_at - (services.grace if immediate else timedelta(0))


def _checkpoint(services: Services, calendar: LinkedCalendar, found: Look) -> None:
    """Keep a quiet poll's news only where it is worth a write.

    That is a cursor where the stored one is old or where our own echo stands between the two, so
    that it is not told again at every poll; a complete listing, or a recovery; and now and then
    that it answered.
    """
    now = services.clock.now()
    values: dict[str, object] = {}
    old = calendar.cursor_at is None or now - calendar.cursor_at >= CURSOR_KEPT
    worth = old or found.complete or bool(found.told)
    if found.cursor is not None and found.cursor != calendar.cursor and worth:
        values |= {"cursor": found.cursor, "cursor_at": now}
    if calendar.failures:
        values |= {"failures": 0}
    # a server that always lists all of it is not written down each time
    whole = calendar.complete_at
    if found.complete and (values or whole is None or not now - CURSOR_KEPT < whole <= now):
        values |= {"complete_at": now}
    if values:
        values |= {"answered_at": now}
    elif calendar.checked_at is None or now - calendar.checked_at >= CURSOR_KEPT:
        values = {"checked_at": now}
    if not values:
        return
    with services.database.write() as connection:
        # whoever wrote meanwhile knows more than this look
        if calendars.get(connection, calendar.id).fence == calendar.fence:
            calendars.save(connection, calendar.id, **values)


def _standing(calendar: LinkedCalendar) -> PollOutcome:
    return PollOutcome.HELD if calendar.status is CalendarStatus.HELD else PollOutcome.DONE


def _report(calendar: LinkedCalendar, outcome: PollOutcome, **values: Any) -> PollReport:
    return PollReport(id=calendar.id, connector=calendar.connector, outcome=outcome, **values)
