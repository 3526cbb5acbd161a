"""Being told of changes: channels are opened, renewed by overlap, closed; no notice is needed."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from typing_extensions import override

from calwarden.engine import push
from calwarden.engine.pacing import Pacer
from calwarden.engine.pushed import PushedLane
from calwarden.engine.shard import Shard, run_shard
from calwarden.sdk.push import Notified, Posting, UnreadablePosting
from calwarden.store import subscriptions
from calwarden_google.connector import GoogleConnector
from emulators.push_laws import DAY, HOOKS, EmulatedTold, PushLaws

MINUTE = timedelta(minutes=1)


class Told(EmulatedTold):
    """A practice whose Google calendar posts to its channel."""

    def __init__(self, house) -> None:
        super().__init__(house)
        self.push.now = lambda: house.clock.now().timestamp()
        self.push.deliver = self._arrive

    def _arrive(self, address: str, headers: dict[str, str]) -> None:
        assert address == f"{self.services.hooks}/google"
        self.arrive(Posting(headers={name.lower(): text for name, text in headers.items()}))

    @property
    @override
    def open(self) -> list[str]:
        return list(self.push.channels)


@pytest.fixture
def told(house):
    return Told(house)


class TestPush(PushLaws):
    """The laws, at Google."""


def test_a_channel_is_opened_with_a_secret_that_is_not_stored(told):
    """One channel with a token of its own at our address; the database holds no secret of it."""
    assert told.keep().opened == 1
    (name,) = told.open
    channel = told.push.channels[name]
    assert channel.address == f"{HOOKS}/google"
    assert len(channel.token) >= 43
    (one,) = told.stored
    assert channel.token not in repr(one)
    assert one.heard_at == told.house.clock.now()  # `sync` came, and marked nothing by itself
    assert told.keep() == push.Kept()


def test_a_change_outside_marks_the_calendar_and_is_looked_at(told):
    """A drag is announced, marked, looked at, and reverted when its grace is over."""
    house = told.house
    house.book("a-1", "2026-12-03T10:00")
    shard = Shard(told.services, Pacer(house.clock))
    told.keep()
    run_shard(shard, house.clock.now())
    told.push.settle()
    run_shard(shard, house.clock.now())  # the echo of our own publication
    assert run_shard(shard, house.clock.now()) == []
    house.person.drag(house.remote("a-1"), 60)
    told.push.settle()
    assert [one.flagged + one.reverted for one in run_shard(shard, house.clock.now())] == [0]
    assert [one.kind for one in house.standing()] == ["moved"]
    house.clock.advance(MINUTE)
    assert [one.reverted for one in run_shard(shard, house.clock.now())] == [1]


def test_a_calendar_that_tells_is_polled_seldom_and_one_that_cannot_often(told):
    """Only a channel that was heard slows the polling; a lost notice costs the backstop at most."""
    house = told.house
    shard = Shard(told.services, Pacer(house.clock))
    told.deaf = True
    told.keep()
    run_shard(shard, house.clock.now())
    house.clock.advance(15 * MINUTE)
    assert len(run_shard(shard, house.clock.now())) == 1
    told.deaf = False
    told.take(told.posted[0])
    house.clock.advance(15 * MINUTE)
    assert len(run_shard(shard, house.clock.now())) == 1
    told.push.muted = True
    house.person.add("Gym", "2026-12-03T10:00:00", "2026-12-03T11:00:00")
    house.clock.advance(59 * MINUTE)
    assert run_shard(shard, house.clock.now()) == []
    house.clock.advance(MINUTE)
    assert len(run_shard(shard, house.clock.now())) == 1


def test_repeated_and_late_notices_cost_one_look_each_at_most(told):
    """The same posting ten times: looked at once, quietly, and nothing is written."""
    house = told.house
    told.keep()
    shard = Shard(told.services, Pacer(house.clock))
    run_shard(shard, house.clock.now())
    house.person.add("Gym", "2026-12-03T10:00:00", "2026-12-03T11:00:00")
    told.push.settle()
    run_shard(shard, house.clock.now())
    for _ in range(10):
        told.take(told.posted[-1])
    writes = house.server.writes
    assert [one.quiet for one in run_shard(shard, house.clock.now())] == [True]
    assert run_shard(shard, house.clock.now()) == []
    assert house.server.writes == writes


def test_a_channel_is_renewed_by_overlap_before_it_expires(told):
    """The new one is heard before the old one is closed; there is never a moment without one."""
    told.keep()
    (first,) = told.open
    for _ in range(20):
        told.house.clock.advance(DAY / 2)
        for one in told.push.channels.values():
            assert one.expires > told.push.now()
        told.keep()
        assert 1 <= len(told.open) <= 2
        told.keep()
        assert len(told.open) == len(told.stored) == 1
    assert told.open != [first]


def test_the_old_channel_goes_on_until_the_new_one_is_heard(told):
    """A new channel that nothing arrives on does not end the old one at once."""
    told.keep()
    told.house.clock.advance(6 * DAY)
    told.deaf = True
    assert told.keep().opened == 1
    assert told.keep() == push.Kept()
    assert len(told.open) == 2
    told.house.clock.advance(push.OVERLAP)
    assert told.keep().ended == 1
    assert len(told.open) == 1


def test_without_a_public_address_nothing_is_opened_and_what_was_is_closed(told):
    """Switched off: channels end, and every calendar is polled again."""
    told.services = replace(told.services, hooks=None)
    assert told.keep() == push.Kept()
    told.services = replace(told.services, hooks=HOOKS)
    told.keep()
    told.services = replace(told.services, hooks=None)
    assert told.keep().ended == 1
    assert (told.open, told.stored) == ([], [])


def test_a_domain_that_google_does_not_know_is_told_and_asked_again_later(told):
    """Refused for good: the calendar is polled as ever, and `calendars show` says why."""
    told.push.unverified = True
    assert told.keep().refused == 1
    assert "webhookUrlUnauthorized" in told.calendar.push_problem
    assert told.calendar.status.value == "active"
    assert told.keep() == push.Kept()
    told.server.violations.clear()  # the refusal was the point
    told.push.unverified = False
    told.house.clock.advance(push.AGAIN)
    assert told.keep().opened == 1
    assert told.calendar.push_problem is None


def test_a_revoked_grant_asks_for_a_look_and_for_nothing_more(told):
    """The calendar's own look finds out and tells the provider; push adds no second message."""
    server = told.server
    server.sign_in.revoke(told.house.world.calendar.id)
    server.sign_in.expire()
    assert told.keep().refused == 1
    asked = server.sign_in.token_requests
    assert told.keep() == push.Kept()
    assert server.sign_in.token_requests == asked
    assert told.calendar.pushed_at is not None


