"""What one poll did, as a value."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from calwarden.domain.drift import Finding


class PollOutcome(StrEnum):
    """How a poll of one calendar ended."""

    DONE = "done"
    HELD = "held"
    NEEDS_RELINK = "needs_relink"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    GONE = "gone"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReport:
    """One pass over one calendar.

    ``requests`` counts calls to the calendar's API. ``steps`` are documents of what was, or in a
    dry run would be, written. ``drifts`` are the numbers of those that this pass touched; a dry run
    has none and shows ``findings`` instead. ``again``: something has to be looked at once more.
    ``made``: a look has yet to tell of what was written. ``problem`` says in words what went wrong.
    """

    id: int
    connector: str
    outcome: PollOutcome
    requests: int = 0
    published: int = 0
    removed: int = 0
    reverted: int = 0
    flagged: int = 0
    drifts: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    digest: str = ""
    quiet: bool = False
    again: bool = False
    made: bool = False
    problem: str | None = None
