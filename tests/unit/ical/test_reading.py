"""What other programs write is read into one normal form; what cannot be read harms nothing."""

import time
from datetime import timedelta

import pytest

from calwarden.domain.event import EventResource
from calwarden.domain.wall_time import instant, local_text, parse_local, zone_name
from calwarden.ical.expansion import busy_spans
from calwarden.ical.reading import Reader, Reading
from calwarden.sdk.connector import Window
from calwarden.testing.world import FINGERPRINT, ZONE

READER = Reader(zone=ZONE, fingerprint=FINGERPRINT)
CUSTOM = """BEGIN:VTIMEZONE
TZID:Practice time
BEGIN:STANDARD
DTSTART:16011104T020000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010311T020000
RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
"""
FIXED = """BEGIN:VTIMEZONE
TZID:Somewhere
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0300
TZOFFSETTO:+0300
END:STANDARD
END:VTIMEZONE
"""


def text(*events: str, zones: str = "") -> bytes:
    """A calendar of events, each given by its lines."""
    told = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    whole = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n{zones}{told}END:VCALENDAR\n"
    return whole.replace("\n", "\r\n").encode()


def single(lines: str, zones: str = "", reader: Reader = READER) -> Reading:
    """The one reading of an event with the UID ``u``."""
    (reading,) = reader.read(text(f"UID:u\n{lines}", zones=zones))
    return reading


def resource(lines: str, zones: str = "") -> EventResource:
    """What an event was read as."""
    reading = single(lines, zones)
    assert reading.resource is not None, reading.problem
    return reading.resource


@pytest.mark.parametrize(
    ("start", "zones", "zone", "wall"),
    [
        ("DTSTART;TZID=Europe/Berlin:20270112T100000", "", "Europe/Berlin", "10:00"),
        ('DTSTART;TZID="Europe/Berlin":20270112T100000', "", "Europe/Berlin", "10:00"),
        ("DTSTART;TZID=Eastern Standard Time:20270112T100000", "", ZONE, "10:00"),
        ("DTSTART;TZID=W. Europe Standard Time:20270112T100000", "", "Europe/Berlin", "10:00"),
        (
            "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20270112T100000",
            "",
            "Europe/Berlin",
            "10:00",
        ),
        (
            "DTSTART;TZID=/freeassociation.sourceforge.net/America/Argentina/Salta:20270112T100000",
            "",
            "America/Argentina/Salta",
            "10:00",
        ),
        ("DTSTART;TZID=Practice time:20270112T100000", CUSTOM, ZONE, "10:00"),
        ("DTSTART;TZID=Somewhere:20270112T100000", FIXED, "Etc/GMT-3", "10:00"),
        ("DTSTART;TZID=UTC:20270112T100000", "", "UTC", "10:00"),
        ("DTSTART;TZID=Etc/UTC:20270112T100000", "", "UTC", "10:00"),
        ("DTSTART:20270112T100000Z", "", "UTC", "10:00"),
        ("DTSTART;VALUE=DATE-TIME:20270112T100000Z", "", "UTC", "10:00"),
    ],
)
def test_a_zone_is_known_by_many_names(start, zones, zone, wall):
    """IANA, Windows, prefixed and merely defined zones are told by their IANA name."""
    body = resource(start, zones).body
    assert zone_name(body.start) == zone
    assert f"{body.start:%H:%M}" == wall
    assert not body.floating


def test_an_unknown_zone_is_a_problem_and_not_a_guess():
    """A zone that is neither known nor defined is said to be, without quoting it."""
    reading = single("DTSTART;TZID=Canary Rivera:20270112T100000")
    assert reading.resource is None
    assert reading.problem is not None
    assert "time zone" in reading.problem
    assert "Canary" not in reading.problem


