"""What people do in Google Calendar is found once, named, and put back or shown to somebody."""

from datetime import timedelta

import pytest

from emulators.google_world import GoogleWorld

SLOT = "2026-12-17T10:00:00"
NEXT = "2026-12-24T10:00:00"


def _kinds(house):
    return sorted((str(drift.kind), str(drift.status)) for drift in house.drifts())


SINGLE_ACTS = {
    "dragged to another day": (lambda p, r: p.drag(r, 24 * 60), "moved"),
    "dragged to another hour": (lambda p, r: p.drag(r, 60), "moved"),
    "resized": (lambda p, r: p.resize(r, 30), "resized"),
    "deleted": (lambda p, r: p.delete(r), "deleted"),
    "made all-day": (lambda p, r: p.make_all_day(r), "all_day"),
    "retitled": (lambda p, r: p.retitle(r, "Sam's session"), "retitled"),
    "made public": (lambda p, r: p.publish(r), "exposed"),
    "made available": (lambda p, r: p.free(r), "freed"),
    "relocated": (lambda p, r: p.relocate(r, "Cafe"), "location_changed"),
    "put into another zone": (
        lambda p, r: p.change_zone(r, "America/Chicago", keep_wall=True),
        "moved",
    ),
}


@pytest.mark.parametrize("act", SINGLE_ACTS)
def test_an_edit_of_an_appointment_is_reverted(house, act):
    """Each edit is one drift of its kind, put back in the same pass."""
    do, kind = SINGLE_ACTS[act]
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    do(house.person, house.remote("a-1"))
    house.sync()
    assert _kinds(house) == [(kind, "reverted")]
    row = house.row("a-1")
    assert (row["start"]["dateTime"], row["start"]["timeZone"]) == (
        "2026-12-03T10:00:00-05:00",
        "America/New_York",
    )
    assert (row["summary"], row["visibility"]) == ("Session", "private")
    assert row.get("transparency", "opaque") == "opaque"
    house.quiet()


def test_another_zone_at_the_same_instant_is_no_drift(house):
    """The same instant told in another zone is none of our business."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.change_zone(house.remote("a-1"), "America/Chicago")
    house.sync()
    assert house.drifts() == []


def test_the_calendars_own_zone_may_change(house):
    """A calendar that moves to another time zone tells every event elsewhere, and moves none."""
    house.book("a-1", "2026-12-03T10:00")
    house.series("s-1", "2026-12-10T10:00", count=4)
    house.sync()
    house.world.calendar.zone = "Asia/Tokyo"
    for row in house.rows():
        house.world.server.state.put(house.world.calendar, row)
    house.sync()
    assert house.drifts() == []
    house.quiet()


SERIES_ACTS = {
    "one meeting dragged": (lambda p, r: p.drag_occurrence(r, SLOT, 60), "occurrence_moved"),
    "one meeting deleted": (lambda p, r: p.delete_occurrence(r, SLOT), "occurrence_deleted"),
    "all meetings dragged": (lambda p, r: p.drag(r, 60), "moved"),
    "all meetings resized": (lambda p, r: p.resize(r, 30), "resized"),
    "another rule": (lambda p, r: p.change_rule(r, "FREQ=WEEKLY;INTERVAL=2;COUNT=3"), None),
    "this and following deleted": (lambda p, r: p.end_before(r, SLOT), None),
}


@pytest.mark.parametrize("change", ["keep", "drop", "shift"])
@pytest.mark.parametrize("act", SERIES_ACTS)
def test_an_edit_of_a_series_is_reverted(house, act, change):
    """A series and its exceptions stand again as the store has them."""
    do, kind = SERIES_ACTS[act]
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.reschedule("s-1#3", "2026-12-25T15:00")
    house.sync()
    before = house.world.connector().read(house.remote("s-1")).resource
    do(house.person, house.remote("s-1"))
    house.world.server.rules.series_change = change
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    if kind is not None:
        assert [one.kind for one in house.drifts()] == [kind]
    assert house.world.connector().read(house.remote("s-1")).resource == before
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
    house.world.server.rules.lag = house.world.calendar.seq - 1
    house.tick()
    house.world.server.rules.lag = None
    house.clock.advance(timedelta(seconds=30))
    house.tick()
    assert [(one.kind, one.status) for one in house.standing()] == [("series_split", "open")]
    house.clock.advance(timedelta(seconds=70))
    house.tick()
    assert _kinds(house) == [("series_split", "reverted")]
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
    assert _kinds(house) == [("deleted", "withdrawn")]
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


def test_a_copy_is_flagged_and_left(house):
    """A duplicate carries our marker and is not ours: a person decides."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.copy(house.remote("a-1"), 24 * 60)
    house.sync()
    assert _kinds(house) == [("copied", "open")]
    assert len(house.rows()) == 2
    house.quiet()


