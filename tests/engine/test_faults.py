"""Lost answers, kills, races and refusals: no second event, no person's edit taken for our own."""

from datetime import timedelta

import pytest

from calwarden.sdk.errors import Ambiguous, CalendarGone, NeedsAuth, Rejected, Transient
from calwarden.store import calendars

HOUR = timedelta(hours=1)
POINTS = ("before_record", "after_record", "before_{}", "after_{}", "after_settle")


class Killed(BaseException):
    """The process is gone."""


def _raise(error):
    def action(*_arguments):
        raise error

    return action


def _prepare(house, verb):
    house.book("a-1", "2026-12-03T10:00")
    if verb == "create":
        return
    house.sync()
    if verb == "update":
        house.reschedule("a-1", "2026-12-04T09:00")
    if verb == "delete":
        house.cancel("a-1")


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_pass_ends_the_same(house, verb, point):
    """Killed at any named point of a write, a restart leaves exactly one true copy and no drift."""
    _prepare(house, verb)
    house.fail_at[point.format(verb)] = Killed()
    with pytest.raises(Killed):
        house.sync()
    house.clock.advance(timedelta(seconds=61))
    house.sync()
    items = list(house.world.calendar.items.values())
    expected = {"create": [10], "update": [9], "delete": []}[verb]
    assert [item.resource.body.start.hour for item in items] == expected
    assert house.drifts() == []
    house.quiet()


def test_killed_in_the_middle_of_a_revert_it_is_reverted_once(house):
    """The drift was committed before the write that undoes it; a restart closes it as reverted."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.fail_at["after_update"] = Killed()
    with pytest.raises(Killed):
        house.sync()
    house.clock.advance(timedelta(seconds=61))
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    assert house.item("a-1").body.start.hour == 10
    house.quiet()


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_a_lost_answer_never_writes_twice(house, verb):
    """A write that landed though its answer was lost is looked up, not repeated."""
    _prepare(house, verb)
    house.world.calendar.on(f"after:{verb}", _raise(Ambiguous("the answer was lost")))
    house.sync()
    items = list(house.world.calendar.items.values())
    expected = {"create": [10], "update": [9], "delete": []}[verb]
    assert [item.resource.body.start.hour for item in items] == expected
    assert house.drifts() == []
    house.quiet()


def test_an_edit_after_our_lost_create_is_told_as_a_drift(house):
    """Our create landed, the process died, a person moved it: their move, but our event."""
    house.book("a-1", "2026-12-03T10:00")
    house.fail_at["after_create"] = Killed()
    with pytest.raises(Killed):
        house.sync()
    (remote_id,) = house.world.calendar.items
    house.person.move(remote_id, HOUR)
    house.clock.advance(timedelta(seconds=61))
    house.sync()
    assert [(one.kind, one.status) for one in house.drifts()] == [("moved", "reverted")]
    assert house.item("a-1").body.start.hour == 10


def test_an_edit_between_look_and_write_wins_the_race_and_is_seen(house):
    """An edit made while we write is not overwritten unseen: the write is dropped, it is judged."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.reschedule("a-1", "2026-12-04T09:00")
    remote_id = house.remote("a-1")
    house.world.calendar.on("before:update", lambda *_: house.person.move(remote_id, HOUR))
    house.sync()
    assert [one.status for one in house.drifts()] == ["superseded"]
    assert house.item("a-1").body.start.hour == 9
    house.quiet()


