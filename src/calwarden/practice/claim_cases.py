"""Claims with what decides about them: the appointment, the dates, the payer, every open cause."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection

from calwarden.domain import claim as rules
from calwarden.domain.appointment import Appointment
from calwarden.domain.claim import ClaimState, Clearance
from calwarden.domain.hold import NEAR
from calwarden.domain.practice import Client, Correction, Payer, Provider
from calwarden.domain.wall_time import local_date
from calwarden.domain.work import Length, Need, OpenCause, needs
from calwarden.practice.holds import Cause, Holds
from calwarden.store import appointments, claims, people
from calwarden.store.claims import ClaimRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim with what decides about it at one moment. ``causes`` are open, whatever they do."""

    row: ClaimRow
    appointment: Appointment
    state: ClaimState
    causes: tuple[Cause, ...]
    differs: tuple[str, ...]
    filing_limit: timedelta | None = None

    @property
    def holds(self) -> tuple[str, ...]:
        """The reasons of its hold; what is on file is never held."""
        return tuple(cause.reason for cause in self.causes) if self.state.holdable else ()

    @property
    def holding(self) -> frozenset[int]:
        """The numbers of the drifts among the causes of its hold."""
        if not self.state.holdable:
            return frozenset()
        return frozenset(cause.drift for cause in self.causes if cause.drift is not None)

    @property
    def needs(self) -> tuple[Need, ...]:
        """What it asks of a person."""
        row = self.row
        length = Length(
            minutes=self.appointment.minutes,
            chosen_for=row.scheduled_minutes,
            code=row.procedure_code,
            documented=row.documented_minutes,
        )
        causes = tuple(
            OpenCause(drift=cause.drift, revision=cause.revision, reason=cause.reason)
            for cause in self.causes
            if cause.drift is not None
        )
        return needs(row.ref, self.state, causes=causes, length=length)

    def document(self) -> dict[str, Any]:
        """Return the claim as JSON values; once on file, its date of service is the filed one."""
        return {
            "ref": self.row.ref,
            "appointment": self.row.appointment,
            "status": self.row.status.value,
            "date_of_service": self.state.shown_date.isoformat(),
            "timezone": self.row.dos_timezone,
            "held": bool(self.holds),
            "reasons": list(self.holds),
            "payer": self.row.payer,
            "control_number": self.row.control_number,
            "procedure_code": self.row.procedure_code,
            "documented_minutes": self.row.documented_minutes,
            "differs": list(self.differs),
        }

    def clearance(self, now: datetime) -> Clearance:
        """Answer whether the claim may be sent at this moment."""
        return rules.clearance(self.state, holds=self.holds, today=self.today(now))

    def today(self, now: datetime) -> date:
        """Return the date of a moment in the zone that dates the claim."""
        return local_date(now, self.row.dos_timezone)

    def days_left(self, today: date) -> int | None:
        """Return the days to the payer's filing limit, which runs from the true date of service."""
        if self.filing_limit is None:
            return None
        return (self.state.true_date + self.filing_limit - today).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Who has a say in dates and corrections, and every open cause, loaded once for many claims."""

    clients: Mapping[str, Client]
    providers: Mapping[str, Provider]
    payers: Mapping[str, Payer]
    holds: Holds

    @classmethod
    def at(cls, connection: Connection, now: datetime, *, near: timedelta = NEAR) -> Self:
        """Load what stands at a moment; ``near`` is the policy's span before the start."""
        return cls(
            clients={one.ref: one for one in people.clients(connection)},
            providers={one.ref: one for one in people.providers(connection)},
            payers={one.ref: one for one in people.payers(connection)},
            holds=Holds.at(connection, now, near=near),
        )


def case_of(connection: Connection, ref: str, *, now: datetime, near: timedelta = NEAR) -> Case:
    """Return one claim with what decides about it; raises `NotFound`."""
    return next(cases(connection, [claims.get(connection, ref)], now, near))


def cases(
    connection: Connection,
    rows: list[ClaimRow],
    now: datetime,
    near: timedelta = NEAR,
    *,
    around: Surroundings | None = None,
) -> Iterator[Case]:
    """Yield claims with what decides about them, as of ``now`` or of when ``around`` was loaded."""
    if not rows:
        return
    known = around or Surroundings.at(connection, now, near=near)
    wanted = {row.appointment for row in rows}
    meant = {one.ref: one for one in appointments.search(connection, refs=sorted(wanted))}
    for row in rows:
        yield _case(row, meant[row.appointment], known)


def _case(row: ClaimRow, one: Appointment, known: Surroundings) -> Case:
    payer = known.payers.get(row.payer)
    state = ClaimState(
        status=row.status,
        appointment=one.status,
        true_date=rules.date_of_service(one.start, row.dos_timezone),
        filed_date=row.filed_date_of_service,
        processed_date=row.processed_date_of_service,
        control_number=row.control_number,
        correction=payer.correction if payer else Correction.REPLACE,
    )
    return Case(
        row=row,
        appointment=one,
        state=state,
        causes=known.holds.causes(one, row.dos_timezone),
        filing_limit=timedelta(days=payer.filing_limit_days) if payer else None,
        differs=rules.differing_dates(
            one.start,
            one.end,
            zone=row.dos_timezone,
            client=known.clients[one.client].timezone,
            provider=known.providers[one.provider].timezone,
        ),
    )
