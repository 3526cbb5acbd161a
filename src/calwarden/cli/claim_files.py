"""``calwarden claims check`` and ``remit``: the files that go to payers and come from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from calwarden.cli.claim_group import app
from calwarden.cli.failures import WrongInput
from calwarden.cli.output import plural
from calwarden.cli.session import ACTOR, NEEDS_A_PERSON, Session, command
from calwarden.practice import remits
from calwarden.practice.edi.checking import Checked
from calwarden.practice.edi.checking import check as check_file
from calwarden.practice.edi.copying import same_file, write_copy

SHOWN = 200
"""Findings that are listed for people; a document has them all."""


@command(app, "check")
def check(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="837P file, 005010X222A1.")],
    fix: Annotated[
        Path | None,
        typer.Option(
            "--fix",
            metavar="OUT",
            help="Write a copy to OUT in which the dates of claims that may follow are right.",
        ),
    ] = None,
) -> int:
    """Check an 837P file against the books before it is sent; the file itself is never changed.

    Exit status 0 where it may go, 1 where anything was found, 2 where it is not a whole file.
    """
    if fix is not None and same_file(file, fix):
        raise WrongInput(f"{fix} is the file that is checked: name another one for the copy")
    near = session.application.policy.near
    with _opened(file) as stream:
        with session.application.database.read() as connection:
            checked = check_file(connection, stream, now=session.now, near=near)
        if fix is not None:
            try:
                write_copy(stream, fix, checked.changes)
            except OSError as error:
                raise WrongInput(f"{fix} cannot be written: {error.strerror}") from error
    document = checked.document()
    if fix is not None:
        document |= {
            "fixed": str(fix),
            "changes": (change.document() for change in checked.changes),
        }
    session.out.long_document(document)
    _tell(session, file, checked, fix)
    return 0 if checked.may_send else NEEDS_A_PERSON


@command(app, "remit")
def remit(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="835 file, 005010X221A1.")],
) -> None:
    """Take in a payer's 835 file: each claim's status and the payer's number of it.

    An answer that was taken in before changes nothing.
    """
    near = session.application.policy.near
    with _opened(file) as stream, session.application.database.write() as tx:
        done = remits.take_in(tx, stream, now=session.now, actor=ACTOR, near=near)
    session.out.document(done)
    session.out.say(f"{plural(done['applied'], 'claim')} answered.")
    for left in done["left"]:
        session.out.say(f"left: {left['message']}")
    if done["unknown"]:
        session.out.say(f"Not among the practice's claims: {', '.join(done['unknown'])}")


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        if not file.is_file():
            reason = "it is not a file" if file.exists() else "there is no such file"
            raise WrongInput(f"{file} cannot be read: {reason}")
        stream = file.open("rb")
    except OSError as error:
        raise WrongInput(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        yield stream


def _tell(session: Session, file: Path, checked: Checked, fix: Path | None) -> None:
    out = session.out
    if checked.may_send:
        out.say(f"{file} may go: {plural(checked.claims, 'claim')}, nothing wrong.")
    else:
        found: list[Any] = checked.findings[:SHOWN]
        out.table(
            ["Segment", "Claim", "What is wrong"],
            [[str(one.segment), one.claim, one.message] for one in found],
            wide=["What is wrong"],
        )
        if len(found) < len(checked.findings):
            out.say(f"... and {len(checked.findings) - len(found)} more; --json lists them all.")
        out.say(
            f"{file} may not go: {plural(len(checked.findings), 'finding')} "
            f"in {plural(checked.claims, 'claim')}."
        )
    if fix is None:
        return
    for change in checked.changes:
        out.say(
            f"changed: claim {change.claim}, segment {change.segment}: "
            f"{change.before} is now {change.after}"
        )
    out.say(f"{fix} was written, with {plural(len(checked.changes), 'date')} changed.")