def test_a_refused_revert_goes_back_to_open_with_the_cause(house):
    """A write that is refused for good leaves the drift open and says why."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.world.calendar.on("before:update", _raise(Rejected("the server refuses this event")))
    report = house.sync()
    assert report.problem == "the server refuses this event"
    (drift,) = house.drifts()
    assert (drift.status, drift.cause) == ("open", "the server refuses this event")


def test_one_refused_event_does_not_stop_the_others(house):
    """One poisoned event among many: the rest is published."""
    for number in range(3):
        house.book(f"a-{number}", f"2026-12-{number + 3:02}T09:00")
    house.world.calendar.on("before:create", _raise(Rejected("no")))
    assert house.sync().published == 2


def test_a_throttled_calendar_is_left_alone_until_it_may_be_asked(house):
    """A Retry-After is remembered: nothing is sent before it is over."""
    house.book("a-1", "2026-12-03T10:00")
    error = Transient("slow down", retry_after=timedelta(minutes=5), throttled=True)
    house.world.calendar.on("before:observe", _raise(error))
    assert house.sync().outcome == "throttled"
    again = house.sync()
    assert (again.outcome, again.requests) == ("throttled", 0)
    house.clock.advance(timedelta(minutes=5))
    assert house.sync().published == 1


def test_an_unreachable_calendar_changes_nothing(house):
    """A server that is down is an outcome, not an error; the next pass goes on."""
    house.book("a-1", "2026-12-03T10:00")
    house.world.calendar.on("before:observe", _raise(Transient("connection refused")))
    assert house.sync().outcome == "unreachable"
    assert house.sync().published == 1


def test_revoked_access_stops_after_one_request(house):
    """A revoked grant is asked for once; then the calendar waits to be linked again."""
    house.book("a-1", "2026-12-03T10:00")
    house.world.calendar.on("before:observe", _raise(NeedsAuth("access was revoked")))
    assert house.sync().outcome == "needs_relink"
    again = house.sync()
    assert (again.outcome, again.requests) == ("needs_relink", 0)


def test_a_calendar_that_is_gone_is_flagged_and_never_recreated(house):
    """The missing calendar is one drift; nothing is written anywhere."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.world.calendar.on("before:observe", _raise(CalendarGone("it was deleted")))
    assert house.sync().outcome == "gone"
    assert [(one.kind, one.status) for one in house.drifts()] == [("calendar_gone", "open")]
    assert house.sync().outcome == "gone"
    assert len(house.drifts()) == 1


def test_stopped_in_the_middle_of_many_creates_the_rest_follows(house):
    """A server that throttles mid-way: what was made stays made, the rest comes once it may."""
    for number in range(5):
        house.book(f"a-{number}", f"2026-12-{number + 3:02}T09:00")
    made = []

    def third(*_arguments):
        made.append(1)
        if len(made) == 3:
            raise Transient("slow down", retry_after=timedelta(minutes=1), throttled=True)

    house.world.calendar.on("before:create", third, times=5)
    assert house.sync().outcome == "throttled"
    house.clock.advance(timedelta(minutes=2))
    house.sync()
    assert len(house.world.calendar.items) == 5
    house.quiet()


def test_a_dead_cursor_means_one_complete_look(house):
    """An expired cursor is the one local repeat: nothing is lost, absences are found."""
    house.book("a-1", "2026-12-03T10:00")
    house.book("a-2", "2026-12-04T10:00")
    house.sync()
    house.person.delete(house.remote("a-1"))
    house.world.calendar.forget()
    assert house.sync().reverted == 1
    assert len(house.world.calendar.items) == 2
    house.quiet()


def test_two_lookers_record_once(house):
    """Of two workers that looked at once the slower's result is dropped; nothing is doubled."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    seen = []

    def meanwhile(name):
        if name == "after_observe" and not seen:
            seen.append(name)
            house.sync()

    object.__setattr__(house.services, "failpoint", meanwhile)
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    house.quiet()


def test_unlinking_removes_what_is_unfinished_and_the_credential(house):
    """Unlinking takes our unfinished events away, leaves foreign ones, and ends the link."""
    one = house.book("a-1", "2026-12-03T10:00")
    house.book("a-0", "2026-11-30T08:00")
    house.sync()
    theirs = house.person.add(title="Lunch", start=one.end, end=one.end + HOUR)
    with house.database.write() as tx:
        calendars.save(tx, house.calendar, status="unlinking")
    past = house.remote("a-0")
    house.sync()
    assert sorted(house.world.calendar.items) == sorted([past, theirs])
    with house.database.read() as connection:
        assert calendars.get(connection, house.calendar).status == "unlinked"


def test_unlinking_a_calendar_that_refuses_us_ends_all_the_same(house):
    """With access revoked nothing can be taken out: the link ends, and nobody is asked again."""
    house.book("a-1", "2026-11-30T11:30")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    with house.database.write() as tx:
        calendars.save(tx, house.calendar, status="unlinking")
    house.world.calendar.on("before:read", _raise(NeedsAuth("access was revoked")))
    house.sync()
    with house.database.read() as connection:
        assert calendars.get(connection, house.calendar).status == "unlinked"
    assert [one.status for one in house.drifts()] == ["withdrawn"]
