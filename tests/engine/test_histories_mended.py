"""Histories that once broke a law of the daemon, found by living through seeded worlds."""

from datetime import timedelta

from calwarden.domain.drift import DriftKind, DriftStatus
from calwarden.domain.wall_time import parse_local
from calwarden.practice.series_course import Course, carry_on
from calwarden.sdk.connector import Capabilities
from calwarden.sdk.errors import Rejected, Transient
from calwarden.store import calendars, series
from calwarden.testing.acts import MemoryWorld
from calwarden.testing.memory import MemoryCalendar
from engine.conftest import ZONE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SLOTS = ("2026-12-07T10:00:00", "2026-12-14T10:00:00", "2026-12-21T10:00:00")


def _raise(error):
    def action(*_arguments):
        raise error

    return action


def _down(house, verb):
    house.world.calendar.on(f"before:{verb}", _raise(Transient("the server is down")))


def _split(house, ref, number, start):
    with house.database.write() as tx:
        course = Course(number=number, start=parse_local(start, ZONE), minutes=50)
        carry_on(tx, series.get(tx, ref), course, now=house.clock.now(), actor="test")


def test_an_edit_that_the_store_overrules_is_recorded_once_though_the_write_fails(house):
    """While the store's version is not written, further passes add no second row for the edit."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.reschedule("a-1", "2026-12-04T09:00")
    for _ in range(3):
        _down(house, "update")
        house.sync()
        house.clock.advance(HOUR)
    house.sync()
    assert [one.status for one in house.drifts()] == [DriftStatus.SUPERSEDED]
    assert house.item("a-1").body.start.day == 4


def test_the_same_edit_made_again_after_the_write_is_a_row_of_its_own(house):
    """Once the store's version stands there, the same edit beside another change is a new one."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    for day in ("2026-12-04T09:00", "2026-12-08T09:00"):
        house.person.move(
            house.remote("a-1"),
            parse_local("2026-12-03T11:00", ZONE) - house.item("a-1").body.start,
        )
        house.reschedule("a-1", day)
        house.sync()
    assert [one.status for one in house.drifts()] == [DriftStatus.SUPERSEDED] * 2


def test_a_dismissed_edit_is_not_recorded_again_when_the_store_overrules_it(house):
    """A change of the store ends the dismissal; the ledger has the edit already."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.tick()
    house.decide(house.standing()[0].id, "dismiss")
    house.reschedule("a-1", "2026-12-04T09:00")
    house.sync()
    assert [one.status for one in house.drifts()] == [DriftStatus.DISMISSED]
    assert house.item("a-1").body.start.day == 4


def test_a_copy_of_what_is_cancelled_meanwhile_goes_too(house):
    """A copy that is first seen in the pass that takes the original away does not stay behind."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.copy(house.remote("a-1"), DAY)
    house.cancel("a-1")
    house.sync()
    assert not house.world.calendar.items
    assert [one.kind for one in house.drifts()] == [DriftKind.COPIED]


def test_what_a_revert_leaves_to_a_person_stays_a_drift(house):
    """Cancelled and declined: the cancellation is undone, and the refusal is still told."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.cancel(house.remote("a-1"))
    house.person.decline(house.remote("a-1"))
    house.sync()
    assert [one.kind for one in house.standing()] == [DriftKind.DECLINED]
    assert not house.item("a-1").body.cancelled
    house.quiet()


def test_a_refused_write_is_tried_again_in_a_quiet_calendar(house):
    """Though nothing changes any more, what was refused is tried again after six hours."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.reschedule("a-1", "2026-12-04T09:00")
    house.world.calendar.on("before:update", _raise(Rejected("no")))
    house.sync()
    house.clock.advance(timedelta(hours=7))
    house.tick()
    assert house.item("a-1").body.start.day == 4


def test_a_revert_under_way_waits_open_while_the_calendar_is_held(house):
    """Held in the middle of a revert, the drift says that it waits, and is reverted afterwards."""
    for day in (3, 4, 5, 6):
        house.book(f"a-{day}", f"2026-12-{day:02}T10:00")
    house.sync()
    house.person.delete(house.remote("a-3"))
    _down(house, "create")
    house.sync()
    for day in (4, 5, 6):
        house.person.delete(house.remote(f"a-{day}"))
    house.clock.advance(HOUR)
    house.sync()
    waiting, case = house.standing()
    assert (waiting.status, case.kind) == (DriftStatus.OPEN, DriftKind.CALENDAR_EMPTIED)
    assert waiting.cause == "it waits until a person has decided the case that holds the calendar"
    house.decide(case.id, "revert")
    house.sync()
    assert house.standing() == []
    assert len(house.world.calendar.items) == 4


