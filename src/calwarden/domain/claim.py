"""Insurance claims: their life, their date of service, and whether one may be sent now.

The date of service is what must never be wrong. A claim is *on file* while the payer has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from calwarden.domain.appointment import Place, Status
from calwarden.domain.practice import Correction, ZoneOfService
from calwarden.domain.wall_time import local_date


class ClaimStatus(StrEnum):
    """Life of a claim."""

    DRAFT = "draft"
    READY = "ready"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    PAID = "paid"
    DENIED = "denied"
    VOID = "void"

    @property
    def on_file(self) -> bool:
        """Whether the payer has it."""
        return self in {ClaimStatus.SUBMITTED, ClaimStatus.ACCEPTED} or self.adjudicated

    @property
    def adjudicated(self) -> bool:
        """Whether the payer has decided it: only then can it be replaced or voided."""
        return self in {ClaimStatus.PAID, ClaimStatus.DENIED}

    @property
    def correctable(self) -> bool:
        """Whether its date of service follows the appointment by itself."""
        return self in {ClaimStatus.DRAFT, ClaimStatus.READY, ClaimStatus.REJECTED}


SUCCESSORS: Mapping[ClaimStatus, frozenset[ClaimStatus]] = {
    ClaimStatus.DRAFT: frozenset({ClaimStatus.READY, ClaimStatus.VOID}),
    ClaimStatus.READY: frozenset({ClaimStatus.SUBMITTED, ClaimStatus.VOID}),
    ClaimStatus.REJECTED: frozenset({ClaimStatus.READY, ClaimStatus.SUBMITTED, ClaimStatus.VOID}),
    ClaimStatus.SUBMITTED: frozenset(
        {ClaimStatus.REJECTED, ClaimStatus.ACCEPTED, ClaimStatus.PAID, ClaimStatus.DENIED}
    ),
    ClaimStatus.ACCEPTED: frozenset({ClaimStatus.PAID, ClaimStatus.DENIED}),
    ClaimStatus.PAID: frozenset({ClaimStatus.VOID}),
    ClaimStatus.DENIED: frozenset({ClaimStatus.VOID}),
    ClaimStatus.VOID: frozenset(),
}
"""What comes after a status. Sending again what was adjudicated is `ClaimState.resendable`."""


class Frequency(StrEnum):
    """Claim frequency code (CLM05-3)."""

    ORIGINAL = "1"
    REPLACEMENT = "7"
    VOID = "8"


def deciding_zone(
    place: Place, *, place_of_service: str, provider: str, client: str, telehealth: ZoneOfService
) -> str:
    """Return the zone whose calendar dates the appointment: copied onto it at booking."""
    if place is Place.OFFICE:
        return place_of_service
    return provider if telehealth is ZoneOfService.PROVIDER else client


def date_of_service(start: datetime, zone: str) -> date:
    """Return the local calendar date of the true start in the zone that decides, never UTC's."""
    return local_date(start, zone)


