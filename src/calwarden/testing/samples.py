"""What the laws of connectors are tried on: appointments, series, and what people do to them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.event import ManagedEvent, Observed
from calwarden.domain.wall_time import Slot, after, parse_local
from calwarden.sdk.connector import Connector, Write
from calwarden.testing.world import ZONE, Person, World, event, told

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
THIRD = Slot("2027-01-19T10:00:00")
FOURTH = Slot("2027-01-26T10:00:00")

SINGLE = event("a-1", "2027-01-12T10:00")
WEEKLY = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8)
PUBLISHED = {
    "a single event": SINGLE,
    "a single event in another zone": event("a-2", "2027-01-12T10:00", zone="Europe/Berlin"),
    "an event in UTC": event("a-3", "2027-01-12T15:00", zone="UTC"),
    "an event over midnight": event("a-4", "2027-01-12T23:30", minutes=90),
    "an event in a spring gap": event("a-5", "2027-03-14T02:30"),
    "an event in an autumn fold": event("a-6", "2027-11-07T01:15", minutes=20),
    "a weekly series": WEEKLY,
    "an endless series": event("s-2", "2027-01-05T10:00", rule="FREQ=WEEKLY"),
    "a fortnightly series over a clock change": event(
        "s-3", "2027-02-23T09:00", rule="FREQ=WEEKLY;INTERVAL=2", count=6
    ),
    "a monthly series": event("s-4", "2027-01-12T14:00", rule="FREQ=MONTHLY;BYDAY=2TU", count=5),
    "a monthly series on last days": event(
        "s-5", "2027-01-29T14:00", rule="FREQ=MONTHLY;BYDAY=-1FR"
    ),
}


def moved(wanted: ManagedEvent, start: str, minutes: int = 50) -> ManagedEvent:
    """Return an event at another time, as the store would have it."""
    begins = parse_local(start, ZONE)
    body = replace(
        wanted.resource.body, start=begins, end=after(begins, timedelta(minutes=minutes))
    )
    return replace(wanted, resource=replace(wanted.resource, body=body))


def overridden(wanted: ManagedEvent, slot: Slot, start: str, minutes: int = 50) -> ManagedEvent:
    """Return a series with one occurrence at another time."""
    body = moved(wanted, start, minutes).resource.body
    return replace(wanted, resource=wanted.resource.with_override(slot, body))


def excluded(wanted: ManagedEvent, slot: Slot) -> ManagedEvent:
    """Return a series without one occurrence."""
    return replace(wanted, resource=wanted.resource.with_exclusion(slot))


def perform_all(connector: Connector, write: Write) -> Observed | None:
    """Perform every call of a write and hold each to what it announced."""
    result: Observed | None = None
    for call in connector.calls(write):
        result = connector.perform(write, call)
        expected = told(call.expected)
        assert told(result.resource if result else None) == expected, call.name
    return result


EDITS: dict[str, Callable[[Person, str], None]] = {
    "move": lambda person, remote_id: person.move(remote_id, HOUR),
    "resize": lambda person, remote_id: person.resize(remote_id, 30),
    "retitle": lambda person, remote_id: person.retitle(remote_id, "Lunch"),
    "relocate": lambda person, remote_id: person.relocate(remote_id, "Elsewhere"),
    "expose": lambda person, remote_id: person.expose(remote_id),
    "free": lambda person, remote_id: person.free(remote_id),
    "cancel": lambda person, remote_id: person.cancel(remote_id),
    "invite": lambda person, remote_id: person.invite(remote_id, "friend@elsewhere.example"),
    "make_all_day": lambda person, remote_id: person.make_all_day(remote_id),
}

OCCURRENCE_EDITS: dict[str, Callable[[Person, str], None]] = {
    "move_occurrence": lambda person, remote_id: person.move_occurrence(remote_id, THIRD, HOUR),
    "delete_occurrence": lambda person, remote_id: person.delete_occurrence(remote_id, THIRD),
    "move": lambda person, remote_id: person.move(remote_id, HOUR),
    "resize": lambda person, remote_id: person.resize(remote_id, 30),
    "change_rule": lambda person, remote_id: person.change_rule(
        remote_id, "FREQ=WEEKLY;INTERVAL=2;COUNT=4"
    ),
}


def needs(world: World, act: str) -> None:
    """Skip a law about an act that nobody can do in this calendar."""
    if act in world.lacks:
        pytest.skip(f"nobody can {act.replace('_', ' ')} in this calendar")
