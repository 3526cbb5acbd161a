"""What people decide, what the store changes meanwhile, and how drifts end."""

from datetime import timedelta

HOUR = timedelta(hours=1)


def _near(house):
    """A flagged move: the start is closer than two hours."""
    house.book("a-1", "2026-11-30T11:30")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    return house.drifts()[0]


def test_revert_puts_a_flagged_event_back(house):
    """A person's revert is carried out by the next pass."""
    drift = _near(house)
    house.decide(drift.id, "revert")
    assert house.sync().reverted == 1
    assert house.item("a-1").body.start.hour == 11
    assert house.drifts()[0].status == "reverted"
    house.quiet()


def test_dismiss_leaves_it_and_does_not_flag_the_same_edit_again(house):
    """A dismissal binds to what was seen: the event stays as it is, quietly."""
    drift = _near(house)
    house.decide(drift.id, "dismiss")
    house.quiet()
    assert [one.status for one in house.drifts()] == ["dismissed"]
    assert house.item("a-1").body.start.hour == 12


def test_a_dismissal_ends_when_the_values_change(house):
    """A further edit of a dismissed event is a new drift."""
    drift = _near(house)
    house.decide(drift.id, "dismiss")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    assert [one.status for one in house.drifts()] == ["dismissed", "open"]


def test_the_same_edit_made_again_after_a_dismissal_ended_is_a_new_drift(house):
    """A dismissal that ended does not come back to life by dragging to the old place again."""
    drift = _near(house)
    house.decide(drift.id, "dismiss")
    house.sync()
    house.person.move(house.remote("a-1"), -HOUR)
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    assert [one.status for one in house.drifts()] == ["dismissed", "open"]


def test_a_series_and_one_of_its_meetings_may_drift_side_by_side(house):
    """A drift of the whole series and one of a slot stand together, and both are put back."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.tick()
    house.person.expose(house.remote("s-1"))
    house.person.move_occurrence(house.remote("s-1"), "2026-12-15T10:00:00", HOUR)
    house.tick()
    assert len(house.standing()) == 2
    house.clock.advance(timedelta(seconds=61))
    assert house.tick().reverted == 2
    house.quiet()


def test_a_moved_series_is_told_by_a_meeting_that_follows_its_rule(house):
    """The next meeting was moved on purpose: the shift is told by the one after it."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.reschedule("s-1#1", "2026-12-09T15:00")
    house.sync()
    house.person.move(house.remote("s-1"), timedelta(days=1))
    house.sync()
    (drift,) = house.drifts()
    assert drift.before["start"].startswith("2026-12-15T10:00")
    assert drift.after["start"].startswith("2026-12-16T10:00")


def test_a_dismissal_ends_when_the_store_changes_that_event(house):
    """The store's newer decision is written over a dismissed edit."""
    drift = _near(house)
    house.decide(drift.id, "dismiss")
    house.sync()
    house.reschedule("a-1", "2026-12-01T09:00")
    house.sync()
    assert house.item("a-1").body.start.hour == 9
    house.quiet()


def test_a_further_edit_raises_the_revision_and_forgets_the_verdict(house):
    """A drift that moved on is the same row at a higher revision; an older decision is void."""
    drift = _near(house)
    house.decide(drift.id, "revert")
    house.person.move(house.remote("a-1"), HOUR)
    assert house.sync().reverted == 0
    (now,) = house.drifts()
    assert (now.id, now.revision, now.status, now.decision) == (drift.id, 2, "open", None)


def test_undone_by_the_person_is_withdrawn(house):
    """Dragged back before anybody decided: withdrawn, nothing written."""
    _near(house)
    house.person.move(house.remote("a-1"), -HOUR)
    house.sync()
    assert [one.status for one in house.drifts()] == ["withdrawn"]
    house.quiet()


def test_both_sides_to_the_same_is_agreement(house):
    """Store and calendar changed to the same time: the open drift is withdrawn, nothing written."""
    _near(house)
    house.reschedule("a-1", "2026-11-30T12:30")
    before = house.world.calendar.writes
    house.sync()
    assert house.world.calendar.writes == before
    assert [one.status for one in house.drifts()] == ["withdrawn"]
    house.quiet()


def test_both_sides_to_different_things_supersedes_the_drift(house):
    """The portal's decision is the newest deliberate one: recorded as superseded and written."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.reschedule("a-1", "2026-12-04T09:00")
    house.sync()
    assert [one.status for one in house.drifts()] == ["superseded"]
    assert house.item("a-1").body.start.hour == 9
    house.quiet()


def test_deleted_outside_and_moved_in_the_store_is_superseded_and_written(house):
    """A deletion outside loses against a newer time in the store."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.delete(house.remote("a-1"))
    house.reschedule("a-1", "2026-12-04T09:00")
    house.sync()
    assert [one.status for one in house.drifts()] == ["superseded"]
    assert house.item("a-1").body.start.hour == 9
    house.quiet()


def test_cancelled_in_the_store_and_edited_outside_is_superseded_and_removed(house):
    """What the practice cancelled goes, whatever happened to it outside."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.cancel("a-1")
    house.sync()
    assert [one.status for one in house.drifts()] == ["superseded"]
    assert house.world.calendar.items == {}
    house.quiet()


def test_cancelled_on_both_sides_is_agreement(house):
    """Deleted outside and cancelled in the store: nothing to tell anyone."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.delete(house.remote("a-1"))
    house.cancel("a-1")
    house.sync()
    assert house.drifts() == []
    house.quiet()