def test_a_throttled_watch_waits_as_long_as_it_is_told_to(told):
    """Retry-After holds for the whole calendar, whoever met it."""
    told.server.faults.add(
        "error", "events.watch", status=429, reason="rateLimitExceeded", retry_after=300
    )
    assert told.keep().refused == 1
    assert told.calendar.not_before == told.house.clock.now() + timedelta(seconds=300)
    assert told.keep() == push.Kept()
    told.house.clock.advance(timedelta(seconds=300))
    told.house.sync()
    assert told.keep().opened == 1


def test_marked_calendars_are_looked_at_beside_the_rounds(told):
    """A mark is looked at in one turn of the lane; a further one after that look, not beside it."""
    house = told.house
    shard = Shard(told.services, Pacer(house.clock))
    told.keep()
    run_shard(shard, house.clock.now())
    lane = PushedLane(told.services, [shard])
    assert lane.run() == 0
    looking, go_on = threading.Event(), threading.Event()
    look = shard.look

    def slow(calendar_id):
        looking.set()
        assert go_on.wait(10)
        return look(calendar_id)

    shard.look = slow
    with house.database.write() as tx:
        subscriptions.mark(tx, house.calendar, now=house.clock.now())
    assert lane.run() == 1
    assert looking.wait(10)
    with house.database.write() as tx:
        subscriptions.mark(tx, house.calendar, now=house.clock.now())
    assert lane.run() == 0
    go_on.set()
    lane.close()
    assert shard.has_heard(house.calendar, told.calendar.pushed_at)


def test_notifications_are_read_from_their_headers():
    """`sync` asks for nothing, every other state for a look; anything else is none of Google's."""
    read = GoogleConnector().read_posting
    headers = {"x-goog-channel-id": "c", "x-goog-channel-token": "t"}
    asks = {
        state: read(Posting(headers={**headers, "x-goog-resource-state": state})).notices[0].asks
        for state in ("sync", "exists", "not_exists")
    }
    assert asks == {
        "sync": Notified.REACHED,
        "exists": Notified.LOOK,
        "not_exists": Notified.LOOK,
    }
    for lacking in ({}, headers, {"x-goog-resource-state": "exists"}):
        with pytest.raises(UnreadablePosting):
            read(Posting(headers=lacking))
