"""Google's JSON becomes our values, and ours Google's, in every case the wire rules name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.event import EventBody, EventText, Recurrence
from calwarden.domain.wall_time import after, local_text, parse_local, zone_name
from calwarden.testing.world import FINGERPRINT, ZONE
from calwarden_google.mapping import (
    MARKER,
    WALL,
    Reader,
    Unreadable,
    digest,
    ends_before,
    marker,
    original_start,
    owned_fields,
    recurrence_lines,
)
from calwarden_google.series import Rows, folded

# replies as the service spells them, of events made for these tests
TIMED = {
    "kind": "calendar#event",
    "etag": '"3590001112223334"',
    "id": "5t1m3devent0000000000000aa",
    "status": "confirmed",
    "htmlLink": "https://www.google.com/calendar/event?eid=NXQxbTNk",
    "created": "2026-11-20T08:00:00.000Z",
    "updated": "2026-11-20T08:00:01.500Z",
    "summary": "Choir",
    "location": "Town hall",
    "creator": {"email": "dana@harbor.example", "self": True},
    "organizer": {"email": "dana@harbor.example", "self": True},
    "start": {"dateTime": "2027-01-12T10:00:00-05:00", "timeZone": "America/New_York"},
    "end": {"dateTime": "2027-01-12T11:30:00-05:00", "timeZone": "America/New_York"},
    "iCalUID": "5t1m3devent0000000000000aa@google.com",
    "sequence": 0,
    "reminders": {"useDefault": True},
    "eventType": "default",
}
ALL_DAY = {
    **{key: value for key, value in TIMED.items() if key not in {"start", "end"}},
    "start": {"date": "2027-01-12"},
    "end": {"date": "2027-01-14"},
}
SERIES = {**TIMED, "id": "s3ri3s", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=TU"]}
MOVED = {
    **TIMED,
    "id": "s3ri3s_20270119T150000Z",
    "etag": '"3590001112223399"',
    "recurringEventId": "s3ri3s",
    "originalStartTime": {"dateTime": "2027-01-19T10:00:00-05:00", "timeZone": "America/New_York"},
    "start": {"dateTime": "2027-01-20T15:00:00-05:00", "timeZone": "America/New_York"},
    "end": {"dateTime": "2027-01-20T16:30:00-05:00", "timeZone": "America/New_York"},
}
DELETED = {
    "kind": "calendar#event",
    "etag": '"3590001112223400"',
    "id": "s3ri3s_20270126T150000Z",
    "status": "cancelled",
    "recurringEventId": "s3ri3s",
    "originalStartTime": {"dateTime": "2027-01-26T10:00:00-05:00", "timeZone": "America/New_York"},
}


@pytest.fixture
def reader():
    return Reader(FINGERPRINT, ZONE)


def test_a_timed_event_is_told_in_its_own_zone(reader):
    """Wall time and zone are the event's, texts fingerprints, absent fields defaults (G21)."""
    body = reader.body(TIMED)
    assert (local_text(body.start), zone_name(body.start)) == ("2027-01-12T10:00:00", ZONE)
    assert body.length == timedelta(minutes=90)
    assert (body.title, body.location) == (FINGERPRINT("Choir"), FINGERPRINT("Town hall"))
    assert (body.busy, body.private, body.all_day, body.declined) == (True, False, False, False)


def test_the_offset_of_another_zone_says_the_same_time(reader):
    """A reply told in the calendar's zone is the event's own wall time all the same."""
    told = {
        **TIMED,
        "start": {"dateTime": "2027-01-13T00:00:00+09:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2027-01-13T01:30:00+09:00", "timeZone": "America/New_York"},
    }
    assert reader.body(told) == reader.body(TIMED)


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("Eastern Standard Time", "America/New_York"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("US/Eastern", "US/Eastern"),
    ],
)
def test_zones_have_several_spellings(reader, spelled, meant):
    """Windows names and aliases are zones too."""
    told = {"dateTime": "2027-01-12T15:00:00Z", "timeZone": spelled}
    body = reader.body({**TIMED, "start": told, "end": told})
    assert zone_name(body.start) == meant


@pytest.mark.parametrize("named", [{}, {"timeZone": "Mars/Olympus"}])
def test_a_time_without_a_known_zone_is_told_in_the_calendars(reader, named):
    """The instant is certain; the calendar's zone tells it."""
    reader.learn_zone("Europe/Berlin")
    told = {"dateTime": "2027-01-12T15:00:00Z", **named}
    body = reader.body({**TIMED, "start": told, "end": told})
    assert (local_text(body.start), zone_name(body.start)) == (
        "2027-01-12T16:00:00",
        "Europe/Berlin",
    )


