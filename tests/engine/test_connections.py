"""Connectors that stay open between polls: used again as long as they fit, by one pass each."""

from datetime import timedelta

import pytest

from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.engine.connections import Connections
from calwarden.engine.cycle import poll
from calwarden.engine.heads import KnownHeads, head, heads
from calwarden.engine.pacing import Pacer
from calwarden.engine.shard import Shard
from calwarden.sdk.errors import Transient
from calwarden.store import calendars, managed
from calwarden.testing.clock import ManualClock


class Line:
    """A connector as far as lending goes."""

    def __init__(self) -> None:
        self.rested, self.closed = 0, False

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened():
    """Every connector that was opened."""
    return []


@pytest.fixture
def lending(opened):
    """Connections of which two stay open."""

    def connect(_calendar):
        opened.append(Line())
        return opened[-1]

    return Connections(connect, most=2)


@pytest.fixture
def read(house):
    """Read the head of a calendar."""

    def read(number=None):
        with house.database.read() as connection:
            return head(connection, number or house.calendar, now=house.clock.now())

    return read


def test_a_connector_is_lent_again_and_rests_between(lending, opened, read):
    """The second pass opens nothing."""
    with lending.lent(read()) as first:
        assert not first.rested
    with lending.lent(read()) as second:
        assert second is first
    assert (len(opened), first.rested, first.closed) == (1, 2, False)


@pytest.mark.parametrize("change", ["probe", "credential", "zone"])
def test_what_a_connector_was_opened_with_changed(house, lending, opened, read, change):
    """Linked again, tried out again, or moved to another zone: it is opened anew."""
    with house.database.write() as tx:
        sealed = calendars.add_credential(tx, account="a", sealed=b"x", now=house.clock.now())
        calendars.save(tx, house.calendar, credential_id=sealed)
    with lending.lent(read()):
        pass
    house.clock.advance(timedelta(seconds=1))
    with house.database.write() as tx:
        if change == "probe":
            calendars.save(tx, house.calendar, probe={"server": "another"})
        elif change == "credential":
            calendars.save_credential(tx, sealed, sealed=b"y", now=house.clock.now())
        else:
            tx.exec_driver_sql("UPDATE providers SET timezone = 'Europe/London'")
    with lending.lent(read()) as second:
        assert second is opened[1]
    assert opened[0].closed


def test_one_that_failed_is_closed(lending, opened, read):
    """What a broken line still holds answers no later pass."""
    with pytest.raises(Transient), lending.lent(read()):
        raise Transient("connection reset")
    with lending.lent(read()):
        pass
    assert [one.closed for one in opened] == [True, False]


def test_two_passes_at_once_have_a_connector_each(lending, opened, read):
    """One of them is kept, the other is closed."""
    with lending.lent(read()) as one, lending.lent(read()) as other:
        assert one is not other
    assert sorted(each.closed for each in opened) == [False, True]


def test_the_longest_unused_is_closed(house, lending, opened, read):
    """No more than two stay open here."""
    for number in (house.calendar, house.link(), house.link()):
        with lending.lent(read(number)):
            pass
    assert [one.closed for one in opened] == [True, False, False]
    lending.close()
    assert all(one.closed for one in opened)


def test_a_report_counts_the_requests_of_its_own_pass(house):
    """A kept connector counts on."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.sync()
    assert [poll(house.services, house.calendar).requests for _ in range(3)] == [1, 1, 1]


def test_known_heads_are_those_that_are_read(house):
    """Whatever changes shows, and what stays the same is the very head of before."""
    known = KnownHeads()
    other = house.link()
    numbers = [house.calendar, other]

    def both():
        with house.database.read() as connection:
            now = house.clock.now()
            found = known.read(connection, numbers, now=now)
            assert found == heads(connection, numbers, now=now)
            return found

    first = both()
    assert all(both()[number] is first[number] for number in numbers)
    house.book("a-1", "2026-12-03T10:00")
    assert both()[house.calendar].schedule_revision > first[house.calendar].schedule_revision
    house.sync()
    house.sync()
    with house.database.write() as tx:
        (made,) = managed.all_of(tx, house.calendar)
        managed.save(tx, house.calendar, made.uid, reread=True)
        calendars.save(tx, other, cursor="7")
    second = both()
    assert (second[house.calendar].owed, second[other].calendar.cursor) == (True, "7")


def test_a_pause_that_one_calendar_is_asked_for_holds_for_its_neighbours_in_the_same_round(house):
    """Both were due and read together; the account's other calendar is not asked any more."""
    other = house.link()
    shard = Shard(house.services, Pacer(ManualClock()), concurrency=1)

    def throttled(*_arguments):
        raise Transient("too many requests", retry_after=timedelta(minutes=5), throttled=True)

    for world in house.worlds.values():
        world.calendar.on("before:observe", throttled, times=1)
    reports = {one.id: one for one in shard.run(house.clock.now())}
    assert {one.outcome.value for one in reports.values()} == {"throttled"}
    assert (reports[house.calendar].requests, reports[other].requests) == (1, 0)


@pytest.mark.parametrize("status", [CalendarStatus.PAUSED, CalendarStatus.NEEDS_RELINK])
def test_what_is_stopped_while_it_is_looked_at_is_not_written_to(house, status):
    """Somebody pauses the calendar between our look and our write."""
    house.book("a-1", "2026-12-03T10:00")

    def stop(*_arguments):
        with house.database.write() as tx:
            calendars.set_status(tx, house.calendar, status)

    house.world.calendar.on("before:observe", stop, times=1)
    assert house.sync().outcome.value == status.value
    assert (house.world.calendar.items, house.world.calendar.writes) == ({}, 0)
