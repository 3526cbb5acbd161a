"""This and all subsequent events: what moves, what stays, and what never changes."""

from datetime import timedelta

import pytest

from calwarden.domain.appointment import Status
from calwarden.domain.cadence import BadCadence
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import local_text, parse_local
from calwarden.practice import appointments as documents
from calwarden.store import departures, series

FIRST = "2026-12-08T10:00"


def weekly(first, count, *, hour=None, every=1):
    """Wall-clock starts of a weekly series."""
    start = parse_local(first, "UTC")
    start = start if hour is None else start.replace(hour=hour)
    return [local_text(start + timedelta(weeks=every * step)) for step in range(count)]


def test_a_30_week_series_split_in_the_middle_carries_two_overrides_over(any_office):
    """What was moved on purpose keeps its time, what was cancelled stays so, all else follows."""
    any_office.series("s-1", FIRST, 30)
    any_office.claim("cl-14", "s-1#14")
    any_office.claim("cl-17", "s-1#17")
    any_office.move("s-1#18", "2027-04-08T16:00")
    any_office.move("s-1#22", "2027-05-03T09:00", 80)
    any_office.cancel("s-1#25")
    queued = len(any_office.mail())
    moved = any_office.move_following("s-1#15", "2027-03-17T14:00")
    assert [one.number for one in moved] == [
        number for number in range(15, 31) if number not in {18, 22, 25}
    ]
    old, new = any_office.read(series.get, "s-1"), any_office.read(series.get, "s-1~15")
    assert (old.cadence.count, new.cadence.count, new.first_number) == (14, 16, 15)
    starts = any_office.starts()
    expected = weekly(FIRST, 14) + weekly("2027-03-17T14:00", 16)
    expected[17], expected[21] = "2027-04-08T16:00:00", "2027-05-03T09:00:00"
    expected[24] = weekly(FIRST, 30)[24]
    assert [starts[f"s-1#{number}"] for number in range(1, 31)] == expected
    assert any_office.get("s-1#22").minutes == 80
    assert any_office.get("s-1#25").status is Status.CANCELLED
    assert any_office.get("s-1#18").slot == "2027-04-07T14:00:00"
    assert any_office.claim_document("cl-14")["date_of_service"] == "2027-03-09"
    assert any_office.claim_document("cl-17")["date_of_service"] == "2027-03-31"
    assert len(any_office.mail()) - queued == 2, "one message to each of the two people"
    assert any_office.audit_holds()


def test_the_meeting_that_is_named_takes_the_new_time_though_it_was_moved_before(office):
    """It is the one that was meant."""
    office.series("s-1", FIRST, 4)
    office.move("s-1#2", "2026-12-17T14:00")
    office.move_following("s-1#2", "2026-12-16T11:00")
    assert office.starts() == {
        "s-1#1": "2026-12-08T10:00:00",
        "s-1#2": "2026-12-16T11:00:00",
        "s-1#3": "2026-12-23T11:00:00",
        "s-1#4": "2026-12-30T11:00:00",
    }


def test_from_the_first_meeting_on_the_series_itself_changes(office):
    """Nothing is split that has no part before."""
    office.series("s-1", FIRST, 3)
    office.move_following("s-1#1", "2026-12-09T10:00", 30)
    one = office.get("s-1#3")
    assert (one.series, one.minutes, local_text(one.start)) == ("s-1", 30, "2026-12-23T10:00:00")


def test_weekly_to_every_two_weeks_keeps_the_number_and_re_dates_what_follows_only(any_office):
    """Twelve meetings stay twelve; those already held, and their claims, stay as they were."""
    any_office.series("s-1", FIRST, 12)
    any_office.claim("cl-4", "s-1#4")
    any_office.claim("cl-6", "s-1#6")
    any_office.at("2027-01-06T09:00:00-05:00")
    any_office.move_following("s-1#6", "2027-01-12T10:00", every_weeks=2)
    starts = any_office.starts()
    assert len(starts) == 12
    assert list(starts.values())[:5] == weekly(FIRST, 5)
    assert list(starts.values())[5:] == weekly("2027-01-12T10:00", 7, every=2)
    assert any_office.claim_document("cl-4")["date_of_service"] == "2026-12-29"
    assert any_office.claim_document("cl-6")["date_of_service"] == "2027-01-12"
    assert any_office.read(series.get, "s-1~6").cadence.rule(None) == "FREQ=WEEKLY;INTERVAL=2"


def test_an_endless_series_stays_endless_and_what_is_named_later_comes_to_be(any_office):
    """The new one goes on with the numbers of the old."""
    any_office.series("s-1", FIRST, None)
    moved = any_office.move_following("s-1#40", "2027-09-08T11:00", every_weeks=2)
    assert [one.ref for one in moved] == ["s-1#40"]
    assert any_office.read(series.get, "s-1").cadence.count == 39
    assert local_text(any_office.get("s-1#41").start) == "2027-09-22T11:00:00"
    assert any_office.read(series.get, "s-1~40").cadence.endless
    assert any_office.tick() is not None
    assert any_office.starts()["s-1#39"] == "2027-08-31T10:00:00"


