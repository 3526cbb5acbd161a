"""``calwarden drift``: what was changed outside, and what to do about it."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from calwarden.cli.options import group
from calwarden.cli.output import moment, plural, read_moment
from calwarden.cli.session import ACTOR, NEEDS_A_PERSON, Session, command
from calwarden.domain.drift import CASES, DriftKind, DriftStatus, Severity
from calwarden.domain.wall_time import in_zone
from calwarden.practice import drift_review, report_wording
from calwarden.practice.drift_review import Decision
from calwarden.practice.report import ReportRow
from calwarden.practice.report_rows import row_of
from calwarden.store import people

app = group("Drift: what was changed outside, what became of it, and what a person decides.")

Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the drift, as listed.")]

NEXT = {
    Decision.REVERT: "The next pass puts the calendar back.",
    Decision.ACCEPT: "The appointment now has the time that the calendar shows.",
    Decision.DISMISS: "It stays as it is, and is not flagged again unless it changes.",
}


@command(app, "list")
def list_all(
    session: Session,
    *,
    status: Annotated[
        DriftStatus | None, typer.Option("--status", help="Only drifts in this state.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="REF", help="Only this provider's.")
    ] = None,
    severity: Annotated[
        Severity | None, typer.Option("--severity", help="Only drifts of this severity.")
    ] = None,
) -> int:
    """List drifts. Exit status 1 where one of them is open."""
    application = session.application
    with application.database.read() as connection:
        found = drift_review.listing(
            connection,
            now=session.now,
            statuses=None if status is None else [status],
            provider=provider,
            severity=severity,
            near=application.policy.near,
        )
        rows = _rows(connection, found)
    session.out.document({"drifts": found})
    if not found:
        session.out.say("No drift: nothing that fits was changed outside.")
    else:
        show_table(session, rows)
    return NEEDS_A_PERSON if any(row.open for row in rows) else 0


@command(app, "show")
def show(session: Session, drift: Id) -> None:
    """Show one drift, with its history and the commands that decide it."""
    application = session.application
    with application.database.read() as connection:
        one = drift_review.show(connection, drift, now=session.now, near=application.policy.near)
        row = _rows(connection, [one])[0]
    session.out.document(one)
    facts = [
        ("Drift", f"{row.id}, revision {row.revision}"),
        ("What happened", report_wording.happened(row)),
        ("Appointment", row.appointment or ", ".join(row.appointments) or "none"),
        ("Provider", f"{row.provider_name} ({row.provider}), calendar {row.calendar}"),
        ("Noticed", moment(in_zone(row.detected_at, row.timezone))),
        *_places(row),
        ("Times in", row.timezone),
        ("Concerns", report_wording.MATTERS[row.severity]),
        ("State", report_wording.state(row)),
    ]
    if one["claims"]:
        held = "; held" if row.claim_held else "; not held by this"
        facts.append(("Claims", ", ".join(one["claims"]) + held))
    if row.reason:
        facts.append(("Reason", row.reason))
    if one["proposal"]:
        facts.append(("Properly done by", one["proposal"]))
    if row.waiting:
        facts.append(("Decide it", report_wording.choices(row)))
    session.out.facts(facts)
    if row.kind in CASES:
        _show_items(session, row)
    if one["history"]:
        session.out.say()
        for entry in one["history"]:
            at = moment(in_zone(read_moment(entry["at"]), row.timezone))
            session.out.say(f"  {at}  {entry['event']}  by {entry['actor']}", style="dim")


def _places(row: ReportRow) -> list[tuple[str, str]]:
    if row.kind in CASES:
        return []
    return [
        ("On the books", report_wording.before(row) or "nothing"),
        ("In the calendar", report_wording.after(row)),
    ]


def _show_items(session: Session, case: ReportRow) -> None:
    """Print what a case stands for: one row for each event that changed."""
    items = (case.before or {}).get("items", [])
    rows = [
        replace(
            case,
            kind=DriftKind(item["kind"]),
            appointment=item["appointment"],
            before=item["before"],
            after=item["after"],
        )
        for item in items
    ]
    session.out.say()
    session.out.table(
        ["What happened", "Appointment", "On the books", "In the calendar"],
        [
            [
                report_wording.happened(one),
                one.appointment or "",
                report_wording.before(one),
                report_wording.after(one),
            ]
            for one in rows
        ],
    )


@command(app, "resolve")
def resolve(
    session: Session,
    drift: Id,
    decision: Annotated[
        Decision, typer.Argument(help="Put it back, take it over, or leave it as it is.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; stays in the ledger.")
    ],
    revision: Annotated[
        int | None,
        typer.Option(
            "--revision", metavar="N", help="The revision you saw; refused if it moved on."
        ),
    ] = None,
) -> None:
    """Decide a drift. The next pass carries it out: no command writes to a calendar itself."""
    with session.application.database.write() as tx:
        one = drift_review.resolve(
            tx,
            drift,
            decision,
            reason=reason,
            revision=revision,
            now=session.now,
            actor=ACTOR,
        )
    session.out.document(one)
    session.out.say(f"Drift {drift}: {decision.value}. {NEXT[decision]}")


def show_table(session: Session, rows: list[ReportRow]) -> None:
    """Print drifts as a table, and which of them wait for a person."""
    session.out.table(
        [
            "Drift",
            "What happened",
            "Appointment",
            "On the books",
            "In the calendar",
            "Times in",
            "State",
            "Claim",
        ],
        [
            [
                str(row.id),
                report_wording.happened(row),
                row.appointment or "",
                report_wording.before(row),
                report_wording.after(row),
                row.timezone,
                report_wording.state(row),
                _claim(row),
            ]
            for row in rows
        ],
        wide=["What happened", "On the books", "In the calendar", "State"],
    )
    waiting = [row for row in rows if row.waiting]
    if waiting:
        session.out.say(
            f"{plural(len(waiting), 'drift')} for a person to decide: "
            f"calwarden drift show {waiting[0].id} tells how."
        )


def _claim(row: ReportRow) -> str:
    if row.claim is None:
        return ""
    return f"{row.claim} (held)" if row.claim_held else row.claim


def _rows(connection: Any, documents: list[dict[str, Any]]) -> list[ReportRow]:
    providers = people.providers(connection)
    names = {one.ref: one.name for one in providers}
    zones = {one.ref: one.timezone for one in providers}
    return [row_of(one, names=names, zones=zones) for one in documents]
