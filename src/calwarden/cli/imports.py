"""``calwarden import``: reads a practice file into the books."""

from pathlib import Path
from typing import Annotated, Any

import typer

from calwarden.cli.failures import REFUSED, WrongInput
from calwarden.cli.options import single
from calwarden.cli.output import plural
from calwarden.cli.session import ACTOR, Session, command
from calwarden.practice.interchange import import_file

app = single()


@command(app, "import")
def take_in(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Practice file (JSON), or appointments as CSV.")
    ],
) -> int:
    """Read a practice file: everything is known by its ref, so reading it again changes nothing.

    A bad row is refused with its line and the reason, the others are taken in. What was changed
    here since the last import is kept and reported. No mail goes out. Exit status 4 where rows
    were refused and nothing changed.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongInput(f"{file} cannot be read: {error.strerror}") from error
    with session.application.database.write() as tx:
        done = import_file(tx, content, name=file.name, now=session.now, actor=ACTOR)
    session.out.document(done)
    session.out.say(f"{done['added']} added, {done['updated']} updated.")
    for row in done["refused"]:
        session.out.note(f"refused, line {row['line']} ({row['path']}): {row['reason']}")
    for conflict in done["conflicts"]:
        session.out.say(_kept(conflict))
    for start in done["resolved"]:
        session.out.say(
            f"note, line {start['line']}: {start['ref']} starts in a {start['resolved']} of "
            f"{start['timezone']}; it counts as {start['start']}"
        )
    if done["claims_touched"]:
        claims = ", ".join(done["claims_touched"])
        session.out.say(f"Dates of service to look at: {claims}")
    if done["refused"] and not (done["added"] or done["updated"]):
        refused = plural(len(done["refused"]), "row")
        session.out.note(f"calwarden: {refused} refused, and nothing changed; correct the file")
        return REFUSED
    return 0


def _kept(conflict: dict[str, Any]) -> str:
    where = f"{conflict['kind']} {conflict['ref']}, {conflict['field']}"
    if conflict["kept"] is None and conflict["imported"] is None:
        return f"kept: {where} was changed here since the last import"
    return (
        f"kept: {where} was changed here since the last import: "
        f"{conflict['kept']!r} stays, the file says {conflict['imported']!r}"
    )