def test_a_revert_decided_while_the_calendar_is_held_says_that_it_waits(house):
    """What a person decides beside a case is carried out after it, and says so meanwhile."""
    for day in (3, 4, 5, 6):
        house.book(f"a-{day}", f"2026-12-{day:02}T10:00")
    house.sync()
    for _ in range(3):  # the third time it is contested: a person has to decide
        house.person.move(house.remote("a-3"), HOUR)
        house.sync()
    for day in (4, 5, 6):
        house.person.delete(house.remote(f"a-{day}"))
    house.person.delete(house.remote("a-3"))
    house.sync()
    contested, case = house.standing()
    assert (contested.status, case.kind) == (DriftStatus.OPEN, DriftKind.CALENDAR_EMPTIED)
    house.decide(contested.id, "revert")
    house.sync()
    waiting = house.standing()[0]
    assert (waiting.id, waiting.decision) == (contested.id, "revert")
    assert waiting.cause == "it waits until a person has decided the case that holds the calendar"
    house.decide(case.id, "revert")
    house.sync()
    assert house.standing() == []
    assert len(house.world.calendar.items) == 4


def test_a_call_that_changes_nothing_makes_no_edit_ours(house):
    """What stood before a write that did not land is a person's still: one row for each edit."""
    apart = MemoryCalendar(exceptions_apart=True)
    house.calendar = house.link(MemoryWorld(apart))
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOTS[1])
    _down(house, "update")
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOTS[2])
    house.clock.advance(HOUR)
    _down(house, "update")
    house.sync()
    assert [(one.slot, one.status) for one in house.drifts()] == [
        (SLOTS[1], DriftStatus.REVERTING),
        (SLOTS[2], DriftStatus.REVERTING),
    ]
    house.clock.advance(HOUR)
    house.sync()
    assert [one.status for one in house.drifts()] == [DriftStatus.REVERTED] * 2


def test_an_occurrence_deleted_from_a_series_made_all_day_holds_its_claim(house):
    """While the change of the whole is contested, the missing meeting counts as redated."""
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    for _ in range(2):
        house.person.move(house.remote("s-1"), HOUR)
        house.sync()
    house.person.make_all_day(house.remote("s-1"))
    house.person.delete_occurrence(house.remote("s-1"), "2026-12-14")
    house.sync()
    (drift,) = house.standing()
    assert (drift.kind, drift.contested, drift.redated) == (DriftKind.ALL_DAY, True, ["s-1#2"])


def test_what_never_landed_is_not_taken_for_landed(house):
    """Under the revision that it was to change, a lost write left nothing: the edit is one."""
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    house.cancel("s-1#3")
    house.person.move_occurrence(house.remote("s-1"), SLOTS[0], DAY)
    _down(house, "update")
    house.tick()
    house.clock.advance(HOUR)
    house.sync()
    assert [(one.slot, one.status) for one in house.drifts()] == [(SLOTS[0], DriftStatus.REVERTED)]


def test_an_occurrence_cancelled_here_and_moved_outside_is_superseded(house):
    """Cancelled in the store and edited outside: recorded as superseded, and removed."""
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    house.cancel("s-1#2")
    house.person.move_occurrence(house.remote("s-1"), SLOTS[1], HOUR)
    house.sync()
    assert [(one.slot, one.status) for one in house.drifts()] == [
        (SLOTS[1], DriftStatus.SUPERSEDED)
    ]
    assert SLOTS[1] in house.item("s-1").excluded


def test_an_occurrence_moved_outside_before_a_split_here_is_reverted(house):
    """A split in the store hides no edit of a meeting before it."""
    house.series("s-1", "2026-12-07T10:00", 6)
    house.sync()
    _split(house, "s-1", 4, "2026-12-29T12:00")
    house.person.move_occurrence(house.remote("s-1"), SLOTS[1], DAY)
    house.sync()
    assert [(one.slot, one.status) for one in house.drifts()] == [(SLOTS[1], DriftStatus.REVERTED)]
    assert house.item("s-1").overrides == {}


def test_exceptions_beside_a_move_that_the_store_made_too_are_edits(house):
    """Where the whole series was moved alike on both sides, a meeting moved apart is told."""
    house.series("s-1", "2026-12-07T10:00", 3)
    house.sync()
    remote_id = house.remote("s-1")
    house.person.move_occurrence(remote_id, SLOTS[1], HOUR)
    house.person.move(remote_id, -HOUR)
    _split(house, "s-1", 1, "2026-12-07T09:00")
    house.sync()
    assert [one.status for one in house.drifts()] == [DriftStatus.REVERTED]
    assert house.item("s-1").overrides == {}


def test_a_meeting_moved_before_an_outside_split_holds_its_claim(house):
    """Split and moved in one look: the drift speaks of the meeting before the cut, too."""
    house.series("s-1", "2026-12-07T10:00", 6)
    house.sync()
    remote_id = house.remote("s-1")
    house.person.split(remote_id, SLOTS[2], HOUR)
    house.person.move_occurrence(remote_id, SLOTS[1], DAY)
    house.clock.advance(timedelta(days=6, hours=23))
    house.sync()
    drift = house.standing()[0]
    assert (drift.kind, "s-1#2" in drift.redated) == (DriftKind.SERIES_SPLIT, True)


