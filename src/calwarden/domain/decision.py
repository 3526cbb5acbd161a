"""The decision: from a view of one calendar to ledger entries and a plan. Pure, and the same every time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from calwarden.domain.difference import Element
from calwarden.domain.drift import (
    CASES,
    Aspect,
    DriftKey,
    DriftKind,
    DriftStatus,
    Finding,
    KnownDrift,
    Verdict,
)
from calwarden.domain.finding import Act, Examined, examine
from calwarden.domain.guard import CASE_KEY, case, case_holds, suspicion
from calwarden.domain.judgement import judge, position
from calwarden.domain.overlay import overlay
from calwarden.domain.plan import (
    Action,
    Adoption,
    Decision,
    LedgerAct,
    LedgerEntry,
    Plan,
    Step,
    ordered,
)
from calwarden.domain.strangers import stranger_findings
from calwarden.domain.view import WATCHED_BACK, CalendarView, finished
from calwarden.domain.wall_time import instant


@dataclass(slots=True)
class _Ruling:
    """What is done about one finding: elements kept as they stand, elements put back, and the drift closed by that."""

    kept: set[Element] = field(default_factory=set)
    undone: set[Element] = field(default_factory=set)
    reverts: DriftKey | None = None


@dataclass(slots=True)
class _Docket:
    """The state of one decision while it is being made."""

    view: CalendarView
    standing: dict[DriftKey, KnownDrift]
    dismissed: dict[DriftKey, list[KnownDrift]]
    met: set[DriftKey] = field(default_factory=set)
    ledger: list[LedgerEntry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    reverting: list[DriftKey] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)


def decide(view: CalendarView) -> Decision:
    """Return what follows from one look at one calendar."""
    docket = _Docket(
        view=view,
        standing={one.key: one for one in view.known if one.status.standing},
        dismissed={},
    )
    for drift in view.known:
        if drift.status is DriftStatus.DISMISSED:
            docket.dismissed.setdefault(drift.key, []).append(drift)
    watched = [
        state
        for state in sorted(view.states, key=lambda one: one.uid)
        if not finished(state, view.now, for_=WATCHED_BACK)
    ]
    examined = [examine(state, view) for state in watched]
    judged = {one.state.uid: _judged(one, view) for one in examined}
    held_case = _guard(examined, judged, docket)
    steps: list[Step] = []
    adoptions: list[Adoption] = []
    for one in examined:
        rulings = [_rule(act, finding, docket, held_case) for act, finding in judged[one.state.uid]]
        made, adopted = _resource(one, rulings, docket)
        steps.extend(made)
        adoptions.extend(adopted)
    steps.extend(_strangers(judged, docket))
    _withdraw(docket, watched_uids={state.uid for state in watched})
    held = held_case is not None
    return Decision(
        plan=Plan(steps=() if held else ordered(steps)),
        ledger=tuple(docket.ledger),
        adoptions=() if held else tuple(adoptions),
        findings=tuple(docket.findings),
        held=held,
        wake_at=min(docket.wakes, default=None),
        reverting=() if held else tuple(docket.reverting),
    )


def _judged(examined: Examined, view: CalendarView) -> list[tuple[Act, Finding | None]]:
    return [(act, judge(act, view)) for act in examined.acts]


def _guard(
    examined: Sequence[Examined],
    judged: dict[str, list[tuple[Act, Finding | None]]],
    docket: _Docket,
) -> DriftKind | None:
    """Open, keep or close the calendar's case; returns its kind while it holds the calendar."""
    known = docket.standing.get(CASE_KEY)
    kind = suspicion(examined, docket.view) if known is None else known.kind
    if kind is None or (known is not None and known.decided):
        return None
    items = [
        finding
        for found in judged.values()
        for act, finding in found
        if finding is not None
        and act.schedule
        and not act.superseded
        and finding.key not in docket.standing
        and not _is_dismissed(finding, docket)
    ]
    if not items:
        return None
    finding = case(kind, items)
    docket.met.add(CASE_KEY)
    docket.findings.append(finding)
    if known is None:
        docket.ledger.append(LedgerEntry(act=LedgerAct.OPEN, finding=finding))
    elif known.seen != finding.seen:
        docket.ledger.append(LedgerEntry(act=LedgerAct.UPDATE, finding=finding, drift=known.id))
    return kind


def _is_dismissed(finding: Finding, docket: _Docket) -> bool:
    if any(one.seen == finding.seen for one in docket.dismissed.get(finding.key, ())):
        return True
    return any(case_holds(one, finding) for one in docket.dismissed.get(CASE_KEY, ()))


