"""Claims as rows; what they mean is decided in the practice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from calwarden.domain.claim import ClaimStatus
from calwarden.store.batches import batches
from calwarden.store.errors import NotFound
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import claims

_FIND = Search(select(claims), ref=claims.c.ref == value("ref"))
_SEARCH = Search(
    select(claims).order_by(claims.c.ref),
    refs=claims.c.ref.in_(values("refs")),
    appointments=claims.c.appointment.in_(values("appointments")),
    statuses=claims.c.status.in_(values("statuses")),
    payer=claims.c.payer == value("payer"),
)
_INSERT = insert(claims)
_SAVE = update(claims).where(claims.c.ref == value("which"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One claim. ``filed_date_of_service`` is the date on file with the payer, once it is.

    ``processed_date_of_service`` is that of the processed claim which a replacement on its way
    replaces; ``scheduled_minutes`` the length of the appointment that the procedure code was
    chosen for.
    """

    ref: str
    appointment: str
    payer: str
    status: ClaimStatus
    date_of_service: date
    dos_timezone: str
    created_at: datetime
    updated_at: datetime
    filed_date_of_service: date | None = None
    processed_date_of_service: date | None = None
    scheduled_minutes: int | None = None
    control_number: str | None = None
    procedure_code: str | None = None
    documented_minutes: int | None = None
    details: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def find(connection: Connection, ref: str) -> ClaimRow | None:
    """Return the claim; None where there is none."""
    row = _FIND.first(connection, ref=ref)
    return None if row is None else _claim(row)


def get(connection: Connection, ref: str) -> ClaimRow:
    """Return the claim; raises `NotFound`."""
    found = find(connection, ref)
    if found is None:
        raise NotFound("claim", ref)
    return found


def search(
    connection: Connection,
    *,
    refs: Iterable[str] | None = None,
    appointments: Iterable[str] | None = None,
    statuses: Iterable[ClaimStatus] | None = None,
    payer: str | None = None,
) -> list[ClaimRow]:
    """Return the claims that fit every given condition, by ref."""
    wanted = None if statuses is None else [status.value for status in statuses]
    found: list[ClaimRow] = []
    parts = list(product(batches(refs), batches(appointments)))
    for some, others in parts:
        rows = _SEARCH.rows(
            connection, refs=some, appointments=others, statuses=wanted, payer=payer
        )
        found += [_claim(row) for row in rows]
    return found if len(parts) == 1 else sorted(found, key=lambda row: row.ref)


def insert_one(connection: Connection, claim: ClaimRow) -> None:
    """Store a new claim."""
    connection.execute(_INSERT, {"ref": claim.ref, **_columns(claim)})


def save(connection: Connection, claim: ClaimRow) -> None:
    """Store a change; raises `NotFound`."""
    if not connection.execute(_SAVE, {"which": claim.ref, **_columns(claim)}).rowcount:
        raise NotFound("claim", claim.ref)


def _columns(claim: ClaimRow) -> dict[str, Any]:
    filed, processed = claim.filed_date_of_service, claim.processed_date_of_service
    return {
        "appointment": claim.appointment,
        "payer": claim.payer,
        "status": claim.status.value,
        "date_of_service": claim.date_of_service.isoformat(),
        "dos_timezone": claim.dos_timezone,
        "filed_date_of_service": None if filed is None else filed.isoformat(),
        "processed_date_of_service": None if processed is None else processed.isoformat(),
        "scheduled_minutes": claim.scheduled_minutes,
        "control_number": claim.control_number,
        "procedure_code": claim.procedure_code,
        "documented_minutes": claim.documented_minutes,
        "details": dict(claim.details),
        "created_at": claim.created_at,
        "updated_at": claim.updated_at,
    }


def _claim(row: RowMapping) -> ClaimRow:
    filed, processed = row["filed_date_of_service"], row["processed_date_of_service"]
    typed = {
        "status": ClaimStatus(row["status"]),
        "date_of_service": date.fromisoformat(row["date_of_service"]),
        "filed_date_of_service": None if filed is None else date.fromisoformat(filed),
        "processed_date_of_service": None if processed is None else date.fromisoformat(processed),
    }
    return ClaimRow(**{**row, **typed})
