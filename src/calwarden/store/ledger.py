"""The drift ledger as the engine writes it, each change with its history and audit entry."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from calwarden.domain.drift import (
    UNWRITTEN,
    Aspect,
    DriftKey,
    DriftKind,
    DriftStatus,
    Finding,
    KnownDrift,
    Verdict,
)
from calwarden.domain.wall_time import Slot
from calwarden.store import audit
from calwarden.store.batches import batches
from calwarden.store.searching import among, value, values
from calwarden.store.tables import drift_history, drifts

ENGINE = "engine"
CONTEST_WINDOW = timedelta(hours=24)
PUT_OFF = "it waits until a person has decided the case that holds the calendar"
RETRIED_LATER = "the calendar refused the last change of this event; it is tried again later"
OVERRULED = (DriftStatus.SUPERSEDED.value, DriftStatus.ACCEPTED.value)

_KNOWN = (
    select(drifts)
    .where(
        drifts.c.calendar_id == value("of_calendar"),
        among(drifts.c.status, [status.value for status in DriftStatus if status.standing])
        | ((drifts.c.status == DriftStatus.DISMISSED.value) & drifts.c.decision.is_not(None))
        | (among(drifts.c.status, OVERRULED) & (drifts.c.decision == UNWRITTEN)),
    )
    .order_by(drifts.c.id)
)
_REVERTS = select(drifts.c.subject_ref, drifts.c.slot, drifts.c.changes).where(
    drifts.c.calendar_id == value("of_calendar"),
    drifts.c.status == DriftStatus.REVERTED.value,
    drifts.c.closed_at > value("since"),
)
_Known = Row[int, int, str, str, str | None, str | None]
_STATE = select(
    drifts.c.id,
    drifts.c.revision,
    drifts.c.seen,
    drifts.c.status,
    drifts.c.decision,
    drifts.c.cause,
)
_ONE = _STATE.where(drifts.c.id == value("number"))
_STANDING = _STATE.where(
    drifts.c.calendar_id == value("of_calendar"),
    drifts.c.uid == value("of_uid"),
    among(drifts.c.status, [DriftStatus.OPEN.value, DriftStatus.REVERTING.value]),
)
_STANDING_WHOLE = _STANDING.where(drifts.c.slot.is_(None))
_STANDING_SLOT = _STANDING.where(drifts.c.slot == value("of_slot"))
_OPEN = insert(drifts).returning(drifts.c.id)
_CHANGE = update(drifts).where(drifts.c.id == value("number"))
_WRITTEN = (
    update(drifts)
    .where(
        drifts.c.calendar_id == value("of_calendar"),
        drifts.c.uid.in_(values("uids")),
        among(drifts.c.status, OVERRULED),
        drifts.c.decision == UNWRITTEN,
    )
    .values(decision=None)
)
_ENTRY = insert(drift_history)


def known(connection: Connection, calendar_id: int) -> tuple[KnownDrift, ...]:
    """Return the drifts of a calendar that a decision needs, oldest first.

    They are the standing ones, the dismissals that hold, and what the store overruled or a person
    accepted as long as the write that follows from it is due.
    """
    return tuple(
        KnownDrift(
            id=row["id"],
            key=DriftKey(uid=row["uid"], slot=None if row["slot"] is None else Slot(row["slot"])),
            kind=DriftKind(row["kind"]),
            status=DriftStatus(row["status"]),
            verdict=Verdict(row["verdict"]),
            seen=row["seen"],
            since=row["updated_at"],
            revision=row["revision"],
            decision=row["decision"],
            contested=bool(row["contested"]),
            items=row["items"],
        )
        for row in connection.execute(_KNOWN, {"of_calendar": calendar_id}).mappings()
    )


def recent_reverts(
    connection: Connection, calendar_id: int, *, now: datetime
) -> Mapping[tuple[str, Slot | None, Aspect], int]:
    """Count the reverts of the last 24 hours by subject ref, slot and aspect."""
    given = {"of_calendar": calendar_id, "since": now - CONTEST_WINDOW}
    counted: Counter[tuple[str, Slot | None, Aspect]] = Counter()
    for ref, slot, changes in connection.execute(_REVERTS, given):
        for aspect in changes:
            counted[ref or "", None if slot is None else Slot(slot), Aspect(aspect)] += 1
    return counted


def open_drift(
    connection: Connection,
    calendar_id: int,
    provider: str,
    finding: Finding,
    *,
    now: datetime,
    status: DriftStatus = DriftStatus.OPEN,
) -> int:
    """Write a new drift and return its number."""
    row = {
        "calendar_id": calendar_id,
        "provider": provider,
        "uid": finding.key.uid,
        "slot": finding.key.slot,
        "status": status.value,
        "detected_at": now,
        "updated_at": now,
        "closed_at": None if status.standing else now,
        "decision": UNWRITTEN if status is DriftStatus.SUPERSEDED else None,
        **_columns(finding),
    }
    number = int(connection.execute(_OPEN, row).scalar_one())
    event = "detected" if status.standing else str(status)
    _history(connection, number, 1, now, event, finding)
    audit.append(
        connection,
        at=now,
        actor=ENGINE,
        action=f"drift.{event}",
        subject=f"drift:{number}",
        detail={"kind": str(finding.kind), "appointment": finding.appointment},
    )
    return number


def update_drift(connection: Connection, number: int, finding: Finding, *, now: datetime) -> None:
    """Write what a further edit made of a standing drift; the revision rises with what is seen."""
    row = _one(connection, number)
    columns = _columns(finding)
    revision = row.revision
    if row.seen != finding.seen:
        revision += 1
        columns |= {"decision": None, "updated_at": now, "status": DriftStatus.OPEN.value}
        _history(connection, number, revision, now, "changed", finding)
    else:
        if row.decision is None and finding.verdict is not Verdict.REVERT:
            columns["status"] = DriftStatus.OPEN.value
        _history(connection, number, revision, now, "judged", finding)
    _change(connection, number, revision=revision, **columns)


def close_drift(
    connection: Connection,
    number: int,
    status: DriftStatus,
    *,
    now: datetime,
    cause: str | None = None,
) -> None:
    """Close a standing drift; one whose revert is under way is not withdrawn but reverted."""
    row = _one(connection, number)
    if not DriftStatus(row.status).standing:
        return
    final = status
    if status is DriftStatus.WITHDRAWN and row.status == DriftStatus.REVERTING:
        final = DriftStatus.REVERTED
    decision = UNWRITTEN if final is DriftStatus.SUPERSEDED else row.decision
    _change(connection, number, status=final.value, closed_at=now, cause=cause, decision=decision)
    _entry(connection, number, row.revision, now, str(final), {})
    audit.append(
        connection,
        at=now,
        actor=ENGINE,
        action=f"drift.{final}",
        subject=f"drift:{number}",
        detail={},
    )


def written(connection: Connection, calendar_id: int, uids: Iterable[str]) -> None:
    """Note that what the store says of these events stands there: the same edit is a new one."""
    for some in batches(uids):
        if some:
            connection.execute(_WRITTEN, {"of_calendar": calendar_id, "uids": some})


def end_dismissal(connection: Connection, number: int, *, now: datetime) -> None:
    """Note that what was dismissed stands no more: the same edit, made again, is a new drift."""
    row = _one(connection, number)
    _change(connection, number, decision=None)
    _entry(connection, number, row.revision, now, "dismissal_ended", {})


def set_reverting(
    connection: Connection, calendar_id: int, keys: Iterable[DriftKey], *, now: datetime
) -> dict[DriftKey, int]:
    """Mark standing drifts as being reverted; returns their numbers by key."""
    found: dict[DriftKey, int] = {}
    for key in keys:
        row = _standing(connection, calendar_id, key)
        if row is None:
            continue
        found[key] = int(row.id)
        if row.status != DriftStatus.REVERTING:
            cause = None if row.cause in {PUT_OFF, RETRIED_LATER} else row.cause
            _change(connection, row.id, status=DriftStatus.REVERTING.value, cause=cause)
            _entry(connection, row.id, row.revision, now, "reverting", {})
    return found


def put_off(connection: Connection, numbers: Iterable[int], *, now: datetime) -> None:
    """Have reverts, under way or decided, say that they wait because their calendar is held."""
    for number in numbers:
        row = _one(connection, number)
        decided = (
            row.status == DriftStatus.OPEN and row.decision == Verdict.REVERT and row.cause is None
        )
        if row.status == DriftStatus.REVERTING or decided:
            _change(connection, number, status=DriftStatus.OPEN.value, cause=PUT_OFF)
            _entry(connection, number, row.revision, now, "put_off", {"cause": PUT_OFF})


def await_retry(
    connection: Connection, calendar_id: int, keys: Iterable[DriftKey], *, now: datetime
) -> None:
    """Have drifts say that their revert waits until a refused write is tried again."""
    for key in keys:
        row = _standing(connection, calendar_id, key)
        if row is None or (row.status == DriftStatus.OPEN and row.cause is not None):
            continue
        cause = row.cause or RETRIED_LATER
        _change(connection, row.id, status=DriftStatus.OPEN.value, cause=cause)
        _entry(connection, row.id, row.revision, now, "put_off", {"cause": cause})


def reopen(connection: Connection, numbers: Iterable[int], *, now: datetime, cause: str) -> None:
    """Put drifts back to open because the write that should undo them was refused for good."""
    for number in numbers:
        row = _one(connection, number)
        if row.status != DriftStatus.REVERTING:
            continue
        _change(connection, number, status=DriftStatus.OPEN.value, decision=None, cause=cause)
        _entry(connection, number, row.revision, now, "refused", {"cause": cause})


def _one(connection: Connection, number: int) -> _Known:
    return connection.execute(_ONE, {"number": number}).one()


def _change(connection: Connection, number: int, **columns: Any) -> None:
    connection.execute(_CHANGE, {"number": number, **columns})


def _standing(connection: Connection, calendar_id: int, key: DriftKey) -> _Known | None:
    given = {"of_calendar": calendar_id, "of_uid": key.uid}
    if key.slot is None:
        return connection.execute(_STANDING_WHOLE, given).first()
    return connection.execute(_STANDING_SLOT, {**given, "of_slot": key.slot}).first()


def _columns(finding: Finding) -> dict[str, Any]:
    items = None
    after = finding.after
    if finding.after is not None and "seen" in finding.after:
        items, after = finding.after["seen"], None
    subject = finding.subject
    return {
        "kind": finding.kind.value,
        "changes": {str(aspect): str(kind) for aspect, kind in finding.changes.items()},
        "severity": finding.severity.value,
        "verdict": finding.verdict.value,
        "contested": finding.contested,
        "cause": finding.cause,
        "occurrence": finding.occurrence,
        "subject_kind": None if subject is None else subject.kind.value,
        "subject_ref": None if subject is None else subject.ref,
        "appointment": finding.appointment,
        "appointments": list(finding.appointments),
        "redated": list(finding.redated),
        "items": items,
        "before": None if finding.before is None else dict(finding.before),
        "after": None if after is None else dict(after),
        "seen": finding.seen,
    }


def _history(
    connection: Connection, number: int, revision: int, now: datetime, event: str, finding: Finding
) -> None:
    detail = {
        "kind": str(finding.kind),
        "verdict": str(finding.verdict),
        "before": finding.before,
        "after": finding.after,
    }
    _entry(connection, number, revision, now, event, detail)


def _entry(
    connection: Connection,
    number: int,
    revision: int,
    now: datetime,
    event: str,
    detail: Mapping[str, Any],
) -> None:
    entry = {
        "drift_id": number,
        "revision": revision,
        "at": now,
        "event": event,
        "actor": ENGINE,
        "detail": detail,
    }
    connection.execute(_ENTRY, entry)
