"""``calwarden out-of-office``: times in which a provider takes no appointments."""

from typing import Annotated, Any

import typer

from calwarden.cli.appointment_changes import show_asks
from calwarden.cli.options import group
from calwarden.cli.output import plural, told_span
from calwarden.cli.session import ACTOR, Session, command
from calwarden.practice import asks, out_of_office
from calwarden.practice.asks import Request

app = group("Times in which a provider takes no appointments. They show in the linked calendars.")

Block = Annotated[str, typer.Argument(metavar="ID", help="The block, as listed.")]
Local = "wall-clock time, as 2026-12-24T00:00"


@command(app, "add")
def add(
    session: Session,
    *,
    provider: Annotated[str, typer.Option("--provider", metavar="REF", help="Who is away.")],
    start: Annotated[str, typer.Option("--start", metavar="LOCAL", help=f"From; {Local}.")],
    end: Annotated[str, typer.Option("--end", metavar="LOCAL", help=f"Until; {Local}.")],
) -> None:
    """Set a block. Appointments under it stay as they are, and are listed."""
    wanted = out_of_office.Absence(provider=provider, start=start, end=end)
    with session.application.database.write() as tx:
        block = out_of_office.add(tx, wanted, now=session.now, actor=ACTOR)
    _show(session, block)


@command(app, "change")
def change(
    session: Session,
    block: Block,
    start: Annotated[
        str | None, typer.Option("--start", metavar="LOCAL", help=f"New start; {Local}.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", metavar="LOCAL", help=f"New end; {Local}.")
    ] = None,
) -> None:
    """Give a block another start or end. Appointments under it are listed."""
    with session.application.database.write() as tx:
        changed = out_of_office.change(tx, block, start, end, now=session.now, actor=ACTOR)
    _show(session, changed)


@command(app, "ask")
def ask(
    session: Session,
    block: Block,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What the clients read.")
    ] = "away",
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="More for the clients to read.")
    ] = None,
) -> None:
    """Ask the clients of all appointments under a block to choose other times."""
    rules, request = session.application.rules, Request(reason=reason, note=note)
    with session.application.database.write() as tx:
        made = asks.ask_under(tx, block, request, rules=rules, now=session.now, actor=ACTOR)
        told = [asks.document(tx, one, rules=rules, now=session.now) for one in made]
    show_asks(session, told)
    if not told:
        session.out.say("No appointment that could be asked for lies under it.")


@command(app, "list")
def list_all(
    session: Session,
    *,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="REF", help="Only this provider's.")
    ] = None,
) -> None:
    """List the blocks that stand."""
    with session.application.database.read() as connection:
        found = out_of_office.listing(connection, provider=provider)
    session.out.document({"out_of_office": found})
    if not found:
        session.out.say("Nobody has an out-of-office block.")
        return
    rows = [
        [block["id"], block["provider"], told_span(block), _forms(block["calendars"])]
        for block in found
    ]
    session.out.table(["Block", "Provider", "Away", "Shown as"], rows)


@command(app, "remove")
def remove(
    session: Session,
    block: Block,
) -> None:
    """Take a block away; the time can be booked again."""
    with session.application.database.write() as tx:
        gone = out_of_office.remove(tx, block, now=session.now, actor=ACTOR)
    session.out.document(gone)
    session.out.say(f"Block {gone['id']} of {gone['provider']} is gone.")


FORMS = {"event": "out of office", "busy": "busy"}


def _forms(calendars: list[dict[str, Any]]) -> str:
    shown = [f"{FORMS[one['form']]} in calendar {one['id']}" for one in calendars]
    return ", ".join(shown) or "not in a calendar yet"


def _show(session: Session, block: dict[str, Any]) -> None:
    session.out.document(block)
    session.out.say(f"Block {block['id']}: {block['provider']} is away {told_span(block)}.")
    under = block["appointments"]
    if not under:
        session.out.say("No appointment lies under it.")
        return
    session.out.say(f"{plural(len(under), 'appointment')} under it: {', '.join(under)}")
    session.out.say(f"To ask all of them: calwarden out-of-office ask {block['id']}")
