"""The drift report as files: CSV for spreadsheets, a JSON document, an HTML page to print."""

import csv
import io
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from calwarden.domain.wall_time import in_zone
from calwarden.practice import report_wording
from calwarden.practice.report import DriftReport, ReportRow, moment_of

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
    "reason",
)

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def document(report: DriftReport) -> dict[str, Any]:
    """Return the report as a JSON document with its rows under ``rows``."""
    return {
        "practice": report.practice,
        "timezone": report.days.zone,
        "since": None if report.days.since is None else report.days.since.isoformat(),
        "until": None if report.days.until is None else report.days.until.isoformat(),
        "made_at": in_zone(report.made_at, report.days.zone).isoformat(),
        "summary": {
            "drifts": len(report.rows),
            "reverted": report.reverted,
            "waiting": len(report.waiting),
            "held_claims": report.held_claims,
        },
        "rows": [record(row) for row in report.rows],
    }


def record(row: ReportRow) -> dict[str, Any]:
    """Return one row by column name; times are RFC 3339 in the appointment's zone."""
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
        "detected_at": in_zone(row.detected_at, row.timezone).isoformat(timespec="seconds"),
        "timezone": row.timezone,
        "claim": row.claim,
        "claim_held": row.claim_held,
        "reason": row.reason,
    }
    for name, part in (("before", row.before), ("after", row.after)):
        for key in ("start", "end"):
            moment = moment_of(part, key, row.timezone)
            values[f"{name}_{key}"] = (
                None if moment is None else moment.isoformat(timespec="seconds")
            )
    return {column: values[column] for column in COLUMNS}


def spreadsheet(report: DriftReport) -> str:
    """Return the report as CSV (RFC 4180) whose cells no spreadsheet takes for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in report.rows:
        writer.writerow([cell(value) for value in record(row).values()])
    return text.getvalue()


def cell(value: object) -> str:
    """Return a value as CSV text; a leading apostrophe keeps a spreadsheet from calculating it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def page(report: DriftReport) -> str:
    """Return the report as one HTML page without script or outside reference."""
    return _template().render(report=report, words=report_wording, local=in_zone)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("calwarden.practice", "templates/report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("drift.html")
