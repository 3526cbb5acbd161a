"""What a service's writes cannot bring about makes no difference; everything else does."""

from dataclasses import replace

import pytest

from calwarden.domain.wall_time import Slot
from calwarden.ical.likeness import Likeness, plain, with_slot
from calwarden.testing.world import event

LIKENESS = Likeness(blank=lambda body: replace(body, details="", declined=False))
WEEKLY = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=4).resource
SECOND, THIRD = Slot("2027-01-12T10:00:00"), Slot("2027-01-19T10:00:00")
ELSEWHERE = event("s-1", "2027-01-13T15:00").resource.body
REGULAR = event("s-1", "2027-01-12T10:00").resource.body

MOVED = WEEKLY.with_override(SECOND, ELSEWHERE)
FEWER = WEEKLY.with_exclusion(THIRD)


def test_what_is_never_written_makes_no_difference():
    """Somebody's note on the series, and on one moved meeting of it."""
    noted = replace(ELSEWHERE, details="bring the folder")
    body = replace(MOVED.body, declined=True)
    assert LIKENESS.same(replace(MOVED, body=body).with_override(SECOND, noted), MOVED)
    assert LIKENESS.differing(MOVED.with_override(SECOND, noted), MOVED) == []


@pytest.mark.parametrize("other", [MOVED, FEWER, replace(WEEKLY, body=ELSEWHERE)])
def test_everything_else_makes_one(other):
    """A moved meeting, one that is left out, another time for all."""
    assert not LIKENESS.same(other, WEEKLY)
    assert not LIKENESS.same(WEEKLY, other)
    assert LIKENESS.same(other, other)


def test_the_slots_at_which_not_the_same_stands_are_named_in_order():
    """Whoever of the two says something of them."""
    assert LIKENESS.differing(FEWER, MOVED) == [SECOND, THIRD]
    assert LIKENESS.differing(MOVED, FEWER) == [SECOND, THIRD]


def test_an_override_where_the_master_puts_it_is_none():
    """A server may keep an exception that was moved back."""
    back = WEEKLY.with_override(SECOND, REGULAR)
    assert plain(back) == WEEKLY
    assert LIKENESS.same(back, WEEKLY)
    assert plain(MOVED) == MOVED


@pytest.mark.parametrize("final", [WEEKLY, MOVED, FEWER])
@pytest.mark.parametrize("step", [WEEKLY, MOVED, FEWER])
def test_slot_by_slot_one_becomes_the_other(step, final):
    """However either stands at a slot."""
    for slot in (SECOND, THIRD):
        step = with_slot(step, final, slot)
    assert LIKENESS.same(step, final)
