"""Moving what has not started, correcting what has, and the claims that follow."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.appointment import Status
from calwarden.domain.cadence import Cadence
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import local_text, parse_local
from calwarden.practice import appointments as documents
from calwarden.practice import booking, corrections, out_of_office
from calwarden.practice.corrections import TrueTime
from calwarden.practice.course_plan import Course
from calwarden.practice.out_of_office import Absence
from calwarden.practice.rescheduling import reschedule_one
from calwarden.practice.series_course import carry_on, shift_series
from calwarden.store import appointments, series

NEW_YORK = "America/New_York"


def starts(desk, ref):
    return {one.ref: local_text(one.start) for one in desk.read(appointments.search, series=ref)}


def correct(desk, ref, start, **named):
    truth = TrueTime(start=parse_local(start, NEW_YORK), reason="it was later", **named)
    return desk.do(corrections.correct, ref, truth)


@pytest.mark.parametrize("status", ["draft", "ready", "rejected"])
def test_a_claim_that_is_not_on_file_follows_its_appointment_at_once(any_desk, status):
    """In the same transaction, with an audit entry."""
    any_desk.book("2026-12-01T10:00", ref="a-1")
    any_desk.claim("cl-1", "a-1", status)
    any_desk.move("a-1", "2026-12-03T15:00", 80)
    shown = documents.document(any_desk.find("a-1"))
    assert shown["start"] == "2026-12-03T15:00:00-05:00"
    assert shown["end"] == "2026-12-03T16:20:00-05:00"
    assert any_desk.claim_document("cl-1")["date_of_service"] == "2026-12-03"
    assert any_desk.audit_holds()


@pytest.mark.parametrize("status", ["submitted", "accepted", "paid", "denied"])
def test_what_the_payer_has_is_never_changed(desk, status):
    """The filed date stays; what is due next is told by the clearance."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", status, control_number="C1")
    desk.move("a-1", "2026-12-03T15:00")
    assert desk.claim_document("cl-1")["date_of_service"] == "2026-12-01"
    assert desk.clearance("cl-1")["frequency_code"] == "7"


def test_what_has_started_is_never_rescheduled(desk):
    """At its start it has; the refusal names the correction."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.at("2026-12-01T10:00-05:00")
    with pytest.raises(Refused, match="correct"):
        desk.move("a-1", "2026-12-03T15:00")


def test_nothing_moves_into_the_past_onto_another_or_under_a_block(desk):
    """Each refusal leaves everything as it was."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.book("2026-12-02T10:00", ref="a-2")
    away = Absence(provider="dr-lee", start="2026-12-24T00:00", end="2026-12-27T00:00")
    desk.do(out_of_office.add, away)
    before = desk.revision()
    for start in ("2026-11-30T09:00", "2026-12-02T10:30", "2026-12-24T10:00"):
        with pytest.raises(Refused):
            desk.move("a-1", start)
    assert local_text(desk.find("a-1").start) == "2026-12-01T10:00:00"
    assert desk.revision() == before


def test_an_appointment_may_overlap_its_own_old_time(desk):
    """Half an hour later is no conflict with itself."""
    desk.book("2026-12-01T10:00", ref="a-1")
    assert local_text(desk.move("a-1", "2026-12-01T10:30").start) == "2026-12-01T10:30:00"


def test_asking_for_the_time_it_has_changes_nothing(desk):
    """Neither the schedule's revision nor the audit log."""
    desk.book("2026-12-01T10:00", ref="a-1")
    before = desk.revision()
    desk.move("a-1", "2026-12-01T10:00", 50)
    assert desk.revision() == before


def test_a_cancelled_appointment_is_not_rescheduled(desk):
    """It ended; another one can be booked."""
    one = desk.book("2026-12-01T10:00", ref="a-1")
    with desk.database.write() as tx:
        appointments.save(tx, replace(one, status=Status.CANCELLED), now=desk.now)
    with pytest.raises(Refused, match="cancelled"):
        desk.move("a-1", "2026-12-02T10:00")


def test_the_second_pass_of_a_repeated_hour_is_refused_because_it_cannot_be_kept(desk):
    """Wall time and zone alone tell the first."""
    desk.book("2026-12-01T10:00", ref="a-1")
    second = parse_local("2027-11-07T01:30", NEW_YORK).replace(fold=1)
    with pytest.raises(Refused, match="twice"):
        desk.do(reschedule_one, "a-1", second)


