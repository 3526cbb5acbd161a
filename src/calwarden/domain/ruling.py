"""Rulings: which changes of a calendar stand, which are undone, and what the ledger is told."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from calwarden.domain.difference import Element
from calwarden.domain.drift import DriftKey, DriftKind, DriftStatus, Finding, KnownDrift, Verdict
from calwarden.domain.finding import Act
from calwarden.domain.guard import CASE_KEY, case_holds
from calwarden.domain.judgement import position
from calwarden.domain.plan import LedgerAct, LedgerEntry
from calwarden.domain.view import CalendarView
from calwarden.domain.wall_time import instant

Judged = tuple[Act, Finding | None]
"""An act with its judgement; None where it is no drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is done about one act.

    ``kept`` are elements that stay as they stand, ``undone`` those put back, and ``reverts`` the
    drift that is closed by that. ``partial``: something of it is left for a person to decide.
    """

    kept: frozenset[Element] = frozenset()
    undone: frozenset[Element] = frozenset()
    reverts: DriftKey | None = None
    partial: bool = False


@dataclass(slots=True)
class Docket:
    """The state of one decision while it is being made."""

    view: CalendarView
    standing: dict[DriftKey, KnownDrift]
    dismissed: dict[DriftKey, list[KnownDrift]]
    overruled: set[tuple[DriftKey, str]]
    upheld: set[int] = field(default_factory=set)
    met: set[DriftKey] = field(default_factory=set)
    ledger: list[LedgerEntry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    reverting: list[DriftKey] = field(default_factory=list)
    waiting: list[DriftKey] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)

    def wake(self, moment: datetime) -> None:
        """Have the decision made again at ``moment``, though nothing changes."""
        self.wakes.append(instant(moment))

    def put_off(self, keys: Collection[DriftKey]) -> None:
        """Leave open what would be reverted: a write was refused and is not tried again yet."""
        self.reverting = [key for key in self.reverting if key not in keys]
        self.waiting.extend(sorted(keys, key=lambda key: (key.uid, key.slot or "")))

    def is_dismissed(self, finding: Finding) -> bool:
        """Whether a person dismissed exactly this, by itself or as an item of a case."""
        own = [one for one in self.dismissed.get(finding.key, ()) if one.seen == finding.seen]
        cases = [one for one in self.dismissed.get(CASE_KEY, ()) if case_holds(one, finding)]
        self.upheld |= {one.id for one in (*own, *cases)}
        return bool(own or cases)

    def was_dismissed(self, finding: Finding) -> bool:
        """Whether the ledger has this as dismissed; a change of the store ends that."""
        own = (one.seen == finding.seen for one in self.dismissed.get(finding.key, ()))
        return any(own) or any(case_holds(one, finding) for one in self.dismissed.get(CASE_KEY, ()))

    def is_overruled(self, finding: Finding) -> bool:
        """Whether a person has settled this by a change of the store: only the write is missing."""
        return (finding.key, finding.seen) in self.overruled

    def undoes(self, act: Act, finding: Finding) -> bool:
        """Whether this pass puts an act back, by its own drift or as an item of a case."""
        return finding.key in self.reverting or (act.schedule and CASE_KEY in self.reverting)


def docket_of(view: CalendarView) -> Docket:
    """Return a fresh docket with the drifts of the ledger sorted into it."""
    docket = Docket(
        view=view,
        standing={one.key: one for one in view.known if one.status.standing},
        dismissed={},
        overruled={
            (one.key, one.seen)
            for one in view.known
            if one.status in {DriftStatus.SUPERSEDED, DriftStatus.ACCEPTED}
        },
    )
    for drift in view.known:
        if drift.status is DriftStatus.DISMISSED:
            docket.dismissed.setdefault(drift.key, []).append(drift)
    return docket


def rule(judged: Judged, docket: Docket, held_case: DriftKind | None) -> Ruling:
    """Decide about one act; ``held_case`` is the kind of the case that holds the calendar."""
    act, finding = judged
    if finding is None:
        return Ruling(kept=act.elements)
    known = docket.standing.get(finding.key)
    docket.met.add(finding.key)
    if act.superseded:
        if known is not None:
            entry = LedgerEntry(act=LedgerAct.SUPERSEDE, finding=finding, drift=known.id)
            docket.ledger.append(entry)
        elif not docket.is_overruled(finding) and not docket.was_dismissed(finding):
            docket.ledger.append(LedgerEntry(act=LedgerAct.RECORD_SUPERSEDED, finding=finding))
        return Ruling(undone=act.elements)
    if known is None and docket.is_dismissed(finding):
        return Ruling(kept=act.elements)
    docket.findings.append(finding)
    if known is None and held_case is not None and act.schedule:
        return Ruling(kept=act.elements)
    case = docket.standing.get(CASE_KEY)
    if known is None and case is not None and case.decided:
        docket.met.add(CASE_KEY)
        docket.reverting.append(CASE_KEY)
        return _undo(act, finding, CASE_KEY)
    return _by_ledger(act, finding, known, docket)


def stranger_leaves(finding: Finding, docket: Docket) -> bool:
    """Tell whether what a finding about a stranger names is to be removed."""
    known = docket.standing.get(finding.key)
    if known is None and docket.is_dismissed(finding):
        return False
    docket.met.add(finding.key)
    docket.findings.append(finding)
    _enter(finding, known, docket)
    current = _current(finding, known)
    ripe_at = _ripe_at(current, docket.view)
    ripe = ripe_at <= instant(docket.view.now)
    reverted = finding.verdict is Verdict.REVERT
    if reverted and not ripe:
        docket.wake(ripe_at)
    leaves = (current is not None and current.decided) or (reverted and ripe)
    if not leaves or not finding.companions:
        return False
    docket.reverting.append(finding.key)
    return True


def _by_ledger(act: Act, finding: Finding, known: KnownDrift | None, docket: Docket) -> Ruling:
    current = _current(finding, known)
    if current is not None and current.contested and not finding.contested:
        finding = _contested(finding)
    _enter(finding, known, docket)
    if current is not None and current.decided:
        docket.reverting.append(finding.key)
        return _undo(act, finding, finding.key)
    _, boundary = position(act, docket.view)
    if boundary is not None:
        docket.wake(boundary)
    undone = _with_verdict(act.elements, finding, Verdict.REVERT)
    ripe_at = _ripe_at(current, docket.view)
    if ripe_at > instant(docket.view.now):
        if Verdict.REVERT in finding.verdicts.values():
            docket.wake(ripe_at)
        return Ruling(kept=act.elements)
    reverts = finding.key if finding.verdict is Verdict.REVERT else None
    if reverts is not None:
        docket.reverting.append(reverts)
    left = reverts is not None and _with_verdict(act.elements, finding, Verdict.FLAG)
    return Ruling(kept=act.elements - undone, undone=undone, reverts=reverts, partial=bool(left))


def _undo(act: Act, finding: Finding, key: DriftKey) -> Ruling:
    """Put back all that is drift; what policy ignores stays as it stands."""
    ignored = _with_verdict(act.elements, finding, Verdict.IGNORE)
    return Ruling(kept=ignored, undone=act.elements - ignored, reverts=key)


def _with_verdict(
    elements: Iterable[Element], finding: Finding, verdict: Verdict
) -> frozenset[Element]:
    return frozenset(item for item in elements if finding.verdicts.get(item[1]) is verdict)


def _current(finding: Finding, known: KnownDrift | None) -> KnownDrift | None:
    """Return the ledger's drift while it is about the same edit; a further edit starts anew."""
    return known if known is not None and known.seen == finding.seen else None


def _contested(finding: Finding) -> Finding:
    return replace(
        finding,
        contested=True,
        verdict=Verdict.FLAG,
        verdicts=dict.fromkeys(finding.verdicts, Verdict.FLAG),
    )


def _ripe_at(current: KnownDrift | None, view: CalendarView) -> datetime:
    """Return when the grace ends in which the person may undo the edit.

    It is over for an edit of the future: then the clock went back.
    """
    now = instant(view.now)
    since = now if current is None else instant(current.since)
    return now if since > now else since + view.grace


def _enter(finding: Finding, known: KnownDrift | None, docket: Docket) -> None:
    if known is None:
        docket.ledger.append(LedgerEntry(act=LedgerAct.OPEN, finding=finding))
        return
    shown = (known.seen, known.kind, known.verdict)
    if shown != (finding.seen, finding.kind, finding.verdict):
        docket.ledger.append(LedgerEntry(act=LedgerAct.UPDATE, finding=finding, drift=known.id))