def test_an_all_day_event_runs_between_local_midnights(reader):
    """Dates are read in the provider's zone, the end exclusive."""
    body = reader.body(ALL_DAY)
    assert body.all_day
    assert local_text(body.start) == "2027-01-12T00:00:00"
    assert local_text(body.end) == "2027-01-14T00:00:00"
    assert zone_name(body.start) == ZONE


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"transparency": "transparent"}, {"busy": False}),
        ({"visibility": "private"}, {"private": True}),
        ({"visibility": "confidential"}, {"private": True}),
        ({"visibility": "public"}, {"private": False}),
        ({"eventType": "outOfOffice"}, {"out_of_office": True}),
        ({"description": "bring it"}, {"details": FINGERPRINT("bring it")}),
        (
            {"attendees": [{"email": "me@x", "self": True}, {"email": "you@x"}]},
            {"attendees": (FINGERPRINT("you@x"),)},
        ),
        (
            {"attendees": [{"email": "me@x", "self": True, "responseStatus": "declined"}]},
            {"declined": True},
        ),
        (
            {"attendees": [{"email": "you@x", "responseStatus": "declined"}]},
            {"declined": False, "attendees": (FINGERPRINT("you@x"),)},
        ),
    ],
)
def test_each_managed_field_is_read(reader, fields, expected):
    """Every managed field follows from Google's own."""
    body = reader.body({**TIMED, **fields})
    assert {name: getattr(body, name) for name in expected} == expected


def test_exceptions_are_keyed_by_their_original_start(reader):
    """A moved occurrence and a cancelled one of six fields are told by slot (G6, G20)."""
    seen = folded(Rows(master=SERIES, exceptions=(MOVED, DELETED)), reader)
    resource = seen.resource
    assert resource.recurrence == Recurrence(rule="FREQ=WEEKLY", count=6)
    assert list(resource.overrides) == ["2027-01-19T10:00:00"]
    assert resource.excluded == {"2027-01-26T10:00:00"}
    assert set(seen.parts) == {"2027-01-19T10:00:00", "2027-01-26T10:00:00"}


def test_an_exception_that_stands_where_the_series_puts_it_is_none(reader):
    """What was put back is regular again, though Google keeps a row of it."""
    back = {**MOVED, "start": MOVED["originalStartTime"]}
    back["end"] = {"dateTime": "2027-01-19T11:30:00-05:00", "timeZone": "America/New_York"}
    seen = folded(Rows(master=SERIES, exceptions=(back,)), reader)
    assert seen.resource.overrides == {}
    assert seen.revision != folded(Rows(master=SERIES), reader).revision


def test_a_cancelled_occurrence_beyond_the_rule_changes_nothing(reader):
    """A series that was cut short keeps old rows behind its end."""
    short = {**SERIES, "recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20270119T145959Z"]}
    seen = folded(Rows(master=short, exceptions=(DELETED,)), reader)
    assert seen.resource.excluded == frozenset()
    assert seen.resource.recurrence == Recurrence(rule="FREQ=WEEKLY", count=1)


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE;TZID=America/New_York:20270126T100000",
        "EXDATE:20270126T150000Z",
        "EXDATE;TZID=Europe/Berlin:20270126T160000",
        "exdate;tzid=America/New_York:20270202T100000,20270126T100000",
    ],
)
def test_excluded_dates_have_several_spellings(reader, line):
    """EXDATE lines name slots in any zone (G19)."""
    row = {**SERIES, "recurrence": [*SERIES["recurrence"], line]}
    assert "2027-01-26T10:00:00" in folded(Rows(master=row), reader).resource.excluded


@pytest.mark.parametrize(
    "lines",
    [
        ["RRULE:FREQ=SECONDLY"],
        ["RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY"],
        ["RRULE:FREQ=WEEKLY", "EXRULE:FREQ=MONTHLY"],
    ],
)
def test_a_rule_that_cannot_be_followed_is_told_as_such(reader, lines):
    """What is no plain rule stays opaque, and is not taken for another."""
    recurrence = folded(Rows(master={**SERIES, "recurrence": lines}), reader).resource.recurrence
    assert not recurrence.supported


@pytest.mark.parametrize(
    "fields",
    [
        {"start": None},
        {"start": {"dateTime": "yesterday"}},
        {"end": {}},
        {"recurrence": ["RRULE:FREQ=WEEKLY", "EXDATE:soon"]},
        {
            "recurrence": ["RRULE:FREQ=WEEKLY"],
            "start": {"dateTime": "2027-01-12T10:00:00-05:00", "timeZone": "Mars/Olympus"},
        },
    ],
)
def test_what_cannot_be_read_is_a_problem_of_that_event_alone(reader, fields):
    """One poisoned event is told with its problem, without quoting it."""
    seen = folded(Rows(master={**TIMED, **fields}), reader)
    assert seen.resource is None
    assert seen.problem
    assert "yesterday" not in seen.problem


def test_a_moment_of_an_original_start_in_a_gap_is_its_slot(reader):
    """A slot that does not exist on its day is told by the series' own wall time."""
    early = {
        **SERIES,
        "start": {"dateTime": "2027-03-07T02:30:00-05:00", "timeZone": ZONE},
        "end": {"dateTime": "2027-03-07T03:20:00-05:00", "timeZone": ZONE},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=6"],
    }
    row = {
        **DELETED,
        "originalStartTime": {"dateTime": "2027-03-14T03:30:00-04:00", "timeZone": ZONE},
    }
    assert folded(Rows(master=early, exceptions=(row,)), reader).resource.excluded == {
        "2027-03-14T02:30:00"
    }


