"""The drift report as files: CSV and XLSX for spreadsheets, a JSON document.

The HTML page to print is made in `calwarden.practice.report_page`.
"""

from typing import Any

from calwarden.domain.wall_time import in_zone
from calwarden.practice import report_tables
from calwarden.practice.report import DriftReport, ReportRow, moment_of
from calwarden.practice.report_tables import Sheet, records

COLUMNS = (
    "id",
    "kind",
    "status",
    "verdict",
    "severity",
    "provider",
    "provider_name",
    "appointment",
    "occurrence",
    "detected_at",
    "before_start",
    "before_end",
    "after_start",
    "after_end",
    "timezone",
    "claim",
    "claim_held",
    "claim_status",
    "payer",
    "contested",
    "reason",
)
HELD_COLUMNS = ("claim", "appointment", "status", "date_of_service", "payer", "reasons")
WORK_COLUMNS = (
    "id",
    "claim",
    "appointment",
    "days_left",
    "age_days",
    "assignee",
    "drift",
    "message",
)


def document(report: DriftReport) -> dict[str, Any]:
    """Return the report as a JSON document with its rows under ``rows``."""
    oldest = report.oldest
    return {
        "practice": report.practice,
        "timezone": report.days.zone,
        "since": None if report.days.since is None else report.days.since.isoformat(),
        "until": None if report.days.until is None else report.days.until.isoformat(),
        "provider": report.scope.provider,
        "payer": report.scope.payer,
        "severity": report.scope.severity,
        "made_at": in_zone(report.made_at, report.days.zone).isoformat(),
        "summary": {
            "drifts": len(report.rows),
            "open": sum(row.open for row in report.rows),
            "waiting": len(report.waiting),
            "reverted": report.reverted,
            "reverted_automatically": len(report.automatic),
            "contested": len(report.contested),
            "oldest": None if oldest is None else oldest.id,
            "oldest_days": None if oldest is None else report.age_days(oldest),
            "held_claims": report.held_claims,
            "work_items": len(report.work),
        },
        "rows": records(drift_sheet(report)),
        "held": records(held_sheet(report)),
        "work": records(work_sheet(report)),
    }


def spreadsheet(report: DriftReport) -> str:
    """Return the report as CSV (RFC 4180) whose cells no spreadsheet takes for a formula."""
    return report_tables.spreadsheet(drift_sheet(report))


def workbook(report: DriftReport) -> bytes:
    """Return the report as XLSX: the drifts first, then held claims and work items."""
    return report_tables.workbook([drift_sheet(report), held_sheet(report), work_sheet(report)])


def drift_sheet(report: DriftReport) -> Sheet:
    """Return the drifts as a table; times are told in the appointment's zone."""
    return Sheet(name="Drifts", columns=COLUMNS, rows=[_values(row) for row in report.rows])


def held_sheet(report: DriftReport) -> Sheet:
    """Return the claims that may not be sent while a question is open."""
    rows = [
        {
            "claim": one.ref,
            "appointment": one.appointment,
            "status": one.status.value,
            "date_of_service": one.date_of_service,
            "payer": one.payer,
            "reasons": "; ".join(one.reasons),
        }
        for one in report.held
    ]
    return Sheet(name="Held claims", columns=HELD_COLUMNS, rows=rows)


def work_sheet(report: DriftReport) -> Sheet:
    """Return the open work items, the least time left first."""
    rows = [{name: getattr(one, name) for name in WORK_COLUMNS} for one in report.work]
    return Sheet(name="Work items", columns=WORK_COLUMNS, rows=rows)


def _values(row: ReportRow) -> dict[str, Any]:
    own = next((line for line in row.claims if line.ref == row.claim), None)
    values: dict[str, Any] = {
        "id": row.id,
        "kind": row.kind.value,
        "status": row.status.value,
        "verdict": row.verdict.value,
        "severity": row.severity.value,
        "provider": row.provider,
        "provider_name": row.provider_name,
        "appointment": row.appointment,
        "occurrence": row.occurrence,
        "detected_at": in_zone(row.detected_at, row.timezone),
        "timezone": row.timezone,
        "claim": row.claim,
        "claim_held": row.claim_held,
        "claim_status": None if own is None else own.status.value,
        "payer": None if own is None else own.payer,
        "contested": row.contested,
        "reason": row.reason,
    }
    for name, part in (("before", row.before), ("after", row.after)):
        for key in ("start", "end"):
            values[f"{name}_{key}"] = moment_of(part, key, row.timezone)
    return values