def test_an_occurrence_that_moves_keeps_its_slot_and_its_neighbours_their_time(any_desk):
    """This event only."""
    any_desk.weekly("s-1", "2026-12-08T10:00", count=4)
    moved = any_desk.move("s-1#2", "2026-12-17T14:00")
    assert (moved.slot, moved.number) == ("2026-12-15T10:00:00", 2)
    assert starts(any_desk, "s-1") == {
        "s-1#1": "2026-12-08T10:00:00",
        "s-1#2": "2026-12-17T14:00:00",
        "s-1#3": "2026-12-22T10:00:00",
        "s-1#4": "2026-12-29T10:00:00",
    }


def test_a_correction_keeps_the_scheduled_time_through_any_number_of_corrections(any_desk):
    """The true time is shown, the first scheduled one beside it; the claim follows the true one."""
    any_desk.book("2026-12-01T10:00", ref="a-1")
    any_desk.claim("cl-1", "a-1", "ready")
    any_desk.at("2026-12-03T09:00-05:00")
    correct(any_desk, "a-1", "2026-12-02T10:00", minutes=30)
    correct(any_desk, "a-1", "2026-12-02T11:00")
    shown = documents.document(any_desk.find("a-1"))
    assert shown["start"] == "2026-12-02T11:00:00-05:00"
    assert shown["end"] == "2026-12-02T11:30:00-05:00"
    assert shown["scheduled_start"] == "2026-12-01T10:00:00-05:00"
    assert shown["scheduled_end"] == "2026-12-01T10:50:00-05:00"
    assert any_desk.claim_document("cl-1")["date_of_service"] == "2026-12-02"


def test_only_what_has_started_is_corrected_and_only_with_a_reason(desk):
    """What has not started is rescheduled."""
    desk.book("2026-12-01T10:00", ref="a-1")
    with pytest.raises(Refused, match="reschedule"):
        correct(desk, "a-1", "2026-12-02T10:00")
    desk.at("2026-12-01T10:00-05:00")
    truth = TrueTime(start=parse_local("2026-12-01T11:00", NEW_YORK), reason=" ")
    with pytest.raises(Refused, match="reason"):
        desk.do(corrections.correct, "a-1", truth)