def test_a_floating_time_stands_in_the_readers_zone():
    """A time without zone is read in the provider's zone, and flagged."""
    body = resource("DTSTART:20270112T100000\nDTEND:20270112T110000").body
    assert zone_name(body.start) == ZONE
    assert body.floating
    assert body.length == timedelta(hours=1)


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        ("DTSTART:20270112T100000Z\nDTEND:20270112T105000Z", 50),
        ("DTSTART:20270112T100000Z\nDURATION:PT50M", 50),
        ("DTSTART:20270112T100000Z\nDURATION:P1DT1H", 25 * 60),
        ("DTSTART:20270112T100000Z\nDURATION:P1W", 7 * 24 * 60),
        ("DTSTART:20270112T100000Z", 0),
        ("DTSTART:20270112T100000Z\nDTEND:20270112T090000Z", 0),
        (
            "DTSTART;TZID=America/New_York:20270314T013000\nDTEND;TZID=America/New_York:20270314T033000",
            60,
        ),
        ("DTSTART;TZID=America/New_York:20270313T120000\nDURATION:P1D", 23 * 60),
        (
            "DTSTART;TZID=America/New_York:20270112T100000\nDTEND;TZID=Europe/Berlin:20270112T170000",
            60,
        ),
    ],
)
def test_an_end_is_told_in_many_ways(lines, minutes):
    """DTEND, DURATION and their absence give one length; days of a duration are wall days."""
    assert resource(lines).body.length == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ("DTSTART;VALUE=DATE:20270112\nDTEND;VALUE=DATE:20270114", 2),
        ("DTSTART;VALUE=DATE:20270112", 1),
        ("DTSTART;VALUE=DATE:20270112\nDURATION:P3D", 3),
        ("DTSTART:20270112", 1),
        ("DTSTART;VALUE=DATE:20270112\nDTEND;VALUE=DATE:20270112", 0),
    ],
)
def test_an_all_day_event_runs_from_midnight_to_midnight(lines, days):
    """Dates stand at midnight of the reader's zone, the end exclusive."""
    body = resource(lines).body
    assert body.all_day
    assert not body.floating
    assert local_text(body.start) == "2027-01-12T00:00:00"
    assert body.end - body.start == timedelta(days=days)


SERIES = "DTSTART;TZID=America/New_York:20270105T100000\nDURATION:PT50M\nRRULE:FREQ=WEEKLY;COUNT=8"


@pytest.mark.parametrize(
    "exdate",
    [
        "EXDATE;TZID=America/New_York:20270119T100000",
        "EXDATE:20270119T150000Z",
        "EXDATE:20270119T100000",
        "EXDATE;VALUE=DATE:20270119",
        "EXDATE;TZID=Europe/Berlin:20270119T160000",
        "EXDATE;TZID=Eastern Standard Time:20270119T100000",
        "EXDATE;TZID=America/New_York:20270119T100000,20270119T100000",
    ],
)
def test_an_exclusion_is_a_slot_of_its_series(exdate):
    """However an EXDATE is spelled, it is the slot in the master's zone."""
    assert resource(f"{SERIES}\n{exdate}").excluded == {"2027-01-19T10:00:00"}


def test_an_exclusion_beside_every_occurrence_means_nothing():
    """EXDATEs that name no slot are not told: they exclude nothing."""
    told = resource(f"{SERIES}\nEXDATE;TZID=America/New_York:20270119T113000,20280104T100000")
    assert told.excluded == frozenset()


def read(*events: str) -> EventResource:
    """What several components of one UID were read as."""
    (reading,) = READER.read(text(*(f"UID:u\n{event}" for event in events)))
    assert reading.resource is not None, reading.problem
    return reading.resource


def test_a_moved_occurrence_is_an_override_of_its_slot():
    """A RECURRENCE-ID in any zone names the slot; the override is told whole."""
    told = read(
        SERIES,
        "RECURRENCE-ID:20270119T150000Z\nDTSTART;TZID=America/New_York:20270120T090000\n"
        "DURATION:PT30M\nSUMMARY:Late",
    )
    assert set(told.overrides) == {"2027-01-19T10:00:00"}
    body = told.overrides["2027-01-19T10:00:00"]
    assert local_text(body.start) == "2027-01-20T09:00:00"
    assert body.title == FINGERPRINT("Late")


def test_a_cancelled_occurrence_is_an_exclusion():
    """An override with STATUS:CANCELLED excludes its slot."""
    told = read(
        SERIES,
        "RECURRENCE-ID;TZID=America/New_York:20270119T100000\n"
        "DTSTART;TZID=America/New_York:20270119T100000\nSTATUS:CANCELLED",
    )
    assert told.excluded == {"2027-01-19T10:00:00"}
    assert told.overrides == {}


def test_extra_dates_are_told_as_slots():
    """RDATE joins the rule; the start itself is no extra date."""
    told = resource(f"{SERIES}\nRDATE:20270107T150000Z,20270105T150000Z")
    assert told.recurrence is not None
    assert told.recurrence.extra == ("2027-01-07T10:00:00",)


def test_this_and_future_is_flagged():
    """RANGE=THISANDFUTURE is valid and cannot be said by slots: the rule is unsupported."""
    told = read(
        SERIES,
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=America/New_York:20270119T100000\n"
        "DTSTART;TZID=America/New_York:20270119T110000",
    )
    assert told.recurrence is not None
    assert not told.recurrence.supported


def test_an_exclusion_rule_is_flagged():
    """EXRULE (deprecated) cannot be said by slots: the rule is unsupported."""
    told = resource(f"{SERIES}\nEXRULE:FREQ=MONTHLY")
    assert told.recurrence is not None
    assert not told.recurrence.supported


