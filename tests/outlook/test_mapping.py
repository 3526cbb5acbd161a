"""Graph's JSON in our values and back: rules, zones, times, and what Exchange rewrites."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.domain.event import EventText, Recurrence
from calwarden.domain.wall_time import Slot, local_text, parse_local, zone_name
from calwarden.ical.comparison import alike
from calwarden.ical.recurrence import read_recurrence
from calwarden.ical.rule import DAYS_IN_WEEK
from calwarden.testing.world import FINGERPRINT, ZONE, event
from calwarden_outlook.mapping import (
    Reader,
    Unreadable,
    changed_fields,
    first_transaction,
    fresh_transaction,
    new_fields,
    origin,
)
from calwarden_outlook.patterns import Inexpressible, expresses, pattern_of, recurrence_of

READER = Reader(FINGERPRINT, ZONE)
UID = "a" * 52


def _row(start="2027-01-12T15:00:00.0000000", end="2027-01-12T15:50:00.0000000", **about):
    return {
        "id": "1",
        "start": {"dateTime": start, "timeZone": "UTC"},
        "end": {"dateTime": end, "timeZone": "UTC"},
        "originalStartTimeZone": "America/New_York",
        "sensitivity": "private",
        "showAs": "busy",
        **about,
    }


EXPRESSIBLE = [
    ("2027-01-05", "FREQ=WEEKLY;COUNT=8"),
    ("2027-01-05", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU"),
    ("2027-01-05", "FREQ=DAILY;INTERVAL=3"),
    ("2027-01-12", "FREQ=MONTHLY;BYDAY=2TU;COUNT=5"),
    ("2027-01-29", "FREQ=MONTHLY;BYDAY=-1FR"),
    ("2027-01-12", "FREQ=MONTHLY;BYMONTHDAY=12"),
    ("2027-01-01", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1"),
    ("2027-01-31", "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
    ("2027-01-12", "FREQ=YEARLY"),
    ("2027-01-12", "FREQ=YEARLY;BYMONTH=1;BYDAY=2TU"),
]
INEXPRESSIBLE = [
    ("2027-01-31", "FREQ=MONTHLY"),
    ("2027-01-29", "FREQ=MONTHLY;BYDAY=5FR"),
    ("2027-01-12", "FREQ=MONTHLY;BYMONTHDAY=12,26"),
    ("2027-01-31", "FREQ=MONTHLY;BYMONTHDAY=-1"),
    ("2027-01-12", "FREQ=MONTHLY;BYDAY=TU"),
    ("2027-01-12", "FREQ=YEARLY;BYMONTH=1,6"),
    ("2027-01-12", "FREQ=YEARLY;BYYEARDAY=12"),
    ("2027-01-12", "FREQ=YEARLY;BYWEEKNO=2"),
    ("2027-01-12", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2,3"),
    ("2027-01-12", "FREQ=WEEKLY;BYDAY=MO"),
    ("2027-01-12", "FREQ=WEEKLY;COUNT=1000"),
]


@pytest.mark.parametrize(("day", "rule"), EXPRESSIBLE)
def test_a_rule_that_outlook_can_say_comes_back_as_it_was(day, rule):
    """RRULE to patternedRecurrence and back is the same recurrence (M18)."""
    start = parse_local(f"{day}T10:00", ZONE)
    wanted = read_recurrence([rule], start)
    told = pattern_of(wanted, start, ZONE)
    assert told["range"]["startDate"] == day
    assert recurrence_of(told, start) == wanted


@pytest.mark.parametrize(("day", "rule"), INEXPRESSIBLE)
def test_what_outlook_cannot_say_exactly_is_not_said(day, rule):
    """Never an approximation (M19)."""
    start = parse_local(f"{day}T10:00", ZONE)
    with pytest.raises(Inexpressible):
        pattern_of(read_recurrence([rule], start), start)


def test_what_can_be_held_is_known_without_a_start():
    """Every cadence of the practice can; what depends on the day of the start is not promised."""
    for rule in ("FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=6", "FREQ=MONTHLY;BYDAY=-1FR"):
        assert expresses(Recurrence(rule=rule, count=12))
    assert expresses(Recurrence(rule="FREQ=WEEKLY;BYDAY=TU,TH"))
    for rule in ("FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=5FR", "FREQ=YEARLY"):
        assert not expresses(Recurrence(rule=rule))
    assert not expresses(Recurrence(rule="FREQ=WEEKLY", extra=(Slot("2027-01-13T10:00:00"),)))
    assert not expresses(Recurrence(rule="unsupported:x", supported=False))


@given(
    kind=st.sampled_from(["daily", "weekly", "absoluteMonthly", "relativeMonthly"]),
    interval=st.integers(1, 99),
    day=st.integers(0, 400),
    days=st.sets(st.integers(0, DAYS_IN_WEEK - 1), min_size=1),
    count=st.integers(1, 60),
    index=st.sampled_from(["first", "second", "third", "fourth", "last"]),
)
def test_any_pattern_is_read_without_loss(kind, interval, day, days, count, index):
    """What is read from a pattern either says the same again or is told as unsupported."""
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    start = parse_local("2027-01-01T10:00", ZONE) + timedelta(days=day)
    pattern = {
        "type": kind,
        "interval": interval,
        "month": 0,
        "dayOfMonth": start.day if kind == "absoluteMonthly" else 0,
        "daysOfWeek": [names[one] for one in sorted({*days, start.weekday()})],
        "firstDayOfWeek": "sunday",
        "index": index,
    }
    told = {"pattern": pattern, "range": {"type": "numbered", "numberOfOccurrences": count}}
    found = recurrence_of(told, start)
    if found.supported and found.count != 1:
        assert recurrence_of(pattern_of(found, start), start) == found


def test_an_end_date_counts_what_it_leaves():
    """`endDate` is told as the number of occurrences, its day included."""
    start = parse_local("2027-01-05T10:00", ZONE)
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]}
    told = {"pattern": pattern, "range": {"type": "endDate", "endDate": "2027-01-19"}}
    assert recurrence_of(told, start) == Recurrence(rule="FREQ=WEEKLY", count=3)


@pytest.mark.parametrize(
    "told", [{}, {"pattern": {}, "range": {}}, {"pattern": {"type": "hourly"}}]
)
def test_an_unreadable_pattern_is_unsupported(told):
    """Nothing is guessed."""
    assert not recurrence_of(told, parse_local("2027-01-05T10:00", ZONE)).supported


@pytest.mark.parametrize(
    ("told", "zone", "wall"),
    [
        ("America/New_York", "America/New_York", "2027-01-12T10:00:00"),
        ("Eastern Standard Time", "America/New_York", "2027-01-12T10:00:00"),
        ("W. Europe Standard Time", "Europe/Berlin", "2027-01-12T16:00:00"),
        ("tzone://Microsoft/Utc", "UTC", "2027-01-12T15:00:00"),
        ("tzone://Microsoft/Custom", "America/New_York", "2027-01-12T10:00:00"),
    ],
)
def test_times_are_told_in_the_events_own_zone(told, zone, wall):
    """Windows names by CLDR, nameless zones as the provider's (M17); seven digits are cut (M13)."""
    body = READER.body(_row(originalStartTimeZone=told))
    assert (zone_name(body.start), local_text(body.start)) == (zone, wall)


