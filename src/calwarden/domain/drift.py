"""Drift: one difference, caused from outside, of what stands in a calendar from what should."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from calwarden.domain.event import EventBody, Recurrence, Subject
from calwarden.domain.wall_time import Slot


class DriftKind(StrEnum):
    """What happened outside. Declared from the most to the least severe."""

    CALENDAR_GONE = "calendar_gone"
    CALENDAR_EMPTIED = "calendar_emptied"
    MASS_CHANGE = "mass_change"
    DELETED = "deleted"
    MOVED_CALENDAR = "moved_calendar"
    OUT_OF_OFFICE_REMOVED = "out_of_office_removed"
    CANCELLED = "cancelled"
    OCCURRENCE_DELETED = "occurrence_deleted"
    SERIES_SPLIT = "series_split"
    RECURRENCE_CHANGED = "recurrence_changed"
    MOVED = "moved"
    OCCURRENCE_MOVED = "occurrence_moved"
    ALL_DAY = "all_day"
    RESIZED = "resized"
    DECLINED = "declined"
    ATTENDEES_CHANGED = "attendees_changed"
    EXPOSED = "exposed"
    RETITLED = "retitled"
    COPIED = "copied"
    OVERLAP = "overlap"
    FREED = "freed"
    LOCATION_CHANGED = "location_changed"
    ZONE_CHANGED = "zone_changed"
    DETAILS_EDITED = "details_edited"

    @property
    def rank(self) -> int:
        """Place in the order of severity; 0 is the most severe."""
        return _RANKS[self]


_RANKS = {kind: place for place, kind in enumerate(DriftKind)}

CASES = frozenset({DriftKind.MASS_CHANGE, DriftKind.CALENDAR_EMPTIED})
"""Kinds that stand for a whole calendar and list their items."""

PRIVACY = frozenset({DriftKind.EXPOSED, DriftKind.ATTENDEES_CHANGED, DriftKind.RETITLED})


class Aspect(StrEnum):
    """A group of managed fields that changes, is judged and is written together."""

    EXISTENCE = "existence"
    TIME = "time"
    RESPONSE = "response"
    PRIVACY = "privacy"
    ATTENDEES = "attendees"
    TITLE = "title"
    BUSY = "busy"
    LOCATION = "location"
    DETAILS = "details"


FIELDS: Mapping[Aspect, tuple[str, ...]] = {
    Aspect.EXISTENCE: ("cancelled",),
    Aspect.TIME: ("start", "end", "all_day", "floating"),
    Aspect.RESPONSE: ("declined",),
    Aspect.PRIVACY: ("private",),
    Aspect.ATTENDEES: ("attendees",),
    Aspect.TITLE: ("title",),
    Aspect.BUSY: ("busy",),
    Aspect.LOCATION: ("location",),
    Aspect.DETAILS: ("details",),
}
"""The fields of an `EventBody` that make up each aspect."""

SCHEDULE = frozenset({Aspect.EXISTENCE, Aspect.TIME})
"""The aspects on which a date of service hangs."""


class Severity(StrEnum):
    """How much a drift matters, most first."""

    CLAIM = "claim"
    SCHEDULE = "schedule"
    PRIVACY = "privacy"
    COSMETIC = "cosmetic"


class Verdict(StrEnum):
    """What policy or a person says about a drift."""

    REVERT = "revert"
    FLAG = "flag"
    IGNORE = "ignore"
    HOLD = "hold"


class DriftStatus(StrEnum):
    """Life of a drift."""

    OPEN = "open"
    REVERTING = "reverting"
    REVERTED = "reverted"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"

    @property
    def standing(self) -> bool:
        """Whether the drift still waits for a revert or a person."""
        return self in {DriftStatus.OPEN, DriftStatus.REVERTING}


UNWRITTEN = "unwritten"
"""The decision of a drift that the store overruled, until what the store says is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftKey:
    """Identity of a drift in its calendar: the event, and the slot if one occurrence is meant."""

    uid: str
    slot: Slot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDrift:
    """A drift of the ledger as the next decision needs it.

    ``decision`` is a person's ``revert``, or what it still waits for. ``since`` is when it last
    changed. ``seen`` is the digest of the observed values that it stands for; ``items`` holds those
    of a case's items by ``uid`` or ``uid/slot``.
    """

    id: int
    key: DriftKey
    kind: DriftKind
    status: DriftStatus
    verdict: Verdict
    seen: str
    since: datetime
    revision: int = 1
    decision: str | None = None
    contested: bool = False
    items: Mapping[str, str] | None = None

    @property
    def decided(self) -> bool:
        """Whether a person asked for the revert of exactly this."""
        return self.decision == Verdict.REVERT


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A drift as this look found it, before it is matched with the ledger.

    ``verdicts`` judges each changed aspect; ``verdict`` is that of ``kind``. ``appointments`` are
    the refs of unstarted and directly meant appointments it is about, ``redated`` those whose date
    of service would differ or cease. ``occurrence`` is the slot to show: of a split the first
    changed one. ``elements`` are the slots and aspects it speaks of. ``companions`` are remote ids
    that came into being by the same act and go when it is reverted.
    """

    key: DriftKey
    kind: DriftKind
    changes: Mapping[Aspect, DriftKind]
    severity: Severity
    verdict: Verdict
    verdicts: Mapping[Aspect, Verdict]
    seen: str
    subject: Subject | None = None
    appointment: str | None = None
    appointments: tuple[str, ...] = ()
    redated: tuple[str, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    companions: tuple[str, ...] = ()
    elements: frozenset[tuple[Slot | None, Aspect]] = frozenset()
    contested: bool = False
    superseded: bool = False
    cause: str | None = None
    occurrence: Slot | None = None


def recurrence_text(recurrence: Recurrence | None) -> str | None:
    """Return a rule as RFC 5545 spells it, without the parts that its start implies; None: none.

    One that cannot be read or has dates of its own is ``other``.
    """
    if recurrence is None:
        return None
    if not recurrence.supported or recurrence.extra:
        return "other"
    end = "" if recurrence.count is None else f";COUNT={recurrence.count}"
    return f"{recurrence.rule}{end}"


def snapshot(body: EventBody | None, base: EventBody | None = None) -> dict[str, Any] | None:
    """Return what the ledger shows of a body: times in the clear, of texts whether they changed."""
    if body is None or body.cancelled:
        return None
    shown: dict[str, Any] = {
        "start": body.start.isoformat(),
        "end": body.end.isoformat(),
        "timezone": getattr(body.start.tzinfo, "key", "UTC"),
        "all_day": body.all_day,
        "private": body.private,
        "busy": body.busy,
    }
    if base is not None:
        shown |= {
            "title_changed": body.title != base.title,
            "location_changed": body.location != base.location,
            "attendees_changed": body.attendees != base.attendees,
            "declined": body.declined,
        }
    return shown
