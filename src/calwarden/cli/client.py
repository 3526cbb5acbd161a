"""``calwarden client``: what a client does through the link in a mail, on the command line."""

from typing import Annotated

import typer

from calwarden.cli.appointment_group import show_appointment
from calwarden.cli.options import group
from calwarden.cli.output import told_span
from calwarden.cli.session import Session, command
from calwarden.practice import appointments, self_service

app = group("A client's own page, by the token of the link: see it, pick a new time, cancel.")

Token = Annotated[
    str, typer.Argument(metavar="TOKEN", help="What follows /c/ in the link of a mail.")
]


@command(app, "show")
def show(session: Session, token: Token) -> None:
    """Show the appointment and the times that the client may choose from."""
    application = session.application
    with application.database.read() as connection:
        page = self_service.show(
            connection, token, links=application.links, rules=application.rules, now=session.now
        )
    session.out.document(page)
    if session.out.as_json:
        return
    show_appointment(session, page["appointment"])
    session.out.say(f"Contact: {page['contact'] or 'none is set'}")
    session.out.say(f"Late-cancellation fee: {page['late_cancellation_fee'] or 'none is set'}")
    if page["ask"]:
        session.out.say(f"Asked for another time: {page['ask']['reason']}")
    session.out.table(["Free"], [[f"{told_span(one)}  ({one['start']})"] for one in page["slots"]])


@command(app, "pick")
def pick(
    session: Session,
    token: Token,
    start: Annotated[
        str, typer.Option("--start", metavar="START", help="A start exactly as it is listed.")
    ],
) -> None:
    """Choose one of the times that are offered."""
    application = session.application
    with application.database.write() as tx:
        moved = self_service.pick(
            tx, token, start, links=application.links, rules=application.rules, now=session.now
        )
        one = appointments.document(moved)
    show_appointment(session, one)


@command(app, "cancel")
def cancel(session: Session, token: Token) -> None:
    """Cancel, while that is possible online."""
    application = session.application
    with application.database.write() as tx:
        done = self_service.cancel(
            tx, token, links=application.links, rules=application.rules, now=session.now
        )
        one = appointments.document(done)
    show_appointment(session, one)
