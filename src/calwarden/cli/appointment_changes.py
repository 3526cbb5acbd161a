"""``calwarden appointments reschedule|ask|cancel|correct``.

Cancelling comes after the two ways of rescheduling, in the help too.
"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from calwarden.cli.appointment_group import Ref, Start, app, show_appointment
from calwarden.cli.failures import WrongInput
from calwarden.cli.output import moment, plural, read_moment
from calwarden.cli.session import ACTOR, Session, command
from calwarden.domain.ask import REASONS
from calwarden.domain.wall_time import in_zone
from calwarden.practice import appointments, asks, cancelling, corrections, rescheduling, series
from calwarden.practice.asks import Request
from calwarden.practice.cancelling import Cancellation
from calwarden.practice.corrections import TrueTime
from calwarden.practice.series_course import reschedule_following

Minutes = Annotated[
    int | None, typer.Option("--minutes", metavar="N", help="New length; else it stays.")
]


class Scope(StrEnum):
    """How much of a series changes."""

    THIS = "this"
    FOLLOWING = "following"


@command(app, "reschedule")
def reschedule(
    session: Session,
    ref: Ref,
    start: Start,
    minutes: Minutes = None,
    scope: Annotated[
        Scope,
        typer.Option("--scope", help="This meeting only, or it and all that follow in its series."),
    ] = Scope.THIS,
    every_weeks: Annotated[
        int | None,
        typer.Option(
            "--every-weeks", metavar="N", help="New cadence from there on; the number stays."
        ),
    ] = None,
) -> None:
    """Change a time that is agreed with the client. Both people get the new time by mail."""
    if every_weeks is not None and scope is Scope.THIS:
        raise WrongInput("--every-weeks changes what follows: give --scope following with it")
    with session.application.database.write() as tx:
        when = rescheduling.wall_start(series.resolve(tx, ref, now=session.now), start)
        if scope is Scope.THIS:
            before = series.resolve(tx, ref, now=session.now)
            after = rescheduling.reschedule_one(
                tx, ref, when, minutes, now=session.now, actor=ACTOR
            )
            moved = [] if after == before else [after]
        else:
            moved = reschedule_following(
                tx, ref, when, minutes, every_weeks=every_weeks, now=session.now, actor=ACTOR
            )
        one = appointments.document(series.resolve(tx, ref, now=session.now))
    show_appointment(session, {**one, "moved": [each.ref for each in moved]})
    if scope is Scope.FOLLOWING:
        session.out.say(f"{plural(len(moved), 'appointment')} moved.")


@command(app, "ask")
def ask(
    session: Session,
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Refs of appointments.")],
    *,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="TEXT",
            help=f"What the client reads: {', '.join(REASONS)}, or a text of your own.",
        ),
    ],
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="More for the client to read.")
    ] = None,
    out_of_office: Annotated[
        bool, typer.Option("--out-of-office", help="Also block the old times.")
    ] = False,
) -> None:
    """Ask clients to choose another time. They get a link to the times that are free."""
    request = Request(reason=reason, note=note, block=out_of_office)
    rules = session.application.rules
    with session.application.database.write() as tx:
        made = asks.ask(tx, refs, request, rules=rules, now=session.now, actor=ACTOR)
        told = [asks.document(tx, one, rules=rules, now=session.now) for one in made]
    show_asks(session, told)


def show_asks(session: Session, told: list[dict[str, Any]]) -> None:
    """Print the documents of new asks."""
    session.out.document({"asks": told})
    for one in told:
        session.out.say(f"Ask {one['id']}: {one['appointment']}, to be answered by {until(one)}.")


def until(one: dict[str, Any]) -> str:
    """Tell the deadline of an ask's document."""
    return moment(in_zone(read_moment(one["deadline"]), one["timezone"]))


@command(app, "cancel")
def cancel(
    session: Session,
    ref: Ref,
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; both people read it.")
    ],
    late_fee: Annotated[
        bool,
        typer.Option("--late-fee", help="Charge the late-cancellation fee the provider has set."),
    ] = False,
) -> None:
    """Cancel. Better to reschedule or ask first: who is cancelled often does not come back."""
    wanted = Cancellation(reason=reason, late_fee=late_fee)
    rules = session.application.rules
    with session.application.database.write() as tx:
        done = cancelling.cancel(tx, ref, wanted, rules=rules, now=session.now, actor=ACTOR)
        one = appointments.document(done)
    show_appointment(session, one)


@command(app, "correct")
def correct(
    session: Session,
    ref: Ref,
    start: Start,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="How the true time is known.")
    ],
    minutes: Minutes = None,
) -> None:
    """Correct the time of what has started. Nobody is told; event and claims follow."""
    with session.application.database.write() as tx:
        when = rescheduling.wall_start(series.resolve(tx, ref, now=session.now), start)
        truth = TrueTime(start=when, minutes=minutes, reason=reason)
        done = corrections.correct(tx, ref, truth, now=session.now, actor=ACTOR)
        one = appointments.document(done)
    show_appointment(session, one)
