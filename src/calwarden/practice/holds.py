"""Holds of claims, derived from the ledger of drifts and the open reschedule requests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import CASES
from calwarden.domain.hold import NEAR, Contradiction, drift_hold, request_hold
from calwarden.store import drifts
from calwarden.store.drifts import DriftRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """Every open cause at one moment, by the appointments it is about."""

    now: datetime
    near: timedelta = NEAR
    standing: dict[str, list[DriftRow]] = field(default_factory=dict)

    @classmethod
    def at(cls, connection: Connection, now: datetime, *, near: timedelta = NEAR) -> Self:
        """Load what is open. ``near`` is the policy's span before the start."""
        standing: dict[str, list[DriftRow]] = {}
        for row in drifts.search(connection, statuses=drifts.STANDING):
            for ref in concerned(row):
                standing.setdefault(ref, []).append(row)
        return cls(now=now, near=near, standing=standing)

    def reasons(self, appointment: Appointment, zone: str) -> tuple[str, ...]:
        """Return why the claim of an appointment, dated in ``zone``, may not be sent."""
        return tuple(reason for _, reason in self._causes(appointment, zone))

    def drifts(self, appointment: Appointment, zone: str) -> frozenset[int]:
        """Return the numbers of the drifts that hold the claim of an appointment."""
        return frozenset(drift for drift, _ in self._causes(appointment, zone) if drift)

    def _causes(self, appointment: Appointment, zone: str) -> Iterator[tuple[int, str]]:
        asked = request_hold(appointment)
        if asked is not None:
            yield 0, asked
        for row in self.standing.get(appointment.ref, ()):
            said = _said(row, appointment.ref)
            reason = drift_hold(appointment, said, zone=zone, now=self.now, near=self.near)
            if reason is not None:
                yield row.id, reason


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
