"""``calwarden appointments``: what is on the practice's books."""

from typing import Annotated, Any

import typer

from calwarden.cli.options import group
from calwarden.cli.output import plural, told_span
from calwarden.cli.session import ACTOR, Session, command
from calwarden.domain.appointment import AppointmentType, Place
from calwarden.practice import appointments, booking, series
from calwarden.store import appointments as store

app = group("Appointments: list them, book one, say what became of it.")

Ref = Annotated[
    str, typer.Argument(metavar="REF", help="Ref of the appointment, such as a-1 or s-1#3.")
]
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
    _show(session, one)


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
    _show(session, one)


@command(app, "complete")
def complete(session: Session, ref: Ref) -> None:
    """Say that an appointment took place. Possible once it has started."""
    with session.application.database.write() as tx:
        one = appointments.document(booking.complete(tx, ref, now=session.now, actor=ACTOR))
    _show(session, one)


@command(app, "no-show")
def no_show(session: Session, ref: Ref) -> None:
    """Say that the client did not come. Possible once the appointment has started."""
    with session.application.database.write() as tx:
        one = appointments.document(booking.no_show(tx, ref, now=session.now, actor=ACTOR))
    _show(session, one)


def _show(session: Session, one: dict[str, Any]) -> None:
    session.out.document(one)
    facts = [
        ("Appointment", one["ref"]),
        ("When", told_span(one)),
        ("Status", one["status"]),
        ("Provider", one["provider"]),
        ("Client", one["client"]),
        ("Type", one["type"]),
        ("Place", one["place"]),
    ]
    if one["series"]:
        facts.append(("Series", f"{one['series']}, slot {one['slot']}"))
    if one["scheduled_start"]:
        facts.append(
            (
                "Scheduled",
                told_span({**one, "start": one["scheduled_start"], "end": one["scheduled_end"]}),
            )
        )
    if one["late_fee"]:
        facts.append(("Late fee", one["late_fee"]))
    if one["resolved"]:
        facts.append(("Clock change", RESOLVED[one["resolved"]]))
    session.out.facts(facts)


RESOLVED = {
    "gap": "this wall-clock time is skipped by a clock change; the offset before it counts",
    "fold": "this wall-clock time comes twice because of a clock change; the first of them counts",
}
