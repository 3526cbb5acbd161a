"""The daemon's shards: what is due is polled, the rest costs nothing, none stops another."""

from datetime import timedelta

import pytest

from calwarden.engine.pacing import Pace, Pacer, back_off, pace_key
from calwarden.engine.shard import Intervals, Shard, run_shard
from calwarden.sdk.errors import Transient
from calwarden.store import calendars
from calwarden.testing.clock import ManualClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shard(house):
    return Shard(
        house.services, Pacer(house.clock), intervals=Intervals(near=2 * MINUTE, far=15 * MINUTE)
    )


def _run(house, shard):
    return run_shard(shard, house.clock.now())


def test_a_new_link_is_polled_at_once_and_then_at_its_interval(house, shard):
    """Nothing near: the calendar is looked at every 15 minutes."""
    assert len(_run(house, shard)) == 1
    assert _run(house, shard) == []
    house.clock.advance(14 * MINUTE)
    assert _run(house, shard) == []
    house.clock.advance(MINUTE)
    assert len(_run(house, shard)) == 1


def test_near_an_appointment_it_is_looked_at_more_often(house, shard):
    """An appointment within half a day: every two minutes."""
    house.book("a-1", "2026-11-30T15:00")
    _run(house, shard)
    house.clock.advance(2 * MINUTE)
    assert len(_run(house, shard)) == 1


def test_a_change_in_the_store_is_published_at_the_next_tick(house, shard):
    """What the practice books does not wait for the interval."""
    _run(house, shard)
    house.book("a-1", "2026-12-03T10:00")
    assert [one.published for one in _run(house, shard)] == [1]


def test_a_revert_comes_when_its_grace_is_over(house, shard):
    """The grace ends between two looks: the calendar wakes by itself."""
    house.book("a-1", "2026-12-03T10:00")
    _run(house, shard)
    house.person.move(house.remote("a-1"), timedelta(hours=1))
    shard.make_due(house.calendar)
    assert [one.reverted for one in _run(house, shard)] == [0]
    house.clock.advance(MINUTE)
    assert [one.reverted for one in _run(house, shard)] == [1]


def test_a_failing_calendar_backs_off_and_stops_no_other(house, shard):
    """One server is down: it is asked less and less; the other calendars go on."""
    other = house.link()
    house.book("a-1", "2026-12-03T10:00")

    def down(*_arguments):
        raise Transient("connection refused")

    house.world.calendar.on("before:observe", down, times=9)
    outcomes = {one.id: one.outcome.value for one in _run(house, shard)}
    assert outcomes == {house.calendar: "unreachable", other: "done"}
    house.clock.advance(timedelta(seconds=29))
    assert _run(house, shard) == []
    house.clock.advance(timedelta(seconds=1))
    assert [one.outcome.value for one in _run(house, shard)] == ["unreachable"]
    house.clock.advance(timedelta(seconds=30))
    assert _run(house, shard) == []


def test_due_times_are_stored_once_a_minute_and_survive_a_restart(house, shard):
    """After a restart what was just looked at is not looked at again."""
    _run(house, shard)
    house.clock.advance(MINUTE)
    _run(house, shard)
    fresh = Shard(house.services, Pacer(house.clock))
    assert _run(house, fresh) == []
    with house.database.read() as connection:
        assert calendars.get(connection, house.calendar).checked_at is not None


def test_calendars_are_divided_among_the_shards(house):
    """Every calendar belongs to exactly one shard."""
    house.link()
    house.link()
    shards = [Shard(house.services, Pacer(house.clock), number=n, of=2) for n in range(2)]
    seen = [report.id for one in shards for report in _run(house, one)]
    assert sorted(seen) == [1, 2, 3]


def test_a_bucket_lets_a_burst_through_and_then_keeps_the_rate():
    """Ten at once, then two a second."""
    clock = ManualClock()
    pacer = Pacer(clock, Pace(rate=2.0, burst=10))
    for _ in range(10):
        pacer.wait("host")
    assert clock.monotonic() == 0
    for _ in range(4):
        pacer.wait("host")
    assert clock.monotonic() == pytest.approx(2.0)


def test_hosts_do_not_share_a_bucket(house):
    """One host's burst costs no other host anything; the key is the host, else the account."""
    clock = ManualClock()
    pacer = Pacer(clock, Pace(rate=1.0, burst=1))
    pacer.wait("caldav:a.example")
    pacer.wait("caldav:b.example")
    assert clock.monotonic() == 0
    with house.database.read() as connection:
        assert pace_key(calendars.get(connection, house.calendar)) == "memory:memory"


def test_a_quota_holds_in_any_minute():
    """However requests fall, no sixty seconds see more than the limit."""
    clock = ManualClock()
    pacer = Pacer(clock, paces={"google:user:": Pace.within(60)})
    sent = []
    for pause in (0, 0, 50, 0, 3, 0):
        clock.advance(timedelta(seconds=pause))
        for _ in range(40):
            pacer.wait("google:user:dana")
            sent.append(clock.monotonic())
    for first in sent:
        assert sum(first <= moment < first + 60 for moment in sent) <= 60


def test_each_user_has_a_bucket_and_the_project_one_for_all():
    """A key that ends in a colon is a pace for each of its kind."""
    clock = ManualClock()
    paces = {"google:user:": Pace.within(2), "google:project": Pace.within(4)}
    pacer = Pacer(clock, paces=paces)
    for user in ("dana", "eve"):
        for key in (f"google:user:{user}", "google:project"):
            assert pacer.knows(key)
            pacer.wait(key)
    assert clock.monotonic() == 0
    pacer.wait("google:project")
    assert clock.monotonic() > 0
    assert not pacer.knows("caldav:a.example")


def test_those_who_wait_do_not_come_back_together():
    """The wait doubles with every attempt, and chance spreads it over as much again."""
    waits = []
    for attempt, chance in ((0, 0.0), (0, 1.0), (1, 0.0), (2, 0.5)):
        clock = ManualClock()
        back_off(clock, lambda chance=chance: chance, attempt)
        waits.append(clock.monotonic())
    assert waits == [0.5, 1.0, 1.0, 3.0]
