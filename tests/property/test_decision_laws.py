"""Laws of the decision, over random calendars: pure values in, pure values out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from calwarden.domain.appointment import Appointment, Series, Status
from calwarden.domain.cadence import Cadence
from calwarden.domain.decision import decide
from calwarden.domain.document import digest, resource_document, resource_from
from calwarden.domain.event import EventResource, Observed, Subject
from calwarden.domain.identity import keyed_fingerprint, resource_uid
from calwarden.domain.plan import Action, Decision
from calwarden.domain.policy import Policy
from calwarden.domain.projection import Projector, Wording
from calwarden.domain.view import CalendarView, ResourceState
from calwarden.domain.wall_time import parse_local, slot_of

NOW = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
FINGERPRINT = keyed_fingerprint(b"laws")


def _uid(subject: Subject, generation: int) -> str:
    return resource_uid("laws", "calendar", subject, generation)


def _project(appointments, series=()):
    projector = Projector(
        uid=_uid,
        generation=lambda _subject: 0,
        published=lambda _subject: True,
        expresses=lambda _recurrence: True,
        fingerprint=FINGERPRINT,
        wording=Wording(),
        now=NOW,
    )
    return projector.project(appointments, series, ())


def _observed(resource: EventResource) -> Observed:
    revision = digest(resource_document(resource))
    return Observed(
        remote_id=f"{resource.uid}.ics",
        revision=revision,
        content=revision,
        uid=resource.uid,
        marker=resource.uid,
        resource=resource,
    )


@st.composite
def singles(draw):
    """One-off appointments between two days ago and two months ahead."""
    made = []
    for number in range(draw(st.integers(0, 6))):
        day = NOW + timedelta(days=draw(st.integers(-2, 60)))
        start = parse_local(
            f"{day.date()}T{draw(st.integers(0, 23)):02}:{draw(st.sampled_from((0, 15, 30))):02}",
            draw(st.sampled_from(ZONES)),
        )
        made.append(
            Appointment(
                ref=f"a-{number}",
                provider="p",
                client="c",
                start=start,
                minutes=draw(st.sampled_from((25, 50, 80))),
                status=draw(st.sampled_from((Status.SCHEDULED, Status.CANCELLED))),
            )
        )
    return made


@st.composite
def serieses(draw):
    """One weekly series across a change of clocks, some meetings moved or cancelled."""
    zone = draw(st.sampled_from(ZONES))
    day, hour = draw(st.integers(20, 27)), draw(st.integers(0, 23))
    start = parse_local(f"2027-02-{day}T{hour:02}:30", zone)
    one = Series(
        ref="s-1",
        provider="p",
        client="c",
        start=start,
        minutes=50,
        cadence=Cadence(every=draw(st.integers(1, 2)), count=draw(st.integers(2, 8))),
    )
    made = []
    for number, moment in enumerate(one.cadence.starts(start), start=1):
        moved = timedelta(hours=draw(st.sampled_from((0, 0, 0, 1, 26))))
        made.append(
            Appointment(
                ref=f"s-1#{number}",
                provider="p",
                client="c",
                start=moment + moved,
                minutes=50,
                series="s-1",
                slot=slot_of(moment),
                number=number,
                status=draw(
                    st.sampled_from((Status.SCHEDULED, Status.SCHEDULED, Status.CANCELLED))
                ),
            )
        )
    return one, made


@st.composite
def projections(draw):
    """What should stand: some single events and one series."""
    one, made = draw(serieses())
    return _project([*draw(singles()), *made], [one])


@st.composite
def edits(draw, resource):
    """What a person may do to one resource; None: deleted."""
    body = resource.body
    match draw(st.sampled_from(("none", "move", "resize", "delete", "expose", "slot", "drop"))):
        case "move":
            by = timedelta(minutes=draw(st.sampled_from((15, 60, 24 * 60))))
            body = replace(body, start=body.start + by, end=body.end + by)
        case "resize":
            body = replace(body, end=body.end + timedelta(minutes=10))
        case "expose":
            body = replace(body, private=False)
        case "delete":
            return None
        case "drop" if resource.recurrence is not None:
            return resource.with_exclusion(slot_of(body.start))
        case "slot" if resource.recurrence is not None:
            start = body.start + timedelta(hours=3)
            moved = replace(body, start=start, end=start + timedelta(minutes=50))
            return resource.with_override(slot_of(body.start), moved)
    return replace(resource, body=body)


def _state(event, resource: EventResource | None) -> ResourceState:
    return ResourceState(
        uid=event.uid,
        subject=event.subject,
        event=event,
        written=event.resource,
        applied=event.resource,
        remote_id=f"{event.uid}.ics",
        observed=None if resource is None else _observed(resource),
        changed=True,
    )


def _view(states, **values) -> CalendarView:
    values = {"policy": Policy(), "provider": "p", "now": NOW, **values}
    return CalendarView(states=tuple(states), **values)


def _apply(view: CalendarView, decision: Decision) -> CalendarView:
    """Return the view after every step and adoption was made and looked at."""
    states = {state.uid: state for state in view.states}
    for adoption in decision.adoptions:
        if adoption.gone:
            del states[adoption.uid]
        else:
            states[adoption.uid] = replace(
                states[adoption.uid], written=adoption.written, applied=adoption.applied
            )
    for step in decision.plan.steps:
        if step.action is Action.DELETE:
            del states[step.uid]
            continue
        states[step.uid] = replace(
            states[step.uid],
            written=step.desired,
            applied=step.event.resource,
            observed=_observed(step.event.resource),
            remote_id=f"{step.uid}.ics",
        )
    return replace(view, states=tuple(replace(one, changed=False) for one in states.values()))


@given(projections())
def test_agreement_is_silent(events):
    """What stands as it should gives no step, no ledger entry, no adoption."""
    decision = decide(_view([_state(event, event.resource) for event in events]))
    assert decision.plan.steps == ()
    assert decision.ledger == ()
    assert decision.adoptions == ()


@given(projections())
def test_publishing_leaves_an_empty_plan(events):
    """Creating everything once leaves nothing to create."""
    view = _view(
        [ResourceState(uid=event.uid, subject=event.subject, event=event) for event in events]
    )
    decision = decide(view)
    assert {step.action for step in decision.plan.steps} <= {Action.CREATE}
    assert len(decision.plan.steps) == len(events)
    again = decide(_apply(view, decision))
    assert again.plan.steps == ()
    assert again.ledger == ()


@settings(max_examples=150)
@given(st.data())
def test_applying_a_plan_leaves_an_empty_plan(data):
    """One pass over any edits leaves an empty plan, whatever was reverted, flagged or held."""
    events = data.draw(projections())
    states = [_state(event, data.draw(edits(event.resource))) for event in events]
    view = _view(states)
    decision = decide(view)
    if decision.held:
        assert decision.plan.steps == ()
        return
    again = decide(_apply(view, decision))
    assert again.plan.steps == ()


@given(st.data())
def test_a_partial_view_neither_deletes_nor_reports_a_deletion(data):
    """Whatever part of the calendar a look brought, what it did not bring is not gone."""
    events = data.draw(projections())
    states = [
        replace(_state(event, event.resource), changed=data.draw(st.booleans())) for event in events
    ]
    decision = decide(_view(states))
    assert not [step for step in decision.plan.steps if step.action is Action.DELETE]
    assert decision.findings == ()


@given(st.data())
def test_strangers_are_never_written(data):
    """No step names an event that is not ours, whatever is done to ours beside it."""
    events = data.draw(projections())
    states = [_state(event, data.draw(edits(event.resource))) for event in events]
    strangers = tuple(
        replace(_observed(event.resource), remote_id=f"their-{n}", uid=f"their-{n}", marker=None)
        for n, event in enumerate(events)
        if event.resource.recurrence is None
    )
    decision = decide(_view(states, strangers=strangers))
    assert not [step for step in decision.plan.steps if (step.remote_id or "").startswith("their-")]


@given(st.data())
def test_the_order_of_what_is_seen_does_not_matter(data):
    """The same facts in any order give the same plan, digest and ledger."""
    events = data.draw(projections())
    states = [_state(event, data.draw(edits(event.resource))) for event in events]
    shuffled = data.draw(st.permutations(states))
    one, other = decide(_view(states)), decide(_view(shuffled))
    assert one.plan.digest == other.plan.digest
    assert one.ledger == other.ledger


@given(st.data())
def test_any_prefix_of_our_own_step_is_never_drift(data):
    """While a step is unsettled, what any number of its calls left is ours, not a person's."""
    events = data.draw(projections())
    states = []
    for event in events:
        prefix = data.draw(edits(event.resource))
        state = replace(_state(event, prefix), pending=(prefix, event.resource))
        states.append(state)
    decision = decide(_view(states))
    assert decision.ledger == ()


@given(projections())
def test_documents_keep_every_resource(events):
    """A resource read back from its document is the same resource."""
    for event in events:
        assert resource_from(resource_document(event.resource)) == event.resource
