"""A person accepts what was done to a whole series: the books follow, then all is quiet."""

from datetime import timedelta

import pytest

from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import local_text
from calwarden.practice import drift_review
from calwarden.practice.drift_review import Decision
from calwarden.store import appointments, outbox, series

HOUR = timedelta(hours=1)


def flagged(house, act, kind):
    """Let a person act on the series shortly before its next meeting, when nothing is reverted."""
    act()
    house.sync()
    [drift] = house.standing()
    assert (drift.kind, drift.status) == (kind, "open")
    return drift


def accept(house, drift):
    with house.database.write() as tx:
        drift_review.resolve(
            tx, drift.id, Decision.ACCEPT, reason="agreed", now=house.clock.now(), actor="test"
        )


def starts(house):
    with house.database.read() as connection:
        found = appointments.search(connection)
    return {one.ref: local_text(one.start)[:16] for one in found if one.status.stands}


def settled(house):
    """Two passes after a decision: the second finds nothing to do, and nothing waits."""
    house.sync()
    house.quiet()
    assert house.standing() == []


@pytest.fixture
def weekly(house):
    """A weekly series of eight whose third meeting is an hour away."""
    house.series("s-1", "2026-11-16T11:00", 8)
    house.sync()
    return house


def test_an_accepted_split_carries_the_series_on_and_lets_the_second_half_go(weekly):
    """Ours takes its place first; what the other program made is removed as a copy."""
    slot = "2026-12-14T11:00:00"
    split = lambda: weekly.person.split(weekly.remote("s-1"), slot, HOUR)  # noqa: E731 - one act
    accept(weekly, flagged(weekly, split, "series_split"))
    settled(weekly)
    found = starts(weekly)
    assert found["s-1#4"] == "2026-12-07T11:00"
    assert [found[f"s-1#{number}"] for number in (5, 8)] == ["2026-12-14T12:00", "2027-01-04T12:00"]
    assert len(weekly.world.calendar.items) == 2
    assert weekly.item("s-1~5").body.start.hour == 12
    kinds = {(one.kind.value, one.status.value) for one in weekly.drifts()}
    assert kinds == {("series_split", "accepted"), ("copied", "reverted")}


def test_an_accepted_change_of_rule_keeps_the_number_of_meetings(weekly):
    """Weekly becomes every two weeks from the next meeting on; both people are told."""
    change = lambda: weekly.person.change_rule(  # noqa: E731 - one act
        weekly.remote("s-1"), "FREQ=WEEKLY;INTERVAL=2;COUNT=8"
    )
    accept(weekly, flagged(weekly, change, "recurrence_changed"))
    settled(weekly)
    found = starts(weekly)
    assert len(found) == 8
    assert [found[f"s-1#{number}"][:10] for number in (2, 3, 4, 8)] == [
        *("2026-11-23", "2026-11-30", "2026-12-14", "2027-02-08"),
    ]
    with weekly.database.read() as connection:
        assert series.get(connection, "s-1~3").cadence.every == 2
        told = [one.kind.value for one in outbox.search(connection)]
    assert told.count("moved") == 2
    assert [one.status.value for one in weekly.drifts()] == ["accepted"]


def test_an_accepted_move_of_the_whole_series_moves_what_has_not_started(weekly):
    """The meetings held stay where they were; nothing else is left in the ledger."""
    move = lambda: weekly.person.move(weekly.remote("s-1"), HOUR)  # noqa: E731 - one act
    accept(weekly, flagged(weekly, move, "moved"))
    settled(weekly)
    found = starts(weekly)
    assert [found[f"s-1#{number}"][11:] for number in (1, 2, 3, 8)] == [
        *("11:00", "11:00", "12:00", "12:00"),
    ]
    assert [one.status.value for one in weekly.drifts()] == ["accepted"]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("FREQ=WEEKLY;COUNT=5", "end meetings"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4", "end meetings"),
        ("FREQ=WEEKLY;COUNT=20", "moves no meeting"),
        ("FREQ=DAILY;COUNT=8", "its rule is none"),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=8", "its rule is none"),
    ],
)
def test_what_no_cadence_can_say_or_would_end_meetings_stays_open(weekly, rule, why):
    """The refusal says why, and how to do it properly; nothing changed."""
    change = lambda: weekly.person.change_rule(weekly.remote("s-1"), rule)  # noqa: E731 - one act
    drift = flagged(weekly, change, "recurrence_changed")
    before = starts(weekly)
    with pytest.raises(Refused, match=f"{why}.*reschedule s-1#N --scope following"):
        accept(weekly, drift)
    assert starts(weekly) == before
    assert [one.status.value for one in weekly.standing()] == ["open"]
