"""Cancelling: the end of an appointment, offered after the two ways of rescheduling it.

A client who keeps an appointment at another time keeps the treatment; one who was cancelled often
does not come back. So every page and help text names rescheduling first.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.ask import AskStatus
from calwarden.domain.message import Reader
from calwarden.domain.refusal import Refused
from calwarden.domain.rules import Rules
from calwarden.practice import departures, drift_endings, messages, standing_asks
from calwarden.practice.appointments import started
from calwarden.practice.series import resolve
from calwarden.store import appointments, audit, charges, people
from calwarden.store.charges import Charge
from calwarden.store.departures import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Why an appointment is cancelled, by whom, and whether the client pays the late fee."""

    reason: str
    late_fee: bool = False
    by: Reader = Reader.PROVIDER


def cancel(
    tx: Connection, ref: str, wanted: Cancellation, *, rules: Rules, now: datetime, actor: str
) -> Appointment:
    """Cancel what has not started, and tell both people.

    The late fee is what the provider has set, charged to the client and never part of a claim; it
    is refused while the client could still have cancelled online. Raises `Refused`, `NotFound`.
    """
    before = resolve(tx, ref, now=now)
    _demand_cancellable(before, now)
    if not wanted.reason.strip():
        raise Refused("cancelling needs a reason", next_step="give it with --reason")
    fee = _fee(tx, before, rules, now) if wanted.late_fee else None
    status = Status.CANCELLED if fee is None else Status.LATE_CANCELLED
    after = replace(before, status=status, late_fee=fee)
    end(tx, before, after, wanted.reason.strip(), now=now, actor=actor)
    asked = standing_asks.close(tx, ref, _answer(wanted.by), now=now, actor=actor)
    if asked is None:
        departures.note(tx, before, Path.CANCELLATION, now=now)
    if fee is not None:
        _charge(tx, after, fee, now)
    messages.cancelled(tx, after, by=wanted.by, reason=wanted.reason.strip(), fee=fee, now=now)
    return after


def end(
    tx: Connection,
    before: Appointment,
    after: Appointment,
    reason: str,
    *,
    now: datetime,
    actor: str,
) -> None:
    """Store the end of an appointment, and close the drifts that waited for it."""
    appointments.save(tx, after, now=now, reason=reason)
    audit.append(
        tx,
        at=now,
        actor=actor,
        action=f"appointment.{after.status.value}",
        subject=f"appointment:{after.ref}",
        detail={"before": before.status.value, "late_fee": after.late_fee},
    )
    drift_endings.after_cancelling(tx, after, now=now, actor=actor)


def _answer(by: Reader) -> AskStatus:
    return AskStatus.ANSWERED if by is Reader.CLIENT else AskStatus.WITHDRAWN


def _demand_cancellable(one: Appointment, now: datetime) -> None:
    if not one.status.stands:
        raise Refused(
            f"appointment {one.ref} is {one.status.value} already",
            next_step="there is nothing to cancel",
        )
    if started(one, now) or one.status in {Status.COMPLETED, Status.NO_SHOW}:
        raise Refused(
            f"appointment {one.ref} has started, and what has started is not cancelled",
            next_step=f"if nobody came: calwarden appointments no-show {one.ref}",
        )


def _fee(tx: Connection, one: Appointment, rules: Rules, now: datetime) -> str:
    if not rules.late(one.start, now):
        raise Refused(
            f"appointment {one.ref} is {rules.notice_text} or more ahead, and a late fee is only "
            "for less",
            next_step="cancel it without --late-fee",
        )
    fee = people.get_provider(tx, one.provider).late_cancellation_fee
    if fee is None:
        raise Refused(
            f"provider {one.provider} has set no late-cancellation fee",
            next_step="cancel it without --late-fee, or import the provider's "
            "late_cancellation_fee first",
        )
    return fee


def _charge(tx: Connection, one: Appointment, fee: str, now: datetime) -> None:
    charge = Charge(
        appointment=one.ref, client=one.client, provider=one.provider, amount=fee, charged_at=now
    )
    charges.insert_one(tx, charge)
