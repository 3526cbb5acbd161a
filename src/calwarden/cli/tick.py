"""``calwarden tick``: once what the daemon does between two looks at the calendars."""

import typer

from calwarden.cli.output import plural
from calwarden.cli.session import Session, command
from calwarden.practice import series

app = typer.Typer()


@command(app, "tick")
def tick(session: Session) -> None:
    """Do once what the daemon does between looks: give endless series their next appointments."""
    with session.application.database.write() as tx:
        extended = series.extend(tx, now=session.now)
    session.out.document({"extended": extended})
    session.out.say(
        f"{plural(extended, 'appointment')} came to be in endless series."
        if extended
        else "Nothing was due."
    )
