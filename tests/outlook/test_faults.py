"""What goes wrong on the way: nothing is written twice, nothing lost, nobody asked too often."""

import contextlib
import threading
from datetime import datetime, timedelta

import pytest
from typing_extensions import override

from calwarden.domain.wall_time import Slot
from calwarden.sdk.errors import (
    Ambiguous,
    CalendarGone,
    CursorExpired,
    NeedsAuth,
    PreconditionFailed,
    Rejected,
    Transient,
)
from calwarden.testing.emulators.graph_state import event_id
from calwarden.testing.world import WINDOW, Watcher, content, create, event, told, updating
from emulators.fault_laws import (
    MOVED,
    POINTS,
    SINGLE,
    WEEKLY,
    Asked,
    FaultLaws,
    Killed,
    creating,
    first,
    prepare,
    resumed,
)

SLOT = Slot("2027-01-19T10:00:00")


class TestFaults(FaultLaws):
    """The laws, at Outlook."""

    asked = Asked(
        look="view.delta", create="events.create", update="events.update", delete="events.delete"
    )

    @override
    def turn_pages(self, rules):
        super().turn_pages(rules)
        rules.empty_pages = True

    @override
    def drop(self, house):
        house.server.api.drop_calendar(house.world.calendar)


LOST = {
    "drop_after": {},
    "truncate": {},
    "error_after": {"status": 503, "code": "ConcurrentItemSave"},
}


@pytest.mark.parametrize("wanted", [SINGLE, WEEKLY], ids=["single", "series"])
@pytest.mark.parametrize("kind", LOST)
def test_a_create_that_landed_though_its_answer_was_lost_is_found(
    server, world, connector, kind, wanted
):
    """A lost, torn or failed answer is looked up before anything is repeated (A6, M12)."""
    server.faults.add(kind, "events.create", **LOST[kind])
    landed = first(connector, creating(wanted))
    assert told(landed.resource) == told(wanted.resource)
    assert len(world.raw()) == 1


def test_an_event_that_lost_its_property_gets_it_again(server, world, connector):
    """A fault can leave an event without our property: it is found by its transactionId (M12)."""

    def bare():
        for item in server.state.items.values():
            item.properties.clear()

    server.faults.add("act_after", "events.create", act=bare)
    server.faults.add("error_after", "events.create", status=503, code="ConcurrentItemSave")
    landed = first(connector, creating(SINGLE))
    assert connector.find(SINGLE.uid).remote_id == landed.remote_id
    assert len(world.raw()) == 1


def test_a_create_that_never_arrived_is_ambiguous_and_may_be_repeated(server, world, connector):
    """Nothing is found, so the caller looks once more and repeats it."""
    server.faults.add("drop_before", "events.create")
    with pytest.raises(Ambiguous):
        first(connector, creating(SINGLE))
    assert first(connector, creating(SINGLE)).marker == SINGLE.uid
    assert len(world.raw()) == 1


@pytest.mark.parametrize("kind", LOST)
def test_an_update_whose_answer_was_lost_lands_once(server, connector, kind):
    """Repeating an update that landed finds it landed."""
    made = create(connector, SINGLE)
    server.faults.add(kind, "events.update", **LOST[kind])
    write = updating(made, MOVED)
    with pytest.raises(Ambiguous):
        first(connector, write)
    assert told(content(first(connector, write))) == told(MOVED.resource)


@pytest.mark.parametrize(
    ("status", "code", "error", "throttled"),
    [
        (429, "ApplicationThrottled", Transient, True),
        (500, "generalException", Transient, False),
        (503, "serviceNotAvailable", Transient, False),
        (509, "bandwidthLimitExceeded", Transient, False),
        (403, "ErrorAccessDenied", NeedsAuth, False),
        (400, "ErrorInvalidRequest", Rejected, False),
        (404, "ErrorItemNotFound", CalendarGone, False),
        (410, "syncStateNotFound", CursorExpired, False),
        (404, "syncStateNotFound", CursorExpired, False),
        (409, "resyncRequired", CursorExpired, False),
    ],
)
def test_a_refused_look_is_classed_by_status_and_code(
    server, connector, status, code, error, throttled
):
    """What the caller may do next follows from status and code (wire rules M6, M26, M31)."""
    server.faults.add("error", "view.delta", status=status, code=code)
    with pytest.raises(error) as caught:
        connector.observe(None, Watcher(connector), WINDOW)
    assert caught.value.__cause__ is not None
    assert getattr(caught.value, "throttled", False) is throttled


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(500, "generalException", Ambiguous), (429, "ApplicationThrottled", Transient)],
)
def test_a_refused_write_is_classed_by_status_and_code(server, connector, status, code, error):
    """A server's own failure may have landed; a refusal has not."""
    made = create(connector, SINGLE)
    server.faults.add("error", "events.update", status=status, code=code)
    with pytest.raises(error):
        first(connector, updating(made, MOVED))


