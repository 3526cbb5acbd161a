"""What a failed look or write means for the calendar: when to try again, or whom to ask."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from calwarden.domain.document import digest
from calwarden.domain.drift import (
    Aspect,
    DriftKey,
    DriftKind,
    Finding,
    Severity,
    Verdict,
)
from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.engine.services import Services
from calwarden.practice import messages
from calwarden.sdk.errors import CalendarGone, NeedsAuth, RemoteError, Transient
from calwarden.store import audit, calendars, ledger
from calwarden.store.ledger import ENGINE

FIRST_RETRY = timedelta(seconds=30)
LAST_RETRY = timedelta(hours=1)
GONE_KEY = DriftKey(uid="calendar")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    """When a failed calendar is polled again; ``binding``: the server said so, nothing before."""

    at: datetime
    binding: bool


def retry(error: RemoteError, failures: int, now: datetime) -> RetryDecision:
    """Return when to try again: after the server's Retry-After, else doubling from 30 s to 1 h."""
    if isinstance(error, Transient) and error.retry_after is not None:
        return RetryDecision(at=now + error.retry_after, binding=True)
    wait = min(FIRST_RETRY * 2 ** min(failures, 12), LAST_RETRY)
    return RetryDecision(at=now + wait, binding=False)


def note(
    services: Services,
    calendar: LinkedCalendar,
    error: RemoteError,
    *,
    dry_run: bool,
) -> PollReport:
    """Store what the failure means and return it as a report; a dry run stores nothing."""
    outcome = _outcome(error)
    if not dry_run:
        match outcome:
            case PollOutcome.NEEDS_RELINK:
                _stop(services, calendar, CalendarStatus.NEEDS_RELINK, str(error))
            case PollOutcome.GONE:
                _gone(services, calendar, str(error))
            case _:
                _again(services, calendar, error)
    return PollReport(
        id=calendar.id,
        connector=calendar.connector,
        outcome=outcome,
        problem=str(error),
    )


def _outcome(error: RemoteError) -> PollOutcome:
    if isinstance(error, NeedsAuth):
        return PollOutcome.NEEDS_RELINK
    if isinstance(error, CalendarGone):
        return PollOutcome.GONE
    throttled = isinstance(error, Transient) and (error.throttled or error.retry_after is not None)
    return PollOutcome.THROTTLED if throttled else PollOutcome.UNREACHABLE


def _again(services: Services, calendar: LinkedCalendar, error: RemoteError) -> None:
    now = services.clock.now()
    decision = retry(error, calendar.failures, now)
    values: dict[str, object] = {"failures": calendar.failures + 1, "due_at": decision.at}
    if not calendar.failures:
        values["failing_since"] = now
    with services.database.write() as connection:
        calendars.save(connection, calendar.id, **values)
        if decision.binding:
            calendars.rest(connection, calendar, decision.at)


def _stop(
    services: Services, calendar: LinkedCalendar, status: CalendarStatus, reason: str
) -> None:
    now = services.clock.now()
    with services.database.write() as connection:
        stood = calendars.get(connection, calendar.id).status
        calendars.set_status(connection, calendar.id, status, reason)
        if status is CalendarStatus.NEEDS_RELINK and stood is not status:
            messages.relink_needed(connection, calendar, now=now)
        audit.append(
            connection,
            at=now,
            actor=ENGINE,
            action=f"calendar.{status}",
            subject=f"calendar:{calendar.id}",
            detail={"reason": reason},
        )


def _gone(services: Services, calendar: LinkedCalendar, reason: str) -> None:
    """Flag the missing calendar and stop; it is never recreated silently."""
    _stop(services, calendar, CalendarStatus.GONE, reason)
    finding = Finding(
        key=GONE_KEY,
        kind=DriftKind.CALENDAR_GONE,
        changes={Aspect.EXISTENCE: DriftKind.CALENDAR_GONE},
        severity=Severity.SCHEDULE,
        verdict=Verdict.FLAG,
        verdicts={Aspect.EXISTENCE: Verdict.FLAG},
        seen=digest({"calendar": calendar.id}),
        cause=reason,
    )
    with services.database.write() as connection:
        standing = [one for one in ledger.known(connection, calendar.id) if one.status.standing]
        if not any(one.key == GONE_KEY for one in standing):
            ledger.open_drift(
                connection, calendar.id, calendar.provider, finding, now=services.clock.now()
            )
