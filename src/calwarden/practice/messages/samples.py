"""Sample messages of every kind, for previews and for trying a practice's own templates."""

from datetime import UTC, datetime, timedelta
from typing import Any

from calwarden.domain.appointment import Appointment, Place
from calwarden.domain.drift import DriftKind
from calwarden.domain.message import MessageKind, MessageStatus, Reader, Recipient
from calwarden.domain.wall_time import parse_local
from calwarden.practice.messages.correspondence import Correspondence
from calwarden.store.outbox import OutboxMessage

ZONE = "America/New_York"
NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)


def sample(
    reader: Reader, kind: MessageKind, *, practice: str = "Harbor Practice", url: str
) -> tuple[OutboxMessage, Correspondence]:
    """Return a message of a kind and its people, all made up."""
    client = reader is Reader.CLIENT
    if reader is Reader.BILLING:
        return _digest(practice)
    to = Recipient(reader=reader, ref="c-100" if client else "dr-lee")
    message = OutboxMessage(
        id=1,
        message_id="<sample@calwarden>",
        kind=kind,
        recipient=to,
        appointment="a-1",
        facts=_facts(kind, url),
        status=MessageStatus.WAITING,
        attempts=0,
        next_attempt_at=NOW,
        problem=None,
        created_at=NOW,
        sent_at=None,
    )
    people = Correspondence(
        to=to,
        name="Sam Rivera" if client else "Dana Lee",
        address="sam@client.example" if client else "dana@harbor.example",
        zone="America/Chicago" if client else ZONE,
        practice=practice,
        provider="Dana Lee",
        appointment=None if kind in {MessageKind.PROPOSAL, MessageKind.RELINK_NEEDED} else _one(),
        following=_one() if kind is MessageKind.CANCELLED else None,
        linked=not client,
    )
    return message, people


def _digest(practice: str) -> tuple[OutboxMessage, Correspondence]:
    """Return the digest, which speaks of nobody's appointment alone."""
    to = Recipient.billing("billing@harbor.example")
    held = {
        "claim": "cl-7",
        "appointment": "a-7",
        "date_of_service": "2026-11-27",
        "payer": "ACME",
        "reasons": ["drift 12 (moved) is open on an appointment that has started"],
    }
    item = {
        "id": 4,
        "claim": "cl-3",
        "days_left": 21,
        "message": "Claim cl-3 was voided. Send it again as a new original (frequency code 1) with "
        "the date of service 2026-09-22.",
    }
    message = OutboxMessage(
        id=1,
        message_id="<sample@calwarden>",
        kind=MessageKind.DIGEST,
        recipient=to,
        appointment=None,
        facts={
            "day": "2026-11-30",
            "waiting": 3,
            "contested": 1,
            "oldest_days": 2,
            "reverted": 5,
            "held": [held],
            "held_more": 0,
            "work": [item],
            "work_more": 0,
        },
        status=MessageStatus.WAITING,
        attempts=0,
        next_attempt_at=NOW,
        problem=None,
        created_at=NOW,
        sent_at=None,
    )
    people = Correspondence(
        to=to, name="Billing", address=to.ref, zone=ZONE, practice=practice, provider=""
    )
    return message, people


def _one() -> Appointment:
    return Appointment(
        ref="a-1",
        provider="dr-lee",
        client="c-100",
        start=parse_local("2026-12-10T14:00", ZONE),
        minutes=50,
        place=Place.TELEHEALTH,
    )


def _facts(kind: MessageKind, url: str) -> dict[str, Any]:
    one = _told("2026-12-10T14:00")
    asked = {
        "ask": 1,
        "appointment": {**one, "cancelled": kind is MessageKind.ASK_EXPIRED},
        "deadline": (NOW + timedelta(hours=48)).isoformat(),
        "reason": "I am away on that day",
        "note": "Mornings in the following week are good for me.",
        "next": None,
    }
    cancelled = {
        "appointment": {**one, "cancelled": True},
        "by": Reader.CLIENT.value,
        "reason": None,
        "fee": "75.00",
        "next": _told("2026-12-17T14:00"),
    }
    change = {"before": _told("2026-12-08T10:00"), "after": one}
    special: dict[MessageKind, dict[str, Any]] = {
        MessageKind.BOOKED: {"appointments": [one]},
        MessageKind.MOVED: {"changes": [change]},
        MessageKind.CANCELLED: cancelled,
        MessageKind.PROPOSAL: {"drifts": _drifts(url)},
        MessageKind.RELINK_NEEDED: {"calendar": 1, "name": "Work", "connector": "google"},
        MessageKind.PORTAL_MESSAGE: {"appointment": one, "thread": 1},
    }
    return special.get(kind, asked)


def _drifts(url: str) -> list[dict[str, Any]]:
    was, wanted = _told("2026-12-08T10:00"), _told("2026-12-08T14:00")
    base = {"revision": 1, "calendar": "Work", "appointment": "a-1", "count": 1, "before": was}
    moved = {
        **base,
        "drift": 1,
        "kind": DriftKind.MOVED.value,
        "put_back": True,
        "after": wanted,
        "address": f"{url}/p/SAMPLE-1",
    }
    deleted = {
        **base,
        "drift": 2,
        "kind": DriftKind.DELETED.value,
        "put_back": False,
        "after": None,
        "address": f"{url}/p/SAMPLE-2",
    }
    return [moved, deleted]


def _told(start: str) -> dict[str, Any]:
    begins = parse_local(start, ZONE)
    return {
        "ref": "a-1",
        "provider": "dr-lee",
        "client": "c-100",
        "place": Place.TELEHEALTH.value,
        "start": begins.isoformat(),
        "end": (begins + timedelta(minutes=50)).isoformat(),
        "timezone": ZONE,
        "cancelled": False,
        "sequence": 2,
    }