def test_a_copy_goes_when_a_person_says_so(house):
    """Revert removes the copy, and leaves what was copied."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.copy(house.remote("a-1"), 24 * 60)
    house.sync()
    (drift,) = house.drifts()
    house.decide(drift.id, "revert")
    house.sync()
    assert [row["id"] for row in house.rows()] == [house.remote("a-1")]
    assert _kinds(house) == [("copied", "reverted")]
    house.quiet()


def test_a_copy_without_our_marker_is_a_persons_own_event(house):
    """What carries nothing of ours is theirs: not a copy, never touched."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    key = house.person.copy(house.remote("a-1"), 24 * 60, marker=False)
    before = dict(house.world.calendar.rows[key])
    house.sync()
    assert house.drifts() == []
    assert house.world.calendar.rows[key] == before
    house.quiet()


def test_a_move_to_a_linked_calendar_is_undone_and_what_is_left_there_is_flagged(house):
    """The event stands here again; the one that was moved is a copy, which a person may remove."""
    other = house.world.server.state.add_calendar(
        None, owner=house.world.calendar.owner, summary="Private", zone="America/New_York"
    )
    second = house.link(GoogleWorld(house.world.server, calendar=other))
    house.book("a-1", "2026-12-03T10:00")
    house.sync_all()
    house.person.move_to(house.remote("a-1"), other.id)
    house.sync_all()
    assert _kinds(house) == [("copied", "open"), ("moved_calendar", "reverted")]
    (left,) = house.standing()
    house.decide(left.id, "revert")
    house.sync_all()
    for calendar, number in ((house.world.calendar, house.calendar), (other, second)):
        standing = [row for row in calendar.rows.values() if row.get("status") != "cancelled"]
        assert [row["id"] for row in standing] == [house.remote("a-1", number)]
    assert house.standing() == []


def test_a_move_to_an_unknown_calendar_is_a_deletion_here(house):
    """An event that went to a calendar that is not linked is deleted as far as this one knows."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    other = house.world.server.state.add_calendar(
        None, owner=house.world.calendar.owner, summary="Private", zone="America/New_York"
    )
    house.person.move_to(house.remote("a-1"), other.id)
    house.sync()
    assert _kinds(house) == [("deleted", "reverted")]
    assert len(house.rows()) == 1


def test_a_guest_and_an_answer_are_shown_to_somebody(house):
    """Guests cannot be removed silently for sure, so they are flagged; so is a declined answer."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.invite(house.remote("a-1"), "friend@elsewhere.example")
    house.sync()
    assert _kinds(house) == [("attendees_changed", "open")]
    house.person.answer(house.remote("a-1"), "declined")
    house.sync()
    (drift,) = house.drifts()
    assert (drift.kind, drift.status) == ("declined", "open")
    house.quiet()


def test_notes_reminders_and_colours_are_theirs(house):
    """What is not ours is no drift, and stays when we write for another reason."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.adorn(house.remote("a-1"))
    before = house.person.adornments(house.remote("a-1"))
    house.quiet()
    house.reschedule("a-1", "2026-12-04T10:00")
    house.sync()
    assert house.person.adornments(house.remote("a-1")) == before
    assert house.drifts() == []
