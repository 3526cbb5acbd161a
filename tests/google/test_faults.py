"""What goes wrong on the way: nothing is written twice, nothing lost, nobody asked too often."""

from datetime import timedelta

import pytest
from typing_extensions import override

from calwarden.domain.wall_time import Slot
from calwarden.engine.report import PollOutcome
from calwarden.sdk.errors import (
    Ambiguous,
    CalendarGone,
    CursorExpired,
    NeedsAuth,
    PreconditionFailed,
    Rejected,
    RemoteError,
    Transient,
)
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
    """The laws, at Google."""

    asked = Asked(
        look="events.list", create="events.insert", update="events.patch", delete="events.delete"
    )

    @override
    def drop(self, house):
        del house.server.state.calendars[house.world.calendar.id]


SLOT_HERE = "2026-12-17T10:00:00"
LOST = {"drop_after": 9, "truncate": 1}


@pytest.mark.parametrize("kind", LOST)
def test_a_create_whose_answer_was_lost_makes_one_event(server, world, connector, kind):
    """A lost or torn answer is ambiguous; repeated, the create makes no second event."""
    # a kept connection that closes is tried once more by the library itself
    server.faults.add(kind, "events.insert", times=LOST[kind])
    with pytest.raises(Ambiguous):
        first(connector, creating(SINGLE))
    server.faults.clear()
    landed = first(connector, creating(SINGLE))
    assert told(landed.resource) == told(SINGLE.resource)
    assert len(world.raw()) == 1


@pytest.mark.parametrize("kind", LOST)
def test_an_update_whose_answer_was_lost_lands_once(server, connector, kind):
    """Repeating an update that landed finds it landed."""
    made = create(connector, SINGLE)
    server.faults.add(kind, "events.patch", times=LOST[kind])
    write = updating(made, MOVED)
    with pytest.raises(Ambiguous):
        first(connector, write)
    server.faults.clear()
    assert told(content(first(connector, write))) == told(MOVED.resource)


def test_a_write_that_never_arrived_is_repeated(server, connector):
    """A connection that closes before the service hears of a write is tried again."""
    server.faults.add("drop_before", "events.insert")
    landed = first(connector, creating(SINGLE))
    assert told(landed.resource) == told(SINGLE.resource)


@pytest.mark.parametrize(
    ("status", "reason", "error", "throttled"),
    [
        (429, "rateLimitExceeded", Transient, True),
        (403, "rateLimitExceeded", Transient, True),
        (403, "userRateLimitExceeded", Transient, True),
        (403, "quotaExceeded", Transient, True),
        (500, "backendError", Transient, False),
        (503, "backendError", Transient, False),
        (403, "insufficientPermissions", NeedsAuth, False),
        (403, "requiredAccessLevel", Rejected, False),
        (403, "forbiddenForServiceAccounts", Rejected, False),
        (400, "badRequest", Rejected, False),
        (404, "notFound", CalendarGone, False),
        (410, "fullSyncRequired", CursorExpired, False),
        (410, "updatedMinTooLongAgo", CursorExpired, False),
    ],
)
def test_a_refused_look_is_classed_by_its_reason(
    server, connector, status, reason, error, throttled
):
    """What the caller may do next follows from the reason (wire rules G4, G27, G28)."""
    server.faults.add("error", "events.list", times=9, status=status, reason=reason)
    with pytest.raises(error) as caught:
        connector.observe(None, Watcher(connector), WINDOW)
    assert caught.value.__cause__ is not None
    assert getattr(caught.value, "throttled", False) is throttled


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (500, "backendError", Ambiguous),
        (503, "backendError", Ambiguous),
        (429, "rateLimitExceeded", Transient),
        (409, "conflict", Transient),
        (403, "forbiddenForNonOrganizer", Rejected),
    ],
)
def test_a_refused_write_is_classed_by_its_reason(server, connector, status, reason, error):
    """A server's own failure may have landed; a refusal has not."""
    made = create(connector, SINGLE)
    server.faults.add("error", "events.patch", times=9, status=status, reason=reason)
    with pytest.raises(error):
        first(connector, updating(made, MOVED))


