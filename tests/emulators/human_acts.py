"""Laws of what people do at a service's own pages, whoever's service it is.

What they do is found once, named, and put back or shown to somebody. A subclass is run with the
fixture ``house`` of its service.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from calwarden.domain.event import EventResource
from emulators.practice import EmulatedHouse

SLOT = "2026-12-17T10:00:00"
NEXT = "2026-12-24T10:00:00"

Acts = dict[str, tuple[Callable[[Any, str], object], str | None]]
"""What a person does with an event, by the words for it, and which kind of drift that is."""

SINGLE_ACTS: Acts = {
    "dragged to another day": (lambda p, r: p.drag(r, 24 * 60), "moved"),
    "dragged to another hour": (lambda p, r: p.drag(r, 60), "moved"),
    "resized": (lambda p, r: p.resize(r, 30), "resized"),
    "deleted": (lambda p, r: p.delete(r), "deleted"),
    "made all-day": (lambda p, r: p.make_all_day(r), "all_day"),
    "retitled": (lambda p, r: p.retitle(r, "Sam's session"), "retitled"),
    "made public": (lambda p, r: p.publish(r), "exposed"),
    "relocated": (lambda p, r: p.relocate(r, "Cafe"), "location_changed"),
}

SERIES_ACTS: Acts = {
    "one meeting dragged": (lambda p, r: p.drag_occurrence(r, SLOT, 60), "occurrence_moved"),
    "one meeting deleted": (lambda p, r: p.delete_occurrence(r, SLOT), "occurrence_deleted"),
    "all meetings dragged": (lambda p, r: p.drag(r, 60), "moved"),
    "all meetings resized": (lambda p, r: p.resize(r, 30), "resized"),
    "another rule": (lambda p, r: p.change_rule(r, "FREQ=WEEKLY;INTERVAL=2;COUNT=3"), None),
    "this and following deleted": (lambda p, r: p.end_before(r, SLOT), None),
    "all deleted": (lambda p, r: p.delete(r), "deleted"),
}


class HumanActs:
    """What is the same at every service."""

    def test_another_zone_at_the_same_instant_is_no_drift(self, house: EmulatedHouse) -> None:
        """The same instant told in another zone is none of our business."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        house.person.change_zone(house.remote("a-1"), "America/Chicago")
        house.sync()
        assert house.drifts() == []

    def test_a_copy_is_flagged_and_goes_when_a_person_says_so(self, house: EmulatedHouse) -> None:
        """A duplicate carries our marker and is not ours; revert removes it and nothing else."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        copy = house.copied("a-1", 24 * 60, ours=True)
        house.sync()
        assert house.kinds() == [("copied", "open")]
        assert set(house.world.raw()) == {house.remote("a-1"), copy}
        house.quiet()
        (drift,) = house.drifts()
        house.decide(drift.id, "revert")
        house.sync()
        assert set(house.world.raw()) == {house.remote("a-1")}
        assert house.kinds() == [("copied", "reverted")]
        house.quiet()

    def test_a_copy_without_our_marker_is_a_persons_own_event(self, house: EmulatedHouse) -> None:
        """What carries nothing of ours is theirs: not a copy, never touched."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        copy = house.copied("a-1", 24 * 60, ours=False)
        before = house.world.raw()[copy]
        house.sync()
        assert house.drifts() == []
        assert house.world.raw()[copy] == before
        house.quiet()

    @pytest.mark.parametrize("what", ["appointment", "series"])
    @pytest.mark.parametrize("first", ["left", "reached", "both"])
    def test_a_move_to_a_linked_calendar_is_one_move_whichever_is_looked_at_first(
        self, house: EmulatedHouse, first: str, what: str
    ) -> None:
        """It stands here again; what was moved is a copy there, which a person may remove.

        The other calendar's last look may be older than the move: it is asked before anything is
        called deleted.
        """
        beside = house.world.beside()
        second = house.link(beside)
        if what == "series":
            house.series("s-1", "2026-12-10T10:00", count=4)
        else:
            house.book("s-1", "2026-12-10T10:00")
        house.sync_all()
        here, there = content(house, "s-1"), set(beside.raw())
        house.person.move_to(house.remote("s-1"), beside.calendar.id)
        orders = {"left": (house.calendar, second), "reached": (second, house.calendar)}
        for number in orders.get(first, ()):
            house.sync_all(calendar_ids=[number])
        house.sync_all()
        assert house.kinds() == [("copied", "open"), ("moved_calendar", "reverted")]
        assert content(house, "s-1") == here
        (left,) = house.standing()
        house.decide(left.id, "revert")
        house.sync_all()
        assert set(house.world.raw()) == {house.remote("s-1")}
        assert set(beside.raw()) == there
        assert house.standing() == []
        house.quiet()

    def test_a_move_to_an_unknown_calendar_is_a_deletion_here(self, house: EmulatedHouse) -> None:
        """An event that went to a calendar that is not linked is deleted as far as we know."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        house.person.move_to(house.remote("a-1"), house.world.beside().calendar.id)
        house.sync()
        assert house.kinds() == [("deleted", "reverted")]
        assert set(house.world.raw()) == {house.remote("a-1")}
        house.quiet()

    def test_a_guest_is_shown_to_somebody(self, house: EmulatedHouse) -> None:
        """Guests cannot be removed silently for sure, so they are flagged, and nobody is mailed."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        house.person.invite(house.remote("a-1"), "friend@elsewhere.example")
        mails = list(house.server.state.mails)
        house.sync()
        assert house.kinds() == [("attendees_changed", "open")]
        house.quiet()
        assert list(house.server.state.mails) == mails

    def test_notes_reminders_and_colours_are_theirs(self, house: EmulatedHouse) -> None:
        """What is not ours is no drift, and stays when we write for another reason."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        house.person.adorn(house.remote("a-1"))
        before = house.person.adornments(house.remote("a-1"))
        house.quiet()
        house.reschedule("a-1", "2026-12-04T10:00")
        house.sync()
        assert house.person.adornments(house.remote("a-1")) == before
        assert house.drifts() == []

    @pytest.mark.parametrize("act", ["drag", "delete"])
    def test_a_block_that_a_person_changes_comes_back_as_what_it_was(
        self, house: EmulatedHouse, act: str
    ) -> None:
        """Out-of-office blocks are real ones, and protected like appointments."""
        house.block("o-1", "2026-12-24T00:00", "2026-12-27T00:00")
        house.sync()
        before = content(house, "o-1")
        assert before.body.out_of_office
        key = house.remote("o-1")
        if act == "drag":
            house.person.drag(key, 24 * 60)
        else:
            house.person.delete(key)
        house.sync()
        assert [one.status for one in house.drifts()] == ["reverted"]
        assert content(house, "o-1") == before
        house.quiet()


def content(house: EmulatedHouse, ref: str) -> EventResource:
    """Return what stands for an appointment or series, under whatever generation's uid."""
    return replace(house.resource(ref), uid="")