def differing_dates(
    start: datetime, end: datetime, *, zone: str, client: str, provider: str
) -> tuple[str, ...]:
    """Return which other dates of the appointment are not its date of service.

    ``client``, ``provider`` and ``utc`` tell the start's date there, ``end`` the end's in ``zone``.
    """
    service = date_of_service(start, zone)
    others = {
        "client": local_date(start, client),
        "provider": local_date(start, provider),
        "utc": local_date(start, "UTC"),
        "end": local_date(end, zone),
    }
    return tuple(name for name, day in others.items() if day != service)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimState:
    """What decides about a claim: its own status and dates, its appointment, its payer.

    ``true_date`` is the date by the rule, ``filed_date`` the one the payer was last told.
    ``processed_date`` is the one of the processed claim that a replacement on its way would
    replace: a rejected replacement leaves that claim as it was.
    """

    status: ClaimStatus
    appointment: Status
    true_date: date
    filed_date: date | None = None
    processed_date: date | None = None
    control_number: str | None = None
    correction: Correction = Correction.REPLACE

    @property
    def took_place(self) -> bool:
        """Whether there is, or will be, a service to claim."""
        return self.appointment not in {Status.CANCELLED, Status.LATE_CANCELLED, Status.NO_SHOW}

    @property
    def due(self) -> Frequency | None:
        """What has to be sent next, ready or not; None where nothing has.

        A service that never happened is voided whatever the payer's setting; after a void of what
        had been on file the same claim goes again as an original.
        """
        if self.payer_has is not None:
            if not self.took_place:
                return Frequency.VOID
            if self.true_date == self.payer_has:
                return None
            return (
                Frequency.REPLACEMENT if self.correction is Correction.REPLACE else Frequency.VOID
            )
        if self.status is ClaimStatus.VOID and (self.filed_date is None or not self.took_place):
            return None
        return Frequency.ORIGINAL

    @property
    def payer_has(self) -> date | None:
        """The date of service in the payer's books; None where it has no claim of this service."""
        if self.status.on_file:
            return self.filed_date
        return self.processed_date if self.status is ClaimStatus.REJECTED else None

    @property
    def processed(self) -> bool:
        """Whether a claim that the payer has processed stands in its books."""
        return self.status.adjudicated or (self.payer_has is not None and not self.status.on_file)

    @property
    def resendable(self) -> bool:
        """Whether a claim that was adjudicated or voided has to go to the payer again."""
        if self.status.adjudicated:
            return self.due is Frequency.REPLACEMENT
        return self.status is ClaimStatus.VOID and self.due is Frequency.ORIGINAL

    @property
    def holdable(self) -> bool:
        """Whether an open question about its appointment holds it: it has yet to be sent."""
        if self.status.on_file:
            return self.status.adjudicated and self.due is Frequency.REPLACEMENT
        return self.status is not ClaimStatus.VOID or self.resendable

    @property
    def shown_date(self) -> date:
        """The date of service to show: the filed one once on file."""
        return self.filed_date if self.status.on_file and self.filed_date else self.true_date

    def may_become(self, status: ClaimStatus) -> bool:
        """Tell whether ``status`` comes next in the claim's life."""
        if status in {ClaimStatus.SUBMITTED, ClaimStatus.READY} and self.resendable:
            return status is ClaimStatus.SUBMITTED or self.status is ClaimStatus.VOID
        if self.status is ClaimStatus.REJECTED and self.processed and status.adjudicated:
            return True  # the replacement is given up
        return status in SUCCESSORS[self.status]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """Whether a claim may be sent now: with which date, frequency code and payer's claim number."""

    may_send: bool
    date_of_service: date
    frequency_code: Frequency | None
    original_reference: str | None
    reasons: tuple[str, ...]


def clearance(state: ClaimState, *, holds: tuple[str, ...], today: date) -> Clearance:
    """Answer whether the claim may be sent; ``today`` is told in the zone that decides.

    ``holds`` are the reasons of its open causes; a void withdraws what is on file and has none.
    """
    due = state.due
    again = due in {Frequency.REPLACEMENT, Frequency.VOID}
    dated = due in {Frequency.ORIGINAL, Frequency.REPLACEMENT}
    reasons = [*_status_reasons(state, due)]
    if dated:
        reasons += holds
    if dated and state.true_date > today:
        reasons.append(f"the date of service {state.true_date} is still to come")
    if again and not state.control_number:
        reasons.append("the payer's claim number is not known; set it with --control-number")
    return Clearance(
        may_send=due is not None and not reasons,
        date_of_service=state.true_date if dated else state.filed_date or state.true_date,
        frequency_code=due,
        original_reference=state.control_number if again else None,
        reasons=tuple(reasons),
    )


def _status_reasons(state: ClaimState, due: Frequency | None) -> list[str]:
    reasons = []
    if state.status is ClaimStatus.DRAFT:
        reasons.append("the claim is a draft; set it ready first")
    on_file = f"the claim is on file ({state.status})"
    if state.status.on_file and due is None:
        reasons.append(f"{on_file} with this date; there is nothing to send")
    elif state.status.on_file and not state.status.adjudicated:
        reasons.append(f"{on_file}; the payer must process the original first")
    elif state.status is ClaimStatus.VOID and due is None:
        reasons.append("the claim is void")
    elif due is None:
        reasons.append("the claim that the payer has processed has this date; nothing to send")
    if not state.status.on_file and not state.took_place:
        reasons.append(f"the appointment is {state.appointment}: there is no service to claim")
    return reasons
