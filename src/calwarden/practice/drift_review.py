"""The review of drifts: what changed outside, with its claims, and what people decide about it.

A decision is a row that the next pass over the calendar reads: nothing is written to it here.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.drift import DriftKind, DriftStatus, Severity
from calwarden.domain.hold import NEAR
from calwarden.domain.refusal import Refused
from calwarden.practice import work_items
from calwarden.practice.claim_cases import Case, cases
from calwarden.practice.drift_acceptance import accept
from calwarden.practice.holds import concerned
from calwarden.store import audit, calendars, drifts
from calwarden.store import claims as claim_rows
from calwarden.store.drifts import DriftRow

REPLAN = 0
"""The planned revision that asks the engine for a new plan."""

NOT_OURS = frozenset({DriftKind.OVERLAP, DriftKind.CALENDAR_GONE})
"""Kinds that the daemon cannot undo: a personal event, a calendar that is not there."""


class Decision(StrEnum):
    """What a person says about a drift."""

    REVERT = "revert"
    ACCEPT = "accept"
    DISMISS = "dismiss"


def listing(
    connection: Connection,
    *,
    now: datetime,
    statuses: Iterable[DriftStatus] | None = None,
    provider: str | None = None,
    severity: Severity | None = None,
    near: timedelta = NEAR,
) -> list[dict[str, Any]]:
    """Return the drifts that fit every given condition, by number."""
    found = drifts.search(connection, statuses=statuses, provider=provider, severity=severity)
    return documents(connection, found, now=now, near=near)


def show(
    connection: Connection, drift_id: int, *, now: datetime, near: timedelta = NEAR
) -> dict[str, Any]:
    """Return one drift with its history; raises `NotFound`."""
    row = drifts.get(connection, drift_id)
    history = [
        {
            "at": entry.at.isoformat(),
            "revision": entry.revision,
            "event": entry.event,
            "actor": entry.actor,
            "detail": dict(entry.detail),
        }
        for entry in drifts.history(connection, drift_id)
    ]
    return {**document(connection, row, now=now, near=near), "history": history}


def document(
    connection: Connection, row: DriftRow, *, now: datetime, near: timedelta = NEAR
) -> dict[str, Any]:
    """Return one drift as JSON values."""
    return documents(connection, [row], now=now, near=near)[0]


def documents(
    connection: Connection, rows: list[DriftRow], *, now: datetime, near: timedelta = NEAR
) -> list[dict[str, Any]]:
    """Return drifts as JSON values, each with its claims and whether it holds one of them."""
    refs = {ref for row in rows for ref in concerned(row)}
    by_appointment: dict[str, list[Case]] = {}
    found = claim_rows.search(connection, appointments=sorted(refs))
    for case in cases(connection, found, now, near):
        by_appointment.setdefault(case.row.appointment, []).append(case)
    return [
        _document(row, [case for ref in concerned(row) for case in by_appointment.get(ref, ())])
        for row in rows
    ]


def resolve(
    tx: Connection,
    drift_id: int,
    decision: Decision,
    *,
    reason: str = "",
    revision: int | None = None,
    now: datetime,
    actor: str,
) -> dict[str, Any]:
    """Decide an open drift and return its document; ``revision`` is the one that was looked at.

    Raises `Refused` where the drift is closed or has moved on, or where the practice's rules do not
    allow it: it then stays as it is. Raises `NotFound`.
    """
    row = drifts.get(tx, drift_id)
    _demand_decidable(row, revision)
    match decision:
        case Decision.REVERT:
            _revert(tx, row, reason, now)
        case Decision.DISMISS:
            _dismiss(tx, row, reason, now)
        case Decision.ACCEPT:
            accept(tx, row, reason, now=now, actor=actor)
    calendars.save(tx, row.calendar_id, planned_revision=REPLAN)
    detail = {"decision": decision.value, "reason": reason}
    drifts.append_history(tx, row, at=now, event="decided", actor=actor, detail=detail)
    logged = {"decision": decision.value, "revision": row.revision, "kind": row.kind.value}
    subject = f"drift:{row.id}"
    audit.append(tx, at=now, actor=actor, action="drift.decided", subject=subject, detail=logged)
    work_items.follow_drifts(tx, [row.id], now=now, actor=actor)
    return document(tx, drifts.get(tx, drift_id), now=now)


def _demand_decidable(row: DriftRow, revision: int | None) -> None:
    if revision is not None and revision != row.revision:
        raise Refused(
            f"drift {row.id} has moved on: it is at revision {row.revision}, not {revision}",
            next_step=f"look again: calwarden drift show {row.id}",
        )
    if row.status is DriftStatus.REVERTING:
        raise Refused(
            f"drift {row.id} is being reverted",
            next_step="wait for the next pass, and look again",
        )
    if row.status is not DriftStatus.OPEN:
        raise Refused(f"drift {row.id} is {row.status}", next_step="there is nothing to decide")


def _revert(tx: Connection, row: DriftRow, reason: str, now: datetime) -> None:
    if row.kind in NOT_OURS:
        raise Refused(
            f"a drift of kind {row.kind} cannot be reverted: it is not ours to write",
            next_step=f"dismiss it: calwarden drift resolve {row.id} dismiss --reason TEXT",
        )
    drifts.save(tx, row.id, decision=Decision.REVERT.value, reason=reason or None, updated_at=now)


def _dismiss(tx: Connection, row: DriftRow, reason: str, now: datetime) -> None:
    if not reason.strip():
        raise Refused(
            "dismissing a drift needs a reason: it releases its hold",
            next_step="give it with --reason",
        )
    drifts.save(
        tx,
        row.id,
        status=DriftStatus.DISMISSED.value,
        decision=Decision.DISMISS.value,
        reason=reason,
        updated_at=now,
        closed_at=now,
    )


def _document(row: DriftRow, meant: list[Case]) -> dict[str, Any]:
    ordered = sorted(meant, key=lambda case: case.row.ref)
    held = [case for case in ordered if row.id in case.holding]
    own = [*held, *ordered]
    reverting = row.decision == Decision.REVERT
    return {
        "id": row.id,
        "revision": row.revision,
        "kind": row.kind.value,
        "severity": row.severity.value,
        "status": row.status.value,
        "verdict": Decision.REVERT.value if reverting else row.verdict.value,
        "decision": row.decision,
        "contested": row.contested,
        "proposal": row.proposal,
        "provider": row.provider,
        "calendar": row.calendar_id,
        "appointment": row.appointment,
        "appointments": list(row.appointments),
        "occurrence": row.occurrence,
        "detected_at": row.detected_at.isoformat(),
        "closed_at": None if row.closed_at is None else row.closed_at.isoformat(),
        "before": None if row.before is None else dict(row.before),
        "after": None if row.after is None else dict(row.after),
        "claim": own[0].row.ref if own else None,
        "claim_held": bool(held),
        "claims": [case.row.ref for case in ordered],
        "reason": row.reason,
        "cause": row.cause,
    }
