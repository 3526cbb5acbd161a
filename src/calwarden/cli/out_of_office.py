"""``calwarden out-of-office``: times in which a provider takes no appointments."""

from typing import Annotated

import typer

from calwarden.cli.options import group
from calwarden.cli.output import plural, told_span
from calwarden.cli.session import ACTOR, Session, command
from calwarden.practice import out_of_office

app = group("Times in which a provider takes no appointments. They show in the linked calendars.")

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
    session.out.document(block)
    session.out.say(f"Block {block['id']}: {provider} is away {told_span(block)}.")
    under = block["appointments"]
    if under:
        session.out.say(f"{plural(len(under), 'appointment')} under it: {', '.join(under)}")
    else:
        session.out.say("No appointment lies under it.")


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
    rows = [[block["id"], block["provider"], told_span(block)] for block in found]
    session.out.table(["Block", "Provider", "Away"], rows)


@command(app, "remove")
def remove(
    session: Session,
    block: Annotated[str, typer.Argument(metavar="ID", help="The block, as listed.")],
) -> None:
    """Take a block away; the time can be booked again."""
    with session.application.database.write() as tx:
        gone = out_of_office.remove(tx, block, now=session.now, actor=ACTOR)
    session.out.document(gone)
    session.out.say(f"Block {gone['id']} of {gone['provider']} is gone.")
