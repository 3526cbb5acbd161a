"""Between a look and its record, and between a step and its end, other things happen."""

from datetime import timedelta

import pytest

from calwarden.store import calendars

HOUR = timedelta(hours=1)


class Killed(BaseException):
    """The process is gone."""


def _raise(error):
    def action(*_arguments):
        raise error

    return action


def _once(house, point, action):
    """Do something the next time that a poll passes a point."""
    waiting = [action]

    def passed(name):
        if name == point and waiting:
            waiting.pop()()

    object.__setattr__(house.services, "failpoint", passed)


def _kill(house, point):
    """Kill the process at a point; a minute later its lease is over."""
    house.fail_at[point] = Killed()
    with pytest.raises(Killed):
        house.sync()
    house.clock.advance(timedelta(seconds=61))


def _flagged(house):
    house.book("a-1", "2026-11-30T11:30")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    return house.drifts()[0]


def test_a_verdict_given_while_a_pass_is_under_way_is_carried_out(house):
    """The pass had loaded the drift before the person decided: what it found counts for nothing."""
    drift = _flagged(house)
    house.book("a-2", "2026-12-04T10:00")
    _once(house, "before_record", lambda: house.decide(drift.id, "revert"))
    house.sync()
    house.sync()
    assert house.drifts()[0].status == "reverted"
    assert house.item("a-1").body.start.hour == 11


def test_a_dismissal_given_while_a_pass_is_under_way_stays(house):
    """A further edit seen by that pass is a drift of its own; the dismissed one stays closed."""
    drift = _flagged(house)
    house.person.move(house.remote("a-1"), HOUR)
    _once(house, "before_record", lambda: house.decide(drift.id, "dismiss"))
    house.sync()
    house.sync()
    assert [one.status for one in house.drifts()] == ["dismissed", "open"]


def test_a_pause_amid_a_pass_stays_a_pause(house):
    """A link stopped between look and record is not set going again, and nothing is written."""
    house.book("a-1", "2026-12-03T10:00")

    def pause():
        with house.database.write() as tx:
            calendars.save(tx, house.calendar, status="paused")

    _once(house, "before_record", pause)
    assert house.sync().outcome == "paused"
    assert house.world.calendar.items == {}
