"""Which times are offered: working hours less all that is taken, on every day of the year."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.domain.availability import GRID, Hours, Taken, free_starts
from calwarden.domain.event import (
    EventBody,
    EventResource,
    Observed,
    Recurrence,
    Subject,
    SubjectKind,
)
from calwarden.domain.practice import BadWorkingHours, parse_working_hours, working_hours_document
from calwarden.domain.refusal import Refused
from calwarden.domain.view import Span
from calwarden.domain.wall_time import after, in_zone, instant, parse_local
from calwarden.engine.observe import busy_until
from calwarden.store import managed, observations
from calwarden.store.errors import NotFound

NEW_YORK = "America/New_York"
ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC")
MONDAY = "2026-12-07"


def at(text, zone=NEW_YORK):
    return parse_local(text, zone)


def span(start, end, zone=NEW_YORK):
    return Span(start=at(start, zone), end=at(end, zone))


def seen(office, calendar, start, end, *, uid="theirs", marker=None, rule=None, **body):
    """Let a look at a linked calendar have seen an event."""
    resource = EventResource(
        uid=uid,
        body=EventBody(start=at(start), end=at(end), **body),
        recurrence=None if rule is None else Recurrence(rule=rule),
    )
    one = Observed(
        remote_id=f"/{uid}", revision="1", content="c", uid=uid, marker=marker, resource=resource
    )
    with office.database.write() as tx:
        observations.store(tx, calendar, {one.remote_id: (one, busy_until(one))}, now=office.now)


def on(office, day, **named):
    """Wall-clock times offered on a day."""
    return [start[11:16] for start in office.slots(**named) if start.startswith(day)]


def test_times_lie_within_working_hours_with_lunch_on_a_grid_of_15_minutes(office):
    """The last one ends where the working span does."""
    found = on(office, MONDAY)
    assert (found[0], found[-1]) == ("09:00", "16:00")
    assert "11:00" in found
    assert "11:15" not in found
    assert "12:30" not in found
    assert found[1] == "09:15"


def test_an_exception_counts_instead_of_its_weekday(office):
    """A short day, and a day off."""
    hours = {"mon": ["09:00-17:00"], MONDAY: ["10:10-11:30"], "2026-12-14": []}
    office.provider(working_hours=working_hours_document(parse_working_hours(hours)))
    assert on(office, MONDAY) == ["10:10", "10:25", "10:40"]
    assert on(office, "2026-12-14") == []
    assert on(office, "2026-12-21")[0] == "09:00"


@pytest.mark.parametrize("day", ["2026-13-01", "someday", "20261207"])
def test_an_exception_is_a_date(day):
    """Anything else is told with what is possible."""
    with pytest.raises(BadWorkingHours, match="2026-12-24"):
        parse_working_hours({day: []})


def test_appointments_and_their_buffers_are_left_free(office):
    """Ten minutes before and after; of a cancelled one nothing is."""
    office.provider(buffer_minutes=10)
    office.book("a-1", f"{MONDAY}T10:00")
    office.book("a-2", f"{MONDAY}T14:00")
    office.cancel("a-2")
    found = on(office, MONDAY)
    assert found[:2] == ["09:00", "11:00"]
    assert "14:00" in found


def test_absences_are_left_free_without_a_buffer(office):
    """From their start to their end."""
    office.provider(buffer_minutes=10)
    office.away(f"{MONDAY}T00:00", f"{MONDAY}T15:00")
    assert on(office, MONDAY)[0] == "15:00"


@pytest.mark.parametrize("role", ["managed", "busy"])
def test_personal_events_in_any_linked_calendar_are_busy(office, role):
    """In one that we write to, and in one that is only read; a recurring one each time."""
    calendar = office.calendar(role)
    seen(office, calendar, f"{MONDAY}T09:00", f"{MONDAY}T10:30")
    seen(office, calendar, "2026-11-03T13:00", "2026-11-03T17:00", uid="r", rule="FREQ=WEEKLY")
    assert on(office, MONDAY)[0] == "10:30"
    assert on(office, "2026-12-08")[-1] == "11:00"


@pytest.mark.parametrize("flag", ["cancelled", "declined", "busy"])
def test_what_takes_no_time_is_not_busy(office, flag):
    """Cancelled, declined, or marked as free."""
    body = {flag: flag != "busy"}
    seen(office, office.calendar(), f"{MONDAY}T09:00", f"{MONDAY}T17:00", **body)
    assert on(office, MONDAY)[0] == "09:00"


def test_an_opaque_event_for_the_whole_day_takes_the_whole_day(office):
    """From midnight to midnight."""
    seen(office, office.calendar(), f"{MONDAY}T00:00", "2026-12-08T00:00", all_day=True)
    assert on(office, MONDAY) == []
    assert on(office, "2026-12-08")[0] == "09:00"


def test_our_own_events_and_copies_of_them_are_never_busy_in_any_linked_calendar(office):
    """Known by their uid, or by the marker that a copy keeps; another installation's is busy."""
    ours, other = office.calendar("managed"), office.calendar("busy")
    subject = Subject(kind=SubjectKind.APPOINTMENT, ref="a-9")
    with office.database.write() as tx:
        managed.plan(tx, ours, "our-uid", subject, 0)
    day = (f"{MONDAY}T09:00", f"{MONDAY}T12:00")
    seen(office, ours, *day, uid="our-uid")
    seen(office, other, *day, uid="copy", marker="our-uid")
    seen(office, other, *day, uid="our-uid")
    assert on(office, MONDAY)[0] == "09:00"
    seen(office, other, *day, uid="foreign", marker="of-another-installation")
    assert on(office, MONDAY)[0] == "13:00"