def test_a_zone_keeps_its_name_through_a_windows_name():
    """One Windows name stands for many zones: the one that it was before is meant."""
    berlin = parse_local("2027-01-12T16:00", "Europe/Amsterdam")
    row = _row(originalStartTimeZone="W. Europe Standard Time")
    assert zone_name(READER.body(row, berlin.tzinfo).start) == "Europe/Amsterdam"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_an_all_day_event_stands_on_its_date(zone):
    """Whether replies float all-day events or convert them, the day is the day."""
    start = datetime(2027, 1, 12, tzinfo=UTC)
    if zone != "UTC":
        start = parse_local("2027-01-12T00:00", ZONE).astimezone(UTC)
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (start, start + timedelta(days=1))]
    row = _row(*texts, isAllDay=True)
    if zone != "UTC":
        row["start"]["dateTime"], row["end"]["dateTime"] = texts
    body = READER.body(row)
    assert (body.all_day, local_text(body.start)) == (True, "2027-01-12T00:00:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": None},
        {"start": {"dateTime": "soon", "timeZone": "UTC"}},
        {"start": {"dateTime": "2027-01-12T15:00:00", "timeZone": "Nowhere"}},
        {"originalStartTimeZone": "Nowhere", "recurrence": {"range": {}}},
    ],
)
def test_what_cannot_be_read_says_so(wrong):
    """Times without a meaning are a problem of that event alone."""
    with pytest.raises(Unreadable):
        READER.body({**_row(), **wrong})