def test_an_inner_code_counts(server, connector):
    """The exact code may stand in innerError only (M31)."""
    server.faults.add(
        "error", "view.delta", status=400, code="ErrorInvalid", inner="syncStateNotFound"
    )
    with pytest.raises(CursorExpired):
        connector.observe(None, Watcher(connector), WINDOW)


@pytest.mark.parametrize("status", [429, 503, 504, 509])
def test_a_retry_after_is_told(server, connector, status):
    """The wait that the service asks for reaches the caller to the second."""
    server.faults.add("error", "view.delta", status=status, code="x", retry_after=97)
    with pytest.raises(Transient) as caught:
        connector.observe(None, Watcher(connector), WINDOW)
    assert (caught.value.retry_after, caught.value.throttled) == (timedelta(seconds=97), True)


def test_a_part_of_a_batch_that_is_throttled_stops_the_look(server, connector, world):
    """An outer 200 hides inner refusals: each counts (M27)."""
    for number in range(3):
        create(connector, event(f"s-{number}", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=3))
    server.faults.add("error", "events.get", status=429, code="x", retry_after=30)
    watcher = Watcher(world.connector())
    with pytest.raises(Transient) as caught:
        watcher.look()
    assert caught.value.retry_after == timedelta(seconds=30)
    batches = server.batches
    assert len(watcher.look().present) == 3
    assert (server.batches - batches, watcher.connector.requests) == (1, 4)


def test_an_access_token_that_runs_out_amid_a_batch_is_renewed(server, connector, world):
    """A part is refused as a whole request would be: one token more, and nobody links again."""
    for number in range(3):
        create(connector, event(f"s-{number}", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=3))
    server.faults.add("expire_access", "events.get", skip=1)
    watcher, tokens = Watcher(world.connector()), server.sign_in.token_requests
    assert len(watcher.look().present) == 3
    assert server.sign_in.token_requests - tokens == 1


def test_a_cursor_that_dies_between_pages_is_a_dead_cursor(server, watcher):
    """A delta link refused on a later page starts everything over."""
    for number in range(3):
        create(watcher.connector, event(f"a-{number}", "2027-01-12T10:00"))
    server.rules.page_limit = 1
    server.faults.add("expire_cursor", "view.delta", skip=1)
    with pytest.raises(CursorExpired):
        watcher.look()


def test_a_cursor_in_another_form_is_a_dead_cursor(connector, watcher):
    """A malformed token is answered 400 and means the same; so does another version's form."""
    form, begin, end, link = watcher.cursor.split(" ", 3)
    wrong = link.partition("=")[0] + "=" + "x" * 40
    for cursor in (f"{form} {begin} {end} {wrong}", f"0 {begin} {end} {link}", "nonsense"):
        with pytest.raises(CursorExpired):
            connector.observe(cursor, watcher, WINDOW)


def test_a_listing_that_leads_elsewhere_is_not_followed(watcher):
    """A token is sent to Graph and nowhere else, whatever a link says."""
    form, begin, end, link = watcher.cursor.split(" ", 3)
    elsewhere = link.replace("127.0.0.1", "127.0.0.1.elsewhere.example")
    with pytest.raises(Rejected):
        watcher.connector.observe(f"{form} {begin} {end} {elsewhere}", watcher, WINDOW)


def test_an_edit_between_read_and_write_is_never_overwritten(server, world, connector):
    """However often a person is quicker, their edit stands where If-Match is honoured (M11)."""
    made = create(connector, WEEKLY)
    wanted = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8, title="Meeting")
    for minute in range(10):
        server.faults.add(
            "act", "events.update", act=lambda: world.page.drag_occurrence(made.remote_id, SLOT, 1)
        )
        seen = connector.read(made.remote_id)
        with pytest.raises(PreconditionFailed):
            first(connector, updating(seen, wanted))
        start = world.page.item(made.remote_id).changes[_date(SLOT)].start
        assert start.minute == minute + 1
    assert world.page.row(made.remote_id)["subject"] == "Session"


def _date(slot):
    return datetime.fromisoformat(slot).date()


