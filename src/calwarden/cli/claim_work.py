"""``calwarden claims work``: what is to be done about claims, and who does it."""

from typing import Annotated, Any

import typer

from calwarden.cli.claim_group import app
from calwarden.cli.options import CONTEXT
from calwarden.cli.output import plural
from calwarden.cli.session import ACTOR, NEEDS_A_PERSON, Session, command, unnamed
from calwarden.practice import work_items

work = typer.Typer(context_settings=CONTEXT, pretty_exceptions_enable=False)
app.add_typer(work, name="work")

Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the work item, as listed.")]


@unnamed(work)
def list_all(session: Session) -> int:
    """List what is to be done about claims, the least time left first; 1 where there is anything.

    Claims on file whose date no longer holds, claims for what did not take place, times to confirm.
    """
    catch_up(session)
    application = session.application
    with application.database.read() as connection:
        found = work_items.listing(connection, now=session.now, near=application.policy.near)
    session.out.document({"work": found})
    if not found:
        session.out.say("Nothing is to be done about any claim.")
        return 0
    session.out.table(
        ["Item", "Claim", "Appointment", "Days left", "What to do", "Who", "Since"],
        [
            [
                str(one["id"]),
                one["claim"],
                one["appointment"],
                "" if one["days_left"] is None else str(one["days_left"]),
                one["message"],
                one["assignee"] or "",
                plural(one["age_days"], "day"),
            ]
            for one in found
        ],
        wide=["What to do"],
    )
    return NEEDS_A_PERSON


@command(work, "show")
def show(session: Session, number: Id) -> None:
    """Show one item, open or closed, with its notes."""
    _show(session, number)


@command(work, "close")
def close(
    session: Session,
    number: Id,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What was done.")],
) -> None:
    """Close an item by hand. It comes again only if what it is about changes."""
    with session.application.database.write() as tx:
        work_items.close(tx, number, note, now=session.now, actor=ACTOR)
    _show(session, number)


@command(work, "assign")
def assign(
    session: Session,
    number: Id,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who does it; '' for nobody.")],
) -> None:
    """Give an item to somebody."""
    with session.application.database.write() as tx:
        work_items.assign(tx, number, name, now=session.now, actor=ACTOR)
    _show(session, number)


@command(work, "note")
def write_note(
    session: Session,
    number: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What should be known.")],
) -> None:
    """Write a note on an item."""
    with session.application.database.write() as tx:
        work_items.write_note(tx, number, text, now=session.now, actor=ACTOR)
    _show(session, number)


def catch_up(session: Session) -> None:
    """Open and close what time alone brought since the timers last ran."""
    application = session.application
    now, near = session.now, application.policy.near
    with application.database.read() as connection:
        if not work_items.lagging(connection, now=now, near=near):
            return
    with application.database.write() as tx:
        work_items.sweep(tx, now=now, near=near)


def _show(session: Session, number: int) -> None:
    application = session.application
    with application.database.read() as connection:
        one = work_items.show(connection, number, now=session.now, near=application.policy.near)
    session.out.document(one)
    session.out.facts(_facts(one))
    for note in one["notes"]:
        session.out.say(f"  {note['at']}  {note['actor']}: {note['text']}", style="dim")


def _facts(one: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("Item", f"{one['id']}, {one['status']}"),
        ("Claim", one["claim"]),
        ("Appointment", one["appointment"]),
        ("What to do", one["message"]),
    ]
    if one["days_left"] is not None:
        facts.append(("Days left", str(one["days_left"])))
    if one["assignee"]:
        facts.append(("Who", one["assignee"]))
    if one["outcome"]:
        facts.append(("Outcome", one["outcome"]))
    return facts
