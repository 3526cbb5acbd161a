"""Looking: what is listed, what is left out, how changes in pieces are put together."""

import pytest

from calwarden.domain.wall_time import Slot
from calwarden.sdk.connector import RemoteCalendar
from calwarden.sdk.errors import CalendarGone, Transient
from calwarden.testing.world import WINDOW, Watcher, content, create, event, told
from calwarden_google.connector import GoogleConnector
from calwarden_google.credentials import BUSY_TIME
from emulators.emulated import OWNER

WEEKLY = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8)
THIRD, FOURTH = "2027-01-19T10:00:00", "2027-01-26T10:00:00"


def _same_as_a_fresh_look(watcher, world):
    fresh = Watcher(world.connector())
    fresh.look()
    assert set(watcher.seen) == set(fresh.seen)
    for key, seen in fresh.seen.items():
        mine = watcher.seen[key]
        assert told(mine.resource) == told(seen.resource)
        assert (mine.revision, mine.content, mine.parts) == (
            seen.revision,
            seen.content,
            seen.parts,
        )


@pytest.mark.parametrize("change", ["keep", "drop", "shift"])
def test_pieces_add_up_to_the_whole(server, world, person, watcher, change):
    """However the changes of a series arrive, what is known is what a whole listing tells."""
    made = create(watcher.connector, WEEKLY).remote_id
    server.rules.series_change = change
    acts = [
        lambda: person.drag_occurrence(made, THIRD, 60),
        lambda: person.delete_occurrence(made, FOURTH),
        lambda: person.drag_occurrence(made, THIRD, -60),
        lambda: person.retitle(made, "Lunch"),
        lambda: person.change_occurrence(made, "2027-02-02T10:00:00", summary="Other"),
        lambda: person.resize(made, 30),
        lambda: person.drag(made, 60),
        lambda: person.change_rule(made, "FREQ=WEEKLY;INTERVAL=2"),
        lambda: person.split(made, "2027-02-16T11:00:00", 30),
        lambda: person.restore_occurrence(made, "2027-02-02T11:00:00"),
    ]
    for act in acts:
        watcher.look()
        try:
            act()
        except KeyError:
            continue  # the slot went with its series
        watcher.look()
        _same_as_a_fresh_look(watcher, world)


def test_an_exception_alone_is_folded_without_another_request(person, watcher):
    """A changed occurrence costs no more than the look itself."""
    made = create(watcher.connector, WEEKLY).remote_id
    watcher.look()
    person.drag_occurrence(made, THIRD, 60)
    before = watcher.connector.requests
    watcher.look()
    assert watcher.connector.requests - before == 1
    assert set(content(watcher.seen[made]).overrides) == {Slot(THIRD)}


def test_a_changed_title_of_a_series_is_one_request(person, watcher):
    """A master whose slots stay where they were needs no second look at its exceptions."""
    made = create(watcher.connector, WEEKLY).remote_id
    person.drag_occurrence(made, THIRD, 60)
    watcher.look()
    person.retitle(made, "Lunch")
    before = watcher.connector.requests
    watcher.look()
    assert watcher.connector.requests - before == 1


def test_an_exception_of_an_unknown_series_is_completed_by_reading(person, connector):
    """Who sees an exception without its master asks for the whole."""
    made = create(connector, WEEKLY).remote_id
    first = Watcher(connector)
    first.look()
    person.drag_occurrence(made, THIRD, 60)
    forgetful = Watcher(connector)
    forgetful.cursor = first.cursor
    forgetful.look()
    assert set(content(forgetful.seen[made]).overrides) == {Slot(THIRD)}


def test_one_meeting_of_somebody_elses_series_stands_alone(server, world, watcher):
    """An invitation to one occurrence comes without its master, and goes like a single event."""
    row = {
        "id": "foreign_20270119T150000Z",
        "recurringEventId": "foreign",
        "originalStartTime": {"dateTime": f"{THIRD}-05:00", "timeZone": "America/New_York"},
        "start": {"dateTime": f"{THIRD}-05:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2027-01-19T11:00:00-05:00", "timeZone": "America/New_York"},
        "summary": "Committee",
    }
    server.state.put(world.calendar, dict(row))
    watcher.look()
    seen = content(watcher.seen[row["id"]])
    assert seen.recurrence is None
    _same_as_a_fresh_look(watcher, world)
    kept = ("id", "recurringEventId", "originalStartTime")
    server.state.put(world.calendar, {**{name: row[name] for name in kept}, "status": "cancelled"})
    watcher.look()
    assert watcher.seen == {}


