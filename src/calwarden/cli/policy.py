"""``calwarden policy``: the policy in force, and what another one would have done."""

from pathlib import Path
from typing import Annotated

import typer

from calwarden.cli.failures import WrongInput
from calwarden.cli.options import group
from calwarden.cli.output import plural
from calwarden.cli.session import Session, command
from calwarden.domain.drift import DriftKind, Verdict
from calwarden.domain.policy import When
from calwarden.domain.wall_time import in_zone
from calwarden.practice.policy_trial import Compared, Outcome, document, try_policy
from calwarden.practice.report import read_day
from calwarden.practice.report_wording import HAPPENED
from calwarden.practice.work_items import practice_zone
from calwarden.settings import read_policy_file

app = group("Policy: what becomes of a change outside, and what another policy would have done.")

SHOWN = 50
"""Differences that are listed for people; a document has them all."""

SAYS = {
    Verdict.REVERT: "put back",
    Verdict.FLAG: "for a person",
    Verdict.HOLD: "calendar held",
    Verdict.IGNORE: "ignored",
}


@command(app, "show")
def show(
    session: Session,
    *,
    provider: Annotated[
        str, typer.Option("--provider", metavar="REF", help="As it holds for this provider.")
    ] = "",
) -> None:
    """Show the policy in force: for each kind of change, what becomes of it and when."""
    policy = session.application.policy
    cells = {kind: {when: policy.verdict(kind, when, provider) for when in When}
             for kind in DriftKind}  # fmt: skip
    hours = policy.near.total_seconds() / 3600
    session.out.document(
        {
            "near_hours": hours,
            "policy": {
                kind.value: {when.value: verdict.value for when, verdict in row.items()}
                for kind, row in cells.items()
            },
        }
    )
    session.out.table(
        ["Change", f"Over {hours:g} h ahead", "From then on", "After the end"],
        [[kind.value, *(SAYS[row[when]] for when in When)] for kind, row in cells.items()],
    )


@command(app, "try")
def try_file(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Policy file; see config/policy.example.toml.")
    ],
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="D", help="From a day of the practice, as 2026-12-01."),
    ] = None,
) -> None:
    """Judge the recorded changes by another policy and tell the difference; nothing is changed.

    What the present policy ignores is not on record and cannot be judged again.
    """
    if not file.is_file():
        raise WrongInput(f"{file} cannot be read: there is no such file")
    tried = read_policy_file(file)
    day = None if since is None else read_day(since)
    present = session.application.policy
    with session.application.database.read() as connection:
        trial = try_policy(connection, tried, present=present, since=day)
        zone = practice_zone(connection)
    session.out.document(
        {"policy": str(file), "since": None if day is None else day.isoformat(), **document(trial)}
    )
    if not trial.rows:
        session.out.say("No change outside is on record for these days.")
        return
    _tell_outcomes(session, trial.was, trial.tried, file)
    differing = [one for one in trial.rows if one.differs]
    session.out.say()
    if not differing:
        session.out.say(
            f"Not one of {plural(len(trial.rows), 'change')} would have gone otherwise."
        )
        return
    session.out.say(
        f"{len(differing)} of {plural(len(trial.rows), 'change')} would have gone otherwise:"
    )
    session.out.table(
        [
            "Drift",
            "Noticed",
            "What happened",
            "Appointment",
            "It was",
            "It would be",
            "Claims held",
        ],
        [_told(one, zone) for one in differing[:SHOWN]],
        wide=["What happened", "Claims held"],
    )
    if len(differing) > SHOWN:
        session.out.say(f"... and {len(differing) - SHOWN} more; --json lists them all.")


def _tell_outcomes(session: Session, was: Outcome, tried: Outcome, file: Path) -> None:
    names = [*SAYS.items()]
    rows = [
        [told, str(was.verdicts.get(verdict, 0)), str(tried.verdicts.get(verdict, 0))]
        for verdict, told in names
    ]
    rows.append(["contested", str(was.contested), str(tried.contested)])
    rows.append(["claims held", str(len(was.held_claims)), str(len(tried.held_claims))])
    session.out.table(["Changes", "As it was", f"By {file.name}"], rows, wide=[f"By {file.name}"])


def _told(one: Compared, zone: str) -> list[str]:
    would = SAYS[one.tried.verdict] + (" (contested)" if one.tried.contested else "")
    return [
        str(one.row.id),
        f"{in_zone(one.tried.edit.at, zone):%a %d %b %H:%M}",
        HAPPENED[one.tried.edit.kind],
        one.row.appointment or "",
        SAYS[one.was.verdict],
        would,
        _claims(one),
    ]


def _claims(one: Compared) -> str:
    if one.held == one.would_hold:
        return ", ".join(one.held)
    was, would = (", ".join(refs) or "none" for refs in (one.held, one.would_hold))
    return f"{was}; would be {would}"
