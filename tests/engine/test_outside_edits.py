"""Every act of a person outside is found once, judged by policy, and put back or flagged."""

from dataclasses import replace
from datetime import timedelta

import pytest

HOUR = timedelta(hours=1)


def _one(house, kind):
    found = [drift for drift in house.drifts() if drift.kind == kind]
    assert len(found) == 1, [str(drift.kind) for drift in house.drifts()]
    return found[0]


@pytest.mark.parametrize(
    ("act", "kind", "severity"),
    [
        (lambda p, r: p.move(r, timedelta(days=1)), "moved", "claim"),
        (lambda p, r: p.move(r, HOUR), "moved", "schedule"),
        (lambda p, r: p.resize(r, 30), "resized", "schedule"),
        (lambda p, r: p.delete(r), "deleted", "claim"),
        (lambda p, r: p.cancel(r), "cancelled", "claim"),
        (lambda p, r: p.make_all_day(r), "all_day", "schedule"),
        (lambda p, r: p.expose(r), "exposed", "privacy"),
        (lambda p, r: p.retitle(r, "Sam's session"), "retitled", "privacy"),
        (lambda p, r: p.invite(r, "x@example.org"), "attendees_changed", "privacy"),
        (lambda p, r: p.free(r), "freed", "cosmetic"),
        (lambda p, r: p.relocate(r, "Cafe"), "location_changed", "cosmetic"),
    ],
)
def test_an_edit_ahead_of_the_start_is_reverted_in_one_pass(house, act, kind, severity):
    """Well before the start each edit is one drift in the ledger, put back in the same pass."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    before = house.item("a-1")
    act(house.person, house.remote("a-1"))
    report = house.sync()
    assert report.reverted == 1
    drift = _one(house, kind)
    assert (drift.status, drift.severity, drift.appointment) == ("reverted", severity, "a-1")
    assert house.item("a-1") == before
    house.quiet()


def test_a_description_of_their_own_is_no_drift(house):
    """Details are people's own: not listed, and kept when the event is written for other things."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.describe(house.remote("a-1"), "bring the blue folder")
    house.quiet()
    house.reschedule("a-1", "2026-12-04T10:00")
    house.sync()
    item = house.world.calendar.items[house.remote("a-1")]
    assert item.text(None).description == "bring the blue folder"
    assert house.drifts() == []


def test_an_edit_close_to_the_start_is_flagged_and_left(house):
    """Within two hours someone may act on it: flagged, nothing written, this pass and the next."""
    house.book("a-1", "2026-11-30T11:30")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    report = house.sync()
    assert (report.reverted, report.flagged) == (0, 1)
    assert _one(house, "moved").status == "open"
    house.quiet()


