"""The group ``calwarden appointments``, and how one appointment is shown."""

from typing import Annotated, Any

import typer

from calwarden.cli.options import group
from calwarden.cli.output import told_span
from calwarden.cli.session import Session

app = group("Appointments: list them, book one, give one another time, say what became of it.")

Ref = Annotated[
    str, typer.Argument(metavar="REF", help="Ref of the appointment, such as a-1 or s-1#3.")
]
Start = Annotated[
    str,
    typer.Option(
        "--start",
        metavar="LOCAL",
        help="Wall-clock start in the appointment's zone, as 2026-12-01T10:00.",
    ),
]


def show_appointment(session: Session, one: dict[str, Any]) -> None:
    """Print one appointment's document."""
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