def test_an_endless_series_may_leave_its_time_by_whole_weeks(office):
    """What it would have had later at its old time is not in its own way."""
    office.series("s-1", FIRST, None)
    moved = office.move_following("s-1#2", "2026-12-29T10:00")
    assert local_text(moved[0].start) == "2026-12-29T10:00:00"
    assert office.starts()["s-1#3"] == "2027-01-05T10:00:00"


def test_a_meeting_of_the_series_that_stays_where_it_is_can_be_in_the_way(office):
    """An override that keeps its own time is no exception to the rule that nothing overlaps."""
    office.series("s-1", FIRST, 4)
    office.move("s-1#3", "2026-12-23T14:00")
    with pytest.raises(Refused, match=r"s-1#\d.*s-1#3"):
        office.move_following("s-1#1", "2026-12-09T14:00", every_weeks=2)
    assert office.starts()["s-1#1"] == f"{FIRST}:00"


def test_what_has_started_stays_though_it_lies_behind_the_split(office):
    """A meeting that was moved to before the split and held there keeps its time."""
    office.series("s-1", FIRST, 4)
    office.move("s-1#2", "2026-12-30T10:00", 50)
    office.at("2026-12-23T09:00:00-05:00")
    office.complete("s-1#3")
    office.move_following("s-1#2", "2026-12-30T15:00")
    one = office.get("s-1#3")
    assert (one.status, local_text(one.start)) == (Status.COMPLETED, "2026-12-22T10:00:00")
    assert office.starts()["s-1#4"] == "2027-01-13T15:00:00"


def test_nothing_that_has_started_is_named_nothing_moves_into_the_past_or_onto_another(office):
    """Each refusal leaves the series as it was."""
    office.series("s-1", FIRST, 4)
    office.book("a-1", "2026-12-23T12:00", client="c-2")
    office.at("2026-12-15T10:00:00-05:00")
    before = office.starts()
    with pytest.raises(Refused, match="started"):
        office.move_following("s-1#2", "2026-12-16T10:00")
    with pytest.raises(Refused, match="passed"):
        office.move_following("s-1#3", "2026-12-14T10:00")
    with pytest.raises(Refused, match=r"s-1#3.*a-1"):
        office.move_following("s-1#3", "2026-12-23T12:00")
    with pytest.raises(BadCadence):
        office.move_following("s-1#3", "2026-12-23T10:00", every_weeks=60)
    with pytest.raises(Refused, match="no part of a series"):
        office.move_following("a-1", "2026-12-24T10:00")
    assert office.starts() == before


def test_asking_for_what_is_so_already_changes_nothing(office):
    """No split, no message."""
    office.series("s-1", FIRST, 4)
    queued = len(office.mail())
    assert office.move_following("s-1#3", "2026-12-22T10:00") == []
    assert office.read(series.find, "s-1~3") is None
    assert len(office.mail()) == queued


def test_a_series_moved_into_a_spring_gap_says_how_that_is_resolved(office):
    """The wall time stays; where it does not exist the offset before counts, and it is shown."""
    office.series("s-1", "2027-03-07T10:00", 3)
    office.move_following("s-1#1", "2027-03-07T02:30")
    shown = [documents.document(office.get(f"s-1#{number}")) for number in (1, 2, 3)]
    assert [one["resolved"] for one in shown] == [None, "gap", None]
    assert shown[1]["start"] == "2027-03-14T02:30:00-05:00"
    assert {one["start"][11:16] for one in shown} == {"02:30"}


def test_a_new_length_leaves_a_meeting_that_has_its_own(office):
    """One made longer on purpose follows the time and keeps its length."""
    office.series("s-1", FIRST, 3)
    office.move("s-1#2", "2026-12-15T10:00", 80)
    office.move_following("s-1#1", "2026-12-08T11:00", 45)
    found = [office.get(f"s-1#{number}") for number in (1, 2, 3)]
    assert [(one.minutes, one.start.hour) for one in found] == [(45, 11), (80, 11), (45, 11)]


def test_an_open_ask_about_a_meeting_that_moves_is_withdrawn(office):
    """One about a meeting that keeps its own time stays open."""
    office.series("s-1", FIRST, 4)
    office.move("s-1#3", "2026-12-23T14:00")
    office.ask("s-1#2", "s-1#3")
    office.move_following("s-1#1", "2026-12-08T11:00")
    assert office.asks() == {1: "withdrawn", 2: "open"}
    statuses = [office.get(f"s-1#{number}").status.value for number in (2, 3)]
    assert statuses == ["scheduled", "reschedule_requested"]


def test_splitting_twice_goes_on_under_the_same_refs(office):
    """Numbers and refs are for ever; only the series changes."""
    office.series("s-1", FIRST, 6)
    office.move_following("s-1#3", "2026-12-22T11:00")
    office.move_following("s-1#5", "2027-01-05T12:00")
    assert [office.get(f"s-1#{number}").series for number in range(1, 7)] == [
        *("s-1", "s-1"),
        *("s-1~3", "s-1~3"),
        *("s-1~5", "s-1~5"),
    ]


def test_one_act_on_a_series_is_one_departure(office):
    """However many meetings moved."""
    office.series("s-1", FIRST, 6)
    office.move_following("s-1#3", "2026-12-22T11:00")
    [departure] = office.read(departures.search)
    assert (departure.path.value, departure.appointment) == ("reschedule", "s-1#3")
