"""What can be booked, and what becomes of an appointment once it has started."""

from datetime import timedelta

import pytest

from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import BadLocalTime, UnknownZone
from calwarden.practice import appointments as documents
from calwarden.practice import booking, out_of_office
from calwarden.practice.out_of_office import Absence
from calwarden.store.errors import NotFound


def test_a_booking_stands_in_the_providers_zone_and_asks_for_publication(any_desk):
    """The document tells the true time with offset and zone; the schedule's revision rises."""
    before = any_desk.revision()
    one = any_desk.book("2026-12-01T10:00", ref="a-1")
    assert any_desk.find("a-1") == one
    shown = documents.document(one)
    assert shown["start"] == "2026-12-01T10:00:00-05:00"
    assert shown["end"] == "2026-12-01T10:50:00-05:00"
    assert (shown["timezone"], shown["resolved"]) == ("America/New_York", None)
    assert any_desk.revision() > before
    assert any_desk.audit_holds()


def test_refs_are_made_where_none_is_given_and_never_twice(desk):
    """A ref that somebody chose is passed over."""
    desk.book("2026-12-01T10:00", ref="a-2")
    made = [desk.book(f"2026-12-02T{hour}:00").ref for hour in (10, 11, 12)]
    assert len({*made, "a-2"}) == 4


def test_two_appointments_of_one_provider_never_overlap(any_desk):
    """The refusal names both; touching ends are no overlap, another provider is free."""
    any_desk.book("2026-12-01T10:00", ref="a-1")
    with pytest.raises(Refused, match=r"a-2.*a-1"):
        any_desk.book("2026-12-01T10:49", ref="a-2")
    any_desk.book("2026-12-01T10:50", ref="a-3")
    any_desk.book("2026-12-01T10:00", ref="a-4", provider="dr-ray")
    assert any_desk.find("a-2") is None


def test_overlap_is_told_by_instants_across_zones(desk):
    """10:00 in New York is 09:00 in Chicago."""
    desk.book("2026-12-01T10:00", ref="a-1")
    with pytest.raises(Refused):
        desk.book("2026-12-01T09:30", zone="America/Chicago")


def test_an_endless_series_takes_its_time_beyond_the_appointments_that_exist(desk):
    """A slot of next year is taken though its appointment has yet to come to be."""
    desk.weekly("s-1", "2026-12-01T10:00")
    with pytest.raises(Refused, match="s-1#"):
        desk.book("2027-11-30T10:30")


def test_nothing_is_booked_into_the_past_or_into_an_out_of_office_block(desk):
    """An import may do the first: it tells what is so already."""
    with pytest.raises(Refused, match="passed"):
        desk.book("2026-11-30T09:59")
    desk.do(
        out_of_office.add,
        Absence(provider="dr-lee", start="2026-12-24T00:00", end="2026-12-27T00:00"),
    )
    with pytest.raises(Refused, match="out-of-office"):
        desk.book("2026-12-24T10:00")
    assert desk.book("2026-11-30T09:00", force=True).ref


@pytest.mark.parametrize("minutes", [0, -5, 1441])
def test_impossible_lengths_are_refused(desk, minutes):
    """One minute to one day."""
    with pytest.raises(Refused, match="impossible"):
        desk.book("2026-12-01T10:00", minutes=minutes)


@pytest.mark.parametrize("ref", ["a b", "s-1#3", "-x", "x" * 101])
def test_impossible_refs_are_refused(desk, ref):
    """A ref stands on command lines; '#' names occurrences."""
    with pytest.raises(Refused):
        desk.book("2026-12-01T10:00", ref=ref)


def test_impossible_times_unknown_zones_and_unknown_people_are_named(desk):
    """Each is an error of its own kind, and nothing is booked."""
    with pytest.raises(BadLocalTime):
        desk.book("2026-02-30T10:00")
    with pytest.raises(UnknownZone):
        desk.book("2026-12-01T10:00", zone="America/Gotham")
    with pytest.raises(NotFound):
        desk.book("2026-12-01T10:00", client="c-999")
    with pytest.raises(NotFound):
        desk.book("2026-12-01T10:00", provider="dr-no")


@pytest.mark.parametrize(
    ("start", "resolved", "instant"),
    [
        ("2027-03-14T02:30", "gap", "2027-03-14T02:30:00-05:00"),
        ("2027-11-07T01:30", "fold", "2027-11-07T01:30:00-04:00"),
    ],
)
def test_a_start_in_a_gap_or_fold_is_resolved_and_shown(desk, start, resolved, instant):
    """The offset before the gap; the first of two (RFC 5545 section 3.3.5)."""
    shown = documents.document(desk.book(start))
    assert (shown["resolved"], shown["start"]) == (resolved, instant)


@pytest.mark.parametrize("close", [booking.complete, booking.no_show])
def test_an_appointment_is_completed_or_missed_only_after_its_start(desk, close):
    """At the start itself it has started."""
    one = desk.book("2026-12-01T10:00", ref="a-1")
    desk.at("2026-12-01T09:59:59-05:00")
    with pytest.raises(Refused, match="not started"):
        desk.do(close, "a-1")
    desk.clock.advance(timedelta(seconds=1))
    assert desk.do(close, "a-1").status is not one.status


def test_out_of_office_names_the_appointments_under_it_and_leaves_them(any_desk):
    """Listed by start; removing the block frees the time."""
    any_desk.book("2026-12-24T10:00", ref="a-1")
    wanted = Absence(provider="dr-lee", start="2026-12-24T00:00", end="2026-12-27T00:00")
    added = any_desk.do(out_of_office.add, wanted)
    assert added["appointments"] == ["a-1"]
    listed = any_desk.read(out_of_office.listing)
    assert [block["id"] for block in listed] == [added["id"]]
    assert listed[0]["start"] == "2026-12-24T00:00:00-05:00"
    any_desk.do(out_of_office.remove, added["id"])
    assert any_desk.read(out_of_office.listing) == []
    assert any_desk.book("2026-12-24T12:00").ref


def test_a_block_that_ends_before_it_begins_or_has_passed_is_refused(desk):
    """Both are mistakes of typing."""
    for start, end in (("2026-12-24T10:00", "2026-12-24T10:00"), ("2026-11-01", "2026-11-02")):
        with pytest.raises(Refused):
            desk.do(out_of_office.add, Absence(provider="dr-lee", start=start, end=end))