def test_occurrences_without_their_series_take_their_time():
    """An invitation to single occurrences is read, and each is busy."""
    told = read(
        "RECURRENCE-ID:20270119T150000Z\nDTSTART:20270119T150000Z\nDURATION:PT1H",
        "RECURRENCE-ID:20270126T150000Z\nDTSTART:20270126T160000Z\nDURATION:PT1H",
    )
    start = parse_local("2027-01-01T00:00", "UTC")
    spans = busy_spans(told, Window(start=start, end=start + timedelta(days=60)))
    assert [instant(span.start).hour for span in spans] == [15, 16]


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("", False),
        ("CLASS:PUBLIC", False),
        ("CLASS:private", True),
        ("CLASS:CONFIDENTIAL", True),
        ("CLASS:X-SECRET", True),
    ],
)
def test_privacy_is_read_from_class(line, private):
    """Absent and PUBLIC are public; everything else is private (RFC 5545 3.8.1.3)."""
    assert resource(f"DTSTART:20270112T100000Z\n{line}").body.private is private


@pytest.mark.parametrize(
    ("lines", "busy", "away"),
    [
        ("", True, False),
        ("TRANSP:OPAQUE", True, False),
        ("TRANSP:TRANSPARENT", False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE", False, False),
        ("TRANSP:OPAQUE\nX-MICROSOFT-CDO-BUSYSTATUS:FREE", True, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", True, True),
        ("TRANSP:TRANSPARENT\nX-MICROSOFT-CDO-BUSYSTATUS:OOF", False, False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", True, False),
    ],
)
def test_busy_is_read_from_transparency(lines, busy, away):
    """TRANSP rules; Outlook's hint counts where it is absent, and tells out of office."""
    body = resource(f"DTSTART:20270112T100000Z\n{lines}").body
    assert (body.busy, body.out_of_office) == (busy, away)


@pytest.mark.parametrize(
    ("owner", "attendees", "declined"),
    [
        ({"dana@harbor.example"}, ["DANA@harbor.example;DECLINED", "x@y.example;ACCEPTED"], True),
        ({"dana@harbor.example"}, ["dana@harbor.example;ACCEPTED", "x@y.example;DECLINED"], False),
        ({"dana"}, ["dana@harbor.example;DECLINED"], True),
        (set(), ["x@y.example;DECLINED"], True),
        (set(), ["x@y.example;DECLINED", "z@y.example;ACCEPTED"], False),
        ({"dana"}, [], False),
    ],
)
def test_declined_is_what_the_owner_answered(owner, attendees, declined):
    """Only the calendar owner's own answer declines the event."""
    lines = "\n".join(
        f"ATTENDEE;PARTSTAT={answer}:mailto:{address}"
        for address, answer in (each.split(";") for each in attendees)
    )
    reader = Reader(zone=ZONE, fingerprint=FINGERPRINT, owner=frozenset(owner))
    reading = single(f"DTSTART:20270112T100000Z\n{lines}", reader=reader)
    assert reading.resource is not None
    assert reading.resource.body.declined is declined
    assert len(reading.resource.body.attendees) == len(attendees)


def test_texts_are_fingerprints_of_what_people_read():
    """Escapes and folds are undone before a text is fingerprinted, and no text is kept."""
    folded = "SUMMARY:Meet\\, then\r\n  talk\\; in\\n Room \\\\ 5"
    body = resource(f'DTSTART:20270112T100000Z\n{folded}\nLOCATION;X-A="b:c":Off\\nice').body
    assert body.title == FINGERPRINT("Meet, then talk; in\n Room \\ 5")
    assert body.location == FINGERPRINT("Off\nice")
    assert resource("DTSTART:20270112T100000Z\nSUMMARY:").body.title == ""


def test_details_change_with_what_people_type_only():
    """Descriptions, links and comments are one fingerprint; without any it is empty."""
    plain = resource("DTSTART:20270112T100000Z").body.details
    typed = resource("DTSTART:20270112T100000Z\nDESCRIPTION:x").body.details
    assert plain == ""
    assert typed not in {"", resource("DTSTART:20270112T100000Z\nURL:x").body.details}


def test_what_servers_rewrite_changes_nothing():
    """Property order, stamps, product and unknown additions leave the reading equal (C10)."""
    one = "UID:u\nDTSTART:20270112T100000Z\nDTEND:20270112T110000Z\nSUMMARY:x"
    other = (
        "SUMMARY;LANGUAGE=en:x\nX-NEW:1\nSEQUENCE:7\nDTSTAMP:20260101T000000Z\nPRIORITY:5\n"
        "DTEND:20270112T110000Z\nDTSTART:20270112T100000Z\nUID:u\nCREATED:20260101T000000Z"
    )
    assert READER.read(text(one)) == READER.read(text(other))


NESTED = b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 100_000
HOSTILE = {
    "empty": b"",
    "no calendar": b"hello",
    "binary": bytes(range(256)) * 100,
    "torn": text("UID:u\nDTSTART:20270112T100000Z")[:-20],
    "two calendars": text("UID:u") + text("UID:v"),
    "nested": NESTED,
    "too large": text("UID:u\nDTSTART:20270112T100000Z\nDESCRIPTION:" + "x" * 1_000_001),
    "too many lines": text("UID:u\n" + "X-A:b\n" * 30_000),
    "stray end": b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "no uid": text("DTSTART:20270112T100000Z"),
    "no start": text("UID:u\nSUMMARY:x"),
    "bad start": text("UID:u\nDTSTART:tomorrow"),
    "month 13": text("UID:u\nDTSTART:20271312T100000Z"),
    "year 1": text("UID:u\nDTSTART:00010101T000000Z\nDTEND:99991231T235959Z"),
    "year 9999": text("UID:u\nDTSTART;TZID=America/New_York:99991231T235959"),
    "bad duration": text("UID:u\nDTSTART:20270112T100000Z\nDURATION:soon"),
    "endless duration": text("UID:u\nDTSTART:20270112T100000Z\nDURATION:P" + "9" * 30 + "D"),
    "long duration": text("UID:u\nDTSTART:20270112T100000Z\nDURATION:P99999999D"),
    "two masters": text("UID:u\nDTSTART:20270112T100000Z", "UID:u\nDTSTART:20270113T100000Z"),
    "bad parameter": text('UID:u\nDTSTART;TZID="Europe:20270112T100000'),
    "many exceptions": text(
        f"UID:u\n{SERIES}", *(["UID:u\nRECURRENCE-ID:20270112T100000Z"] * 2_500)
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_object_is_a_problem_in_words(name):
    """Whatever stands there, reading ends soon, raises nothing and quotes nothing."""
    began = time.perf_counter()
    readings = READER.read(HOSTILE[name])
    assert time.perf_counter() - began < 2
    for reading in readings:
        assert reading.resource is None
        assert reading.problem
        assert "tomorrow" not in reading.problem
    assert readings


def test_one_bad_event_leaves_the_others_readable():
    """Each UID is read for itself."""
    bad, good = READER.read(text("UID:a\nDTSTART:never", "UID:b\nDTSTART:20270112T100000Z"))
    assert (bad.uid, bad.resource) == ("a", None)
    assert (good.uid, good.problem) == ("b", None)


def test_a_calendar_of_tasks_holds_no_event():
    """A VTODO alone is no problem, and no event."""
    data = b"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:t\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
    assert READER.read(data) == ()


def test_a_hostile_zone_definition_is_not_expanded():
    """A VTIMEZONE that changes every second costs nothing, and its zone is unknown."""
    zones = CUSTOM.replace("FREQ=YEARLY;BYDAY=1SU;BYMONTH=11", "FREQ=SECONDLY")
    began = time.perf_counter()
    reading = single("DTSTART;TZID=Practice time:20270112T100000", zones)
    assert time.perf_counter() - began < 1
    assert reading.resource is None


def test_a_zone_of_one_object_does_not_reach_the_next():
    """What one object calls a zone means nothing in another one."""
    assert single("DTSTART;TZID=Somewhere:20270112T100000", FIXED).resource is not None
    assert single("DTSTART;TZID=Somewhere:20270112T100000").resource is None


def test_bytes_that_are_no_utf_8_are_read_all_the_same():
    """A text in another encoding costs only its own legibility."""
    data = text("UID:u\nDTSTART:20270112T100000Z\nSUMMARY:caf_").replace(b"caf_", b"caf\xe9")
    (reading,) = READER.read(data)
    assert reading.resource is not None


def test_an_exclusion_late_in_an_old_endless_series_is_found():
    """A slot many thousand occurrences after the start is a slot all the same."""
    told = resource(
        "DTSTART;TZID=America/New_York:20000103T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY\n"
        "EXDATE;TZID=America/New_York:20270119T100000,20270119T110000"
    )
    assert told.excluded == {"2027-01-19T10:00:00"}


@pytest.mark.parametrize("name", ["EXDATE", "RDATE"])
def test_dates_by_the_ten_thousand_are_refused(name):
    """A series that names more dates than people make is a problem, found soon."""
    dates = ",".join(["20270119T150000Z"] * 10_000)
    reading = single(f"{SERIES}\n{name}:{dates}")
    assert reading.resource is None
    assert reading.problem
