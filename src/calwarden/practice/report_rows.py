"""Gathers the drift report from the ledger, the claims, the work items and the providers."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.hold import NEAR
from calwarden.practice import drift_review, work_items
from calwarden.practice.claim_cases import Case, cases
from calwarden.practice.report import ClaimLine, Days, DriftReport, ReportRow, Scope, WorkLine
from calwarden.store import appointments, claims, drifts, people

FALLBACK_ZONE = "UTC"


def drift_report(
    connection: Connection,
    *,
    now: datetime,
    since: date | None = None,
    until: date | None = None,
    scope: Scope | None = None,
    near: timedelta = NEAR,
) -> DriftReport:
    """Return every drift detected from ``since`` to ``until``, local days of the practice."""
    scope = scope or Scope()
    practice = people.practice(connection)
    zone = practice.timezone if practice else FALLBACK_ZONE
    days = Days(zone=zone, since=since, until=until)
    lines = _claims(connection, scope, now=now, near=near)
    found = drifts.search(
        connection,
        since=days.start(),
        until=days.end(),
        provider=scope.provider,
        severity=scope.severity,
    )
    documents = drift_review.documents(connection, found, now=now, near=near)
    providers = people.providers(connection)
    names = {one.ref: one.name for one in providers}
    zones = {one.ref: one.timezone for one in providers}
    rows = [
        row_of(document, names=names, zones=zones, claims=lines)
        for document in sorted(documents, key=lambda one: (one["detected_at"], one["id"]))
    ]
    if scope.payer is not None:
        rows = [row for row in rows if row.claims]
    return DriftReport(
        practice=practice.name if practice else "",
        days=days,
        made_at=now,
        scope=scope,
        rows=tuple(reversed(rows)),
        held=tuple(line for line in lines.values() if line.held),
        work=tuple(_work(connection, lines, now=now, near=near)),
    )


def row_of(
    document: Mapping[str, Any],
    *,
    names: Mapping[str, str],
    zones: Mapping[str, str],
    claims: Mapping[str, ClaimLine] | None = None,
) -> ReportRow:
    """Return a drift's document as a row; it is told in its own zone, else in the provider's.

    ``claims`` are those that the row may name; None: only what the document says of them.
    """
    provider = document["provider"]
    told = document["before"] or document["after"] or {}
    lines = tuple(claims[ref] for ref in document["claims"] if claims and ref in claims)
    own = document["claim"]
    if claims is not None and own not in claims:
        own = next((line.ref for line in lines), None)
    return ReportRow(
        id=document["id"],
        revision=document["revision"],
        kind=DriftKind(document["kind"]),
        severity=Severity(document["severity"]),
        status=DriftStatus(document["status"]),
        verdict=Verdict(document["verdict"]),
        provider=provider,
        provider_name=names.get(provider, provider),
        calendar=document["calendar"],
        appointment=document["appointment"],
        appointments=tuple(document["appointments"]),
        occurrence=document["occurrence"],
        contested=document["contested"],
        detected_at=datetime.fromisoformat(document["detected_at"]),
        before=document["before"],
        after=document["after"],
        timezone=told.get("timezone") or zones.get(provider, FALLBACK_ZONE),
        claim=own,
        claim_held=document["claim_held"]
        if claims is None
        else any(document["id"] in line.holding for line in lines),
        claims=lines,
        decided=document["decision"] is not None,
        reason=document["reason"] or document["cause"],
    )


def _claims(
    connection: Connection, scope: Scope, *, now: datetime, near: timedelta
) -> dict[str, ClaimLine]:
    rows = claims.search(connection, payer=scope.payer)
    if scope.provider is not None:
        own = {one.ref for one in appointments.search(connection, provider=scope.provider)}
        rows = [row for row in rows if row.appointment in own]
    return {case.row.ref: claim_line(case) for case in cases(connection, rows, now, near)}


def claim_line(case: Case) -> ClaimLine:
    """Return a claim as reports tell it; its date is that of the rule until it is on file."""
    row = case.row
    return ClaimLine(
        ref=row.ref,
        appointment=row.appointment,
        payer=row.payer,
        status=row.status,
        date_of_service=case.state.shown_date,
        timezone=row.dos_timezone,
        reasons=case.holds,
        holding=case.holding,
    )


def _work(
    connection: Connection, lines: Mapping[str, ClaimLine], *, now: datetime, near: timedelta
) -> Iterable[WorkLine]:
    for item in work_items.listing(connection, now=now, near=near):
        if item["claim"] in lines:
            yield WorkLine(
                id=item["id"],
                claim=item["claim"],
                appointment=item["appointment"],
                message=item["message"],
                days_left=item["days_left"],
                age_days=item["age_days"],
                assignee=item["assignee"],
                drift=item["drift"],
            )