PASSING = [(429, "rateLimitExceeded"), (403, "rateLimitExceeded"), (403, "userRateLimitExceeded")]
FAULTY = [(500, "backendError"), (503, "backendError")]
LASTING = [(403, "quotaExceeded"), (403, "forbidden"), (403, "insufficientPermissions")]


@pytest.mark.parametrize(
    ("tries", "status", "reason", "retry_after"),
    [
        *((3, *one, None) for one in PASSING + FAULTY),
        *((1, *one, 5) for one in PASSING + FAULTY),
        *((1, *one, None) for one in LASTING),
    ],
)
def test_exactly_what_may_pass_is_tried_again(server, world, tries, status, reason, retry_after):
    """Three tries, each after a longer while; one where the service says when, or says no (G27)."""
    waits = []
    world.linked()
    opened = world.kind.open(world.link, world.credential, world.context(back_off=waits.append))
    about = {"status": status, "reason": reason, "retry_after": retry_after}
    server.faults.add("error", "events.list", times=9, **about)
    before = len(server.requests)
    with pytest.raises(RemoteError):
        opened.observe(None, Watcher(opened), WINDOW)
    assert len(server.requests) - before == opened.requests == tries
    assert waits == list(range(tries - 1))
    opened.close()


@pytest.mark.parametrize(("status", "reason"), PASSING)
def test_a_write_that_was_refused_for_the_moment_lands_once(server, connector, status, reason):
    """A refusal by rate changed nothing, so the same request may go again."""
    made = create(connector, SINGLE)
    server.faults.add("error", "events.patch", times=2, status=status, reason=reason)
    before = server.writes
    assert first(connector, updating(made, MOVED)) is not None
    assert server.writes - before == 3


@pytest.mark.parametrize(("status", "reason"), FAULTY)
def test_a_write_that_met_a_fault_is_never_sent_again_unseen(server, connector, status, reason):
    """It may have landed: whoever asked for it looks first."""
    made = create(connector, SINGLE)
    server.faults.add("error", "events.patch", times=9, status=status, reason=reason)
    before = server.writes
    with pytest.raises(Ambiguous):
        first(connector, updating(made, MOVED))
    assert server.writes - before == 1


def test_a_retry_after_is_told(server, connector):
    """The wait that the service asks for reaches the caller."""
    server.faults.add(
        "error", "events.list", status=429, reason="rateLimitExceeded", retry_after=90
    )
    with pytest.raises(Transient) as caught:
        connector.observe(None, Watcher(connector), WINDOW)
    assert caught.value.retry_after == timedelta(seconds=90)


def test_a_spent_use_limit_parks_the_account(server, connector):
    """A calendar-use limit is not retried soon: the account rests (wire rule G27)."""
    server.faults.add("error", "events.list", status=403, reason="quotaExceeded")
    with pytest.raises(Transient) as caught:
        connector.observe(None, Watcher(connector), WINDOW)
    assert caught.value.retry_after >= timedelta(hours=1)


def test_page_tokens_that_run_out_begin_the_round_again(server, world):
    """A page that cannot be had any more gives no half of a listing."""
    connector = world.connector()
    for number in range(3):
        create(connector, event(f"a-{number}", "2027-01-12T10:00"))
    server.rules.page_limit = 1
    server.faults.add("expire_pages", "events.list", skip=1)
    watcher = Watcher(world.connector())
    with pytest.raises(CursorExpired):
        watcher.look()
    assert len(watcher.look().present) == 3


def test_a_cursor_that_dies_between_pages_is_a_dead_cursor(server, watcher):
    """A sync token refused on a later page starts everything over."""
    for number in range(3):
        create(watcher.connector, event(f"a-{number}", "2027-01-12T10:00"))
    server.rules.page_limit = 1
    server.faults.add("error", "events.list", skip=1, status=410, reason="fullSyncRequired")
    with pytest.raises(CursorExpired):
        watcher.look()


