"""A rule has one spelling, whoever wrote it, and only rules of whole days are read."""

import pytest

from calwarden.domain.cadence import Cadence, Frequency
from calwarden.domain.wall_time import parse_local
from calwarden.ical.recurrence import read_recurrence, write_rule
from calwarden.ical.rule import BadRule, parse_rule

START = parse_local("2027-01-12T10:00", "America/New_York")  # the second Tuesday

SPELLINGS = [
    ("FREQ=WEEKLY", "FREQ=WEEKLY"),
    ("FREQ=WEEKLY;BYDAY=TU", "FREQ=WEEKLY"),
    ("freq=weekly;byday=tu;wkst=su", "FREQ=WEEKLY"),
    ("FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYDAY=TU", "FREQ=WEEKLY"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=SU", "FREQ=WEEKLY;INTERVAL=2"),
    ("FREQ=DAILY;INTERVAL=14", "FREQ=WEEKLY;INTERVAL=2"),
    ("FREQ=DAILY;INTERVAL=7", "FREQ=WEEKLY"),
    ("FREQ=WEEKLY;BYDAY=TH,TU", "FREQ=WEEKLY;BYDAY=TU,TH"),
    ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TH,TU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU"),
    ("FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYDAY=2TU"),
    ("FREQ=MONTHLY;BYDAY=+2TU", "FREQ=MONTHLY;BYDAY=2TU"),
    ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2", "FREQ=MONTHLY;BYDAY=2TU"),
    ("FREQ=MONTHLY;BYSETPOS=-1;BYDAY=TU;INTERVAL=3", "FREQ=MONTHLY;INTERVAL=3;BYDAY=-1TU"),
    ("FREQ=MONTHLY;BYDAY=TU;BYMONTHDAY=8,9,10,11,12,13,14", "FREQ=MONTHLY;BYDAY=2TU"),
    ("FREQ=MONTHLY;BYMONTHDAY=12", "FREQ=MONTHLY"),
    ("FREQ=MONTHLY;BYMONTHDAY=15", "FREQ=MONTHLY;BYMONTHDAY=15"),
    ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=12", "FREQ=YEARLY"),
    ("FREQ=DAILY;BYHOUR=10;BYMINUTE=0;BYSECOND=0", "FREQ=DAILY"),
    ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1"),
]


@pytest.mark.parametrize(("text", "canonical"), SPELLINGS)
def test_a_rule_has_one_spelling(text, canonical):
    """What the start implies, the order of parts and idle week starts leave no trace."""
    rule, _ = parse_rule(text, START)
    assert rule.text == canonical
    assert parse_rule(canonical, START)[0] == rule


@pytest.mark.parametrize(
    "cadence",
    [
        Cadence(),
        Cadence(every=2, count=6),
        Cadence(frequency=Frequency.MONTHLY, week=2),
        Cadence(frequency=Frequency.MONTHLY, week=-1, every=3),
    ],
)
def test_a_cadence_is_spelled_alike_when_read_back(cadence):
    """A cadence's rule is canonical already."""
    rule, _ = parse_rule(cadence.rule(START), START)
    assert rule.text == cadence.rule(START)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=5",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=9,17",
        "FREQ=DAILY;BYMINUTE=30",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=2TU",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=YEARLY;BYMONTH=-1",
        "FREQ=WEEKLY;COUNT=0",
        "FREQ=WEEKLY;UNTIL=soon",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=WEEKLY;NONSENSE=1",
        "BYDAY=TU",
        "",
        "FREQ=WEEKLY;" + "BYDAY=TU," * 500,
    ],
)
def test_what_is_no_rule_of_whole_days_is_refused(text):
    """Sub-daily, unknown and endless spellings are refused before anything is expanded."""
    with pytest.raises(BadRule):
        parse_rule(text, START)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("FREQ=WEEKLY;COUNT=8", 8),
        ("FREQ=WEEKLY;UNTIL=20270202T150000Z", 4),
        ("FREQ=WEEKLY;UNTIL=20270202T145959Z", 3),
        ("FREQ=WEEKLY;UNTIL=20270202", 4),
        ("FREQ=WEEKLY;UNTIL=20270202T100000", 4),
        ("FREQ=WEEKLY;UNTIL=20270101", 1),
        ("FREQ=WEEKLY", None),
        ("FREQ=DAILY;UNTIL=99991231", None),
        ("FREQ=DAILY;COUNT=999999999", None),
    ],
)
def test_an_end_is_a_count(text, count):
    """COUNT and UNTIL become the number of occurrences; an end beyond all use is none."""
    recurrence = read_recurrence([text], START)
    assert recurrence is not None
    assert recurrence.supported
    assert recurrence.count == count
    assert "COUNT" not in recurrence.rule
    assert "UNTIL" not in recurrence.rule


@pytest.mark.parametrize(
    "rules",
    [
        ["FREQ=SECONDLY"],
        ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"],
        ["FREQ=WEEKLY", "FREQ=MONTHLY"],
    ],
)
def test_rules_that_cannot_be_followed_are_told_by_a_digest(rules):
    """An unsupported rule is stable, distinct and quotes nothing."""
    recurrence = read_recurrence(rules, START)
    assert recurrence is not None
    assert not recurrence.supported
    assert recurrence == read_recurrence(rules, START)
    assert "FREQ" not in recurrence.rule


def test_a_rule_is_written_as_it_was_read():
    """Writing a recurrence and reading it again gives the same recurrence."""
    for text, _ in SPELLINGS:
        recurrence = read_recurrence([f"{text};COUNT=5"], START)
        assert recurrence is not None
        written = write_rule(recurrence)
        assert written is not None
        assert read_recurrence([written], START) == recurrence