def test_writing_a_series_never_reverts_what_a_person_has_yet_to_decide(house):
    """Another meeting of the series changes in the store; the flagged one stays where it is."""
    house.series("s-1", "2026-11-30T11:30", 6)
    house.sync()
    house.person.move_occurrence(house.remote("s-1"), "2026-11-30T11:30:00", HOUR)
    house.sync()
    house.reschedule("s-1#3", "2026-12-15T09:00")
    assert house.sync().published == 1
    item = house.item("s-1")
    assert item.overrides["2026-11-30T11:30:00"].start.hour == 12
    assert item.overrides["2026-12-14T11:30:00"].start.hour == 9
    assert [one.status for one in house.drifts()] == ["open"]
    house.quiet()
    house.decide(house.drifts()[0].id, "revert")
    house.sync()
    assert "2026-11-30T11:30:00" not in house.item("s-1").overrides
    house.quiet()


def test_the_third_revert_within_a_day_is_contested(house):
    """Someone or some tool fights back: the third time it is flagged and left."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    for expected in (1, 1, 0):
        house.person.move(house.remote("a-1"), HOUR)
        assert house.sync().reverted == expected
    last = house.drifts()[-1]
    assert (last.status, last.verdict, last.contested) == ("open", "flag", True)
    house.quiet()
    house.clock.advance(timedelta(hours=30))
    house.sync()
    assert house.drifts()[-1].status == "open"
    house.decide(last.id, "revert")
    assert house.sync().reverted == 1


def test_the_daemon_waits_its_grace_before_it_reverts(house):
    """A poll of the daemon records at once and reverts a minute later, unless it was undone."""
    house.book("a-1", "2026-12-03T10:00")
    house.tick()
    house.person.move(house.remote("a-1"), HOUR)
    assert house.tick().reverted == 0
    assert house.drifts()[0].status == "open"
    house.clock.advance(timedelta(seconds=59))
    assert house.tick().quiet
    house.clock.advance(timedelta(seconds=1))
    assert house.tick().reverted == 1


def test_ten_and_a_fifth_at_once_hold_the_calendar(house):
    """A mass change is one case that lists its items; nothing is written until a person decides."""
    for number in range(30):
        house.book(f"a-{number}", f"2026-12-{number % 20 + 3:02}T{9 + number // 20 * 3:02}:00")
    house.sync()
    for number in range(10):
        house.person.move(house.remote(f"a-{number}"), HOUR)
    writes = house.world.calendar.writes
    assert house.sync().outcome == "held"
    (case,) = house.drifts()
    assert (case.kind, case.verdict, case.appointment) == ("mass_change", "hold", None)
    assert sorted(case.appointments) == sorted(f"a-{number}" for number in range(10))
    assert house.world.calendar.writes == writes
    assert house.sync().outcome == "held"
    house.decide(case.id, "revert")
    report = house.sync()
    assert (report.outcome, house.drifts()[0].status) == ("done", "reverted")
    assert house.item("a-0").body.start.hour == 9
    house.quiet()


def test_nine_at_once_are_nine_drifts(house):
    """Below ten there is no case."""
    for number in range(12):
        house.book(f"a-{number}", f"2026-12-{number + 3:02}T09:00")
    house.sync()
    for number in range(9):
        house.person.move(house.remote(f"a-{number}"), HOUR)
    assert house.sync().reverted == 9
    house.quiet()


def test_a_dismissed_case_leaves_every_item_as_it_stands(house):
    """Dismissing a mass change accepts what is seen of each item, until one changes again."""
    for number in range(12):
        house.book(f"a-{number}", f"2026-12-{number + 3:02}T09:00")
    house.sync()
    for number in range(12):
        house.person.move(house.remote(f"a-{number}"), HOUR)
    house.sync()
    house.decide(house.drifts()[0].id, "dismiss")
    assert house.sync().outcome == "done"
    house.quiet()
    assert house.item("a-0").body.start.hour == 10
    house.person.move(house.remote("a-0"), HOUR)
    assert house.sync().reverted == 1


def test_an_emptied_calendar_is_held(house):
    """Three of ours stood there, none does: one case, nothing recreated until a person decides."""
    for number in range(3):
        house.book(f"a-{number}", f"2026-12-{number + 3:02}T09:00")
    house.sync()
    for number in range(3):
        house.person.delete(house.remote(f"a-{number}"))
    assert house.sync().outcome == "held"
    (case,) = house.drifts()
    assert (case.kind, sorted(case.appointments)) == ("calendar_emptied", ["a-0", "a-1", "a-2"])
    assert house.world.calendar.items == {}
    house.decide(case.id, "revert")
    house.sync()
    assert len(house.world.calendar.items) == 3
    house.quiet()


def test_a_boundary_is_crossed_without_news(house):
    """A drift that waits for its grace is judged anew when the start comes within two hours."""
    house.book("a-1", "2026-11-30T12:00:30")
    house.tick()
    house.person.move(house.remote("a-1"), HOUR)
    house.tick()
    assert house.drifts()[0].verdict == "revert"
    house.clock.advance(timedelta(seconds=60))
    house.tick()
    assert (house.drifts()[0].verdict, house.drifts()[0].status) == ("flag", "open")
