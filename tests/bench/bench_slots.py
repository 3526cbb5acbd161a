"""What it costs to list the free times of one provider: 30 days, 500 appointments, 500 blocks."""

import statistics
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.rules import Rules
from calwarden.domain.wall_time import local_text, parse_local
from calwarden.practice import booking
from scheduling.conftest import open_office
from scheduling.test_availability import seen

GOAL_MS = 50.0
MANY = 500
ROUNDS = 50
FIRST = "2026-12-01T00:00"
ZONE = "America/New_York"

pytestmark = pytest.mark.bench


def test_free_times_are_listed_within_50_ms(sqlite_database, clock):
    """The median of many lists, each in a read transaction of its own; some times are free."""
    office = open_office(sqlite_database, clock)
    office.rules = replace(Rules(), offered=timedelta(days=30))
    step = timedelta(days=30) / MANY
    first = parse_local(FIRST, ZONE)
    with office.database.write() as tx:
        for number in range(MANY):
            wanted = booking.Booking(
                provider="dr-lee",
                client="c-1",
                start=local_text(first + step * number)[:16],
                minutes=20,
                ref=f"a-{number}",
            )
            booking.book(tx, wanted, now=office.now, actor="bench", force=True)
    calendar = office.calendar()
    for number in range(MANY):
        start = first + step * number + timedelta(minutes=25)
        end = start + timedelta(minutes=15)
        span = (local_text(start)[:16], local_text(end)[:16])
        seen(office, calendar, *span, uid=f"theirs-{number}")
    found = office.slots(minutes=30)
    assert found
    took = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        assert office.slots(minutes=30) == found
        took.append((time.process_time() - begin) * 1000)
    told = f"{len(found)} free times: median {statistics.median(took):.1f} ms of CPU"
    sys.stdout.write(f"\n{told}, worst {max(took):.1f} ms\n")
    assert statistics.median(took) <= GOAL_MS
