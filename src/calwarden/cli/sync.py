"""``calwarden sync``: one pass over the calendars, now."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from calwarden.cli.drift import show_table
from calwarden.cli.options import single
from calwarden.cli.output import plural
from calwarden.cli.session import NEEDS_A_PERSON, Session, command
from calwarden.domain.drift import CASES, Finding
from calwarden.engine.passes import sync as run_pass
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.practice import drift_review
from calwarden.practice.report_rows import row_of
from calwarden.store import calendars, drifts, people

app = single()

FAILED = frozenset({PollOutcome.THROTTLED, PollOutcome.UNREACHABLE, PollOutcome.BUSY})
STUCK = frozenset({PollOutcome.HELD, PollOutcome.GONE, PollOutcome.NEEDS_RELINK})
A_DEPENDENCY_FAILED = 3

SAID = {
    PollOutcome.DONE: "done",
    PollOutcome.HELD: "held: a person has to decide its case first",
    PollOutcome.NEEDS_RELINK: "access was refused; link it again",
    PollOutcome.THROTTLED: "the server asked to wait",
    PollOutcome.UNREACHABLE: "not reached",
    PollOutcome.BUSY: "another process is writing to it",
    PollOutcome.GONE: "the calendar is gone",
    PollOutcome.PAUSED: "paused",
}


@command(app, "sync")
def sync(
    session: Session,
    *,
    calendar: Annotated[
        int | None, typer.Option("--calendar", metavar="ID", help="Only this calendar.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the plan and its digest; write nothing anywhere."),
    ] = False,
    approve: Annotated[
        str | None,
        typer.Option(
            "--approve", metavar="DIGEST", help="Write exactly the plan that a dry run printed."
        ),
    ] = None,
) -> int:
    """Look at every active calendar now, due or not, and put right what policy says.

    Without grace: an edit is reverted in the pass that sees it. Exit status 1 where a drift is open
    or a calendar is held, gone or needs to be linked again; 3 where one could not be reached.
    """
    application = session.application
    if calendar is not None:
        with application.database.read() as connection:
            calendars.get(connection, calendar)
    with _progress(session) as progress:
        reports = run_pass(
            application.services(),
            None if calendar is None else [calendar],
            dry_run=dry_run,
            approve=approve,
            progress=progress,
        )
    near = application.policy.near
    with application.database.read() as connection:
        open_drifts = _standing(connection, reports)
        touched = _documents(connection, reports, session, near)
        documents = [_document(report, touched, dry_run=dry_run) for report in reports]
        names = {one.ref: one.name for one in people.providers(connection)}
        zones = {one.ref: one.timezone for one in people.providers(connection)}
    session.out.document({"calendars": documents})
    _tell(session, reports, dry_run=dry_run)
    rows = [row_of(one, names=names, zones=zones) for one in touched.values()]
    if rows and not session.out.as_json:
        show_table(session, rows)
    return _status(reports, needs_a_person=bool(open_drifts))


def _status(reports: Sequence[PollReport], *, needs_a_person: bool) -> int:
    outcomes = {report.outcome for report in reports}
    if outcomes & FAILED:
        return A_DEPENDENCY_FAILED
    return NEEDS_A_PERSON if needs_a_person or outcomes & STUCK else 0


def _standing(connection: Connection, reports: Sequence[PollReport]) -> list[int]:
    seen = {report.id for report in reports}
    standing = drifts.search(connection, statuses=drifts.STANDING)
    return [row.id for row in standing if row.calendar_id in seen]


def _documents(
    connection: Connection, reports: Sequence[PollReport], session: Session, near: Any
) -> dict[int, dict[str, Any]]:
    numbers = sorted({number for report in reports for number in report.drifts})
    rows = [drifts.get(connection, number) for number in numbers]
    found = drift_review.documents(connection, rows, now=session.now, near=near)
    return {one["id"]: one for one in found}


def _document(
    report: PollReport, touched: dict[int, dict[str, Any]], *, dry_run: bool
) -> dict[str, Any]:
    document = {
        "id": report.id,
        "connector": report.connector,
        "outcome": report.outcome.value,
        "requests": report.requests,
        "published": report.published,
        "removed": report.removed,
        "reverted": report.reverted,
        "flagged": report.flagged,
        "drifts": [touched[number] for number in report.drifts],
        "steps": list(report.steps),
        "digest": report.digest,
        "problem": report.problem,
    }
    return document | ({"findings": [_finding(one) for one in report.findings]} if dry_run else {})


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "severity": one.severity.value,
        "verdict": one.verdict.value,
        "contested": one.contested,
        "appointment": one.appointment,
        "appointments": list(one.appointments),
        "occurrence": one.occurrence,
        "before": one.before,
        "after": None if one.kind in CASES else one.after,
    }


def _tell(session: Session, reports: Sequence[PollReport], *, dry_run: bool) -> None:
    if not reports:
        session.out.say("No calendar is linked yet. Link one: calwarden link caldav --help")
    for report in reports:
        counts = _would(report) if dry_run else _did(report)
        session.out.say(
            f"Calendar {report.id} ({report.connector}): {SAID[report.outcome]}"
            + (f" ({report.problem})" if report.problem else "")
            + f"; {counts}; {plural(report.requests, 'request')}"
        )
        if dry_run and report.steps:
            for step in report.steps:
                session.out.say(f"  would {_step(step)}")
            session.out.say(f"  to write exactly this: calwarden sync --approve {report.digest}")


def _did(report: PollReport) -> str:
    counts = {
        "published": report.published,
        "removed": report.removed,
        "put back": report.reverted,
        "flagged": report.flagged,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no change"


def _would(report: PollReport) -> str:
    return plural(len(report.steps), "step") if report.steps else "nothing to write"


def _step(step: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in step.items() if value)


@contextmanager
def _progress(session: Session) -> Iterator[Callable[[int, int], None]]:
    errors = session.out.errors
    if not errors.is_terminal:
        yield lambda _done, _total: None
        return
    with errors.status("Looking at the calendars") as status:
        yield lambda done, total: status.update(f"Looking at the calendars: {done} of {total}")