def test_an_edit_of_a_started_appointment_is_flagged_as_claim(house):
    """A started appointment is never reverted; its drift is of severity claim."""
    house.book("a-1", "2026-11-30T09:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    drift = _one(house, "moved")
    assert (drift.status, drift.verdict, drift.severity) == ("open", "flag", "claim")
    house.quiet()


def test_exposure_is_reverted_though_the_move_beside_it_is_flagged(house):
    """Of one event's edits each is judged by itself: time waits for a person, privacy does not."""
    house.book("a-1", "2026-11-30T11:30")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.person.expose(house.remote("a-1"))
    house.sync()
    item = house.item("a-1")
    assert item.body.private
    assert item.body.start.hour == 12
    assert _one(house, "moved").status == "open"
    house.quiet()


def test_a_moved_and_a_deleted_occurrence_are_two_drifts_of_their_slots(house):
    """Occurrences are identified by slot; the series stays one resource and comes back whole."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.sync()
    before = house.item("s-1")
    house.person.move_occurrence(house.remote("s-1"), "2026-12-15T10:00:00", timedelta(days=1))
    house.person.delete_occurrence(house.remote("s-1"), "2026-12-22T10:00:00")
    assert house.sync().reverted == 2
    assert _one(house, "occurrence_moved").appointment == "s-1#2"
    assert _one(house, "occurrence_deleted").appointment == "s-1#3"
    assert house.item("s-1") == before
    house.quiet()


def test_overrides_with_one_common_shift_are_one_drift(house):
    """Two occurrences dragged alike are one act."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.sync()
    for slot in ("2026-12-15T10:00:00", "2026-12-22T10:00:00"):
        house.person.move_occurrence(house.remote("s-1"), slot, HOUR)
    house.sync()
    assert _one(house, "occurrence_moved").appointments == ["s-1#2", "s-1#3"]
    house.quiet()


def test_a_whole_series_moved_is_one_drift_of_the_series(house):
    """Moving every meeting is one drift with the series' ref; its after tells the next meeting."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.reschedule("s-1#3", "2026-12-23T15:00")
    house.sync()
    before = house.item("s-1")
    house.person.move(house.remote("s-1"), timedelta(days=1))
    house.sync()
    drift = _one(house, "moved")
    assert (drift.appointment, drift.occurrence) == ("s-1", None)
    assert drift.before["start"].startswith("2026-12-08T10:00")
    assert drift.after["start"].startswith("2026-12-09T10:00")
    assert house.item("s-1") == before
    house.quiet()


def test_a_changed_rule_is_reverted(house):
    """Every two weeks instead of weekly: one drift, one write."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.sync()
    before = house.item("s-1")
    house.person.change_rule(house.remote("s-1"), "FREQ=WEEKLY;INTERVAL=2;COUNT=6")
    house.sync()
    drift = _one(house, "recurrence_changed")
    assert drift.status == "reverted"
    assert drift.before["recurrence"] == "FREQ=WEEKLY;COUNT=6"
    assert drift.after["recurrence"] == "FREQ=WEEKLY;INTERVAL=2;COUNT=6"
    assert drift.after["start"] == drift.before["start"]
    assert house.item("s-1") == before


def test_what_is_deleted_before_any_look_told_of_it_is_missed_all_the_same(house):
    """Changes since a cursor need not tell of what was made and deleted since: it is looked up."""
    house.book("a-1", "2026-12-03T10:00")
    house.tick()
    house.person.delete(house.remote("a-1"))
    assert house.sync().reverted == 1
    assert _one(house, "deleted").appointment == "a-1"
    house.quiet()


def test_a_look_that_tells_of_all_that_was_made_ends_the_pass(house):
    """After a publication the next pass is one request, and the database stays as it is."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    with house.database.read() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()
        report = house.sync()
        assert connection.exec_driver_sql("PRAGMA data_version").scalar() == before
    assert (report.requests, report.quiet) == (1, True)


def test_a_split_is_one_drift_and_its_second_half_goes(house):
    """The other calendar's "this and following" is one drift; reverting restores one series."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.sync()
    before = house.item("s-1")
    house.person.split(house.remote("s-1"), "2026-12-22T10:00:00", HOUR)
    assert house.sync().reverted == 1
    drift = _one(house, "series_split")
    assert (drift.appointment, drift.occurrence) == ("s-1", "2026-12-22T10:00:00")
    assert drift.after["start"].startswith("2026-12-22T11:00")
    assert len(house.drifts()) == 1
    assert house.item("s-1") == before
    assert len(house.world.calendar.items) == 1
    house.quiet()


def test_a_copy_of_something_else_is_not_taken_for_the_second_half(house):
    """What carries another event's marker is a copy of that one, though it stands nearby."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.book("a-1", "2026-12-21T10:00")
    house.sync()
    copied = house.person.copy(house.remote("a-1"), HOUR)
    house.person.split(house.remote("s-1"), "2026-12-22T10:00:00", HOUR)
    house.sync()
    assert _one(house, "series_split").after["start"].startswith("2026-12-22T11:00")
    assert _one(house, "copied").appointment == "a-1"
    assert copied in house.world.calendar.items
    house.quiet()


def test_delete_all_following_is_one_drift(house):
    """A series cut short without a second half is a changed recurrence; what it drops is named."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.sync()
    house.person.change_rule(house.remote("s-1"), "FREQ=WEEKLY;COUNT=4")
    house.sync()
    drift = _one(house, "recurrence_changed")
    assert drift.redated == ["s-1#5", "s-1#6"]
    house.quiet()


def test_a_copy_is_flagged_and_removed_only_when_a_person_says_so(house):
    """A copy that carries our mark is flagged, the original untouched; revert removes the copy."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    copy = house.person.copy(house.remote("a-1"), timedelta(days=1))
    house.sync()
    drift = _one(house, "copied")
    assert (drift.status, drift.appointment) == ("open", "a-1")
    house.quiet()
    house.decide(drift.id, "revert")
    assert house.sync().reverted == 1
    assert copy not in house.world.calendar.items
    assert len(house.world.calendar.items) == 1
    house.quiet()


def test_a_personal_event_over_an_appointment_is_a_conflict_that_closes_by_itself(house):
    """An overlap is flagged once and withdrawn when the personal event goes; nothing is written."""
    one = house.book("a-1", "2026-12-03T10:00")
    house.sync()
    theirs = house.person.add(title="Dentist", start=one.start, end=one.end)
    house.sync()
    assert _one(house, "overlap").status == "open"
    house.quiet()
    house.person.delete(theirs)
    house.sync()
    assert _one(house, "overlap").status == "withdrawn"


def test_one_overlap_per_personal_series(house):
    """A recurring personal event that hits several appointments is one conflict."""
    one = house.book("a-1", "2026-12-03T10:00")
    house.book("a-2", "2026-12-10T10:00")
    house.sync()
    house.person.add(title="Choir", start=one.start, end=one.end, rule="FREQ=WEEKLY")
    house.sync()
    assert _one(house, "overlap").appointments == ["a-1", "a-2"]
    house.quiet()


def test_a_removed_out_of_office_block_comes_back(house):
    """Blocks are protected like appointments until they end."""
    house.block("o-1", "2026-12-24T00:00", "2026-12-27T00:00")
    house.sync()
    house.person.delete(house.remote("o-1"))
    house.sync()
    assert _one(house, "out_of_office_removed").status == "reverted"
    assert house.item("o-1").body.out_of_office
    house.quiet()


def test_what_was_dragged_to_another_linked_calendar_is_one_move(house):
    """An event that vanished here and shows in another of the provider's calendars has moved."""
    house.book("a-1", "2026-12-03T10:00")
    other = house.link()
    house.sync_all()
    item = house.world.calendar.items[house.remote("a-1")]
    house.person.delete(item.remote_id)
    house.worlds[other].calendar.put(item)
    house.sync_all(calendar_ids=[other])
    house.sync_all(calendar_ids=[house.calendar])
    assert _one(house, "moved_calendar").status == "reverted"
    assert house.item("a-1")


def test_foreign_events_are_never_touched(house):
    """Events that are not ours stay as they were, byte for byte, whatever happens beside them."""
    house.book("a-1", "2026-12-03T10:00")
    one = house.book("a-2", "2026-12-04T10:00")
    theirs = house.person.add(title="Lunch", start=one.end, end=one.end + HOUR)
    before = house.world.raw()[theirs]
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.person.delete(house.remote("a-2"))
    house.sync()
    assert house.world.raw()[theirs] == before


def test_where_deleted_ids_are_spent_the_event_comes_back_under_the_next(house):
    """A calendar that reserves deleted ids gets the next generation at once: one create."""
    house.world.calendar.capabilities = replace(house.world.calendar.capabilities, reuses_ids=False)
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    before = house.remote("a-1")
    house.person.delete(before)
    report = house.sync()
    assert (report.published, report.reverted) == (0, 1)
    assert house.remote("a-1") != before
    assert len(house.world.calendar.items) == 1
    house.quiet()


def test_an_older_generation_that_comes_back_from_a_trash_is_removed(house):
    """What a person undeletes after we made it anew is ours: recorded, then removed."""
    house.world.calendar.capabilities = replace(house.world.calendar.capabilities, reuses_ids=False)
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    item = house.world.calendar.items[house.remote("a-1")]
    house.person.delete(item.remote_id)
    house.sync()
    house.world.calendar.put(item)
    house.sync()
    assert _one(house, "copied").status == "reverted"
    assert list(house.world.calendar.items) == [house.remote("a-1")]
    house.quiet()
