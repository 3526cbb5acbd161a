"""A linked calendar: one remote calendar that is written to and watched, or read for busy time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Role(StrEnum):
    """What a linked calendar is for."""

    MANAGED = "managed"
    BUSY = "busy"


class CalendarStatus(StrEnum):
    """Life of a link."""

    ACTIVE = "active"
    PAUSED = "paused"
    HELD = "held"
    NEEDS_RELINK = "needs_relink"
    GONE = "gone"
    UNLINKING = "unlinking"
    UNLINKED = "unlinked"


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedCalendar:
    """One link as stored. ``capabilities`` and ``probe`` are what linking found, as JSON values.

    ``planned_revision`` is the schedule revision of the last plan (0 asks for a new one);
    ``wake_at`` the first moment at which a plan may differ though nothing changed; ``not_before``
    the end of a Retry-After.
    """

    id: int
    provider: str
    connector: str
    remote_id: str
    created_at: datetime
    role: Role = Role.MANAGED
    name: str = ""
    account: str = ""
    status: CalendarStatus = CalendarStatus.ACTIVE
    status_reason: str | None = None
    credential_id: int | None = None
    capabilities: Mapping[str, Any] = field(default_factory=_nothing)
    probe: Mapping[str, Any] = field(default_factory=_nothing)
    limitations: Mapping[str, Any] | tuple[Any, ...] = field(default_factory=_nothing)
    keep_events: bool = False
    cursor: str | None = None
    cursor_at: datetime | None = None
    complete_at: datetime | None = None
    fence: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None
    planned_revision: int = 0
    wake_at: datetime | None = None
    not_before: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    due_at: datetime | None = None
    checked_at: datetime | None = None
    answered_at: datetime | None = None
    pushed_at: datetime | None = None
    push_problem: str | None = None
    push_retry_at: datetime | None = None