def test_a_wrapped_body_says_what_its_text_says():
    """Exchange wraps texts in HTML: the same text has the same fingerprint (M13)."""
    plain = {"contentType": "text", "content": "Bring the\r\nfolder "}
    wrapped = {
        "contentType": "html",
        "content": "<html><head><style>p {}</style></head><body><!-- converted -->"
        "<div>Bring the<br>\r\nfolder&nbsp;</div></body></html>",
    }
    empty = {"contentType": "html", "content": "<html><body>&nbsp;</body></html>"}
    texts = [READER.body(_row(body=body)).details for body in (plain, wrapped)]
    assert texts[0] == texts[1] == FINGERPRINT("Bring the folder")
    assert READER.body(_row(body=empty)).details == ""


@pytest.mark.parametrize(
    ("sensitivity", "shown", "private", "busy", "away"),
    [
        ("private", "busy", True, True, False),
        ("confidential", "oof", True, True, True),
        ("normal", "tentative", False, True, False),
        ("personal", "workingElsewhere", False, False, False),
        ("normal", "free", False, False, False),
        ("normal", "unknown", False, True, False),
    ],
)
def test_sensitivity_and_show_as(sensitivity, shown, private, busy, away):
    """Private, busy and away as Outlook says them (M16)."""
    body = READER.body(_row(sensitivity=sensitivity, showAs=shown))
    assert (body.private, body.busy, body.out_of_office) == (private, busy, away)


def test_a_new_event_asks_nobody_anything():
    """No guests, no reminder, no answers, no proposals, no text that is not ours (A7, M15)."""
    wanted = event("a-1", "2027-01-12T10:00")
    fields = new_fields(wanted.resource.body, wanted.text, UID, UID)
    assert fields["start"] == {"dateTime": "2027-01-12T10:00:00", "timeZone": ZONE}
    off = ("isReminderOn", "responseRequested", "allowNewTimeProposals")
    assert [fields[name] for name in off] == [False] * 3
    assert not {"attendees", "body", "isOnlineMeeting", "categories"} & fields.keys()


def test_only_what_differs_is_written():
    """Saying the times again could cost a series its exceptions."""
    body = event("a-1", "2027-01-12T10:00").resource.body
    text = EventText(title="Session", location="Office")
    assert changed_fields(body, text, body) == {}
    assert changed_fields(body, text, replace(body, private=False)) == {"sensitivity": "private"}
    assert changed_fields(body, text, replace(body, title="x")) == {"subject": "Session"}
    kept = EventText(title=None, location="Office")
    assert changed_fields(body, kept, replace(body, title="x")) == {}
    assert changed_fields(body, text, replace(body, attendees=("x",))) == {"attendees": []}


def test_a_transaction_says_whose_an_event_is_and_for_which_slot():
    """Ours are told from any other; a slot and a wall time in a gap come back exactly (M8)."""
    body = event("a-1", "2027-03-14T02:30").resource.body
    assert origin({"transactionId": first_transaction(UID, body)}).wall == "2027-03-14T02:30:00"
    for slot in (Slot("2027-01-19T10:00:00"), Slot("2027-01-19")):
        told = origin({"transactionId": fresh_transaction(UID, slot)})
        assert (told.uid, told.slot) == (UID, slot)
    assert origin({"transactionId": fresh_transaction(UID)}).slot is None
    for other in (None, "", "7E163156-7762-4BEB-A1C6-729EA81755A7", "a" * 51, f"{UID}-x"):
        assert origin({"transactionId": other}) is None


def test_a_time_in_a_spring_gap_is_sent_as_the_clock_shows_it():
    """02:30 does not exist that day; it is sent as 03:30 and read back as what was meant."""
    body = event("a-5", "2027-03-14T02:30").resource.body
    fields = new_fields(body, EventText(title="x", location="x"), UID, first_transaction(UID, body))
    assert fields["start"]["dateTime"] == "2027-03-14T03:30:00"
    row = _row("2027-03-14T07:30:00", "2027-03-14T08:20:00", transactionId=fields["transactionId"])
    assert local_text(READER.body(row).start) == "2027-03-14T02:30:00"
    assert alike(READER.body(row), READER.body({**row, "showAs": "busy"}))
