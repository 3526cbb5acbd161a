"""One pass over several calendars, now: what ``calwarden sync`` and the demo do."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.engine import heads, lease, proposals
from calwarden.engine.cycle import Mode, NotApproved, poll
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.engine.services import Services
from calwarden.store import calendars

WAIT = timedelta(seconds=30)
STEP = timedelta(milliseconds=200)
ROUNDS = 4

POLLED = tuple(status for status in CalendarStatus if status is not CalendarStatus.UNLINKED)


def sync(
    services: Services,
    calendar_ids: Sequence[int] | None = None,
    *,
    dry_run: bool = False,
    approve: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[PollReport]:
    """Poll each calendar until its steps are settled, without grace; returns a report for each.

    With ``approve`` only the calendar whose plan has that digest is written; raises `NotApproved`
    if none has. Afterwards every provider concerned is told of new drifts, in one message.
    """
    if calendar_ids is None:
        with services.database.read() as connection:
            calendar_ids = [one.id for one in calendars.search(connection, statuses=POLLED)]
    reports: list[PollReport] = []
    refused: list[NotApproved] = []
    mode = Mode(immediate=True, dry_run=dry_run, approve=approve)
    for place, calendar_id in enumerate(calendar_ids):
        progress(place, len(calendar_ids))
        try:
            reports.append(settle(services, calendar_id, mode))
        except NotApproved as error:
            refused.append(error)
    progress(len(calendar_ids), len(calendar_ids))
    if not dry_run:
        proposals.propose(services)
    if refused and not reports:
        raise refused[0]
    return reports


def settle(services: Services, calendar_id: int, mode: Mode) -> PollReport:
    """Poll one calendar until nothing has to be looked at again.

    Waits up to 30 s for another worker.
    """
    total: PollReport | None = None
    waited = timedelta()
    rounds = 0
    while True:
        try:
            report = _poll(services, calendar_id, mode)
        except lease.LeaseLost:
            if waited >= WAIT:
                return _busy(services, calendar_id, total)
            services.lease_clock.pause(STEP)
            waited += STEP
            continue
        total = report if total is None else _joined(total, report)
        rounds += 1
        if not (report.again or report.made) or rounds >= ROUNDS:
            return total
        mode = replace(mode, approve=None)


def _poll(services: Services, calendar_id: int, mode: Mode) -> PollReport:
    head = _head(services, calendar_id)
    if head.calendar.lease_owner is not None and not mode.dry_run:
        if lease.held(services, head.calendar):
            raise lease.LeaseLost
        with services.database.write() as connection:
            lease.break_dead(connection, services, calendar_id)
        head = _head(services, calendar_id)
    return poll(services, calendar_id, mode, head=head)


def _head(services: Services, calendar_id: int) -> heads.Head:
    with services.database.read() as connection:
        return heads.head(connection, calendar_id, now=services.clock.now())


def _busy(services: Services, calendar_id: int, total: PollReport | None) -> PollReport:
    with services.database.read() as connection:
        calendar = calendars.get(connection, calendar_id)
    problem = "another worker is writing to this calendar; try again in a minute"
    base = total or PollReport(
        id=calendar.id, connector=calendar.connector, outcome=PollOutcome.BUSY
    )
    return replace(base, outcome=PollOutcome.BUSY, problem=problem)


def _joined(first: PollReport, second: PollReport) -> PollReport:
    return replace(
        second,
        requests=first.requests + second.requests,
        published=first.published + second.published,
        removed=first.removed + second.removed,
        reverted=first.reverted + second.reverted,
        flagged=max(first.flagged, second.flagged),
        drifts=tuple(sorted({*first.drifts, *second.drifts})),
        steps=first.steps + second.steps,
        digest=first.digest or second.digest,
        quiet=False,
    )