def _rule(
    act: Act, finding: Finding | None, docket: _Docket, held_case: DriftKind | None
) -> _Ruling:
    elements = set(act.elements)
    if finding is None:
        return _Ruling(kept=elements)
    known = docket.standing.get(finding.key)
    docket.met.add(finding.key)
    if act.superseded:
        docket.ledger.append(
            LedgerEntry(act=LedgerAct.RECORD_SUPERSEDED, finding=finding)
            if known is None
            else LedgerEntry(act=LedgerAct.SUPERSEDE, finding=finding, drift=known.id)
        )
        return _Ruling(undone=elements)
    if known is None and _is_dismissed(finding, docket):
        return _Ruling(kept=elements)
    docket.findings.append(finding)
    if held_case is not None and known is None and act.schedule:
        return _Ruling(kept=elements)
    case_known = docket.standing.get(CASE_KEY)
    if known is None and case_known is not None and case_known.decided:
        docket.met.add(CASE_KEY)
        docket.reverting.append(CASE_KEY)
        return _undo(act, finding, CASE_KEY)
    return _ledger_ruling(act, finding, known, docket)


def _ledger_ruling(
    act: Act, finding: Finding, known: KnownDrift | None, docket: _Docket
) -> _Ruling:
    view, elements = docket.view, set(act.elements)
    same = known is not None and known.seen == finding.seen
    if known is not None and same and known.contested and not finding.contested:
        finding = replace(
            finding,
            contested=True,
            verdict=Verdict.FLAG,
            verdicts=dict.fromkeys(finding.verdicts, Verdict.FLAG),
        )
    if known is None:
        docket.ledger.append(LedgerEntry(act=LedgerAct.OPEN, finding=finding))
    elif not same or known.kind is not finding.kind or known.verdict is not finding.verdict:
        docket.ledger.append(LedgerEntry(act=LedgerAct.UPDATE, finding=finding, drift=known.id))
    if known is not None and same and known.decided:
        docket.reverting.append(finding.key)
        return _undo(act, finding, finding.key)
    since = known.since if known is not None and same else view.now
    ripe = instant(since) + view.grace <= instant(view.now)
    _, boundary = position(act, view)
    if boundary is not None:
        docket.wakes.append(boundary)
    ruling = _Ruling()
    for slot, aspect in elements:
        if finding.verdicts.get(aspect) is Verdict.REVERT and ripe:
            ruling.undone.add((slot, aspect))
        else:
            ruling.kept.add((slot, aspect))
    if Verdict.REVERT in finding.verdicts.values() and not ripe:
        docket.wakes.append(instant(since) + view.grace)
    if finding.verdict is Verdict.REVERT and ripe:
        docket.reverting.append(finding.key)
        ruling.reverts = finding.key
    return ruling


def _undo(act: Act, finding: Finding, key: DriftKey) -> _Ruling:
    """Put back all that is drift; what policy ignores stays as it stands."""
    ignored = {item for item in act.elements if finding.verdicts.get(item[1]) is Verdict.IGNORE}
    return _Ruling(kept=ignored, undone=set(act.elements) - ignored, reverts=key)


def _resource(
    one: Examined, rulings: Sequence[_Ruling], docket: _Docket
) -> tuple[list[Step], list[Adoption]]:
    state = one.state
    kept = {element for ruling in rulings for element in ruling.kept}
    undone = {element for ruling in rulings for element in ruling.undone}
    keys = tuple(ruling.reverts for ruling in rulings if ruling.reverts is not None)
    if state.retry_at is not None and instant(state.retry_at) > instant(docket.view.now):
        docket.wakes.append(instant(state.retry_at))
        return [], []
    if state.event is None:
        return _removal(one, keys)
    if state.unreadable:
        return [], []
    if state.observed is None:
        if one.base is None or undone:
            return [_create(one, keys)], []
        return [], []
    return _update(one, kept, undone, keys)


def _removal(one: Examined, keys: tuple[DriftKey, ...]) -> tuple[list[Step], list[Adoption]]:
    state = one.state
    if state.observed is None:
        return [], [Adoption(uid=state.uid, written=None, applied=None, gone=True)]
    step = Step(
        action=Action.DELETE,
        uid=state.uid,
        subject=state.subject,
        remote_id=state.observed.remote_id,
        revision=state.observed.revision,
        seen=state.seen,
        reverts=keys,
        waits=True,
    )
    return [step], []


