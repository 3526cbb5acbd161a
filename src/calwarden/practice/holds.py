"""Holds of claims, derived from the ledger of drifts and the open reschedule requests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import CASES
from calwarden.domain.hold import NEAR, Contradiction, drift_hold, request_hold
from calwarden.store import asks, drifts
from calwarden.store.drifts import DriftRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a date of service is in doubt: an open drift at a revision, or (no drift) an open ask."""

    reason: str
    drift: int | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """Every open cause at one moment, by the appointments it is about."""

    now: datetime
    near: timedelta = NEAR
    standing: dict[str, list[DriftRow]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, connection: Connection, now: datetime, *, near: timedelta = NEAR) -> Self:
        """Load what is open. ``near`` is the policy's span before the start."""
        standing: dict[str, list[DriftRow]] = {}
        for row in drifts.search(connection, statuses=drifts.STANDING):
            for ref in concerned(row):
                standing.setdefault(ref, []).append(row)
        open_asks = asks.search(connection, statuses=asks.STANDING)
        asked = {ask.appointment: ask.id for ask in open_asks}
        return cls(now=now, near=near, standing=standing, asked=asked)

    def causes(self, appointment: Appointment, zone: str) -> tuple[Cause, ...]:
        """Return why the date of service of an appointment, dated in ``zone``, is in doubt."""
        return tuple(self._causes(appointment, zone))

    def _causes(self, appointment: Appointment, zone: str) -> Iterator[Cause]:
        asked = request_hold(appointment, self.asked.get(appointment.ref))
        if asked is not None:
            yield Cause(reason=asked)
        for row in self.standing.get(appointment.ref, ()):
            said = _said(row, appointment.ref)
            reason = drift_hold(appointment, said, zone=zone, now=self.now, near=self.near)
            if reason is not None:
                yield Cause(reason=reason, drift=row.id, revision=row.revision)


def concerned(row: DriftRow) -> set[str]:
    """Return the refs of the appointments that a drift is about, a case's items included."""
    refs = {*row.appointments, *([row.appointment] if row.appointment else [])}
    if row.kind in CASES and row.before is not None:
        for item in row.before.get("items", ()):
            refs |= {item["appointment"], *item["appointments"]} - {None}
    return refs


def _said(row: DriftRow, ref: str) -> Contradiction:
    after: Any = row.after or {}
    direct = row.appointment == ref
    start = after.get("start") if direct else None
    return Contradiction(
        drift=row.id,
        kind=row.kind,
        redated=ref in row.redated,
        direct=direct,
        start=None if start is None else datetime.fromisoformat(start),
        all_day=bool(after.get("all_day")),
    )
