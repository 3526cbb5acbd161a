"""What is written is read back equal, and what others added to an object survives a rewrite."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from calwarden.domain.event import EventText, Recurrence
from calwarden.domain.wall_time import Slot, after, parse_local
from calwarden.ical.expansion import slots
from calwarden.ical.lines import parse
from calwarden.ical.reading import Reader
from calwarden.ical.writing import Writer
from calwarden.testing.samples import PUBLISHED, SINGLE, THIRD, WEEKLY, excluded, moved, overridden
from calwarden.testing.world import FINGERPRINT, NOW, ZONE, event, told

READER = Reader(zone=ZONE, fingerprint=FINGERPRINT)
WRITER = Writer(reader=READER, now=NOW)


def read(data):
    """The one resource in an object."""
    (reading,) = READER.read(data)
    assert reading.problem is None
    return reading.resource


def lines(data):
    """The unfolded lines of an object."""
    return data.replace(b"\r\n ", b"").decode().split("\r\n")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_written_event_is_read_back_equal(name):
    """Every managed field survives the way to bytes and back, made new or rewritten."""
    wanted = PUBLISHED[name]
    data = WRITER.create(wanted)
    assert told(read(data)) == told(wanted.resource)
    assert told(read(WRITER.rewrite(data, wanted))) == told(wanted.resource)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_written_event_is_valid_for_others(name):
    """The icalendar library reads the object without fault and knows all its zones."""
    calendar = Calendar.from_ical(WRITER.create(PUBLISHED[name]))
    (written,) = calendar.events
    assert not written.errors
    assert calendar.get_missing_tzids() == set()
    assert written["CLASS"] == "PRIVATE"
    assert written["TRANSP"] == "OPAQUE"
    assert {"DTSTAMP", "DTEND", "SEQUENCE"} <= set(written)
    assert not {"ATTENDEE", "ORGANIZER", "DURATION"} & set(written)


starts = st.datetimes(
    min_value=parse_local("2026-06-01", "UTC").replace(tzinfo=None),
    max_value=parse_local("2029-06-01", "UTC").replace(tzinfo=None),
)
zones = st.sampled_from(
    [ZONE, "Europe/Berlin", "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]
)


@given(
    starts,
    zones,
    st.integers(1, 3000),
    st.sampled_from([None, "FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=3", "FREQ=DAILY"]),
    st.one_of(st.none(), st.integers(2, 30)),
    st.lists(st.integers(0, 9), max_size=4, unique=True),
    st.lists(st.integers(-3000, 3000), min_size=4, max_size=4),
)
def test_any_resource_is_read_back_equal(start, zone, minutes, rule, count, picked, shifts):
    """Whatever times, rule, overrides and exclusions: bytes and back change nothing."""
    begins = f"{start:%Y-%m-%dT%H:%M}"
    wanted = event("x", begins, minutes=minutes, zone=zone, rule=rule, count=count)
    resource = wanted.resource
    if rule is not None:
        named = [slot for slot, _ in zip(slots(resource), range(10), strict=False)]
        for place, number in enumerate(each for each in picked if each < len(named)):
            slot = named[number]
            if place % 2:
                resource = resource.with_exclusion(slot)
            else:
                at = parse_local(slot, zone) + timedelta(minutes=shifts[place])
                other = replace(resource.body, start=at, end=after(at, timedelta(minutes=30)))
                resource = resource.with_override(slot, other)
    wanted = replace(wanted, resource=resource)
    assert told(read(WRITER.create(wanted))) == told(resource)


ADDED = (
    "DESCRIPTION:Bring the blue folder\\, please; it is a long text that has to be folded",
    "COLOR:tomato",
    "X-MOOD;X-SINCE=noon:calm",
    'X-ODD;A="b;c:d":e,f;g',
    "CATEGORIES:A,B",
    "CLASS:CONFIDENTIAL",
)
ALARM = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nX-WR-ALARMUID:1\r\nEND:VALARM\r\n"


def adorned(data):
    """The object with what people and programs add."""
    added = "".join(f"{line}\r\n" for line in ADDED) + ALARM
    kept = data.replace(b"CLASS:PRIVATE\r\n", b"")
    return kept.replace(b"END:VEVENT", added.encode() + b"END:VEVENT", 1)


def test_what_others_added_survives_to_the_letter():
    """A rewrite keeps foreign properties, alarms and calendar properties as spelled."""
    data = adorned(WRITER.create(SINGLE)).replace(
        b"VERSION:2.0\r\n", b"VERSION:2.0\r\nX-WR-CALNAME:Mine\r\n"
    )
    written = WRITER.rewrite(data, moved(SINGLE, "2027-01-12T15:00"))
    assert told(read(written)) == told(moved(SINGLE, "2027-01-12T15:00").resource)
    assert set(ADDED) | {"X-WR-CALNAME:Mine"} <= set(lines(written))
    assert ALARM.replace("\r\n", "\n") in "\n".join(lines(written))


def test_a_rewrite_repairs_every_managed_field():
    """Whatever people did to managed properties is undone."""
    data = WRITER.create(SINGLE)
    for old, new in (
        (b"SUMMARY:Session", b"SUMMARY:Lunch"),
        (b"LOCATION:Office", b"LOCATION:Elsewhere"),
        (b"CLASS:PRIVATE", b"CLASS:PUBLIC"),
        (b"TRANSP:OPAQUE", b"TRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE"),
        (b"STATUS:CONFIRMED", b"STATUS:CANCELLED"),
        (b"DTSTART;TZID=America/New_York:20270112T100000", b"DTSTART;VALUE=DATE:20270112"),
        (b"DTEND;TZID=America/New_York:20270112T105000", b"DURATION:P1D\r\nRRULE:FREQ=DAILY"),
        (
            b"END:VEVENT",
            b"ORGANIZER:mailto:a@b.example\r\nATTENDEE:mailto:c@d.example\r\nEND:VEVENT",
        ),
    ):
        assert old in data
        data = data.replace(old, new)
    assert told(read(data)) != told(SINGLE.resource)
    written = WRITER.rewrite(data, SINGLE)
    assert told(read(written)) == told(SINGLE.resource)
    assert b"ORGANIZER" not in written
    assert b"BUSYSTATUS:FREE" not in written


def test_attendees_that_shall_stay_stay_as_spelled():
    """Only attendees beyond the wanted ones are removed, the organizer with the last."""
    kept = "ATTENDEE;CN=Kim;X-NUM=5:mailto:kim@x.example"
    people = (
        f"ORGANIZER:mailto:o@x.example\r\n{kept}\r\nATTENDEE:mailto:lee@x.example\r\nEND:VEVENT"
    )
    data = WRITER.create(SINGLE).replace(b"END:VEVENT", people.encode())
    body = replace(SINGLE.resource.body, attendees=(FINGERPRINT("kim@x.example"),))
    wanted = replace(SINGLE, resource=replace(SINGLE.resource, body=body))
    written = lines(WRITER.rewrite(data, wanted))
    assert kept in written
    assert "ORGANIZER:mailto:o@x.example" in written
    assert not [line for line in written if "lee@" in line]


def test_a_text_that_is_not_given_stays():
    """None leaves title and location as a person typed them."""
    data = WRITER.create(SINGLE).replace(b"SUMMARY:Session", b"SUMMARY;LANGUAGE=en:Lunch\\, long")
    wanted = replace(SINGLE, text=EventText(title=None, location=None))
    assert "SUMMARY;LANGUAGE=en:Lunch\\, long" in lines(WRITER.rewrite(data, wanted))


def test_an_occurrence_keeps_the_title_that_a_person_gave_it():
    """An override whose wanted title is the standing one keeps it, while the series gets ours."""
    series = overridden(WEEKLY, THIRD, "2027-01-20T15:00")
    data = WRITER.create(series)
    first, last = data.rsplit(b"SUMMARY:Session", 1)
    data = first + b"SUMMARY:Lunch" + last
    body = replace(series.resource.overrides[THIRD], title=FINGERPRINT("Lunch"))
    wanted = replace(series, resource=series.resource.with_override(THIRD, body))
    assert told(read(WRITER.rewrite(data, wanted))) == told(wanted.resource)


def test_exceptions_that_are_not_wanted_go():
    """Overrides and exclusions beyond the wanted ones are removed, the wanted ones made."""
    data = WRITER.create(
        excluded(overridden(WEEKLY, THIRD, "2027-01-20T15:00"), Slot("2027-02-02T10:00:00"))
    )
    assert told(read(WRITER.rewrite(data, WEEKLY))) == told(WEEKLY.resource)
    other = overridden(WEEKLY, Slot("2027-02-09T10:00:00"), "2027-02-10T10:00")
    assert told(read(WRITER.rewrite(data, other))) == told(other.resource)


def test_a_standing_exception_keeps_what_others_added_to_it():
    """An override is laid over the exception that stands for its slot."""
    data = WRITER.create(overridden(WEEKLY, THIRD, "2027-01-20T15:00"))
    first, last = data.rsplit(b"END:VEVENT", 1)
    data = first + b"X-MOOD:calm\r\nEND:VEVENT" + last
    wanted = overridden(WEEKLY, THIRD, "2027-01-20T16:00")
    written = WRITER.rewrite(data, wanted)
    assert told(read(written)) == told(wanted.resource)
    assert lines(written).count("X-MOOD:calm") == 1


def test_a_rule_that_says_the_same_keeps_its_spelling():
    """A rule is rewritten only where it says something else; UNTIL may stand for COUNT."""
    spelled = b"RRULE:FREQ=WEEKLY;UNTIL=20270223T150000Z;BYDAY=TU;WKST=SU"
    data = WRITER.create(WEEKLY).replace(b"RRULE:FREQ=WEEKLY;COUNT=8", spelled)
    assert told(read(data)) == told(WEEKLY.resource)
    assert spelled.decode() in lines(WRITER.rewrite(data, WEEKLY))
    wednesday = moved(WEEKLY, "2027-01-06T10:00")
    assert told(read(WRITER.rewrite(data, wednesday))) == told(wednesday.resource)


def test_the_sequence_rises_and_stamps_are_renewed():
    """Each write raises SEQUENCE above every one that stands (C11)."""
    data = WRITER.create(WEEKLY).replace(b"SEQUENCE:0", b"SEQUENCE:41")
    later = replace(WRITER, now=NOW + timedelta(days=1))
    written = lines(later.rewrite(data, overridden(WEEKLY, THIRD, "2027-01-20T15:00")))
    assert written.count("SEQUENCE:42") == 2
    assert written.count("DTSTAMP:20270105T120000Z") == 2


def test_the_second_of_two_equal_wall_times_is_told_in_utc():
    """An end in the repeated hour of autumn is the second 01:15, not the first."""
    wanted = event("x", "2027-11-07T00:30", minutes=105)
    assert wanted.resource.body.end.fold == 1
    data = WRITER.create(wanted)
    assert "DTEND:20271107T061500Z" in lines(data)
    assert told(read(data)) == told(wanted.resource)


def test_an_object_that_cannot_be_read_is_written_anew():
    """What a person broke is repaired whole."""
    for broken in (b"", b"torn", WRITER.create(SINGLE).replace(b"DTSTART;", b"DTSTARD;")):
        assert told(read(WRITER.rewrite(broken, SINGLE))) == told(SINGLE.resource)


def test_a_copy_under_our_path_loses_nothing_of_other_uids():
    """Components of another UID in the object stay as they were."""
    foreign = "BEGIN:VEVENT\r\nUID:other\r\nDTSTART:20270101T000000Z\r\nEND:VEVENT\r\n"
    data = WRITER.create(SINGLE).replace(b"END:VCALENDAR", foreign.encode() + b"END:VCALENDAR")
    written = WRITER.rewrite(data, SINGLE)
    assert foreign.encode() in written


def test_an_unsupported_rule_that_shall_stand_stays_as_spelled():
    """A rule kept under an open drift is not touched, though nobody can say it."""
    data = WRITER.create(WEEKLY).replace(b"RRULE:FREQ=WEEKLY;COUNT=8", b"RRULE:FREQ=HOURLY")
    stands = read(data).recurrence
    assert stands == Recurrence(rule=stands.rule, supported=False)
    wanted = replace(WEEKLY, resource=replace(WEEKLY.resource, recurrence=stands))
    assert "RRULE:FREQ=HOURLY" in lines(WRITER.rewrite(data, wanted))


def test_lines_are_folded_within_characters_never():
    """No line is longer than 75 bytes, and unfolding gives the text back."""
    title = "Sitzung für Übermüdete ☕ " * 8
    data = WRITER.create(event("x", "2027-01-12T10:00", title=title))
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert data.decode()
    assert read(data).body.title == FINGERPRINT(title)
    assert parse(data).bytes() == data