def _create(one: Examined, keys: tuple[DriftKey, ...]) -> Step:
    event = one.state.event
    if event is None:
        raise AssertionError("only what should stand is created")
    return Step(
        action=Action.CREATE,
        uid=one.state.uid,
        subject=one.state.subject,
        event=event,
        desired=event.resource,
        reverts=keys,
    )


def _update(
    one: Examined, kept: set[Element], undone: set[Element], keys: tuple[DriftKey, ...]
) -> tuple[list[Step], list[Adoption]]:
    state, event, seen = one.state, one.state.event, one.state.seen
    if event is None or seen is None or state.observed is None:
        raise AssertionError("only what stands and should stand is updated")
    needed = ((set(one.stored) | undone) & set(one.gap)) - kept
    base = one.base if one.base is not None else seen
    if not needed:
        applied = overlay(seen, base, kept | undone)
        if state.written == event.resource and state.applied == applied and not state.pending:
            return [], []
        return [], [Adoption(uid=state.uid, written=event.resource, applied=applied)]
    target = overlay(event.resource, seen, kept)
    shorter = _shorter(seen, target)
    text = event.text
    if (None, Aspect.TITLE) in kept:
        text = replace(text, title=None)
    if (None, Aspect.LOCATION) in kept:
        text = replace(text, location=None)
    step = Step(
        action=Action.UPDATE,
        uid=state.uid,
        subject=state.subject,
        event=replace(event, resource=target, text=text),
        desired=event.resource,
        remote_id=state.observed.remote_id,
        revision=state.observed.revision,
        seen=seen,
        kept=frozenset(kept),
        reverts=keys,
        waits=shorter,
    )
    return [step], []


def _shorter(seen: object, target: object) -> bool:
    one = getattr(getattr(seen, "recurrence", None), "count", None)
    other = getattr(getattr(target, "recurrence", None), "count", None)
    return other is not None and (one is None or other < one)


def _strangers(
    judged: dict[str, list[tuple[Act, Finding | None]]], docket: _Docket
) -> Iterable[Step]:
    """Yield the removal of copies and second halves whose act is being reverted; never of anything else."""
    view = docket.view
    by_id = {one.remote_id: one for one in view.strangers}
    taken = frozenset(
        remote_id for found in judged.values() for act, _ in found for remote_id in act.companions
    )
    leaving: list[tuple[str, DriftKey]] = []
    for found in judged.values():
        for act, finding in found:
            reverted = finding is not None and (finding.key in docket.reverting or act.superseded)
            if finding is not None and reverted:
                leaving.extend((remote_id, finding.key) for remote_id in act.companions)
    for finding in stranger_findings(view, taken):
        if _stranger_leaves(finding, docket):
            leaving.extend((remote_id, finding.key) for remote_id in finding.companions)
    for remote_id, key in leaving:
        stranger = by_id[remote_id]
        yield Step(
            action=Action.DELETE,
            uid=stranger.uid,
            subject=None,
            remote_id=remote_id,
            revision=stranger.revision,
            seen=stranger.resource,
            reverts=(key,),
            waits=True,
        )


def _stranger_leaves(finding: Finding, docket: _Docket) -> bool:
    known = docket.standing.get(finding.key)
    if known is None and _is_dismissed(finding, docket):
        return False
    docket.met.add(finding.key)
    docket.findings.append(finding)
    same = known is not None and known.seen == finding.seen
    if known is None:
        docket.ledger.append(LedgerEntry(act=LedgerAct.OPEN, finding=finding))
    elif not same or known.verdict is not finding.verdict:
        docket.ledger.append(LedgerEntry(act=LedgerAct.UPDATE, finding=finding, drift=known.id))
    since = known.since if known is not None and same else docket.view.now
    ripe = instant(since) + docket.view.grace <= instant(docket.view.now)
    leaves = (known is not None and same and known.decided) or (
        finding.verdict is Verdict.REVERT and ripe
    )
    if finding.verdict is Verdict.REVERT and not ripe:
        docket.wakes.append(instant(since) + docket.view.grace)
    if leaves and finding.companions:
        docket.reverting.append(finding.key)
        return True
    return False


def _withdraw(docket: _Docket, watched_uids: set[str]) -> None:
    """Close what is no longer there: the person undid it, or the store and the calendar agree again."""
    managed = {state.uid for state in docket.view.states}
    for key, known in sorted(docket.standing.items()):
        if key in docket.met or known.kind is DriftKind.CALENDAR_GONE:
            continue
        if key.uid in managed and key.uid not in watched_uids and known.kind not in CASES:
            continue
        docket.ledger.append(LedgerEntry(act=LedgerAct.WITHDRAW, drift=known.id))
