"""What people do in Outlook is found once, named, and put back or shown to somebody."""

from datetime import timedelta

import pytest

from calwarden.domain.wall_time import local_text
from calwarden.testing.emulators.graph_state import event_id
from emulators.human_acts import SERIES_ACTS, SINGLE_ACTS, SLOT, HumanActs

HOW = [
    pytest.param({}, id="as documented"),
    pytest.param({"if_match": frozenset(), "series_change": "keep"}, id="unguarded"),
    pytest.param(
        {
            "series_change": "drop_moved",
            "deleted_occurrence": "removed",
            "series_rows": "changed",
            "zone_names": "windows",
            "container": "ignored",
        },
        id="otherwise",
    ),
]


anyhow = pytest.mark.parametrize("how", HOW)
"""The law holds whichever way the service does what is nowhere promised."""


def _let(house, how):
    for name, value in how.items():
        setattr(house.rules, name, value)


SINGLE = {
    **SINGLE_ACTS,
    "dragged out of sight": (lambda p, r: p.drag(r, 600 * 24 * 60), "moved"),
    "called off": (lambda p, r: p.cancel(r), "cancelled"),
    "shown as free": (lambda p, r: p.show_as(r, "free"), "freed"),
    "shown as working elsewhere": (lambda p, r: p.show_as(r, "workingElsewhere"), "freed"),
    "put into another zone": (
        lambda p, r: p.change_zone(r, "Central Standard Time", keep_wall=True),
        "moved",
    ),
}


class TestHumanActs(HumanActs):
    """The laws, in Outlook, whichever way the service does what is nowhere promised."""

    @pytest.fixture(autouse=True, params=HOW)
    def how(self, request, house):
        """Let the service do it one of these ways."""
        _let(house, request.param)


@pytest.mark.parametrize("act", SINGLE)
def test_an_edit_of_an_appointment_is_reverted(house, act):
    """Each edit is one drift of its kind, put back in the same pass."""
    do, kind = SINGLE[act]
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    do(house.person, house.remote("a-1"))
    house.sync()
    assert house.kinds() == [(kind, "reverted")]
    row = house.row("a-1")
    assert row["start"]["dateTime"].startswith("2026-12-03T10:00:00")
    assert (row["subject"], row["sensitivity"], row["showAs"]) == ("Session", "private", "busy")
    assert row["location"]["displayName"] == "Office"
    assert not row["isAllDay"]
    assert len(house.items()) == 1
    house.quiet()


def test_a_zone_without_a_name_at_the_same_instant_is_no_drift(house):
    """The same instant told in a zone that an old client made up is none of our business."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.change_zone(house.remote("a-1"), "America/Chicago")
    house.sync()
    house.person.custom_zone(house.remote("a-1"))
    house.sync()
    assert house.drifts() == []


@anyhow
@pytest.mark.parametrize("act", SERIES_ACTS)
def test_an_edit_of_a_series_is_reverted(house, act, how):
    """A series and its exceptions stand again as the store has them."""
    _let(house, how)
    do, kind = SERIES_ACTS[act]
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.reschedule("s-1#3", "2026-12-25T15:00")
    house.sync()
    before = house.resource("s-1")
    do(house.person, house.remote("s-1"))
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    if kind is not None:
        assert [one.kind for one in house.drifts()] == [kind]
    after = house.resource("s-1")
    assert (after.body, after.recurrence) == (before.body, before.recurrence)
    assert (after.overrides, after.excluded) == (before.overrides, before.excluded)
    house.quiet()


@anyhow
def test_a_deleted_meeting_comes_back_as_a_single_event_of_its_series(house, how):
    """Exchange cannot restore an occurrence: what stands in for it is watched like any."""
    _let(house, how)
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOT)
    house.sync()
    series, stand_in = sorted(house.items(), key=lambda item: item.recurrence is None)
    assert (series.recurrence is None, stand_in.recurrence) == (False, None)
    assert stand_in.start.isoformat() == SLOT
    assert house.resource("s-1").excluded == frozenset()
    house.person.drag(_id(stand_in), 60)
    house.sync()
    assert [one.kind for one in house.drifts()] == ["occurrence_deleted", "occurrence_moved"]
    assert stand_in.start.isoformat() == SLOT
    house.person.delete(_id(stand_in))
    house.sync()
    assert len(house.items()) == 2
    house.reschedule("s-1#2", "2026-12-18T09:00")
    house.sync()
    moved = house.resource("s-1").overrides[SLOT]
    assert local_text(moved.start) == "2026-12-18T09:00:00"
    house.cancel("s-1#2")
    house.sync()
    assert len(house.items()) == 1
    house.quiet()


def test_a_stand_in_that_its_series_needs_no_more_goes(house):
    """Where a change of the series brings the meeting back in place, nothing stands twice."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOT)
    house.sync()
    assert len(house.items()) == 2
    house.person.change_rule(house.remote("s-1"), "FREQ=WEEKLY;INTERVAL=2;COUNT=3")
    house.sync()
    assert len(house.items()) == 1
    assert [str(one.status) for one in house.drifts()] == ["reverted", "reverted"]
    house.quiet()


