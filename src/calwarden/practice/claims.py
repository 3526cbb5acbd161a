"""Claims: their documents, their dates of service, and the steps of their life."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain import claim as rules
from calwarden.domain.appointment import Appointment
from calwarden.domain.claim import ClaimStatus, Frequency
from calwarden.domain.hold import NEAR
from calwarden.domain.refusal import Refused
from calwarden.practice import work_items
from calwarden.practice.appointments import zone_of_claim
from calwarden.practice.claim_cases import Case, case_of, cases
from calwarden.store import appointments, audit, claims
from calwarden.store.claims import ClaimRow


def listing(
    connection: Connection, *, now: datetime, near: timedelta = NEAR
) -> list[dict[str, Any]]:
    """Return every claim, by ref."""
    return [case.document() for case in cases(connection, claims.search(connection), now, near)]


def show(
    connection: Connection, ref: str, *, now: datetime, near: timedelta = NEAR
) -> dict[str, Any]:
    """Return one claim; raises `NotFound`."""
    return case_of(connection, ref, now=now, near=near).document()


def clearance(
    connection: Connection, ref: str, *, now: datetime, near: timedelta = NEAR
) -> dict[str, Any]:
    """Answer whether a claim may be sent now, with which date; raises `NotFound`."""
    found = case_of(connection, ref, now=now, near=near).clearance(now)
    return {
        "may_send": found.may_send,
        "date_of_service": found.date_of_service.isoformat(),
        "frequency_code": None if found.frequency_code is None else found.frequency_code.value,
        "original_reference": found.original_reference,
        "reasons": list(found.reasons),
    }


def add(tx: Connection, row: ClaimRow, *, now: datetime, actor: str) -> None:
    """Store a new claim. What is on file already counts as filed with the date by the rule."""
    if row.status.on_file and row.filed_date_of_service is None:
        row = replace(row, filed_date_of_service=row.date_of_service)
    if row.scheduled_minutes is None:
        row = replace(row, scheduled_minutes=appointments.get(tx, row.appointment).minutes)
    claims.insert_one(tx, row)
    detail = {"appointment": row.appointment, "status": row.status.value}
    detail["date_of_service"] = row.date_of_service.isoformat()
    subject = f"claim:{row.ref}"
    audit.append(tx, at=now, actor=actor, action="claim.added", subject=subject, detail=detail)
    work_items.follow(tx, [row.ref], now=now, actor=actor)


def change(
    tx: Connection,
    ref: str,
    *,
    now: datetime,
    actor: str,
    **values: Any,
) -> None:
    """Store what was said anew about a claim: payer, payer's number, code, documented minutes.

    A new code or a newly documented time confirms the length that the code stands for.
    """
    row = claims.get(tx, ref)
    if {"procedure_code", "documented_minutes"} & set(values):
        values["scheduled_minutes"] = appointments.get(tx, row.appointment).minutes
    row = replace(row, updated_at=now, **values)
    if "payer" in values and row.status.correctable:
        one = appointments.get(tx, row.appointment)
        zone = zone_of_claim(tx, one, row.payer)
        service = rules.date_of_service(one.start, zone)
        row = replace(row, dos_timezone=zone, date_of_service=service)
    claims.save(tx, row)
    detail = {"fields": sorted(values)}
    subject = f"claim:{ref}"
    audit.append(tx, at=now, actor=actor, action="claim.changed", subject=subject, detail=detail)
    work_items.follow(tx, [ref], now=now, actor=actor)


def set_status(
    tx: Connection,
    ref: str,
    status: ClaimStatus,
    *,
    control_number: str | None = None,
    near: timedelta = NEAR,
    now: datetime,
    actor: str,
) -> Case:
    """Move a claim along its life; raises `Refused` where that is not the next step, `NotFound`."""
    case = case_of(tx, ref, now=now, near=near)
    row = case.row
    if status is not row.status:
        _demand_step(case, status)
        row = replace(row, status=status, **_dates(tx, case, status))
    if control_number is not None:
        row = replace(row, control_number=control_number)
    if row != case.row:
        claims.save(tx, replace(row, updated_at=now))
        detail = {
            "before": case.row.status.value,
            "after": row.status.value,
            "date_of_service": row.date_of_service.isoformat(),
            "control_number": row.control_number,
        }
        audit.append(
            tx, at=now, actor=actor, action="claim.status", subject=f"claim:{ref}", detail=detail
        )
        work_items.follow(tx, [ref], now=now, actor=actor, near=near)
    return case_of(tx, ref, now=now, near=near)


def follow(tx: Connection, changed: Appointment, *, now: datetime, actor: str) -> list[str]:
    """Bring the claims of an appointment after it: moved, corrected, ended, or as it was again.

    Draft, ready and rejected ones take its date; what the payer has becomes a work item. Returns
    the refs of those with another date.
    """
    rows = claims.search(tx, appointments=[changed.ref])
    redated = [row.ref for row in rows if _redate(tx, row, changed, now=now, actor=actor)]
    work_items.follow(tx, [row.ref for row in rows], now=now, actor=actor)
    return redated


def _redate(
    tx: Connection, row: ClaimRow, moved: Appointment, *, now: datetime, actor: str
) -> bool:
    if not row.status.correctable:
        return False
    zone = row.dos_timezone
    if row.status is ClaimStatus.DRAFT:
        zone = zone_of_claim(tx, moved, row.payer)
    service = rules.date_of_service(moved.start, zone)
    if (service, zone) == (row.date_of_service, row.dos_timezone):
        return False
    claims.save(tx, replace(row, date_of_service=service, dos_timezone=zone, updated_at=now))
    if service == row.date_of_service:
        return False
    detail = {
        "appointment": moved.ref,
        "before": row.date_of_service.isoformat(),
        "after": service.isoformat(),
    }
    subject = f"claim:{row.ref}"
    audit.append(tx, at=now, actor=actor, action="claim.redated", subject=subject, detail=detail)
    return True


def _demand_step(case: Case, status: ClaimStatus) -> None:
    ref, state = case.row.ref, case.state
    if not state.may_become(status):
        ways = [one.value for one in ClaimStatus if one != state.status and state.may_become(one)]
        possible = f"possible now: {', '.join(ways)}" if ways else "nothing follows it"
        rule = f"claim {ref} does not go from {state.status} to {status}"
        raise Refused(rule, next_step=possible)
    if status is not ClaimStatus.SUBMITTED:
        return
    if case.holds:
        raise Refused(
            f"claim {ref} is held: {'; '.join(case.holds)}", next_step="settle that first"
        )
    if not state.took_place:
        raise Refused(
            f"appointment {case.row.appointment} is {state.appointment}: no service to claim",
            next_step=f"set claim {ref} void",
        )
    if state.due is Frequency.REPLACEMENT and not state.control_number:
        raise Refused(
            f"a replacement of claim {ref} needs the payer's claim number",
            next_step="give it with --control-number",
        )


def _dates(tx: Connection, case: Case, status: ClaimStatus) -> dict[str, Any]:
    """Return what a step does to zone, dates and the payer's number.

    Ready fixes the zone, submitted files the date. A replacement remembers the date of the claim
    that it replaces until the payer has processed it.
    """
    row, one, state = case.row, case.appointment, case.state
    # the number that a voided claim had is not that of what goes next
    number = None if row.status is ClaimStatus.VOID else row.control_number
    match status:
        case ClaimStatus.READY:
            zone = zone_of_claim(tx, one, row.payer)
            service = rules.date_of_service(one.start, zone)
            return {"dos_timezone": zone, "date_of_service": service, "control_number": number}
        case ClaimStatus.SUBMITTED:
            return {
                "date_of_service": state.true_date,
                "filed_date_of_service": state.true_date,
                "processed_date_of_service": _processed(case),
                "control_number": number,
            }
        case ClaimStatus.REJECTED:
            return {"filed_date_of_service": None, "date_of_service": state.true_date}
        case ClaimStatus.VOID | ClaimStatus.PAID | ClaimStatus.DENIED:
            filed = row.filed_date_of_service or row.processed_date_of_service
            dated = {"date_of_service": state.true_date} if status is ClaimStatus.VOID else {}
            return {"filed_date_of_service": filed, "processed_date_of_service": None, **dated}
        case ClaimStatus.DRAFT | ClaimStatus.ACCEPTED:
            return {}


def _processed(case: Case) -> date | None:
    return case.state.payer_has if case.state.processed else None