def test_an_edit_before_our_read_is_seen_where_if_match_is_ignored(server, world, connector):
    """Without the guard what stands is compared just before the write (M11)."""
    server.rules.if_match = frozenset()
    made = create(connector, SINGLE)
    world.page.drag(made.remote_id, 60)
    with pytest.raises(PreconditionFailed):
        first(connector, updating(made, MOVED))
    assert world.page.item(made.remote_id).start.hour == 11


def test_a_412_without_any_precondition_is_asked_again(server, world, watcher):
    """Reads and creates send none, so none failed (M12)."""
    for method in ("events.create", "view.delta"):
        server.faults.add("error", method, status=412, code="ErrorIrresolvableConflict")
    made = create(watcher.connector, SINGLE)
    watcher.look()
    assert set(watcher.seen) == {made.remote_id} == set(world.raw())


def test_a_write_that_is_asked_to_wait_is_not_looked_up_before(server, connector):
    """503 with a Retry-After: nothing at all is sent until then."""
    made = create(connector, SINGLE)
    server.faults.add("error_after", "events.update", status=503, code="x", retry_after=30)
    with pytest.raises(Transient) as caught:
        first(connector, updating(made, MOVED))
    assert caught.value.throttled
    assert server.requests[-1].method == "events.update"


@pytest.mark.parametrize("times", [1, 2])
def test_a_412_without_cause_is_tried_once_more(server, connector, times):
    """The same changeKey again after a 412 is no conflict; a second one waits for the next pass."""
    made = create(connector, SINGLE)
    server.faults.add(
        "error", "events.update", status=412, code="ErrorIrresolvableConflict", times=times
    )
    write = updating(made, MOVED)
    if times == 1:
        assert told(content(first(connector, write))) == told(MOVED.resource)
    else:
        with pytest.raises(PreconditionFailed):
            first(connector, write)


def test_a_changekey_that_moved_by_itself_is_no_conflict(server, connector):
    """The service may move an etag: what stands is compared, the write lands (A2)."""
    server.rules.late_change = True
    made = create(connector, WEEKLY)
    wanted = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8, title="Meeting")
    landed = first(connector, updating(made, wanted))
    assert told(landed.resource) == told(wanted.resource)


def test_at_most_three_requests_are_under_way_to_one_mailbox(server, world):
    """However many calendars of a mailbox are looked at at once (M26)."""
    server.rules.concurrent = 3
    for _ in range(8):
        server.faults.add("slow", "view.delta", seconds=0.1)
    connectors = [world.connector() for _ in range(8)]
    failures = []

    def look(connector):
        try:
            connector.observe(None, Watcher(connector), WINDOW)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
            failures.append(error)

    threads = [threading.Thread(target=look, args=(one,)) for one in connectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.faults
@pytest.mark.parametrize("verb", ["create", "update", "cross", "delete", "unguarded update"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_pass_ends_the_same(house, verb, point):
    """Killed at any point of a write of a series, a restart leaves one true copy and no drift."""
    if verb.startswith("unguarded"):
        house.rules.if_match = frozenset()
        verb = "update"
    prepare(house, verb)
    house.fail_at[point.format("update" if verb == "cross" else verb)] = Killed()
    with pytest.raises(Killed):
        house.sync()
    resumed(house, verb)


REQUESTS = {
    "create": ["events.create"],
    "update": ["events.update", "events.delete"],
    "cross": ["events.update", "events.delete", "events.create"],
    "delete": ["events.delete"],
}


@pytest.mark.faults
@pytest.mark.parametrize(
    ("verb", "method"), [(verb, method) for verb in REQUESTS for method in REQUESTS[verb]]
)
def test_killed_amid_a_call_the_next_pass_ends_the_same(house, verb, method):
    """A call of several requests that ends between two of them is resumed, and is no drift."""
    prepare(house, verb)
    dead = threading.Event()
    house.server.faults.add("act_after", method, act=dead.set)

    def die():
        if dead.is_set():
            dead.clear()
            raise Killed

    house.world.pace = die
    with contextlib.suppress(Killed):
        house.sync()
    house.world.pace = lambda: None
    resumed(house, verb)


@pytest.mark.parametrize("kind", ["error", "error_after"])
def test_the_second_half_of_a_split_goes_though_its_deletion_failed(house, kind):
    """What bears no mark of ours is looked up by its own id: a failed deletion is made again."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    made = house.person.split(house.remote("s-1"), "2026-12-24T10:00:00", 60)
    house.server.faults.add(kind, "events.delete", status=504)
    house.sync()
    house.sync()
    assert [one.status for one in house.drifts()] == ["reverted"]
    assert made not in {event_id(item, None, immutable=True) for item in house.items()}
    house.quiet()
