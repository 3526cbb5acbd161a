"""The drift report: what changed outside in some days, what was done, what waits for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.wall_time import BadLocalTime, in_zone, zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One drift as the report tells it.

    Clients appear by ref only, through the appointment. ``before`` and ``after`` are documents of
    the ledger (`calwarden.domain.drift.snapshot`); ``after`` is None where nothing stands.
    """

    id: int
    revision: int
    kind: DriftKind
    severity: Severity
    status: DriftStatus
    verdict: Verdict
    provider: str
    provider_name: str
    calendar: int
    appointment: str | None
    detected_at: datetime
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    timezone: str
    appointments: tuple[str, ...] = ()
    occurrence: str | None = None
    contested: bool = False
    claim: str | None = None
    claim_held: bool = False
    reason: str | None = None

    @property
    def open(self) -> bool:
        """Whether somebody or something still has to act on it."""
        return self.status.standing

    @property
    def waiting(self) -> bool:
        """Whether a person has to decide: it stands, and policy does not put it back by itself."""
        return self.status is DriftStatus.OPEN and self.verdict in {Verdict.FLAG, Verdict.HOLD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Local days of the practice, both inclusive; None: without that end."""

    zone: str
    since: date | None = None
    until: date | None = None

    def start(self) -> datetime | None:
        """Return the first moment of the span."""
        return None if self.since is None else self._midnight(self.since)

    def end(self) -> datetime | None:
        """Return the first moment behind the span."""
        return None if self.until is None else self._midnight(self.until + timedelta(days=1))

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment lies on one of the days."""
        day = in_zone(moment, self.zone).date()
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=zone_named(self.zone))


def read_day(text: str) -> date:
    """Read a day as people write it in an option; raises `BadLocalTime`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadLocalTime(f"{text!r} is not a day; write it as 2026-12-01") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The whole report, newest drift first."""

    practice: str
    days: Days
    made_at: datetime
    rows: Sequence[ReportRow] = field(default_factory=tuple)

    @property
    def waiting(self) -> list[ReportRow]:
        """Drifts a person has to decide, the most severe first."""
        ranks = {severity: place for place, severity in enumerate(Severity)}
        return sorted(
            (row for row in self.rows if row.waiting), key=lambda row: ranks[row.severity]
        )

    @property
    def settled(self) -> list[ReportRow]:
        """Every other drift: being put back, put back, or closed some other way."""
        return [row for row in self.rows if not row.waiting]

    @property
    def reverted(self) -> int:
        """How many were put back."""
        return sum(row.status is DriftStatus.REVERTED for row in self.rows)

    @property
    def held_claims(self) -> list[str]:
        """Refs of the claims that a drift of this report holds."""
        return sorted({row.claim for row in self.rows if row.claim is not None and row.claim_held})


def moment_of(document: Mapping[str, Any] | None, key: str, zone: str) -> datetime | None:
    """Return ``start`` or ``end`` of a ledger document as wall time in ``zone``, if it has it."""
    text = None if document is None else document.get(key)
    return None if text is None else in_zone(datetime.fromisoformat(text), zone)
