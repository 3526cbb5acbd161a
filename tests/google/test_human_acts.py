"""What people do in Google Calendar is found once, named, and put back or shown to somebody."""

from datetime import timedelta

import pytest

from emulators.human_acts import SERIES_ACTS, SINGLE_ACTS, SLOT, HumanActs, content

SINGLE = {
    **SINGLE_ACTS,
    "made available": (lambda p, r: p.free(r), "freed"),
    "put into another zone": (
        lambda p, r: p.change_zone(r, "America/Chicago", keep_wall=True),
        "moved",
    ),
}


class TestHumanActs(HumanActs):
    """The laws, in Google Calendar."""


@pytest.mark.parametrize("act", SINGLE)
def test_an_edit_of_an_appointment_is_reverted(house, act):
    """Each edit is one drift of its kind, put back in the same pass."""
    do, kind = SINGLE[act]
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    do(house.person, house.remote("a-1"))
    house.sync()
    assert house.kinds() == [(kind, "reverted")]
    row = house.row("a-1")
    assert (row["start"]["dateTime"], row["start"]["timeZone"]) == (
        "2026-12-03T10:00:00-05:00",
        "America/New_York",
    )
    assert (row["summary"], row["visibility"]) == ("Session", "private")
    assert row.get("transparency", "opaque") == "opaque"
    house.quiet()


def test_the_calendars_own_zone_may_change(house):
    """A calendar that moves to another time zone tells every event elsewhere, and moves none."""
    house.book("a-1", "2026-12-03T10:00")
    house.series("s-1", "2026-12-10T10:00", count=4)
    house.sync()
    house.world.calendar.zone = "Asia/Tokyo"
    for row in house.rows():
        house.server.state.put(house.world.calendar, row)
    house.sync()
    assert house.drifts() == []
    house.quiet()


@pytest.mark.parametrize("change", ["keep", "drop", "shift"])
@pytest.mark.parametrize("act", SERIES_ACTS)
def test_an_edit_of_a_series_is_reverted(house, act, change):
    """A series and its exceptions stand again as the store has them."""
    do, kind = SERIES_ACTS[act]
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.reschedule("s-1#3", "2026-12-25T15:00")
    house.sync()
    before = content(house, "s-1")
    do(house.person, house.remote("s-1"))
    house.server.rules.series_change = change
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    if kind is not None:
        assert [one.kind for one in house.drifts()] == [kind]
    assert content(house, "s-1") == before
    house.quiet()


def test_a_split_is_one_drift_and_leaves_one_series(house):
    """The cut and the new series that carries our marker are one drift."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    added = house.person.split(house.remote("s-1"), SLOT, 60)
    assert added.endswith("_R20261217T150000")
    house.sync()
    assert [one.kind for one in house.drifts()] == ["series_split"]
    assert [row["id"] for row in house.rows()] == [house.remote("s-1")]
    assert house.row("s-1")["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=6"]
    house.quiet()


def test_a_split_that_is_seen_in_two_looks_is_one_drift(house):
    """Google writes the cut and the new series one after the other; the grace bridges the two."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.split(house.remote("s-1"), SLOT, 60)
    house.server.rules.lag = house.world.calendar.seq - 1
    house.tick()
    house.server.rules.lag = None
    house.clock.advance(timedelta(seconds=30))
    house.tick()
    assert [(one.kind, one.status) for one in house.standing()] == [("series_split", "open")]
    house.clock.advance(timedelta(seconds=70))
    house.tick()
    assert house.kinds() == [("series_split", "reverted")]
    assert [row["id"] for row in house.rows()] == [house.remote("s-1")]
    house.quiet()


def test_an_event_that_comes_back_from_the_bin_in_time_is_withdrawn(house):
    """A person's own undo before the grace is over leaves nothing to do."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    key = house.remote("a-1")
    house.person.delete(key)
    house.tick()
    house.person.undelete(key)
    house.clock.advance(timedelta(seconds=70))
    house.tick()
    assert house.kinds() == [("deleted", "withdrawn")]
    assert [row["id"] for row in house.rows()] == [key]
    house.quiet()


def test_a_deleted_meeting_that_a_person_brings_back_is_withdrawn(house):
    """Their own undo before the grace is over leaves nothing to do."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOT)
    house.tick()
    assert [one.status for one in house.drifts()] == ["open"]
    house.person.restore_occurrence(house.remote("s-1"), SLOT)
    house.clock.advance(timedelta(seconds=70))
    house.tick()
    assert [one.status for one in house.drifts()] == ["withdrawn"]
    house.quiet()


def test_an_event_from_the_bin_does_not_stand_twice(house):
    """What we made again under the next generation stays the only one when the old one returns."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    old = house.remote("a-1")
    house.person.delete(old)
    house.sync()
    again = house.remote("a-1")
    assert again != old
    house.person.undelete(old)
    house.sync()
    house.sync()
    assert [row["id"] for row in house.rows()] == [again]


def test_a_guest_and_an_answer_are_shown_to_somebody(house):
    """Guests cannot be removed silently for sure, so they are flagged; so is a declined answer."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.invite(house.remote("a-1"), "friend@elsewhere.example")
    house.sync()
    assert house.kinds() == [("attendees_changed", "open")]
    house.person.answer(house.remote("a-1"), "declined")
    house.sync()
    (drift,) = house.drifts()
    assert (drift.kind, drift.status) == ("declined", "open")
    house.quiet()