def test_a_sync_token_in_another_form_is_a_dead_cursor(connector):
    """A malformed token is answered 400, and means the same (wire rule G4)."""
    with pytest.raises(CursorExpired):
        connector.observe("1:nonsense", Watcher(connector), WINDOW)
    with pytest.raises(CursorExpired):
        connector.observe("0:older form", Watcher(connector), WINDOW)


def test_a_listing_that_lags_behind_loses_no_change(server, world, watcher):
    """What a lagging listing leaves out comes with the next look."""
    made = create(watcher.connector, SINGLE)
    watcher.look()
    server.rules.lag = world.calendar.seq
    world.page.drag(made.remote_id, 60)
    assert watcher.look().changed == ()
    server.rules.lag = None
    assert [seen.remote_id for seen in watcher.look().changed] == [made.remote_id]


def test_an_edit_between_read_and_write_is_never_overwritten(server, world, connector):
    """However often a person is quicker, their edit stands and the write says so."""
    made = create(connector, WEEKLY)
    wanted = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8, title="Meeting")
    for minute in range(1, 11):
        start = f"2027-01-19T1{minute % 10}:30:00-05:00"
        body = {"dateTime": start, "timeZone": "America/New_York"}
        end = {"dateTime": start.replace(":30:", ":50:"), "timeZone": "America/New_York"}
        server.faults.add(
            "act",
            "events.patch",
            act=lambda body=body, end=end: world.page.change(made.remote_id, start=body, end=end),
        )
        seen = connector.read(made.remote_id)
        with pytest.raises(PreconditionFailed):
            first(connector, updating(seen, wanted))
        assert world.page.row(made.remote_id)["start"]["dateTime"] == start


def test_an_etag_that_moved_by_itself_is_no_conflict(server, connector):
    """The service may move an etag: what stands is compared, the write lands (A2, G15)."""
    server.rules.late_etag = True
    made = create(connector, WEEKLY)
    wanted = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8, title="Meeting")
    landed = first(connector, updating(made, wanted))
    assert told(landed.resource) == told(wanted.resource)


def test_a_deleted_id_is_never_taken_for_ours(world, connector):
    """An id in the bin stays reserved: the create fails, and the next generation's is free (G9)."""
    made = create(connector, SINGLE)
    world.page.delete(made.remote_id)
    with pytest.raises(PreconditionFailed):
        create(connector, SINGLE)
    assert connector.find(SINGLE.uid) is None


@pytest.mark.faults
@pytest.mark.parametrize("verb", ["create", "update", "delete"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_pass_ends_the_same(house, verb, point):
    """Killed at any point of a write of a series, a restart leaves one true copy and no drift."""
    prepare(house, verb)
    house.fail_at[point.format(verb)] = Killed()
    with pytest.raises(Killed):
        house.sync()
    resumed(house, verb)


def test_a_revoked_grant_costs_one_calendar_and_one_token_request(house):
    """Access that was revoked is noticed once, and nobody is asked again (wire rule G28)."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    server = house.server
    server.sign_in.revoke(house.world.calendar.owner)
    tokens, sent = server.sign_in.token_requests, len(server.requests)
    report = house.sync()
    assert report.outcome is PollOutcome.NEEDS_RELINK
    assert server.sign_in.token_requests - tokens == 1
    assert len(server.requests) - sent <= 1
    assert house.sync().outcome is PollOutcome.NEEDS_RELINK
    assert server.sign_in.token_requests - tokens == 1


def test_what_the_service_will_not_give_back_waits_for_a_person(house):
    """A refusal for good ends the revert: the drift stays open with the cause, asked for once."""
    house.series("s-1", "2026-12-10T10:00", count=6)
    house.sync()
    house.server.rules.restores = False
    house.person.delete_occurrence(house.remote("s-1"), SLOT_HERE)
    house.sync()
    (drift,) = house.drifts()
    assert (drift.status, "403" in drift.cause) == ("open", True)
    house.quiet()
