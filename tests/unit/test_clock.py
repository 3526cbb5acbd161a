"""Whose time it is."""

from datetime import UTC, datetime, timedelta

import pytest

from calwarden.clock import BadClock, FixedClock, SystemClock, clock_from
from calwarden.testing.clock import START, ManualClock

NOW = {"CALWARDEN_NOW": "2026-12-01T10:00:00-05:00"}


def test_the_variable_is_the_clock_only_where_the_settings_say_so():
    """In production it is ignored."""
    assert clock_from(NOW, manual=True).now() == datetime(2026, 12, 1, 15, tzinfo=UTC)
    assert clock_from(NOW, manual=True).now().tzinfo is UTC
    assert type(clock_from(NOW, manual=False)) is SystemClock
    assert type(clock_from({}, manual=True)) is SystemClock


@pytest.mark.parametrize("text", ["noon", "2026-12-01T10:00:00", "2026-13-01T10:00:00Z"])
def test_a_variable_that_is_no_moment_is_refused(text):
    """A local time without offset is no moment either."""
    with pytest.raises(BadClock, match="2026-12-01T10:00:00"):
        clock_from({"CALWARDEN_NOW": text}, manual=True)


def test_the_machines_clock_goes_forward():
    """Its time of day is aware; its elapsed time grows over a pause."""
    clock = SystemClock()
    began = clock.monotonic()
    clock.pause(timedelta(milliseconds=2))
    clock.pause(timedelta(seconds=-1))
    assert clock.monotonic() - began >= 0.002
    assert clock.now().tzinfo is UTC


def test_a_fixed_clock_stands_still():
    """However long one waits."""
    clock = FixedClock(START)
    clock.pause(timedelta(milliseconds=1))
    assert clock.now() == START


def test_a_manual_clock_moves_by_hand():
    """Pausing moves it; a jump moves the time of day and no time passes."""
    clock = ManualClock()
    clock.pause(timedelta(seconds=60))
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=60), 60.0)
    clock.jump(START - timedelta(days=1))
    assert (clock.now(), clock.monotonic()) == (START - timedelta(days=1), 60.0)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(timedelta(seconds=-1))
