"""The drift report: what changed outside in some days, what was done, what waits for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from calwarden.domain.claim import ClaimStatus
from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.wall_time import BadLocalTime, in_zone, zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """A claim as the report tells it. ``timezone`` dates it; ``reasons`` are those of its hold."""

    ref: str
    appointment: str
    payer: str
    status: ClaimStatus
    date_of_service: date
    timezone: str
    reasons: tuple[str, ...] = ()
    holding: frozenset[int] = frozenset()

    @property
    def held(self) -> bool:
        """Whether it may not be sent, whatever holds it."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLine:
    """An open work item as the report tells it; ``drift`` is the one that it is about, if any."""

    id: int
    claim: str
    appointment: str
    message: str
    days_left: int | None
    age_days: int
    assignee: str | None = None
    drift: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One drift as the report tells it.

    Clients appear by ref only, through the appointment. ``before`` and ``after`` are documents of
    the ledger (`calwarden.domain.drift.snapshot`); ``after`` is None where nothing stands.
    ``decided``: a person said what becomes of it.
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
    claims: tuple[ClaimLine, ...] = ()
    decided: bool = False
    reason: str | None = None

    @property
    def open(self) -> bool:
        """Whether somebody or something still has to act on it."""
        return self.status.standing

    @property
    def waiting(self) -> bool:
        """Whether a person has to decide: it stands, and policy does not put it back by itself."""
        return self.status is DriftStatus.OPEN and self.verdict in {Verdict.FLAG, Verdict.HOLD}

    @property
    def automatic(self) -> bool:
        """Whether it was put back without anybody's decision."""
        return self.status is DriftStatus.REVERTED and not self.decided


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
        return self.has(in_zone(moment, self.zone).date())

    def has(self, day: date) -> bool:
        """Tell whether a day is one of them."""
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
class Scope:
    """What a report is about; None: everything. ``payer`` keeps drifts with a claim to it."""

    provider: str | None = None
    payer: str | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The whole report, newest drift first.

    ``rows`` are of its days; ``held`` and ``work`` stand as of ``made_at``, whenever they came up.
    """

    practice: str
    days: Days
    made_at: datetime
    scope: Scope = field(default_factory=Scope)
    rows: Sequence[ReportRow] = field(default_factory=tuple)
    held: Sequence[ClaimLine] = field(default_factory=tuple)
    work: Sequence[WorkLine] = field(default_factory=tuple)

    @property
    def waiting(self) -> list[ReportRow]:
        """Drifts a person has to decide: contested ones, then by severity, the oldest first."""
        ranks = {severity: place for place, severity in enumerate(Severity)}
        return sorted(
            (row for row in self.rows if row.waiting),
            key=lambda row: (not row.contested, ranks[row.severity], row.detected_at, row.id),
        )

    @property
    def settled(self) -> list[ReportRow]:
        """Every other drift: being put back, put back, or closed some other way."""
        return [row for row in self.rows if not row.waiting]

    @property
    def under_way(self) -> list[ReportRow]:
        """Drifts that are put back by themselves, or by a person's decision, and stand still."""
        return [row for row in self.settled if row.open]

    @property
    def automatic(self) -> list[ReportRow]:
        """Drifts that were put back without anybody's decision."""
        return [row for row in self.rows if row.automatic]

    @property
    def closed(self) -> list[ReportRow]:
        """Drifts that were decided by a person, undone outside or overtaken."""
        return [row for row in self.settled if not row.open and not row.automatic]

    @property
    def contested(self) -> list[ReportRow]:
        """Drifts that wait because somebody fights back."""
        return [row for row in self.waiting if row.contested]

    @property
    def oldest(self) -> ReportRow | None:
        """The drift that has waited longest for a person."""
        return min(self.waiting, key=lambda row: (row.detected_at, row.id), default=None)

    @property
    def reverted(self) -> int:
        """How many were put back."""
        return sum(row.status is DriftStatus.REVERTED for row in self.rows)

    @property
    def held_claims(self) -> list[str]:
        """Refs of the claims that may not be sent while a question about them is open."""
        return sorted(claim.ref for claim in self.held)

    def age_days(self, row: ReportRow) -> int:
        """Return for how many days of the practice a drift has stood."""
        days = in_zone(self.made_at, self.days.zone).date()
        return (days - in_zone(row.detected_at, self.days.zone).date()).days


def moment_of(document: Mapping[str, Any] | None, key: str, zone: str) -> datetime | None:
    """Return ``start`` or ``end`` of a ledger document as wall time in ``zone``, if it has it."""
    text = None if document is None else document.get(key)
    return None if text is None else in_zone(datetime.fromisoformat(text), zone)
