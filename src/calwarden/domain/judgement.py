"""Judgement: from acts to findings, with verdicts, severity and changed dates of service."""

from datetime import datetime, timedelta
from typing import Any

from calwarden.domain.drift import (
    PRIVACY,
    SCHEDULE,
    Aspect,
    DriftKey,
    DriftKind,
    Finding,
    Severity,
    Verdict,
    recurrence_text,
    snapshot,
)
from calwarden.domain.event import EventBody, EventResource, ManagedEvent, SubjectKind
from calwarden.domain.finding import Act
from calwarden.domain.policy import When
from calwarden.domain.view import CalendarView, bodies
from calwarden.domain.wall_time import instant, local_date

REVERTS_A_DAY = 2
STAYS_DELETED = (
    "this calendar cannot bring a deleted occurrence back; accept the deletion or dismiss it"
)


def judge(act: Act, view: CalendarView) -> Finding | None:
    """Return the act as a finding; None where all verdicts are ``ignore``: that is no drift."""
    when, _ = position(act, view)
    verdicts = {
        aspect: _verdict(act, aspect, kind, when, view) for aspect, kind in act.changes.items()
    }
    kinds = [
        (act.changes[aspect].rank, aspect)
        for aspect, verdict in verdicts.items()
        if verdict is not Verdict.IGNORE
    ]
    if not kinds:
        return None
    main = min(kinds)[1]
    kind = act.changes[main]
    redated = _redated(act)
    refs = tuple(ref for _, ref, _, _ in act.meant)
    verdict = verdicts[main]
    contested = verdict is Verdict.REVERT and _contested(act, main, view)
    if contested:
        verdict = Verdict.FLAG
        verdicts[main] = Verdict.FLAG
    for aspect in act.changes:
        if verdicts[aspect] is Verdict.REVERT and _contested(act, aspect, view):
            verdicts[aspect] = Verdict.FLAG
    return Finding(
        key=DriftKey(uid=act.state.uid, slot=act.slot),
        kind=kind,
        changes=act.changes,
        severity=_severity(act, kind, redated, view),
        verdict=verdict,
        verdicts=verdicts,
        seen=act.seen,
        subject=act.state.subject,
        appointment=_appointment(act),
        appointments=refs,
        redated=redated,
        before=_repeating(snapshot(act.before), kind, act.state.event),
        after=_repeating(snapshot(act.after, act.before), kind, act.state.seen),
        companions=act.companions,
        elements=act.elements,
        contested=contested,
        superseded=act.superseded,
        cause=act.cause or (STAYS_DELETED if _stays_deleted(act, view) else None),
        occurrence=act.first or act.slot,
    )


def _repeating(
    shown: dict[str, Any] | None, kind: DriftKind, of: ManagedEvent | EventResource | None
) -> dict[str, Any] | None:
    """Add how a series repeats, where that was changed."""
    if shown is None or of is None or kind is not DriftKind.RECURRENCE_CHANGED:
        return shown
    resource = of.resource if isinstance(of, ManagedEvent) else of
    return {**shown, "recurrence": recurrence_text(resource.recurrence)}


def position(act: Act, view: CalendarView) -> tuple[When, datetime | None]:
    """Return where now lies for this act, and the next moment at which that changes.

    A change of a whole series is judged by its next unstarted occurrence.
    """
    start, end = _span(act, view)
    when = view.policy.when(start, end, view.now)
    boundaries = (instant(start) - view.policy.near, instant(end))
    later = [moment for moment in boundaries if moment > instant(view.now)]
    return when, min(later, default=None)


def _span(act: Act, view: CalendarView) -> tuple[datetime, datetime]:
    event = act.state.event
    body = act.before
    if act.slot is None and event is not None and event.resource.recurrence is not None:
        upcoming = [one for _, _, one in bodies(event) if instant(one.start) > instant(view.now)]
        if upcoming:
            body = upcoming[0]
    elif act.slot is None and event is not None:
        body = event.resource.body
    if body is None:
        body = act.after
    if body is None:
        return view.now, view.now + timedelta(seconds=1)
    return body.start, body.end


def _verdict(act: Act, aspect: Aspect, kind: DriftKind, when: When, view: CalendarView) -> Verdict:
    if act.cause is not None or _stays_deleted(act, view):
        return Verdict.FLAG
    judged = kind
    if kind is DriftKind.ZONE_CHANGED and _instants_differ(act):
        judged = DriftKind.MOVED
    verdict = view.policy.verdict(judged, when, view.provider)
    attendees = aspect is Aspect.ATTENDEES and not view.silent_attendee_removal
    return Verdict.FLAG if attendees and verdict is Verdict.REVERT else verdict


def _stays_deleted(act: Act, view: CalendarView) -> bool:
    """Tell whether it deletes one occurrence where that is for good: a write of it is refused."""
    return act.slot is not None and act.after is None and not view.restores_occurrences


def _instants_differ(act: Act) -> bool:
    return any(
        after is None or instant(before.start) != instant(after.start)
        for _, _, before, after in act.meant
    )


def _contested(act: Act, aspect: Aspect, view: CalendarView) -> bool:
    key = (act.state.subject.ref, act.slot, aspect)
    return view.reverts.get(key, 0) >= REVERTS_A_DAY


def _appointment(act: Act) -> str | None:
    subject, event = act.state.subject, act.state.event
    if subject.kind is SubjectKind.OUT_OF_OFFICE:
        return None
    if act.slot is not None and event is not None:
        return event.refs.get(act.slot, f"{subject.ref}/{act.slot}")
    return subject.ref


def _redated(act: Act) -> tuple[str, ...]:
    if not act.schedule or act.state.event is None:
        return ()
    zones = act.state.event.dos_zones
    found: list[str] = []
    for _, ref, before, after in act.meant:
        zone = zones.get(ref, getattr(before.start.tzinfo, "key", "UTC"))
        if _date(after, zone) != _date(before, zone):
            found.append(ref)
    return tuple(found)


def _date(body: EventBody | None, zone: str) -> object:
    return None if body is None or body.cancelled else local_date(body.start, zone)


def _severity(act: Act, kind: DriftKind, redated: tuple[str, ...], view: CalendarView) -> Severity:
    if act.schedule and act.state.subject.kind is not SubjectKind.OUT_OF_OFFICE:
        started = any(instant(before.start) <= instant(view.now) for _, _, before, _ in act.meant)
        return Severity.CLAIM if redated or started else Severity.SCHEDULE
    if SCHEDULE & set(act.changes) or kind is DriftKind.DECLINED:
        return Severity.SCHEDULE
    return Severity.PRIVACY if kind in PRIVACY else Severity.COSMETIC
