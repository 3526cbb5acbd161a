"""Replay: what another policy would have said about edits that were made outside."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from calwarden.domain.drift import CASES, Aspect, DriftKind, Verdict
from calwarden.domain.judgement import REVERTS_A_DAY
from calwarden.domain.policy import Policy, When
from calwarden.domain.wall_time import instant

CONTEST_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit as the ledger has it: a drift at one of its revisions, and what was said then.

    ``before`` and ``after`` are the ledger's documents. ``field`` names what was edited, and of
    which occurrence: who fights back changes the same one again. ``silent_attendees``: attendees
    can be removed there without mail to them.
    """

    drift: int
    revision: int
    at: datetime
    provider: str
    kind: DriftKind
    verdict: Verdict
    field: tuple[str | None, str | None, str]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    silent_attendees: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """An edit with what a policy says of it. ``contested``: flagged, for somebody fights back."""

    edit: Edit
    verdict: Verdict
    contested: bool = False


def replay(edits: Iterable[Edit], policy: Policy) -> Iterator[Replayed]:
    """Yield edits in the order of time, each as ``policy`` would have judged it then."""
    reverts: dict[tuple[str | None, str | None, str], list[datetime]] = {}
    for edit in sorted(edits, key=lambda one: (instant(one.at), one.drift, one.revision)):
        verdict = verdict_on(edit, policy)
        made = [at for at in reverts.get(edit.field, ()) if edit.at - at < CONTEST_WINDOW]
        contested = verdict is Verdict.REVERT and len(made) >= REVERTS_A_DAY
        if contested:
            verdict = Verdict.FLAG
        elif verdict is Verdict.REVERT:
            made.append(edit.at)
        reverts[edit.field] = made
        yield Replayed(edit=edit, verdict=verdict, contested=contested)


def verdict_on(edit: Edit, policy: Policy) -> Verdict:
    """Return what a policy says of an edit by itself, at the moment it was seen."""
    if edit.kind in CASES:
        return Verdict.HOLD
    kind = edit.kind
    if kind is DriftKind.ZONE_CHANGED:  # on record only where an instant differs: judged as moved
        kind = DriftKind.MOVED
    verdict = policy.verdict(kind, when(edit, policy), edit.provider)
    loud = edit.kind is DriftKind.ATTENDEES_CHANGED and not edit.silent_attendees
    return Verdict.FLAG if loud and verdict is Verdict.REVERT else verdict


def when(edit: Edit, policy: Policy) -> When:
    """Return where the edit's moment lay, seen from the meeting it is about."""
    told = edit.before or edit.after
    if told is None or "start" not in told:
        return When.NEAR
    start, end = (datetime.fromisoformat(told[name]) for name in ("start", "end"))
    return policy.when(start, end, edit.at)


def field_of(kind: DriftKind, changes: Mapping[str, str]) -> str:
    """Return which aspect a kind is about, by the drift's own record of its changes."""
    return next((aspect for aspect, own in changes.items() if own == kind), Aspect.TIME.value)
