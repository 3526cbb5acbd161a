"""The decision: from a view of one calendar to ledger entries and a plan.

Pure, and the same every time.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from calwarden.domain.drift import CASES, DriftKey, DriftKind
from calwarden.domain.finding import Examined, examine
from calwarden.domain.guard import CASE_KEY, case, suspicion
from calwarden.domain.judgement import judge
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
from calwarden.domain.ruling import Docket, Judged, docket_of, rule, stranger_leaves
from calwarden.domain.step import outcome
from calwarden.domain.strangers import stranger_findings
from calwarden.domain.view import WATCHED_BACK, CalendarView, Finished


def decide(view: CalendarView) -> Decision:
    """Return what follows from one look at one calendar."""
    docket = docket_of(view)
    finished = Finished(view.now, for_=WATCHED_BACK)
    watched = [state for state in sorted(view.states, key=attrgetter("uid")) if not finished(state)]
    examined = [examine(state, view) for state in watched]
    judged = {
        one.state.uid: [(act, judge(act, view)) for act in one.acts] for one in examined if one.acts
    }
    held_case = _guard(examined, judged, docket)
    steps: list[Step] = []
    adoptions: list[Adoption] = []
    for one in examined:
        if one.settled:
            continue
        rulings = [rule(each, docket, held_case) for each in judged.get(one.state.uid, ())]
        match outcome(one, rulings, docket):
            case Step() as step:
                steps.append(step)
            case Adoption() as adoption:
                adoptions.append(adoption)
            case None:
                pass
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
        waiting=() if held else tuple(docket.waiting),
    )


def _guard(
    examined: Sequence[Examined], judged: Mapping[str, Sequence[Judged]], docket: Docket
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
        and not docket.is_dismissed(finding)
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


def _strangers(judged: Mapping[str, Sequence[Judged]], docket: Docket) -> Iterator[Step]:
    """Yield the removal of copies and second halves whose act is reverted; of nothing else."""
    view = docket.view
    by_id = {one.remote_id: one for one in view.strangers}
    taken = frozenset(
        remote_id for found in judged.values() for act, _ in found for remote_id in act.companions
    )
    leaving: list[tuple[str, DriftKey]] = []
    for found in judged.values():
        for act, finding in found:
            if finding is not None and (act.superseded or docket.undoes(act, finding)):
                leaving.extend((remote_id, finding.key) for remote_id in act.companions)
    for finding in stranger_findings(view, taken):
        if stranger_leaves(finding, docket):
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


def _withdraw(docket: Docket, watched_uids: set[str]) -> None:
    """Close what is gone: the person undid it, or the store and the calendar agree again."""
    managed = {state.uid for state in docket.view.states}
    for key, known in sorted(docket.standing.items(), key=lambda item: item[1].id):
        if key in docket.met:
            continue
        if key.uid in managed and key.uid not in watched_uids and known.kind not in CASES:
            continue
        docket.ledger.append(LedgerEntry(act=LedgerAct.WITHDRAW, drift=known.id))
    for dismissed in (one for found in docket.dismissed.values() for one in found):
        uid = dismissed.key.uid
        if dismissed.id not in docket.upheld and (uid not in managed or uid in watched_uids):
            docket.ledger.append(LedgerEntry(act=LedgerAct.END_DISMISSAL, drift=dismissed.id))
