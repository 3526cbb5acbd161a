"""What a decision costs over a calendar of 10,000 appointments, of which one in fifty changed."""

import sys
import time
from dataclasses import replace
from datetime import timedelta
from statistics import median

import pytest

from calwarden.domain.decision import decide
from calwarden.domain.event import (
    EventBody,
    EventResource,
    EventText,
    ManagedEvent,
    Observed,
    Subject,
    SubjectKind,
)
from calwarden.domain.policy import Policy
from calwarden.domain.view import CalendarView, ResourceState
from calwarden.domain.wall_time import parse_local
from calwarden.testing.clock import START

NUMBER, CHANGED = 10_000, 100
ANCHOR = 73
"""Milliseconds that the planner of keeper.sh took for the same in bun, on another day."""

pytestmark = pytest.mark.bench


def _state(number: int) -> ResourceState:
    start = parse_local("2026-12-07T09:00", "America/New_York") + timedelta(minutes=30 * number)
    body = EventBody(start=start, end=start + timedelta(minutes=25), title="t", location="l")
    resource = EventResource(uid=f"{number:06}", body=body)
    subject = Subject(kind=SubjectKind.APPOINTMENT, ref=f"a-{number}")
    event = ManagedEvent(
        subject=subject,
        resource=resource,
        generation=0,
        text=EventText(title="Session", location="Office"),
        refs={None: subject.ref},
        dos_zones={subject.ref: "America/New_York"},
    )
    moved = replace(body, start=start + timedelta(days=1), end=body.end + timedelta(days=1))
    seen = resource if number >= CHANGED else replace(resource, body=moved)
    gone = CHANGED <= number < 2 * CHANGED
    there = Observed(
        remote_id=f"{number}.ics", revision='"1"', content="c", uid=resource.uid, resource=seen
    )
    return ResourceState(
        uid=resource.uid,
        subject=subject,
        event=event,
        written=resource,
        applied=resource,
        remote_id=there.remote_id,
        observed=None if gone else there,
        changed=number < 2 * CHANGED,
    )


def test_planning_ten_thousand_appointments():
    """One decision over 10,000 appointments, 1 % moved and 1 % deleted outside."""
    states = tuple(_state(number) for number in range(NUMBER))
    view = CalendarView(provider="dr-lee", now=START, states=states, policy=Policy())
    taken = []
    for _ in range(15):
        begin = time.thread_time()
        decision = decide(view)
        taken.append((time.thread_time() - begin) * 1000)
    assert len(decision.plan.steps) == 2 * CHANGED
    said = f"median {median(taken):.0f} ms, best {min(taken):.0f} ms of CPU (anchor {ANCHOR} ms)"
    sys.stdout.write(f"\nplanning {NUMBER:,} appointments, {2 * CHANGED} changed: {said}\n")
