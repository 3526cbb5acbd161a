"""Killed at any named point, on a real server, a restart ends where no kill would have."""

import copy
from datetime import datetime
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from e2e import kills
from e2e.conftest import PRACTICE
from e2e.kills import at_rest, killed

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

FAR = datetime(2026, 12, 3, 10, tzinfo=ZoneInfo("America/New_York"))
LEAN = ("after_record", "after_{}")
"""Where a kill costs most: behind the promise and before the write, and behind the write."""

POINTS = [
    point if point in LEAN else pytest.param(point, marks=pytest.mark.slow)
    for point in kills.POINTS
]


def starts(person):
    """When everything in the calendar begins, each meeting of a series too."""
    calendars = [icalendar.Calendar.from_ical(found.data) for found in person.events()]
    return [one.start for each in calendars for one in recurring_ical_events.of(each).all()]


def changed(start):
    """The practice file with one appointment at another time."""
    practice = copy.deepcopy(PRACTICE)
    far = next(one for one in practice["appointments"] if one["ref"] == "far")
    far["start"] = start
    return practice


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_creating_makes_no_second_event(stocked, person, server, point):
    """However far the creation came, each appointment stands exactly once."""
    stocked.link(person.url)
    killed(stocked, point.format("create"))
    assert len(person.events()) == len(PRACTICE["appointments"])
    assert stocked.ask("drift", "list")["drifts"] == []
    at_rest(stocked, server)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_updating_is_no_drift(published, person, server, point):
    """Our own half-settled update is recognised: the new time stands, nobody is accused."""
    published.run("import", published.write("practice.json", changed("2026-12-03T15:00")))
    killed(published, point.format("update"))
    assert len(person.events()) == len(PRACTICE["appointments"])
    assert person.sees(FAR.replace(hour=15))
    assert not person.sees(FAR)
    assert published.ask("drift", "list")["drifts"] == []
    at_rest(published, server)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_deleting_deletes_once_and_nothing_else(published, person, server, point):
    """A removed block goes from the calendar; appointments stay."""
    block = ("--provider", "dr-lee", "--start", "2026-12-24T00:00", "--end", "2026-12-26T00:00")
    number = published.ask("out-of-office", "add", *block)["id"]
    published.run("sync")
    assert len(person.events()) == len(PRACTICE["appointments"]) + 1
    published.run("out-of-office", "remove", str(number))
    killed(published, point.format("delete"))
    assert len(person.events()) == len(PRACTICE["appointments"])
    assert published.ask("drift", "list")["drifts"] == []
    at_rest(published, server)


SPLIT = ("after_create", "before_update")
SPLIT_TOO = (
    *("after_observe", "before_record", "after_record", "before_create", "after_update"),
    *("after_settle", "after_settle:2"),
)


@pytest.mark.parametrize(
    "point", [*SPLIT, *(pytest.param(each, marks=pytest.mark.slow) for each in SPLIT_TOO)]
)
def test_a_kill_while_splitting_leaves_every_meeting_once(published, person, server, point):
    """A split writes the new series, then cuts the old one; at rest each meeting stands once."""
    published.run(
        *("appointments", "reschedule", "weekly#3", "--start", "2026-12-18T15:00"),
        *("--scope", "following"),
    )
    killed(published, point)
    days = sorted(starts(person))
    assert len(days) == len(set(days)) == 8
    assert sum(day.hour == 15 for day in days) == 4
    assert published.ask("drift", "list")["drifts"] == []
    at_rest(published, server)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_reverting_reverts_once(published, person, server, point):
    """The drift was in the ledger before the write that undoes it, and ends as reverted."""
    person.drag(FAR, FAR.replace(day=4))
    killed(published, point.format("update"))
    [drift] = published.ask("drift", "list")["drifts"]
    assert (drift["kind"], drift["status"]) == ("moved", "reverted")
    assert person.sees(FAR)
    at_rest(published, server)
