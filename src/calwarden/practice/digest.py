"""The daily digest for billing: what must not go out, what to do, and what waits for a decision.

Made once a day of the practice, at the first chance from its hour on; where there is nothing to
say it says nothing, and no later chance of that day makes up for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.hold import NEAR
from calwarden.domain.message import MessageKind, Recipient
from calwarden.domain.wall_time import in_zone
from calwarden.practice.report import DriftReport
from calwarden.practice.report_rows import drift_report
from calwarden.practice.work_items import practice_zone
from calwarden.store import digests, outbox
from calwarden.store.outbox import NewMessage

MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Who gets it, and from which hour of the practice's day on."""

    recipients: tuple[str, ...]
    hour: int


def due(connection: Connection, digest: Digest, *, now: datetime) -> date | None:
    """Return the day whose digest is to be made now; None where none is."""
    local = in_zone(now, practice_zone(connection))
    if not digest.recipients or local.hour < digest.hour:
        return None
    return None if digests.made(connection, local.date()) else local.date()


def queue(tx: Connection, digest: Digest, *, now: datetime, near: timedelta = NEAR) -> int:
    """Queue the day's digest where it is due and says something; return how many messages."""
    day = due(tx, digest, now=now)
    if day is None:
        return 0
    report = drift_report(tx, now=now, near=near)
    told = bool(report.waiting or report.held or report.work)
    recipients = dict.fromkeys(digest.recipients) if told else {}
    for address in recipients:
        new = NewMessage(
            kind=MessageKind.DIGEST,
            to=Recipient.billing(address),
            key=day.isoformat(),
            facts=facts(report, day),
        )
        outbox.add(tx, new, now=now)
    digests.insert_one(tx, day, queued=len(recipients), now=now)
    return len(recipients)


def facts(report: DriftReport, day: date) -> dict[str, Any]:
    """Return what the digest of a day tells: numbers, and refs of claims and appointments."""
    oldest = report.oldest
    yesterday = report.made_at - timedelta(days=1)
    held = [
        {
            "claim": one.ref,
            "appointment": one.appointment,
            "date_of_service": one.date_of_service.isoformat(),
            "payer": one.payer,
            "reasons": list(one.reasons),
        }
        for one in report.held
    ]
    work = [
        {"id": one.id, "claim": one.claim, "days_left": one.days_left, "message": one.message}
        for one in report.work
    ]
    return {
        "day": day.isoformat(),
        "waiting": len(report.waiting),
        "contested": len(report.contested),
        "oldest_days": None if oldest is None else report.age_days(oldest),
        "reverted": sum(row.detected_at > yesterday for row in report.automatic),
        "held": held[:MOST_LISTED],
        "held_more": _beyond(held),
        "work": work[:MOST_LISTED],
        "work_more": _beyond(work),
    }


def _beyond(told: Sequence[object]) -> int:
    return max(0, len(told) - MOST_LISTED)