def test_a_stand_in_that_is_called_off_is_made_anew(house):
    """What stands in for a meeting is put back as any event is."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOT)
    house.sync()
    (stand_in,) = (item for item in house.items() if item.recurrence is None)
    house.person.cancel(_id(stand_in))
    house.sync()
    (again,) = (item for item in house.items() if item.recurrence is None)
    assert again.key != stand_in.key
    assert [one.status for one in house.drifts()] == ["reverted", "reverted"]
    house.quiet()


def _id(item):
    return event_id(item, None, immutable=True)


@anyhow
def test_a_meeting_that_moves_past_its_neighbour_leaves_its_series(house, how):
    """A move that Exchange refuses is a single event that belongs to the series."""
    _let(house, how)
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.reschedule("s-1#2", "2026-12-29T09:00")
    house.sync()
    assert len(house.items()) == 2
    moved = house.resource("s-1").overrides[SLOT]
    assert local_text(moved.start) == "2026-12-29T09:00:00"
    house.quiet()
    for number in range(1, 7):
        house.cancel(f"s-1#{number}")
    house.sync()
    assert house.items() == []
    assert house.drifts() == []


@anyhow
@pytest.mark.parametrize("properties", [False, True])
def test_a_split_is_one_drift_and_leaves_one_series(house, properties, how):
    """The cut and the new series, with or without our property, are one drift."""
    _let(house, how)
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.split(house.remote("s-1"), SLOT, 60, properties=properties)
    house.sync()
    assert [one.kind for one in house.drifts()] == ["series_split"]
    assert len(house.items()) == 1
    assert house.resource("s-1").recurrence.count == 6
    house.quiet()


def test_a_deleted_meeting_that_a_person_brings_back_is_withdrawn(house):
    """Their own undo of a move before the grace is over leaves nothing to do."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.person.drag_occurrence(house.remote("s-1"), SLOT, 60)
    house.tick()
    assert [one.status for one in house.drifts()] == ["open"]
    house.person.drag_occurrence(house.remote("s-1"), SLOT, -60)
    house.clock.advance(timedelta(seconds=70))
    house.tick()
    assert [one.status for one in house.drifts()] == ["withdrawn"]
    house.quiet()


def test_a_block_that_is_shown_as_free_comes_back_as_what_it_was(house):
    """A person who is away is shown as away."""
    house.block("o-1", "2026-12-24T00:00", "2026-12-27T00:00")
    house.sync()
    assert house.row("o-1")["showAs"] == "oof"
    house.person.show_as(house.remote("o-1"), "free")
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    row = house.row("o-1")
    assert (row["showAs"], row["sensitivity"]) == ("oof", "private")
    house.quiet()
