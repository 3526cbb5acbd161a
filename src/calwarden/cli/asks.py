"""``calwarden asks``: what clients were asked, withdrawn or confirmed as unanswered."""

from typing import Annotated, Any

import typer

from calwarden.cli.appointment_changes import until
from calwarden.cli.options import group
from calwarden.cli.session import ACTOR, Session, command
from calwarden.practice import ask_expiry, asks

app = group("Asks to reschedule: list them, take one back, confirm one that nobody answered.")

Number = Annotated[int, typer.Argument(metavar="ID", help="Number of the ask, as listed.")]


@command(app, "list")
def list_all(
    session: Session,
    *,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="REF", help="Only this provider's.")
    ] = None,
) -> None:
    """List every ask, with its deadline and what became of it."""
    rules = session.application.rules
    with session.application.database.read() as connection:
        found = asks.listing(connection, rules=rules, now=session.now, provider=provider)
    session.out.document({"asks": found})
    if not found:
        session.out.say("Nobody was asked to reschedule.")
        return
    rows = [[str(one["id"]), one["appointment"], one["status"], until(one)] for one in found]
    session.out.table(["Ask", "Appointment", "Status", "Deadline"], rows)


@command(app, "withdraw")
def withdraw(session: Session, ask: Number) -> None:
    """Take an ask back: the appointment takes place as it was, and the client is told."""
    rules = session.application.rules
    with session.application.database.write() as tx:
        done = asks.withdraw(tx, ask, now=session.now, actor=ACTOR)
        one = asks.document(tx, done, rules=rules, now=session.now)
    _show(session, one)


@command(app, "confirm")
def confirm(session: Session, ask: Number) -> None:
    """Confirm that an overdue ask was not answered: its appointment is cancelled, without a fee."""
    rules = session.application.rules
    with session.application.database.write() as tx:
        done = ask_expiry.confirm(tx, ask, rules=rules, now=session.now, actor=ACTOR)
        one = asks.document(tx, done, rules=rules, now=session.now)
    _show(session, one)


def _show(session: Session, one: dict[str, Any]) -> None:
    session.out.document(one)
    session.out.say(f"Ask {one['id']} about {one['appointment']} is {one['status']}.")
