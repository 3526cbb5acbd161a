"""The appointments of a series: which there are, by what ref, at what wall time."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calwarden.domain.appointment import Series
from calwarden.domain.cadence import Cadence, Frequency, monthly_week
from calwarden.domain.occurrence import HORIZON, numbered, occurrence, occurrence_of
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant, local_text, parse_local
from calwarden.store import appointments
from calwarden.store.errors import NotFound

ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


@st.composite
def series_values(draw):
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.dates(date(2020, 1, 1), date(2035, 1, 1)))
    wall = datetime.combine(day, draw(st.times()))
    start = parse_local(wall.replace(microsecond=0).isoformat(), zone)
    monthly = draw(st.booleans())
    cadence = Cadence(
        frequency=Frequency.MONTHLY if monthly else Frequency.WEEKLY,
        every=draw(st.integers(1, 6)),
        week=monthly_week(start.date()) if monthly else None,
        count=draw(st.integers(1, 60)),
    )
    return Series(ref="s-1", provider="p", client="c", start=start, minutes=50, cadence=cadence)


@given(one=series_values())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_meeting_has_the_wall_time_and_weekday_of_the_first_whatever_the_clocks_do(one):
    """A weekly 10:00 stays 10:00 across every change of the clocks."""
    starts = [start for _, start in numbered(one)]
    assert {start.replace(tzinfo=None).time() for start in starts} == {
        one.start.replace(tzinfo=None).time()
    }
    assert {start.weekday() for start in starts} == {one.start.weekday()}
    assert starts == sorted(starts, key=instant)


@given(one=series_values())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_refs_count_the_slots_in_order_and_can_be_taken_apart(one):
    """S#1 is the first slot; a ref leads back to its series and number."""
    made = [
        occurrence(one, number, start, root="s-1", dos_zone="UTC")
        for number, start in numbered(one)
    ]
    assert [each.ref for each in made] == [f"s-1#{n}" for n in range(1, len(made) + 1)]
    assert [occurrence_of(each.ref) for each in made] == [
        ("s-1", n) for n in range(1, len(made) + 1)
    ]
    assert len({each.slot for each in made}) == len(made)


@pytest.mark.parametrize("ref", ["s-1", "#3", "s-1#", "s-1#0", "s-1#03", "s-1#x", "s-1#-1"])
def test_other_refs_name_no_occurrence(ref):
    """Numbers begin with 1 and have one spelling."""
    assert occurrence_of(ref) is None


def test_a_counted_series_has_all_its_appointments(any_desk):
    """However far ahead the last one lies."""
    made = any_desk.weekly("s-1", "2026-12-08T10:00", count=60)
    assert [one.ref for one in made] == [f"s-1#{n}" for n in range(1, 61)]
    assert {local_text(one.start)[11:] for one in made} == {"10:00:00"}
    assert made[14].start.utcoffset() != made[0].start.utcoffset()


def test_a_series_until_a_date_includes_that_date(desk):
    """The end is inclusive."""
    made = desk.weekly("s-1", "2026-12-08T10:00", until="2026-12-29")
    assert made[-1].start.date() == date(2026, 12, 29)
    assert len(made) == 4


def test_a_monthly_series_keeps_its_weekday_of_the_month(desk):
    """The second Tuesday stays the second Tuesday."""
    made = desk.weekly("s-1", "2026-12-08T10:00", every_weeks=None, every_months=1, count=4)
    assert [one.start.date().isoformat() for one in made] == [
        "2026-12-08",
        "2027-01-12",
        "2027-02-09",
        "2027-03-09",
    ]


def test_an_endless_series_has_appointments_26_weeks_ahead_extended_day_by_day(any_desk):
    """Extending twice on one day makes nothing new."""
    made = any_desk.weekly("s-1", "2026-12-08T10:00")
    limit = any_desk.now + HORIZON
    assert instant(made[-1].start) <= limit < instant(made[-1].start) + timedelta(weeks=1)
    assert any_desk.extend() == 0
    any_desk.clock.advance(timedelta(weeks=2))
    before = any_desk.revision()
    assert any_desk.extend() == 2
    assert any_desk.revision() > before
    refs = [one.ref for one in any_desk.read(appointments.search, series="s-1")]
    assert refs == [f"s-1#{n}" for n in range(1, len(made) + 3)]
    assert any_desk.audit_holds()


def test_an_occurrence_beyond_the_horizon_comes_to_be_when_it_is_named(any_desk):
    """With all before it: a missing number would read as an occurrence taken out."""
    made = any_desk.weekly("s-1", "2026-12-08T10:00")
    one = any_desk.get("s-1#60")
    assert local_text(one.start) == "2028-01-25T10:00:00"
    found = any_desk.read(appointments.search, series="s-1")
    assert [each.number for each in found] == list(range(1, 61))
    assert len(made) < 60


def test_a_series_with_an_end_has_no_further_occurrence(desk):
    """Naming one is an error, and makes nothing."""
    desk.weekly("s-1", "2026-12-08T10:00", count=3)
    for ref in ("s-1#4", "s-2#1", "s-1"):
        with pytest.raises(NotFound):
            desk.get(ref)


def test_an_absurdly_late_occurrence_is_refused(desk):
    """A typing mistake does not fill the database."""
    desk.weekly("s-1", "2026-12-08T10:00")
    with pytest.raises(Refused, match="ahead"):
        desk.get("s-1#5000")