def test_a_correction_into_the_future_is_refused(desk):
    """It tells when something was; until its very start an appointment has not been."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    desk.at("2026-12-01T10:20-05:00")
    with pytest.raises(Refused, match="2026-12-01T10:21:00 lies ahead"):
        correct(desk, "a-1", "2026-12-01T10:21")
    assert desk.find("a-1").scheduled_start is None
    correct(desk, "a-1", "2026-12-01T10:20")
    assert documents.document(desk.find("a-1"))["start"] == "2026-12-01T10:20:00-05:00"


def test_a_series_that_has_not_begun_is_shifted_in_place(any_desk):
    """Slots move with it; refs and series stay; a shift by its own step swaps no identities."""
    any_desk.weekly("s-1", "2026-12-08T10:00", count=3)
    any_desk.do(shift_series, "s-1", timedelta(weeks=1, hours=1))
    assert starts(any_desk, "s-1") == {
        "s-1#1": "2026-12-15T11:00:00",
        "s-1#2": "2026-12-22T11:00:00",
        "s-1#3": "2026-12-29T11:00:00",
    }
    found = any_desk.read(appointments.search, series="s-1")
    assert all(one.slot == local_text(one.start) for one in found)


def test_a_shift_leaves_meetings_already_held_and_splits_there(any_desk):
    """The old series ends, a new one has the rest under the same refs."""
    any_desk.weekly("s-1", "2026-12-08T10:00", count=4)
    any_desk.claim("cl-2", "s-1#2")
    any_desk.claim("cl-3", "s-1#3")
    any_desk.at("2026-12-16T09:00-05:00")
    any_desk.do(shift_series, "s-1", timedelta(days=1))
    assert list(starts(any_desk, "s-1")) == ["s-1#1", "s-1#2"]
    assert starts(any_desk, "s-1~3") == {
        "s-1#3": "2026-12-23T10:00:00",
        "s-1#4": "2026-12-30T10:00:00",
    }
    assert any_desk.read(series.get, "s-1").cadence.count == 2
    assert any_desk.read(series.get, "s-1~3").first_number == 3
    assert any_desk.claim_document("cl-2")["date_of_service"] == "2026-12-15"
    assert any_desk.claim_document("cl-3")["date_of_service"] == "2026-12-23"
    assert any_desk.audit_holds()


def test_behind_a_split_what_was_moved_on_purpose_keeps_its_own_time(desk):
    """And what was cancelled stays cancelled."""
    desk.weekly("s-1", "2026-12-08T10:00", count=4)
    desk.move("s-1#2", "2026-12-17T14:00")
    with desk.database.write() as tx:
        third = appointments.get(tx, "s-1#3")
        appointments.save(tx, replace(third, status=Status.CANCELLED), now=desk.now)
    desk.do(shift_series, "s-1", timedelta(hours=2), 25)
    found = {one.ref: one for one in desk.read(appointments.search, series="s-1")}
    assert local_text(found["s-1#2"].start) == "2026-12-17T14:00:00"
    assert (found["s-1#2"].slot, found["s-1#2"].minutes) == ("2026-12-15T12:00:00", 50)
    assert found["s-1#3"].status is Status.CANCELLED
    assert (local_text(found["s-1#4"].start), found["s-1#4"].minutes) == (
        "2026-12-29T12:00:00",
        25,
    )


def test_a_split_endless_series_stays_endless_and_its_numbers_carry_on(any_desk):
    """What is named beyond the horizon belongs to the new series."""
    any_desk.weekly("s-1", "2026-12-08T10:00")
    any_desk.at("2026-12-16T09:00-05:00")
    any_desk.do(shift_series, "s-1", timedelta(hours=1))
    far = any_desk.get("s-1#40")
    assert (far.series, local_text(far.start)) == ("s-1~3", "2027-09-07T11:00:00")
    refs = [one.number for one in any_desk.read(appointments.search, series="s-1~3")]
    assert refs == list(range(3, 41))
    with pytest.raises(Refused, match="overlap"):
        any_desk.book("2028-01-04T11:30")


def test_a_series_all_held_cannot_be_shifted(desk):
    """There is nothing ahead to move."""
    desk.weekly("s-1", "2026-12-08T10:00", count=2)
    desk.at("2027-01-08T10:00-05:00")
    with pytest.raises(Refused, match="started"):
        desk.do(shift_series, "s-1", timedelta(hours=1))


def test_a_shift_onto_another_appointment_moves_nothing(desk):
    """All meetings or none."""
    desk.weekly("s-1", "2026-12-08T10:00", count=3)
    desk.book("2026-12-22T12:00", ref="a-1")
    before = starts(desk, "s-1")
    with pytest.raises(Refused, match=r"s-1#3.*a-1"):
        desk.do(shift_series, "s-1", timedelta(hours=2))
    assert starts(desk, "s-1") == before


def test_a_new_cadence_keeps_refs_ends_what_it_no_longer_has_and_makes_what_it_adds(any_desk):
    """Fewer meetings: the last are cancelled. More: new ones come to be."""
    any_desk.weekly("s-1", "2026-12-08T10:00", count=4)
    course = Course(
        number=1,
        start=parse_local("2026-12-08T10:00", NEW_YORK),
        minutes=50,
        cadence=Cadence(every=2, count=3),
    )
    with any_desk.database.read() as connection:
        old = series.get(connection, "s-1")
    any_desk.do(carry_on, old, course)
    assert any_desk.get("s-1#4").status is Status.CANCELLED
    assert local_text(any_desk.get("s-1#3").start) == "2027-01-05T10:00:00"
    with any_desk.database.read() as connection:
        old = series.get(connection, "s-1")
    longer = Course(number=1, start=old.start, minutes=50, cadence=Cadence(every=2, count=6))
    any_desk.do(carry_on, old, longer)
    assert local_text(any_desk.get("s-1#6").start) == "2027-02-16T10:00:00"


def test_completing_before_a_move_makes_it_impossible(desk):
    """A completed appointment has started."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.at("2026-12-01T11:00-05:00")
    desk.do(booking.complete, "a-1")
    with pytest.raises(Refused):
        desk.move("a-1", "2026-12-02T10:00")