def test_long_past_events_of_people_are_present_but_not_told(person, connector):
    """A complete look names everything that stands; what is over for long is not read."""
    old = person.add("Gym", "2026-03-01T10:00:00", "2026-03-01T11:00:00")
    delta = connector.observe(None, Watcher(connector), WINDOW)
    assert old in delta.present
    assert delta.changed == ()


def test_what_leaves_the_window_is_still_told(person, watcher):
    """An event that a person drags into the far past is a change, not a gap."""
    made = create(watcher.connector, event("a-1", "2027-01-12T10:00")).remote_id
    gym = person.add("Gym", "2027-01-12T10:00:00", "2027-01-12T11:00:00")
    watcher.look()
    for key in (made, gym):
        person.drag(key, -300 * 24 * 60)
    watcher.look()
    assert content(watcher.seen[made]).body.start.year == 2026
    assert content(watcher.seen[gym]).body.start.year == 2026


def test_a_quiet_look_is_one_request_with_nothing_else(server, watcher):
    """One listing with the token, no sign-in, no other call."""
    watcher.look()
    server.requests.clear()
    tokens = server.sign_in.token_requests
    watcher.look()
    assert [request.method for request in server.requests] == ["events.list"]
    assert server.sign_in.token_requests == tokens


def _busy_connector(server, world):
    credential = server.sign_in.grant(OWNER, *BUSY_TIME)
    kind = GoogleConnector()
    link = kind.probe(RemoteCalendar(remote_id=OWNER, name=""), credential, world.context())
    connector = kind.open(link, credential, world.context())
    world.opened.append(connector)
    return connector


def test_busy_time_alone_is_told_as_spans(server, world, person):
    """Of a calendar whose events may not be seen every look tells all busy spans, joined."""
    person.add("Gym", "2027-01-12T10:00:00", "2027-01-12T11:00:00")
    person.add("Sauna", "2027-01-12T10:30:00", "2027-01-12T12:00:00")
    person.add("Choir", "2027-01-05T19:00:00", "2027-01-05T21:00:00", rule="FREQ=WEEKLY;COUNT=2")
    free = person.add("Walk", "2027-01-13T10:00:00", "2027-01-13T11:00:00")
    person.free(free)
    watcher = Watcher(_busy_connector(server, world))
    delta = watcher.look()
    spans = sorted(content(seen).body.start.isoformat() for seen in delta.changed)
    assert spans == [
        "2027-01-06T00:00:00+00:00",
        "2027-01-12T15:00:00+00:00",
        "2027-01-13T00:00:00+00:00",
    ]
    assert delta.complete
    again = watcher.look()
    assert (again.changed, again.present) == ((), delta.present)
    assert watcher.connector.read(delta.changed[0].remote_id) == delta.changed[0]


def test_a_span_too_long_for_one_question_is_asked_in_parts(server, world, person):
    """Where the service takes shorter spans only, the answer is put together."""
    for day in ("2027-01-12", "2027-02-12", "2027-03-12"):
        person.add("Gym", f"{day}T10:00:00", f"{day}T11:00:00")
    connector = _busy_connector(server, world)
    before = connector.requests
    assert len(connector.observe(None, Watcher(connector), WINDOW).changed) == 3
    assert connector.requests - before == 1
    server.rules.free_busy_days = 30
    assert len(connector.observe(None, Watcher(connector), WINDOW).changed) == 3


def test_an_unknown_busy_time_is_never_free(server, world):
    """A calendar that cannot be asked about is not an empty one (G24)."""
    connector = _busy_connector(server, world)
    del server.state.calendars[OWNER]
    with pytest.raises(CalendarGone):
        connector.observe(None, Watcher(connector), WINDOW)
    server.faults.add("error", "freebusy", status=500)
    with pytest.raises(Transient):
        connector.observe(None, Watcher(connector), WINDOW)


def test_the_same_question_is_asked_again_as_often_as_needed(server, world, person):
    """A quiet look is repeated with one request each, and what happens then is told."""
    connector = world.connector()
    made = create(connector, event("e-1", "2027-01-05T10:00")).remote_id
    watcher = Watcher(connector)
    watcher.look()
    watcher.look()
    cursor = watcher.cursor
    for _ in range(3):
        before = connector.requests
        assert connector.observe(cursor, watcher, WINDOW).changed == ()
        assert connector.requests == before + 1
    person.drag(made, 60)
    (moved,) = connector.observe(cursor, watcher, WINDOW).changed
    assert moved.remote_id == made
    # and once more, after an answer was lost
    server.faults.add("drop_after", "events.list", times=9)
    with pytest.raises(Transient):
        connector.observe(cursor, watcher, WINDOW)
    server.faults.clear()
    (again,) = connector.observe(cursor, watcher, WINDOW).changed
    assert again.revision == moved.revision
