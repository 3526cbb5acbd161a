"""How a person's decision closes a drift: in the ledger, its history and the audit log."""

from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.drift import UNWRITTEN, DriftKind, DriftStatus
from calwarden.practice import work_items
from calwarden.store import audit, calendars, drifts
from calwarden.store.drifts import DriftRow

ENDINGS = frozenset(
    {
        DriftKind.DELETED,
        DriftKind.CANCELLED,
        DriftKind.DECLINED,
        DriftKind.OCCURRENCE_DELETED,
        DriftKind.MOVED_CALENDAR,
    }
)
"""Kinds that would end an appointment: that takes a decision of its own."""

DISMISSED = "dismiss"
"""The decision by which a dismissal holds until what was seen changes."""


def close(
    tx: Connection,
    row: DriftRow,
    status: DriftStatus,
    *,
    now: datetime,
    actor: str,
    reason: str | None,
) -> None:
    """Close a drift and have its calendar planned anew."""
    cause = "the practice decided otherwise" if status is DriftStatus.SUPERSEDED else row.cause
    decision = _waits_for(status) or row.decision
    drifts.save(
        tx,
        row.id,
        status=status.value,
        reason=reason or None,
        cause=cause,
        decision=decision,
        updated_at=now,
        closed_at=now,
    )
    calendars.save(tx, row.calendar_id, planned_revision=0)
    drifts.append_history(tx, row, at=now, event=status.value, actor=actor)
    detail = {"kind": row.kind.value, "appointment": row.appointment}
    action, subject = f"drift.{status}", f"drift:{row.id}"
    audit.append(tx, at=now, actor=actor, action=action, subject=subject, detail=detail)
    work_items.follow_drifts(tx, [row.id], now=now, actor=actor)


def _waits_for(status: DriftStatus) -> str | None:
    """Return how the engine tells that the ledger has the edit already, and it only has to act."""
    if status is DriftStatus.DISMISSED:
        return DISMISSED
    return UNWRITTEN if status in {DriftStatus.SUPERSEDED, DriftStatus.ACCEPTED} else None
