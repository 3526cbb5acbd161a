"""``calwarden claims``: dates of service, holds, and whether a claim may be sent."""

from typing import Annotated, Any

import typer

from calwarden.cli.options import group
from calwarden.cli.output import plural
from calwarden.cli.session import ACTOR, NEEDS_A_PERSON, Session, command
from calwarden.domain.claim import ClaimStatus
from calwarden.practice import claims

app = group("Claims: their dates of service, what holds them, whether one may be sent now.")

Ref = Annotated[str, typer.Argument(metavar="REF", help="Ref of the claim.")]

DIFFERS = {
    "client": "the client's zone",
    "provider": "the provider's zone",
    "utc": "UTC",
    "end": "the end of the appointment",
}


@command(app, "list")
def list_all(
    session: Session,
    *,
    held: Annotated[bool, typer.Option("--held", help="Only claims that are held.")] = False,
) -> None:
    """List the claims with their dates of service."""
    with session.application.database.read() as connection:
        found = claims.listing(connection, now=session.now, near=session.application.policy.near)
    found = [one for one in found if one["held"] or not held]
    session.out.document({"claims": found})
    if not found:
        session.out.say(
            "No claim is held." if held else "No claims. They come with a practice file."
        )
        return
    session.out.table(
        ["Claim", "Appointment", "Status", "Date of service", "Payer", "Held"],
        [
            [
                one["ref"],
                one["appointment"],
                one["status"],
                one["date_of_service"],
                one["payer"],
                "; ".join(one["reasons"]) if one["held"] else "no",
            ]
            for one in found
        ],
        wide=["Held"],
    )


@command(app, "show")
def show(session: Session, ref: Ref) -> None:
    """Show one claim."""
    with session.application.database.read() as connection:
        one = claims.show(connection, ref, now=session.now, near=session.application.policy.near)
    _show(session, one)


@command(app, "clearance")
def clearance(session: Session, ref: Ref) -> int:
    """Tell whether a claim may be sent now, and with which date; exit status 1 where it may not."""
    near = session.application.policy.near
    with session.application.database.read() as connection:
        answer = claims.clearance(connection, ref, now=session.now, near=near)
    session.out.document(answer)
    if answer["may_send"]:
        code = answer["frequency_code"]
        session.out.say(
            f"Claim {ref} may be sent now: date of service {answer['date_of_service']}, "
            f"frequency code {code}"
            + (f", REF*F8 {answer['original_reference']}." if answer["original_reference"] else ".")
        )
        return 0
    session.out.say(f"Claim {ref} may not be sent now:")
    for reason in answer["reasons"]:
        session.out.say(f"  - {reason}")
    return NEEDS_A_PERSON


@command(app, "set-status")
def set_status(
    session: Session,
    ref: Ref,
    status: Annotated[ClaimStatus, typer.Argument(metavar="STATUS", help="The next status.")],
    control_number: Annotated[
        str | None,
        typer.Option("--control-number", metavar="N", help="The payer's claim number (REF*F8)."),
    ] = None,
) -> None:
    """Move a claim along its life: draft, ready, submitted, accepted or rejected, paid, denied."""
    with session.application.database.write() as tx:
        case = claims.set_status(
            tx, ref, status, control_number=control_number, now=session.now, actor=ACTOR
        )
        one = case.document()
    _show(session, one)


def _show(session: Session, one: dict[str, Any]) -> None:
    session.out.document(one)
    facts = [
        ("Claim", one["ref"]),
        ("Appointment", one["appointment"]),
        ("Status", one["status"]),
        ("Date of service", one["date_of_service"]),
        ("Payer", one["payer"]),
        ("Held", "; ".join(one["reasons"]) if one["held"] else "no"),
    ]
    if one["control_number"]:
        facts.append(("Payer's number", one["control_number"]))
    if one["procedure_code"]:
        minutes = one["documented_minutes"]
        facts.append(
            (
                "Procedure",
                one["procedure_code"] + (f", {plural(minutes, 'minute')}" if minutes else ""),
            )
        )
    if one["differs"]:
        other = ", ".join(DIFFERS[name] for name in one["differs"])
        facts.append(("Another date in", other))
    session.out.facts(facts)
