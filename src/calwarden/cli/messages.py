"""``calwarden messages``: what people are told, what waits, and what could not be delivered."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from calwarden.bootstrap import mail
from calwarden.cli.failures import WrongInput
from calwarden.cli.options import group
from calwarden.cli.output import moment
from calwarden.cli.session import ACTOR, Session, command
from calwarden.domain.message import MessageStatus
from calwarden.domain.refusal import Refused
from calwarden.practice.messages.house import Rendered
from calwarden.practice.messages.rendering import TEMPLATES
from calwarden.practice.messages.samples import sample
from calwarden.store import audit, outbox
from calwarden.store.outbox import OutboxMessage

app = group("Messages to clients and providers: previews, what waits, what could not be sent.")


class Format(StrEnum):
    """What of a message is shown."""

    TEXT = "text"
    HTML = "html"
    ICS = "ics"


SUFFIXES = {".html": Format.HTML, ".htm": Format.HTML, ".ics": Format.ICS}


@command(app, "preview")
def preview(
    session: Session,
    template: Annotated[
        str,
        typer.Argument(metavar="TEMPLATE", help="As client/moved; calwarden messages templates."),
    ],
    *,
    show: Annotated[
        Format | None, typer.Option("--format", help="Part to show; else by --out's ending.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file.")
    ] = None,
) -> None:
    """Show a message with made-up people, in the words of this practice."""
    name = _named(template)
    settings = session.application.settings
    url = settings.web.public_url
    house = mail.house(settings, link=lambda _one: f"{url}/c/SAMPLE", home="preview")
    renderer = mail.renderer(settings, house)
    reader, kind = TEMPLATES[name]
    message, people = sample(reader, kind, url=url)
    problem = renderer.check(name, message, people)
    if problem is not None:
        raise WrongInput(f"the template {name} of {settings.practice.templates} fails: {problem}")
    rendered = renderer.render(message, people)
    session.out.document(_document(name, rendered))
    part = _part(rendered, show or SUFFIXES.get("" if out is None else out.suffix, Format.TEXT))
    if out is None:
        if not session.out.as_json:
            sys.stdout.write(part)
        return
    try:
        out.write_text(part, encoding="utf-8", newline="")
    except OSError as error:
        raise WrongInput(f"{out} cannot be written ({error.strerror})") from error
    session.out.note(f"{name} is in {out}")


@command(app, "templates")
def templates(session: Session) -> None:
    """List the templates; a file TEMPLATE.jinja in practice.templates replaces one."""
    folder = session.application.settings.practice.templates
    rows = [(name, _own(folder, name)) for name in sorted(TEMPLATES)]
    session.out.document({"templates": [{"name": name, "own": own} for name, own in rows]})
    session.out.table(
        ["Template", "From"], [[name, "the practice" if own else "calwarden"] for name, own in rows]
    )


@command(app, "list")
def list_all(
    session: Session,
    *,
    status: Annotated[
        MessageStatus | None, typer.Option("--status", help="Only messages in this status.")
    ] = None,
) -> None:
    """List the messages of the outbox: what about, to whom by ref, and how they fared."""
    with session.application.database.read() as connection:
        found = outbox.search(connection, status=status)
    session.out.document({"messages": [_row(one) for one in found]})
    if not found:
        session.out.say("There is no such message." if status else "There are no messages.")
        return
    session.out.table(
        ["No.", "Kind", "To", "About", "Status", "Tries", "When", "Problem"],
        [
            [
                str(one.id),
                one.kind.value,
                f"{one.recipient.reader} {one.recipient.ref}",
                one.appointment or "",
                one.status.value,
                str(one.attempts),
                moment(one.sent_at or one.next_attempt_at or one.created_at),
                one.problem or "",
            ]
            for one in found
        ],
        wide=["Problem"],
    )


@command(app, "retry")
def retry(
    session: Session,
    number: Annotated[int, typer.Argument(metavar="NO", help="The message, as listed.")],
) -> None:
    """Send a dead message again, once its cause is mended: it goes out with the next tick."""
    with session.application.database.write() as tx:
        one = outbox.get(tx, number)
        if one.status is not MessageStatus.DEAD:
            raise Refused(
                f"message {number} is {one.status.value}, not dead",
                next_step="only a dead message needs it: calwarden messages list --status dead",
            )
        outbox.revive(tx, number, now=session.now)
        audit.append(
            tx, at=session.now, actor=ACTOR, action="message.revived", subject=f"message:{number}"
        )
        again = outbox.get(tx, number)
    session.out.document(_row(again))
    session.out.say(f"Message {number} is due again.")


def _named(template: str) -> str:
    name = template.removesuffix(".jinja").replace("-", "_")
    for candidate in (name, f"client/{name}", f"provider/{name}", f"billing/{name}"):
        if candidate in TEMPLATES:
            return candidate
    raise WrongInput(f"there is no template {template}; they are: {', '.join(sorted(TEMPLATES))}")


def _part(rendered: Rendered, show: Format) -> str:
    match show:
        case Format.TEXT:
            return f"Subject: {rendered.subject}\n\n{rendered.text}"
        case Format.HTML:
            return rendered.html
        case Format.ICS:
            if rendered.calendar is None:
                raise WrongInput("this message has no .ics file")
            return rendered.calendar.decode()


def _document(name: str, rendered: Rendered) -> dict[str, Any]:
    return {
        "template": name,
        "subject": rendered.subject,
        "text": rendered.text,
        "html": rendered.html,
        "calendar": None if rendered.calendar is None else rendered.calendar.decode(),
    }


def _own(folder: Path | None, name: str) -> bool:
    return folder is not None and (folder / f"{name}.jinja").is_file()


def _row(one: OutboxMessage) -> dict[str, Any]:
    return {
        "id": one.id,
        "message_id": one.message_id,
        "kind": one.kind.value,
        "reader": one.recipient.reader.value,
        "recipient": one.recipient.ref,
        "appointment": one.appointment,
        "status": one.status.value,
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at,
        "created_at": one.created_at,
        "sent_at": one.sent_at,
        "problem": one.problem,
    }
