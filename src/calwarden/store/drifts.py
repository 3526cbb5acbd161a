"""The ledger of drifts as rows, and what people decide about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, RowMapping, insert, select, update

from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.store.errors import NotFound
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import drift_history, drifts

_FIND = Search(select(drifts), number=drifts.c.id == value("number"))
_SEARCH = Search(
    select(drifts).order_by(drifts.c.id),
    statuses=drifts.c.status.in_(values("statuses")),
    provider=drifts.c.provider == value("provider"),
    severity=drifts.c.severity == value("severity"),
    calendar_id=drifts.c.calendar_id == value("calendar_id"),
    appointment=drifts.c.appointment == value("appointment"),
    since=drifts.c.detected_at >= value("since"),
    until=drifts.c.detected_at < value("until"),
)
_SAVE = update(drifts).where(drifts.c.id == value("number"))
_APPEND_HISTORY = insert(drift_history)

STANDING = tuple(status for status in DriftStatus if status.standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One drift. ``before`` and ``after`` are documents of times and flags, never of texts.

    ``occurrence`` is the slot to show. ``redated`` are the appointments whose date of service would
    differ or cease; ``items`` of a case maps each item to the digest of what was seen of it.
    """

    id: int
    calendar_id: int
    provider: str
    uid: str
    slot: str | None
    occurrence: str | None
    revision: int
    kind: DriftKind
    changes: Mapping[str, str]
    severity: Severity
    status: DriftStatus
    verdict: Verdict
    contested: bool
    decision: str | None
    reason: str | None
    cause: str | None
    subject_kind: str | None
    subject_ref: str | None
    appointment: str | None
    appointments: list[str]
    redated: list[str]
    items: Mapping[str, str] | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    seen: str
    proposal: str | None
    proposed_revision: int
    detected_at: datetime
    updated_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One entry in the history of a drift."""

    id: int
    drift_id: int
    revision: int
    at: datetime
    event: str
    actor: str
    detail: Mapping[str, Any]


class Conditions(TypedDict, total=False):
    """What to look for; ``since`` is inclusive and ``until`` exclusive, by detection."""

    statuses: Iterable[DriftStatus] | None
    provider: str | None
    severity: Severity | None
    calendar_id: int | None
    appointment: str | None
    since: datetime | None
    until: datetime | None


def find(connection: Connection, drift_id: int) -> DriftRow | None:
    """Return the drift; None where there is none."""
    row = _FIND.first(connection, number=drift_id)
    return None if row is None else _drift(row)


def get(connection: Connection, drift_id: int) -> DriftRow:
    """Return the drift; raises `NotFound`."""
    found = find(connection, drift_id)
    if found is None:
        raise NotFound("drift", drift_id)
    return found


def search(connection: Connection, **conditions: Unpack[Conditions]) -> list[DriftRow]:
    """Return the drifts that fit every given condition, by id."""
    given: dict[str, Any] = {**conditions}
    if (statuses := conditions.get("statuses")) is not None:
        given["statuses"] = [status.value for status in statuses]
    return [_drift(row) for row in _SEARCH.rows(connection, **given)]


def unproposed(connection: Connection) -> list[DriftRow]:
    """Return the drifts whose provider was not told of their last revision, by id."""
    query = select(drifts).where(drifts.c.proposed_revision < drifts.c.revision)
    return [_drift(row) for row in connection.execute(query.order_by(drifts.c.id)).mappings()]


def history(connection: Connection, drift_id: int) -> list[HistoryRow]:
    """Return what happened to a drift, oldest first."""
    query = select(drift_history).where(drift_history.c.drift_id == drift_id)
    rows = connection.execute(query.order_by(drift_history.c.id)).mappings()
    return [HistoryRow(**row) for row in rows]


def histories(connection: Connection, events: Iterable[str]) -> dict[int, list[HistoryRow]]:
    """Return the entries of some kinds in the histories of all drifts, oldest first."""
    query = select(drift_history).where(drift_history.c.event.in_(list(events)))
    found: dict[int, list[HistoryRow]] = {}
    for row in connection.execute(query.order_by(drift_history.c.id)).mappings():
        found.setdefault(row["drift_id"], []).append(HistoryRow(**row))
    return found


def save(connection: Connection, drift_id: int, **columns: Any) -> None:
    """Store some columns of a drift; raises `NotFound`."""
    if not connection.execute(_SAVE, {"number": drift_id, **columns}).rowcount:
        raise NotFound("drift", drift_id)


def append_history(
    connection: Connection,
    drift: DriftRow,
    *,
    at: datetime,
    event: str,
    actor: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry to the history of a drift, at its revision."""
    entry = {
        "drift_id": drift.id,
        "revision": drift.revision,
        "at": at,
        "event": event,
        "actor": actor,
        "detail": dict(detail or {}),
    }
    connection.execute(_APPEND_HISTORY, entry)


def _drift(row: RowMapping) -> DriftRow:
    typed = {
        "kind": DriftKind(row["kind"]),
        "status": DriftStatus(row["status"]),
        "severity": Severity(row["severity"]),
        "verdict": Verdict(row["verdict"]),
    }
    return DriftRow(**{**row, **typed})
