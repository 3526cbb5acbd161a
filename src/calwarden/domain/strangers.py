"""Events at no managed place: copies of ours, returned older ones, overlaps of appointments."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from calwarden.domain.document import digest, moment_document
from calwarden.domain.drift import Aspect, DriftKey, DriftKind, Finding, Severity, Verdict, snapshot
from calwarden.domain.event import EventBody, ManagedEvent, Observed, Subject, SubjectKind
from calwarden.domain.policy import When
from calwarden.domain.view import CalendarView, Span, bodies
from calwarden.domain.wall_time import instant


def stranger_findings(view: CalendarView, taken: frozenset[str]) -> Iterator[Finding]:
    """Yield copies, returned events and overlaps.

    ``taken`` are remote ids that another finding explains.
    """
    by_uid = {state.uid: state for state in view.states}
    for stranger in sorted(view.strangers, key=lambda one: one.remote_id):
        if stranger.remote_id in taken:
            continue
        if stranger.uid in view.retired or stranger.marker in view.retired:
            yield _returned(
                stranger, view.retired.get(stranger.uid) or view.retired[stranger.marker or ""]
            )
        elif stranger.marker in by_uid and by_uid[stranger.marker].event is None:
            # what it is a copy of is taken away in this very pass
            yield _returned(stranger, by_uid[stranger.marker].subject)
        elif stranger.marker in by_uid:
            yield from _copy(stranger, by_uid[stranger.marker].event, None, view)
        elif stranger.marker is not None and stranger.marker in view.marks_elsewhere:
            yield from _copy(stranger, None, view.marks_elsewhere[stranger.marker], view)
        else:
            yield from _overlap(stranger, view)


def _copy(
    stranger: Observed, event: ManagedEvent | None, subject: Subject | None, view: CalendarView
) -> Iterator[Finding]:
    verdict = view.policy.verdict(DriftKind.COPIED, When.AHEAD, view.provider)
    original = event.subject if event is not None else subject
    if verdict is Verdict.IGNORE or original is None:
        return
    desired = None if event is None else event.resource.body
    refs = () if event is None else tuple(event.refs.values())
    yield replace(
        _copied(stranger, original, verdict),
        appointments=refs[:1] if len(refs) == 1 else (),
        before=snapshot(desired),
    )


def copy_finding(stranger: Observed, series: str) -> Finding:
    """Return the finding for a stranger that a person took for a copy of a series of ours."""
    return _copied(stranger, Subject(kind=SubjectKind.SERIES, ref=series), Verdict.FLAG)


def _copied(stranger: Observed, original: Subject, verdict: Verdict) -> Finding:
    body = None if stranger.resource is None else stranger.resource.body
    return Finding(
        key=DriftKey(uid=stranger.uid),
        kind=DriftKind.COPIED,
        changes={Aspect.EXISTENCE: DriftKind.COPIED},
        severity=Severity.SCHEDULE,
        verdict=verdict,
        verdicts={Aspect.EXISTENCE: verdict},
        seen=digest({"copy": stranger.remote_id, "at": _at(body)}),
        subject=original,
        appointment=original.ref,
        before=None,
        after=snapshot(body),
        companions=(stranger.remote_id,),
        elements=frozenset({(None, Aspect.EXISTENCE)}),
    )


def _returned(stranger: Observed, subject: Subject) -> Finding:
    """Return a finding for an event of ours that came back from a trash: recorded, then removed."""
    body = None if stranger.resource is None else stranger.resource.body
    return Finding(
        key=DriftKey(uid=stranger.uid),
        kind=DriftKind.COPIED,
        changes={Aspect.EXISTENCE: DriftKind.COPIED},
        severity=Severity.SCHEDULE,
        verdict=Verdict.REVERT,
        verdicts={Aspect.EXISTENCE: Verdict.REVERT},
        seen=digest({"returned": stranger.remote_id, "at": _at(body)}),
        subject=subject,
        appointment=subject.ref,
        before=None,
        after=snapshot(body),
        companions=(stranger.remote_id,),
        elements=frozenset({(None, Aspect.EXISTENCE)}),
        cause="an earlier event of ours came back",
    )


def _overlap(stranger: Observed, view: CalendarView) -> Iterator[Finding]:
    hit = list(_hits(view.spans.get(stranger.remote_id, ()), view))
    if not hit:
        return
    ref, body, span = min(hit, key=lambda item: instant(item[1].start))
    when = view.policy.when(body.start, body.end, view.now)
    verdict = view.policy.verdict(DriftKind.OVERLAP, when, view.provider)
    if verdict is Verdict.IGNORE:
        return
    refs = tuple(sorted({item[0] for item in hit}))
    yield Finding(
        key=DriftKey(uid=stranger.uid),
        kind=DriftKind.OVERLAP,
        changes={Aspect.BUSY: DriftKind.OVERLAP},
        severity=Severity.SCHEDULE,
        verdict=Verdict.FLAG,
        verdicts={Aspect.BUSY: Verdict.FLAG},
        seen=digest({"overlap": stranger.remote_id, "refs": refs, "at": _at_span(span)}),
        appointment=ref,
        appointments=refs,
        before=snapshot(body),
        after={
            "start": span.start.isoformat(),
            "end": span.end.isoformat(),
            "timezone": getattr(span.start.tzinfo, "key", "UTC"),
        },
    )


def _hits(spans: Sequence[Span], view: CalendarView) -> Iterator[tuple[str, EventBody, Span]]:
    """Yield each occurrence that is not over and that a span overlaps, with the first such span."""
    if not spans:
        return
    for state in view.states:
        for _, ref, body in [] if state.event is None else bodies(state.event):
            found = next((one for one in spans if _overlaps(one, body)), None)
            if found is not None and instant(body.end) > instant(view.now):
                yield ref, body, found


def _overlaps(span: Span, body: EventBody) -> bool:
    return instant(span.start) < instant(body.end) and instant(body.start) < instant(span.end)


def _at(body: EventBody | None) -> list[str] | None:
    return None if body is None else [moment_document(body.start), moment_document(body.end)]


def _at_span(span: Span) -> list[str]:
    return [moment_document(span.start), moment_document(span.end)]
