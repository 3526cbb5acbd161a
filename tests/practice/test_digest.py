"""The daily digest: once a day of the practice, only with something to say, and nobody named."""

import json

import pytest

from calwarden.domain.drift import DriftKind
from calwarden.domain.message import MessageKind, Reader
from calwarden.practice import booking
from calwarden.practice.digest import Digest, due, queue
from calwarden.store import outbox

DIGEST = Digest(recipients=("rosa@harbor.example", "ben@harbor.example"), hour=7)
SIX, SEVEN, NIGHT = (f"2026-12-01T{time}-05:00" for time in ("06:59", "07:00", "23:59"))
NEXT = "2026-12-02T07:00-05:00"


@pytest.fixture
def office(desk):
    """A claim of a meeting of yesterday whose event was moved since: it is held."""
    desk.book("2026-11-30T10:30", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    desk.at("2026-11-30T12:00-05:00")
    return desk


def drifted(office, ledger_times):
    one = office.get("a-1")
    return office.drift(
        DriftKind.MOVED, "a-1", before=ledger_times(one), after=ledger_times(one, minutes=20)
    )


def told(office, *moments):
    """Return how many messages each moment queued."""
    counts = []
    for moment in moments:
        office.at(moment)
        with office.database.write() as tx:
            counts.append(queue(tx, DIGEST, now=office.now))
    return counts


def letters(office):
    found = office.read(outbox.search, kind=MessageKind.DIGEST)
    assert all(one.recipient.reader is Reader.BILLING for one in found)
    return found


def test_it_goes_once_a_day_from_its_hour_on_in_the_practices_zone(office, ledger_times):
    """To each recipient, however often the clock is looked at; the next day again."""
    drifted(office, ledger_times)
    assert told(office, SIX, SEVEN, SEVEN, NIGHT) == [0, 2, 0, 0]
    assert told(office, NEXT) == [2]
    assert [one.facts["day"] for one in letters(office)] == ["2026-12-01"] * 2 + ["2026-12-02"] * 2


def test_a_late_start_of_the_day_is_made_up_for(office, ledger_times):
    """The daemon was down at seven."""
    drifted(office, ledger_times)
    assert told(office, NIGHT) == [2]


def test_with_nothing_to_say_it_says_nothing_that_day(office, ledger_times):
    """What comes up later is told the next morning, at its hour."""
    assert told(office, SEVEN) == [0]
    drifted(office, ledger_times)
    assert told(office, NIGHT, "2026-12-02T06:00-05:00", NEXT) == [0, 0, 2]


def test_it_tells_what_is_held_and_names_nobody(office, ledger_times):
    """Claims and appointments by ref, with the reason of the hold."""
    number = drifted(office, ledger_times)
    told(office, SEVEN)
    facts = letters(office)[0].facts
    assert facts["waiting"] == 1
    assert [one["claim"] for one in facts["held"]] == ["cl-1"]
    assert f"drift {number}" in facts["held"][0]["reasons"][0]
    for secret in ("Sam", "Rivera", "c-100"):
        assert secret not in json.dumps(dict(facts))


def test_a_work_item_alone_is_something_to_say(office):
    """Its claim is on file and needs nothing held."""
    office.claim("cl-2", "a-1", "submitted")
    office.do(booking.no_show, "a-1")
    assert told(office, SEVEN) == [2]
    assert [one["claim"] for one in letters(office)[0].facts["work"]] == ["cl-1", "cl-2"]


def test_without_recipients_there_is_none(office, ledger_times):
    """Nor is the day marked: somebody may be named later in the day."""
    drifted(office, ledger_times)
    office.at(SEVEN)
    nobody = Digest(recipients=(), hour=7)
    assert office.read(due, nobody, now=office.now) is None
    assert told(office, NIGHT) == [2]
