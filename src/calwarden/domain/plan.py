"""The plan: an inspectable, ordered list of steps with a digest, made before any write."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from calwarden.domain.difference import Element
from calwarden.domain.document import digest, resource_document
from calwarden.domain.drift import DriftKey, Finding
from calwarden.domain.event import EventResource, ManagedEvent, Subject


class Action(StrEnum):
    """What a step does to its resource, in the order in which steps are made."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One resource to be written.

    ``event`` is the projection overlaid with what a person has yet to decide; ``desired`` the
    projection itself. ``kept`` are the overlaid elements. ``reverts`` names the drifts that this
    step undoes. A step that ``waits`` (a cut or a removal) is made only when every create of the
    plan was. ``replaces`` is the uid of the generation that this one follows; ``recreated`` asks
    for another look, which makes anew what this step takes away, and ``partial`` for one that finds
    what it leaves to a person.
    """

    action: Action
    uid: str
    subject: Subject | None
    event: ManagedEvent | None = None
    desired: EventResource | None = None
    remote_id: str | None = None
    revision: str | None = None
    seen: EventResource | None = None
    kept: frozenset[Element] = frozenset()
    reverts: tuple[DriftKey, ...] = ()
    waits: bool = False
    replaces: str | None = None
    recreated: bool = False
    partial: bool = False

    def document(self) -> dict[str, Any]:
        """Return the step as JSON: what a dry run shows and the digest is made of."""
        return {
            "action": str(self.action),
            "uid": self.uid,
            "subject": None if self.subject is None else f"{self.subject.kind}:{self.subject.ref}",
            "remote_id": self.remote_id,
            "revision": self.revision,
            "content": None if self.event is None else resource_document(self.event.resource),
            "reverts": [[key.uid, key.slot] for key in self.reverts],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps in the order in which they are made."""

    steps: tuple[Step, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what will be written; equal plans have equal digests."""
        return digest([step.document() for step in self.steps])


def ordered(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return creates, then updates, then cuts, then removals: so nothing is ever missing."""
    rank = {Action.CREATE: 0, Action.UPDATE: 1, Action.DELETE: 3}
    return tuple(
        sorted(
            steps, key=lambda step: (rank[step.action] + step.waits, step.uid, step.remote_id or "")
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A resource that needs no write: what stands there is taken as applied.

    ``gone``: nothing is to stand.
    """

    uid: str
    written: EventResource | None
    applied: EventResource | None
    gone: bool = False


class LedgerAct(StrEnum):
    """What happens to a row of the drift ledger."""

    OPEN = "open"
    UPDATE = "update"
    WITHDRAW = "withdraw"
    SUPERSEDE = "supersede"
    RECORD_SUPERSEDED = "record_superseded"
    END_DISMISSAL = "end_dismissal"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One change of the ledger. ``drift`` is the row's number, None for a new one."""

    act: LedgerAct
    finding: Finding | None = None
    drift: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """All that follows from one look.

    ``wake_at``: the plan may differ from then on though nothing changes. ``waiting`` are drifts
    whose revert has to wait until a refused write is tried again.
    """

    plan: Plan
    ledger: tuple[LedgerEntry, ...] = ()
    adoptions: tuple[Adoption, ...] = ()
    findings: tuple[Finding, ...] = ()
    held: bool = False
    wake_at: datetime | None = None
    reverting: tuple[DriftKey, ...] = ()
    waiting: tuple[DriftKey, ...] = ()
