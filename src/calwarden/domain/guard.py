"""The guard: many changes in one look are one case for a person, not many reverts."""

from collections.abc import Sequence

from calwarden.domain.document import digest
from calwarden.domain.drift import (
    Aspect,
    DriftKey,
    DriftKind,
    Finding,
    KnownDrift,
    Severity,
    Verdict,
)
from calwarden.domain.finding import Act, Examined
from calwarden.domain.view import CalendarView, Finished

MASS_AT_LEAST = 10
MASS_SHARE = 0.20
EMPTIED_AT_LEAST = 3
CASE_KEY = DriftKey(uid="")


def item_key(finding: Finding) -> str:
    """Return the name of a case's item: the event, and its slot where one occurrence is meant."""
    return finding.key.uid if finding.key.slot is None else f"{finding.key.uid}/{finding.key.slot}"


def suspicion(examined: Sequence[Examined], view: CalendarView) -> DriftKind | None:
    """Tell whether a look shows a mass change or an emptied calendar.

    The thresholds come from the domain rules, default policy.
    """
    if not any(one.state.changed for one in examined):
        return None
    finished = Finished(view.now)
    standing = [
        one
        for one in examined
        if one.state.applied is not None and one.state.event is not None and not finished(one.state)
    ]
    if not standing:
        return None
    gone = [one for one in standing if one.state.observed is None]
    fresh = any(one.state.changed for one in gone)
    if len(standing) >= EMPTIED_AT_LEAST and len(gone) == len(standing) and fresh:
        return DriftKind.CALENDAR_EMPTIED
    changed = [one for one in standing if one.state.changed and any(map(_counts, one.acts))]
    if len(changed) >= MASS_AT_LEAST and len(changed) > MASS_SHARE * len(standing):
        return DriftKind.MASS_CHANGE
    return None


def _counts(act: Act) -> bool:
    return act.schedule and not act.superseded


def case(kind: DriftKind, items: Sequence[Finding]) -> Finding:
    """Return the case as a finding with its items, by time; a series stands in it once."""
    items = sorted(items, key=_place)
    refs: list[str] = []
    for item in items:
        ref = item.subject.ref if item.subject is not None else item.appointment
        if ref is not None and ref not in refs:
            refs.append(ref)
    redated = {ref for item in items for ref in item.redated}
    seen = {item_key(item): item.seen for item in items}
    severities = list(Severity)
    severity = min(
        (item.severity for item in items), key=severities.index, default=Severity.SCHEDULE
    )
    return Finding(
        key=CASE_KEY,
        kind=kind,
        changes={Aspect.EXISTENCE: kind},
        severity=severity,
        verdict=Verdict.HOLD,
        verdicts={Aspect.EXISTENCE: Verdict.HOLD},
        seen=digest(seen),
        appointments=tuple(refs),
        redated=tuple(sorted(redated)),
        before={"items": [_item(item) for item in items]},
        after={"seen": seen},
    )


def _place(item: Finding) -> tuple[str, str]:
    return str((item.before or {}).get("start", "")), item_key(item)


def _item(item: Finding) -> dict[str, object]:
    return {
        "appointment": item.appointment,
        "kind": str(item.kind),
        "occurrence": item.occurrence,
        "appointments": list(item.appointments),
        "before": item.before,
        "after": item.after,
    }


def case_holds(known: KnownDrift | None, finding: Finding) -> bool:
    """Tell whether a finding is an item that this case stands for, unchanged since."""
    if known is None or known.items is None:
        return False
    return known.items.get(item_key(finding)) == finding.seen
