"""Gathers the drift report from the ledger, the claims and the providers."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.hold import NEAR
from calwarden.practice import drift_review
from calwarden.practice.report import Days, DriftReport, ReportRow
from calwarden.store import drifts, people

FALLBACK_ZONE = "UTC"


def drift_report(
    connection: Connection,
    *,
    now: datetime,
    since: date | None = None,
    until: date | None = None,
    near: timedelta = NEAR,
) -> DriftReport:
    """Return every drift detected from ``since`` to ``until``, local days of the practice."""
    practice = people.practice(connection)
    zone = practice.timezone if practice else FALLBACK_ZONE
    days = Days(zone=zone, since=since, until=until)
    found = drifts.search(connection, since=days.start(), until=days.end())
    documents = drift_review.documents(connection, found, now=now, near=near)
    names = {one.ref: one.name for one in people.providers(connection)}
    zones = {one.ref: one.timezone for one in people.providers(connection)}
    rows = [
        row_of(document, names=names, zones=zones)
        for document in sorted(documents, key=lambda one: (one["detected_at"], one["id"]))
    ]
    return DriftReport(
        practice=practice.name if practice else "",
        days=days,
        made_at=now,
        rows=tuple(reversed(rows)),
    )


def row_of(
    document: Mapping[str, Any], *, names: Mapping[str, str], zones: Mapping[str, str]
) -> ReportRow:
    """Return a drift's document as a row; it is told in its own zone, else in the provider's."""
    provider = document["provider"]
    told = document["before"] or document["after"] or {}
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
        claim=document["claim"],
        claim_held=document["claim_held"],
        reason=document["reason"] or document["cause"],
    )
