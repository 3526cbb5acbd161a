"""Looking: frozen windows, what lies outside them, absences that tell, and what a look costs."""

from datetime import timedelta

import pytest

from calwarden.sdk.connector import Window
from calwarden.testing.samples import SINGLE, THIRD, WEEKLY, excluded
from calwarden.testing.world import WINDOW, Watcher, content, create, event, told, update


def _cost(watcher):
    before = watcher.connector.requests
    delta = watcher.look()
    return watcher.connector.requests - before, delta


def test_a_first_look_reads_series_together(world, connector):
    """Paging aside, one batch reads what a listing leaves out of twenty series (M27)."""
    for number in range(5):
        create(connector, event(f"s-{number}", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=4))
    watcher = Watcher(world.connector())
    assert _cost(watcher)[0] == 2
    assert all(seen.resource is not None for seen in watcher.seen.values())


def test_pages_are_followed_to_the_end(server, world, connector):
    """Short, empty and shuffled pages: the listing is whole, or there is none."""
    made = {create(connector, event(f"a-{n}", "2027-01-12T10:00")).remote_id for n in range(4)}
    server.rules.page_limit, server.rules.empty_pages = 1, True
    watcher = Watcher(world.connector())
    assert watcher.look().present == made


def test_a_look_after_our_own_write_reads_nothing_further(watcher):
    """The echo of a series that was written is known by its etags and its slots."""
    made = update(watcher.connector, create(watcher.connector, WEEKLY), excluded(WEEKLY, THIRD))
    watcher.seen[made.remote_id] = made
    cost, delta = _cost(watcher)
    assert (cost, delta.changed) == (1, ())
    assert made.remote_id in delta.told


@pytest.mark.parametrize("told_as", ["absent", "removed"])
def test_a_deleted_occurrence_shows_by_its_absence(server, world, watcher, told_as):
    """A series that is repeated without a slot has lost it (M32)."""
    server.rules.deleted_occurrence = told_as
    made = create(watcher.connector, WEEKLY)
    watcher.look()
    world.page.delete_occurrence(made.remote_id, THIRD)
    watcher.look()
    assert content(watcher.seen[made.remote_id]).excluded == {THIRD}


def test_the_window_is_rolled_before_its_horizon(watcher):
    """A new round begins while the old window still covers what matters (M3)."""
    made = create(watcher.connector, SINGLE)
    watcher.look()
    first = watcher.cursor.split(" ")[2]
    for weeks in (3, 5):
        later = timedelta(weeks=weeks)
        watcher.window = Window(start=WINDOW.start + later, end=WINDOW.end + later)
        cost, delta = _cost(watcher)
        assert (cost, delta.complete) == (1, weeks == 5)
        assert (watcher.cursor.split(" ")[2] != first) == (weeks == 5)
        assert set(watcher.seen) == {made.remote_id}


def test_what_lies_outside_the_window_is_not_gone(world, connector):
    """A complete listing of a span proves nothing about other times (A3)."""
    far = event("a-9", "2029-01-12T10:00")
    made = create(connector, far)
    watcher = Watcher(world.connector())
    watcher.seen[made.remote_id] = made
    assert watcher.look().present == {made.remote_id}
    assert _cost(watcher)[0] == 1


@pytest.mark.parametrize("outside", [True, False])
def test_an_event_that_is_dragged_out_of_the_window_is_not_gone(server, world, watcher, outside):
    """A removal is confirmed by a read (M4): it stands, far away."""
    server.rules.outside = outside
    made = create(watcher.connector, SINGLE)
    watcher.look()
    world.page.drag(made.remote_id, 3 * 365 * 24 * 60)
    watcher.look()
    assert content(watcher.seen[made.remote_id]).body.start.year == 2030


def test_an_edit_outside_the_window_is_told(world, watcher):
    """Graph tells of it as of a removal, and a read finds the change (M4)."""
    made = create(watcher.connector, event("a-9", "2029-01-12T10:00"))
    watcher.look()
    watcher.seen[made.remote_id] = made
    world.page.drag(made.remote_id, 60)
    watcher.look()
    assert content(watcher.seen[made.remote_id]).body.start.hour == 11


def test_busy_time_of_other_events(world, watcher):
    """Somebody's series counts with its exceptions; their texts stay theirs."""
    gym = world.page.add(
        "Gym", "2027-01-12T08:00:00", "2027-01-12T09:00:00", rule="FREQ=WEEKLY;COUNT=3"
    )
    world.page.drag_occurrence(gym, THIRD.replace("10:00:00", "08:00:00"), 60)
    watcher.look()
    seen = content(watcher.seen[gym])
    assert (seen.body.busy, seen.recurrence.count, len(seen.overrides)) == (True, 3, 1)
    assert watcher.seen[gym].marker is None


def test_a_removed_invitation_or_foreign_event_is_gone(world, watcher):
    """What was somebody else's goes as ours does."""
    gym = world.page.add("Gym", "2027-01-12T08:00:00", "2027-01-12T09:00:00")
    watcher.look()
    world.page.delete(gym)
    assert watcher.look().removed == (gym,)


def test_one_event_that_cannot_be_read_harms_no_other(world, watcher):
    """A zone without a name in a series is that series' problem (M17)."""
    made = create(watcher.connector, SINGLE)
    gym = world.page.add(
        "Gym", "2027-01-12T08:00:00", "2027-01-12T09:00:00", rule="FREQ=WEEKLY;COUNT=3"
    )
    world.page.custom_zone(gym)
    world.page.item(gym).recurrence["range"]["recurrenceTimeZone"] = "tzone://Microsoft/Custom"
    watcher.look()
    assert watcher.seen[gym].problem
    assert watcher.seen[gym].resource is None
    assert told(content(watcher.seen[made.remote_id])) == told(SINGLE.resource)
