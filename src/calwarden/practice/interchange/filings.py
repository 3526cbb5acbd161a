"""Importing claims: in whatever step of their life they are."""

from typing import Any

from calwarden.domain.claim import ClaimStatus, date_of_service
from calwarden.domain.refusal import Refused
from calwarden.practice import claims as claims_of
from calwarden.practice.appointments import zone_of_claim
from calwarden.practice.interchange.reading import Kind
from calwarden.practice.interchange.session import RowRefused, Session, Values
from calwarden.practice.series import resolve
from calwarden.store import claims, people
from calwarden.store.claims import ClaimRow
from calwarden.store.errors import NotFound

PLAIN = ("control_number", "procedure_code", "documented_minutes")


def put_claim(session: Session, ref: str, values: Values) -> None:
    """Add or change a claim; a status changes along its life only."""
    if "payer" in values:
        payer = people.find_payer(session.tx, values["payer"])
        session.demand(Kind.PAYER, values["payer"], payer, field="payer")
    known = claims.find(session.tx, ref)
    if known is None:
        _add(session, ref, values)
    else:
        session.change(
            Kind.CLAIM, ref, _fields(known), values, lambda changes: _apply(session, known, changes)
        )


def _add(session: Session, ref: str, values: Values) -> None:
    if "appointment" not in values:
        raise RowRefused("the appointment is missing", field="appointment")
    try:
        one = resolve(session.tx, values["appointment"], now=session.now)
    except NotFound:
        root = values["appointment"].partition("#")[0]
        turned_away = (Kind.APPOINTMENT, root) in session.turned_away
        name = root if turned_away else values["appointment"]
        session.demand(Kind.APPOINTMENT, name, None, field="appointment")
        raise
    payer = values["payer"] if "payer" in values else _only_payer(session)
    zone = zone_of_claim(session.tx, one, payer)
    new = ClaimRow(
        ref=ref,
        appointment=one.ref,
        payer=payer,
        status=ClaimStatus(values.get("status", ClaimStatus.DRAFT)),
        date_of_service=date_of_service(one.start, zone),
        dos_timezone=zone,
        created_at=session.now,
        updated_at=session.now,
        control_number=values.get("control_number"),
        procedure_code=values.get("procedure_code"),
        documented_minutes=values.get("documented_minutes"),
    )
    claims_of.add(session.tx, new, now=session.now, actor=session.actor)
    session.add(Kind.CLAIM, ref, _fields(new))


def _apply(session: Session, known: ClaimRow, changes: Values) -> None:
    if "appointment" in changes:
        raise RowRefused(
            f"claim {known.ref} does not move to another appointment", field="appointment"
        )
    if "payer" in changes and not known.status.correctable:
        raise RowRefused(f"claim {known.ref} is {known.status}: its payer stays", field="payer")
    if "status" in changes:
        status = ClaimStatus(changes["status"])
        try:
            claims_of.set_status(
                session.tx,
                known.ref,
                status,
                control_number=changes.get("control_number"),
                now=session.now,
                actor=session.actor,
            )
        except Refused as error:
            raise RowRefused(str(error), field="status") from error
    plain = {name: changes[name] for name in (*PLAIN, "payer") if name in changes}
    if plain:
        claims_of.change(session.tx, known.ref, now=session.now, actor=session.actor, **plain)


def _only_payer(session: Session) -> str:
    payers = people.payers(session.tx)
    if len(payers) == 1:
        return payers[0].ref
    raise RowRefused("the payer is missing, and there is not exactly one to take", field="payer")


def _fields(row: ClaimRow) -> dict[str, Any]:
    return {
        "appointment": row.appointment,
        "payer": row.payer,
        "status": row.status.value,
        **{name: getattr(row, name) for name in PLAIN},
    }
