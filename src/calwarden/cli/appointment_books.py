"""``calwarden appointments list|show|slots|book|complete|no-show``: the practice's books."""

from typing import Annotated

import typer

from calwarden.cli.appointment_group import Ref, app, show_appointment
from calwarden.cli.output import plural, told_span
from calwarden.cli.session import ACTOR, Session, command
from calwarden.domain.appointment import AppointmentType, Place
from calwarden.practice import appointments, availability, booking, series
from calwarden.practice.availability import Wanted
from calwarden.store import appointments as store

OnlyProvider = Annotated[
    str | None, typer.Option("--provider", metavar="REF", help="Only this provider's.")
]
OnlyClient = Annotated[
    str | None, typer.Option("--client", metavar="REF", help="Only this client's.")
]


@command(app, "list")
def list_all(session: Session, *, provider: OnlyProvider = None, client: OnlyClient = None) -> None:
    """List appointments in the order of their starts, each in its own zone."""
    with session.application.database.read() as connection:
        found = appointments.listing(connection, provider=provider, client=client)
    session.out.document({"appointments": found})
    if not found:
        session.out.say("No appointments. Import a practice file, or book one.")
        return
    rows = [
        [
            one["ref"],
            told_span(one),
            one["provider"],
            one["client"],
            one["type"],
            one["place"],
            one["status"],
        ]
        for one in found
    ]
    session.out.table(["Ref", "When", "Provider", "Client", "Type", "Place", "Status"], rows)
    session.out.say(plural(len(found), "appointment"), style="dim")


@command(app, "show")
def show(session: Session, ref: Ref) -> None:
    """Show one appointment. One that an endless series has beyond its horizon comes to be."""
    database = session.application.database
    with database.read() as connection:
        found = store.find(connection, ref)
    if found is None:
        with database.write() as tx:
            found = series.resolve(tx, ref, now=session.now)
    one = appointments.document(found)
    show_appointment(session, one)


@command(app, "slots")
def slots(
    session: Session,
    *,
    provider: Annotated[str, typer.Option("--provider", metavar="REF", help="Whose time.")],
    minutes: Annotated[int, typer.Option("--minutes", metavar="N", help="How long.")],
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="Zone to tell them in; else the provider's."),
    ] = None,
) -> None:
    """List the times that a client would be offered now."""
    application = session.application
    wanted = Wanted(provider=provider, minutes=minutes, zone=zone)
    with application.database.read() as connection:
        found = availability.slots(connection, wanted, rules=application.rules, now=session.now)
    session.out.document({"slots": found})
    if not found:
        session.out.say("No time is free. See the provider's working hours and out-of-office.")
        return
    session.out.table(["Free"], [[told_span(one)] for one in found])
    session.out.say(plural(len(found), "slot"), style="dim")


@command(app, "book")
def book(  # noqa: PLR0913 - one parameter per option
    session: Session,
    *,
    provider: Annotated[str, typer.Option("--provider", metavar="REF", help="Whose appointment.")],
    client: Annotated[str, typer.Option("--client", metavar="REF", help="With whom.")],
    start: Annotated[
        str,
        typer.Option("--start", metavar="LOCAL", help="Wall-clock start, as 2026-12-01T10:00."),
    ],
    minutes: Annotated[int, typer.Option("--minutes", metavar="N", help="How long.")],
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="Zone of the start; else the provider's."),
    ] = None,
    kind: Annotated[
        AppointmentType, typer.Option("--type", help="What kind of meeting.")
    ] = AppointmentType.FOLLOW_UP,
    place: Annotated[Place, typer.Option("--place", help="Where.")] = Place.OFFICE,
    ref: Annotated[
        str | None, typer.Option("--ref", metavar="REF", help="Its ref; else one is made.")
    ] = None,
) -> None:
    """Book an appointment, if its time is free. It is published at the next pass."""
    wanted = booking.Booking(
        provider=provider,
        client=client,
        start=start,
        minutes=minutes,
        zone=zone,
        type=kind,
        place=place,
        ref=ref,
    )
    with session.application.database.write() as tx:
        one = appointments.document(booking.book(tx, wanted, now=session.now, actor=ACTOR))
    show_appointment(session, one)


@command(app, "complete")
def complete(session: Session, ref: Ref) -> None:
    """Say that an appointment took place. Possible once it has started."""
    with session.application.database.write() as tx:
        one = appointments.document(booking.complete(tx, ref, now=session.now, actor=ACTOR))
    show_appointment(session, one)


@command(app, "no-show")
def no_show(session: Session, ref: Ref) -> None:
    """Say that the client did not come. Possible once the appointment has started."""
    with session.application.database.write() as tx:
        one = appointments.document(booking.no_show(tx, ref, now=session.now, actor=ACTOR))
    show_appointment(session, one)
