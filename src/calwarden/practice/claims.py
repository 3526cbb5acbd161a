"""Claims: their documents, their dates of service, and the steps of their life."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain import claim as rules
from calwarden.domain.appointment import Appointment
from calwarden.domain.claim import ClaimState, ClaimStatus, Clearance, Frequency
from calwarden.domain.hold import NEAR
from calwarden.domain.practice import Client, Correction, Payer, Provider
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import local_date
from calwarden.practice.holds import Holds
from calwarden.store import appointments, audit, claims, people
from calwarden.store.claims import ClaimRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim with what decides about it: its appointment, the dates, and every open cause.

    ``holds`` are the reasons of its hold, ``holding`` the numbers of the drifts among them.
    """

    row: ClaimRow
    appointment: Appointment
    state: ClaimState
    holds: tuple[str, ...]
    holding: frozenset[int]
    differs: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the claim as JSON values; once on file, its date of service is the filed one."""
        return {
            "ref": self.row.ref,
            "appointment": self.row.appointment,
            "status": self.row.status.value,
            "date_of_service": self.state.shown_date.isoformat(),
            "timezone": self.row.dos_timezone,
            "held": bool(self.holds),
            "reasons": list(self.holds),
            "payer": self.row.payer,
            "control_number": self.row.control_number,
            "procedure_code": self.row.procedure_code,
            "documented_minutes": self.row.documented_minutes,
            "differs": list(self.differs),
        }

    def clearance(self, now: datetime) -> Clearance:
        """Answer whether the claim may be sent at this moment."""
        today = local_date(now, self.row.dos_timezone)
        return rules.clearance(self.state, holds=self.holds, today=today)


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """Who has a say in dates and corrections, loaded once for many claims."""

    clients: Mapping[str, Client]
    providers: Mapping[str, Provider]
    payers: Mapping[str, Payer]


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


def case_of(connection: Connection, ref: str, *, now: datetime, near: timedelta = NEAR) -> Case:
    """Return one claim with what decides about it; raises `NotFound`."""
    return next(cases(connection, [claims.get(connection, ref)], now, near))


def cases(
    connection: Connection, rows: list[ClaimRow], now: datetime, near: timedelta = NEAR
) -> Iterator[Case]:
    """Yield claims with what decides about them, as of ``now``."""
    if not rows:
        return
    known = _People(
        clients={one.ref: one for one in people.clients(connection)},
        providers={one.ref: one for one in people.providers(connection)},
        payers={one.ref: one for one in people.payers(connection)},
    )
    holds = Holds.at(connection, now, near=near)
    wanted = {row.appointment for row in rows}
    meant = {one.ref: one for one in appointments.search(connection, refs=sorted(wanted))}
    for row in rows:
        yield _case(row, meant[row.appointment], holds, known)


def add(tx: Connection, row: ClaimRow, *, now: datetime, actor: str) -> None:
    """Store a new claim. What is on file already counts as filed with the date by the rule."""
    if row.status.on_file and row.filed_date_of_service is None:
        row = replace(row, filed_date_of_service=row.date_of_service)
    claims.insert_one(tx, row)
    detail = {"appointment": row.appointment, "status": row.status.value}
    detail["date_of_service"] = row.date_of_service.isoformat()
    subject = f"claim:{row.ref}"
    audit.append(tx, at=now, actor=actor, action="claim.added", subject=subject, detail=detail)


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
        row = replace(row, status=status, **_dates(case, status))
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
    return case_of(tx, ref, now=now, near=near)


def follow(tx: Connection, moved: Appointment, *, now: datetime, actor: str) -> list[str]:
    """Bring the claims of a moved or corrected appointment to its date; return their refs.

    Draft, ready and rejected ones only: nothing is changed that the payer has.
    """
    changed = []
    for row in claims.search(tx, appointments=[moved.ref]):
        if not row.status.correctable:
            continue
        zone = moved.dos_zone if row.status is ClaimStatus.DRAFT else row.dos_timezone
        service = rules.date_of_service(moved.start, zone)
        if (service, zone) == (row.date_of_service, row.dos_timezone):
            continue
        claims.save(tx, replace(row, date_of_service=service, dos_timezone=zone, updated_at=now))
        if service == row.date_of_service:
            continue
        detail = {
            "appointment": moved.ref,
            "before": row.date_of_service.isoformat(),
            "after": service.isoformat(),
        }
        changed.append(row.ref)
        subject = f"claim:{row.ref}"
        audit.append(
            tx, at=now, actor=actor, action="claim.redated", subject=subject, detail=detail
        )
    return changed


def _case(row: ClaimRow, one: Appointment, holds: Holds, known: _People) -> Case:
    payer = known.payers.get(row.payer)
    state = ClaimState(
        status=row.status,
        appointment=one.status,
        true_date=rules.date_of_service(one.start, row.dos_timezone),
        filed_date=row.filed_date_of_service,
        control_number=row.control_number,
        correction=payer.correction if payer else Correction.REPLACE,
    )
    return Case(
        row=row,
        appointment=one,
        state=state,
        holds=holds.reasons(one, row.dos_timezone) if state.holdable else (),
        holding=holds.drifts(one, row.dos_timezone) if state.holdable else frozenset(),
        differs=rules.differing_dates(
            one.start,
            one.end,
            zone=row.dos_timezone,
            client=known.clients[one.client].timezone,
            provider=known.providers[one.provider].timezone,
        ),
    )


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


def _dates(case: Case, status: ClaimStatus) -> dict[str, Any]:
    """Return what a step does to zone and dates: ready fixes the zone, submitted files the date."""
    row, one = case.row, case.appointment
    if status is ClaimStatus.READY:
        service = rules.date_of_service(one.start, one.dos_zone)
        return {"dos_timezone": one.dos_zone, "date_of_service": service}
    if status is ClaimStatus.SUBMITTED:
        service = case.state.true_date
        return {"date_of_service": service, "filed_date_of_service": service}
    if status is ClaimStatus.REJECTED:
        return {"filed_date_of_service": None, "date_of_service": case.state.true_date}
    if status is ClaimStatus.VOID:
        return {"date_of_service": case.state.true_date}
    return {"date_of_service": row.date_of_service}