def test_a_revert_that_came_too_late_is_open_again(house):
    """Within two hours of the start a revert that did not succeed is left to a person."""
    house.book("a-1", "2026-11-30T13:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    _down(house, "update")
    house.sync()
    house.clock.advance(timedelta(minutes=90))
    house.sync()
    assert [(one.status, one.verdict) for one in house.drifts()] == [(DriftStatus.OPEN, "flag")]


def test_grace_ends_though_the_clock_went_back(house):
    """A drift of the future is not left for as long as the clock was ahead."""
    house.book("a-1", "2026-12-13T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.tick()
    house.clock.jump(house.clock.now() - DAY)
    house.tick()
    assert [one.status for one in house.drifts()] == [DriftStatus.REVERTED]


def test_single_events_give_way_to_a_series_that_the_calendar_can_hold(house):
    """An endless series, published meeting by meeting and then ended, stands there once."""
    finite = MemoryCalendar(
        capabilities=Capabilities(), expresses=lambda recurrence: recurrence.count is not None
    )
    house.calendar = house.link(MemoryWorld(finite))
    house.series("s-1", "2026-12-07T10:00", None)
    house.sync()
    _split(house, "s-1", 3, "2026-12-21T12:00")
    house.sync()
    first = [one.resource for one in finite.items.values() if one.resource.body.start.hour == 10]
    assert [one.recurrence.count for one in first] == [2]


def test_a_shorter_series_brings_no_deleted_occurrence_back(house):
    """Where deleted occurrences stay deleted, a series may still be cut before one of them."""
    stubborn = MemoryCalendar(capabilities=Capabilities(restores_occurrences=False))
    house.calendar = house.link(MemoryWorld(stubborn))
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOTS[2])
    _split(house, "s-1", 2, "2026-12-15T12:00")
    report = house.sync()
    assert report.problem is None
    assert house.item("s-1").recurrence.count == 1


def test_what_cannot_be_brought_back_holds_up_no_other_change_of_its_series(house):
    """Where deleted occurrences stay deleted, a person has to decide; the rest is written."""
    stubborn = MemoryCalendar(capabilities=Capabilities(restores_occurrences=False))
    house.calendar = house.link(MemoryWorld(stubborn))
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    house.person.delete_occurrence(house.remote("s-1"), SLOTS[2])
    house.reschedule("s-1#1", "2026-12-08T09:00")
    report = house.sync()
    assert report.problem is None
    assert house.item("s-1").overrides[SLOTS[0]].start.day == 8
    drift = _one_standing(house)
    assert (drift.kind, drift.verdict, drift.status) == ("occurrence_deleted", "flag", "open")
    assert "cannot bring" in (drift.cause or "")
    house.quiet()


def _one_standing(house):
    (drift,) = house.standing()
    return drift


def test_a_cancelled_series_holds_the_claim_of_a_meeting_moved_here_too(house):
    """Cancelled as a whole, a series shows no meeting any more: one moved on purpose neither."""
    house.series("s-1", "2026-12-07T10:00", 4)
    house.reschedule("s-1#2", "2026-12-15T09:00")
    house.sync()
    house.person.cancel(house.remote("s-1"))
    house.clock.advance(timedelta(days=6, hours=23))
    house.sync()
    assert [(one.kind, "s-1#2" in one.redated) for one in house.standing()] == [
        (DriftKind.CANCELLED, True)
    ]


def test_a_revert_waits_open_until_a_refused_write_is_tried_again(house):
    """While the event's last write is refused, a further edit of it is open, and says why."""
    house.series("s-1", "2026-12-07T10:00", 4)
    house.sync()
    house.person.move_occurrence(house.remote("s-1"), SLOTS[0], HOUR)
    house.world.calendar.on("before:update", _raise(Rejected("no")))
    house.sync()
    house.person.move_occurrence(house.remote("s-1"), SLOTS[1], DAY)
    house.sync()
    assert [(one.status, one.cause) for one in house.drifts()] == [
        (DriftStatus.OPEN, "no"),
        (
            DriftStatus.OPEN,
            "the calendar refused the last change of this event; it is tried again later",
        ),
    ]
    house.quiet()
    house.clock.advance(timedelta(hours=7))
    house.tick()
    assert [one.status for one in house.drifts()] == [DriftStatus.REVERTED] * 2
    assert house.item("s-1").overrides == {}


def test_a_refused_write_is_tried_again_though_the_clock_went_back(house):
    """A moment to try again at that is too far ahead was set by a clock that was wrong."""
    house.book("a-1", "2026-12-13T10:00")
    house.sync()
    house.reschedule("a-1", "2026-12-14T10:00")
    house.world.calendar.on("before:update", _raise(Rejected("no")))
    house.sync()
    house.clock.jump(house.clock.now() - DAY)
    house.tick()
    assert house.item("a-1").body.start.day == 14


def test_a_complete_look_is_due_where_the_last_one_lies_in_the_future(house):
    """A clock that was a year ahead for a minute does not put complete looks off for a year."""
    house.book("a-1", "2026-12-13T10:00")
    right = house.clock.now()
    house.clock.jump(right + timedelta(days=365))
    house.tick()
    house.clock.jump(right)
    house.tick()
    with house.database.read() as connection:
        assert calendars.get(connection, house.calendar).complete_at == right
