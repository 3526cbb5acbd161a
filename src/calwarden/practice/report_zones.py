"""Where a careless conversion would go wrong: claims whose date in UTC is not their own date."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.claim import date_of_service
from calwarden.domain.hold import NEAR
from calwarden.domain.wall_time import in_zone, local_date
from calwarden.practice.claim_cases import Case, cases
from calwarden.practice.report import Days, Scope
from calwarden.practice.report_tables import Sheet, Told
from calwarden.store import appointments, claims

PINNED = ("claim", "appointment", "date_of_service", "utc_date")
COLUMNS = (*PINNED, "filed_date_of_service", "status", "provider", "payer", "start", "timezone")

HEADS = {
    "claim": "Claim",
    "appointment": "Appointment",
    "date_of_service": "Date of service",
    "utc_date": "Date in UTC",
    "filed_date_of_service": "Date on file",
    "status": "Status",
    "provider": "Provider",
    "start": "Start there",
    "timezone": "Zone that decides",
}


def zones_sheet(
    connection: Connection,
    days: Days,
    *,
    now: datetime,
    scope: Scope | None = None,
    unclaimed: bool = False,
    near: timedelta = NEAR,
) -> Sheet:
    """Return the claims with dates of service on ``days`` whose date in UTC is another.

    ``unclaimed``: the appointments without a claim too, by the date that one would have.
    """
    scope = scope or Scope()
    found = cases(connection, claims.search(connection, payer=scope.payer), now, near)
    rows = [_row(case) for case in found if "utc" in case.differs]
    if unclaimed and scope.payer is None:
        claimed = {row.appointment for row in claims.search(connection)}
        rows += _unclaimed(connection, claimed)
    kept = (
        row
        for row in rows
        if days.has(row["date_of_service"])
        and scope.provider in {None, row["provider"]}
    )  # fmt: skip
    ordered = sorted(kept, key=lambda row: (row["start"], row["claim"] or "", row["appointment"]))
    return Sheet(name="Zones", columns=COLUMNS, rows=ordered)


def document(sheet: Sheet) -> dict[str, Any]:
    """Return the report as JSON values."""
    rows = [
        {name: value.isoformat() if isinstance(value, date) else value
         for name, value in row.items() if name in PINNED}
        for row in sheet.rows
    ]  # fmt: skip
    return {"rows": rows}


def told(practice: str, made_at: datetime) -> Told:
    """Return the words of the page."""
    return Told(
        title="Dates that differ in UTC",
        practice=practice,
        made_at=made_at,
        lead="The date of service is the local date where the service is given. At these hours UTC "
        "has another date: a program that converts carelessly would file that one.",
        empty="No claim has another date in UTC than its date of service.",
        heads=HEADS,
        tell=_tell,
    )


def _row(case: Case) -> dict[str, Any]:
    row, one = case.row, case.appointment
    return {
        "claim": row.ref,
        "appointment": row.appointment,
        "date_of_service": case.state.true_date,
        "utc_date": local_date(one.start, "UTC"),
        "filed_date_of_service": case.state.payer_has,
        "status": row.status.value,
        "provider": one.provider,
        "payer": row.payer,
        "start": in_zone(one.start, row.dos_timezone),
        "timezone": row.dos_timezone,
    }


def _unclaimed(connection: Connection, claimed: Iterable[str]) -> Iterator[dict[str, Any]]:
    known = set(claimed)
    for one in appointments.search(connection):
        day, utc = date_of_service(one.start, one.dos_zone), local_date(one.start, "UTC")
        if one.ref in known or not one.status.stands or day == utc:
            continue
        yield {
            "claim": None,
            "appointment": one.ref,
            "date_of_service": day,
            "utc_date": utc,
            "filed_date_of_service": None,
            "status": None,
            "provider": one.provider,
            "payer": None,
            "start": in_zone(one.start, one.dos_zone),
            "timezone": one.dos_zone,
        }


def _tell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%a %d %b %Y %H:%M}"
    return f"{value:%a %d %b %Y}" if isinstance(value, date) else str(value)