def test_our_marker_names_the_uid():
    """Only our own private property is a marker."""
    assert marker({**TIMED, "extendedProperties": {"private": {MARKER: "abc"}}}) == "abc"
    assert marker({**TIMED, "extendedProperties": {"shared": {MARKER: "abc"}}}) is None
    assert marker(TIMED) is None


def test_what_changes_by_itself_is_not_content():
    """Etag, sequence and update time are no content; anything else is (rule A2)."""
    moved = {**TIMED, "etag": "1", "updated": "2", "sequence": 3}
    assert digest(moved) == digest(TIMED)
    assert digest({**TIMED, "description": "x"}) != digest(TIMED)


def _body(start, minutes=50, zone=ZONE, **values):
    begins = parse_local(start, zone)
    return EventBody(start=begins, end=after(begins, timedelta(minutes=minutes)), **values)


def test_every_owned_field_is_written_explicitly():
    """A patch says each field we own, nulls for the other kind of time; no attendees (A7, G16)."""
    fields = owned_fields(
        _body("2027-01-12T10:00"), EventText(title="Session", location="Office"), "u1"
    )
    assert fields == {
        "start": {"date": None, "dateTime": "2027-01-12T10:00:00-05:00", "timeZone": ZONE},
        "end": {"date": None, "dateTime": "2027-01-12T10:50:00-05:00", "timeZone": ZONE},
        "status": "confirmed",
        "transparency": "opaque",
        "visibility": "private",
        "summary": "Session",
        "location": "Office",
        "extendedProperties": {"private": {MARKER: "u1", WALL: None}},
    }


def test_a_text_that_is_not_given_is_not_written():
    """None leaves what stands."""
    fields = owned_fields(_body("2027-01-12T10:00"), EventText(title=None, location=None), "u1")
    assert not {"summary", "location"} & fields.keys()


def test_a_start_in_a_spring_gap_keeps_its_wall_time(reader):
    """Google keeps the instant; our property keeps the wall time while the instant stands."""
    body = _body("2027-03-14T02:30")
    row = {**TIMED, **owned_fields(body, EventText(title="x", location="y"), "u1")}
    assert row["extendedProperties"]["private"][WALL] == "2027-03-14T02:30:00"
    row["start"] = {"dateTime": "2027-03-14T03:30:00-04:00", "timeZone": ZONE}
    assert local_text(reader.body(row).start) == "2027-03-14T02:30:00"
    row["start"] = {"dateTime": "2027-03-14T04:30:00-04:00", "timeZone": ZONE}
    assert local_text(reader.body(row).start) == "2027-03-14T04:30:00"


def test_an_all_day_time_is_written_as_dates():
    """Both ends are dates, the end exclusive."""
    body = replace(_body("2027-01-12T00:00", minutes=2 * 24 * 60), all_day=True)
    fields = owned_fields(body, EventText(title=None, location=None), "u1")
    assert fields["start"] == {"date": "2027-01-12", "dateTime": None, "timeZone": None}
    assert fields["end"]["date"] == "2027-01-14"
    assert original_start("2027-01-19", body) == "2027-01-19"


def test_rules_and_exclusions_are_written_as_lines():
    """RRULE with COUNT, EXDATE in the series' zone, UTC with Z, dates for all-day series."""
    weekly = Recurrence(rule="FREQ=WEEKLY", count=6)
    slot = "2027-01-26T10:00:00"
    assert recurrence_lines(weekly, {slot}, _body("2027-01-12T10:00")) == [
        "RRULE:FREQ=WEEKLY;COUNT=6",
        "EXDATE;TZID=America/New_York:20270126T100000",
    ]
    assert recurrence_lines(weekly, {slot}, _body("2027-01-12T10:00", zone="UTC"))[1] == (
        "EXDATE:20270126T100000Z"
    )
    whole = replace(_body("2027-01-12T00:00", minutes=24 * 60), all_day=True)
    assert recurrence_lines(weekly, {"2027-01-26"}, whole)[1] == "EXDATE;VALUE=DATE:20270126"
    assert recurrence_lines(None, set(), whole) == []


@pytest.mark.parametrize(
    ("row", "over"),
    [
        (TIMED, True),
        (ALL_DAY, False),
        ({"end": {"dateTime": "2027-01-14T09:00:00-05:00"}}, False),
        ({"end": None}, False),
        ({}, False),
    ],
)
def test_a_past_event_is_past_in_every_zone(row, over):
    """An event is left out of a look only where no zone could make it count."""
    assert ends_before(row, parse_local("2027-01-14T12:00", ZONE)) is over


def test_a_problem_quotes_nothing(reader):
    """The reader's errors hold no text of a person."""
    with pytest.raises(Unreadable) as caught:
        reader.body({**TIMED, "start": {"dateTime": "Canary Rivera"}})
    assert "Canary" not in str(caught.value)