@pytest.mark.parametrize("status", ["gone", "unlinked", "unlinking"])
def test_a_calendar_that_is_no_longer_read_says_nothing(office, status):
    """What it showed last may be long over."""
    seen(office, office.calendar(status=status), f"{MONDAY}T09:00", f"{MONDAY}T17:00")
    assert on(office, MONDAY)[0] == "09:00"


def test_times_are_offered_from_the_notice_on_for_28_days(office):
    """The clock stands at ten; with 30 hours of notice the first is on the next day at four."""
    assert office.slots()[0] == "2026-11-30T10:00:00-05:00"
    office.provider(notice_hours=30)
    assert office.slots()[0] == "2026-12-01T16:00:00-05:00"
    last = datetime.fromisoformat(office.slots()[-1])
    assert office.now + timedelta(days=27) < last < office.now + timedelta(days=28)


def test_times_are_told_in_the_zone_that_was_asked_for(office):
    """The same instants."""
    here, there = office.slots(), office.slots(zone="Europe/Berlin")
    assert [instant(datetime.fromisoformat(one)) for one in here] == [
        instant(datetime.fromisoformat(one)) for one in there
    ]
    assert there[0] == "2026-11-30T16:00:00+01:00"


def test_nonsense_is_refused(office):
    """An unknown provider, an impossible length."""
    with pytest.raises(NotFound):
        office.slots(provider="dr-who")
    with pytest.raises(Refused):
        office.slots(0)


def test_an_endless_series_takes_its_times_beyond_the_appointments_that_exist(office):
    """Where a practice offers times for a year."""
    office.series("s-1", f"{MONDAY}T10:00", None)
    office.rules = type(office.rules)(offered=timedelta(days=300))
    assert "10:00" not in on(office, "2027-08-16")
    assert "10:00" in on(office, "2027-08-17")


def test_on_the_days_of_a_clock_change_no_time_is_lost_repeated_or_ambiguous(office):
    """In autumn the second pass of the hour is not offered: it could not be kept as wall time."""
    office.provider(working_hours={"sun": ["00:00-05:00"]})
    office.at("2027-03-13T12:00:00-05:00")
    assert on(office, "2027-03-14", minutes=60) == [
        *("00:00", "00:15", "00:30", "00:45", "01:00", "01:15", "01:30", "01:45"),
        *("03:00", "03:15", "03:30", "03:45", "04:00"),
    ]
    office.at("2027-11-06T12:00:00-04:00")
    found = on(office, "2027-11-07", minutes=60)
    assert found == sorted(set(found))
    assert found[-1] == "04:00"


@st.composite
def days(draw):
    """A provider's hours, what is taken, a length and a window around any moment of two years."""
    zone = draw(st.sampled_from(ZONES))
    begin = parse_local("2026-06-01T00:00", zone) + timedelta(days=draw(st.integers(0, 700)))
    minutes = st.integers(0, 6 * 1440)

    def later(number):
        return after(begin, timedelta(minutes=number))

    def spans():
        found = draw(st.lists(st.tuples(minutes, st.integers(1, 600)), max_size=8))
        return tuple(
            Span(
                start=after(begin, timedelta(minutes=m)), end=after(begin, timedelta(minutes=m + n))
            )
            for m, n in found
        )

    edges = sorted(draw(st.sets(st.integers(0, 95), min_size=2, max_size=6)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    texts = [f"{a // 4:02}:{a % 4 * 15:02}-{b // 4:02}:{b % 4 * 15:02}" for a, b in pairs]
    return (
        Hours(
            zone=zone,
            working=parse_working_hours(dict.fromkeys(("mon", "wed", "thu", "sun"), texts)),
            buffer=timedelta(minutes=draw(st.sampled_from((0, 10, 30)))),
        ),
        Taken(meetings=spans(), absences=spans()),
        timedelta(minutes=draw(st.sampled_from((15, 50, 90)))),
        Span(start=begin, end=after(begin, timedelta(days=6))),
    )


@given(days())
def test_every_time_that_is_offered_is_free_and_no_free_time_of_the_grid_is_left_out(case):
    """Against the definition, minute by minute of the grid."""
    hours, taken, length, window = case
    found = list(free_starts(hours, taken, length, window))
    assert found == sorted(set(found))
    expected = []
    for day in range(-1, 8):
        date = in_zone(window.start, hours.zone).date() + timedelta(days=day)
        weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[date.weekday()]
        for working in hours.working.get(weekday, ()):
            opens = instant(parse_local(f"{date}T{working.opens}", hours.zone))
            closes = instant(parse_local(f"{date}T{working.closes}", hours.zone))
            start = opens
            while start + length <= closes:
                if _is_free(start, length, hours, taken, window):
                    expected.append(start)
                start += GRID
    assert found == sorted(set(expected))


def _is_free(start, length, hours, taken, window):
    end = start + length
    inside = instant(window.start) <= start < instant(window.end)
    apart = all(
        end + hours.buffer <= instant(one.start) or start >= instant(one.end) + hours.buffer
        for one in taken.meetings
    )
    present = all(end <= instant(one.start) or start >= instant(one.end) for one in taken.absences)
    return inside and apart and present
