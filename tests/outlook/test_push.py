"""Subscriptions of Graph: opened by a handshake, prolonged, reopened, ended; notices are hints."""

import json

import pytest
from typing_extensions import override

from calwarden.engine import push
from calwarden.sdk.push import Notified, Posting, UnreadablePosting
from calwarden.testing.emulators.graph_errors import ApiError
from calwarden_outlook.connector import OutlookConnector
from emulators.push_laws import DAY, EmulatedTold, PushLaws


class Told(EmulatedTold):
    """A practice whose mailbox tells of changes."""

    def __init__(self, house) -> None:
        super().__init__(house)
        self.server.state.clock = house.world.now = house.clock.now
        self.answers: list[str] = []
        self.push.handshake = self._shake
        self.push._post_later = self._arrive  # noqa: SLF001 - no server of ours runs here

    def _shake(self, subscription) -> None:
        for url in {subscription.url, subscription.lifecycle_url}:
            assert url.startswith(f"{self.services.hooks}/outlook?")
            reading = OutlookConnector().read_posting(Posting(query={"validationToken": "a b&c"}))
            self.answers.append(reading.reply)

    def _arrive(self, _url, notice, *_about) -> None:
        self.arrive(Posting(body=json.dumps({"value": [notice, notice]}).encode()))

    @override
    def read(self, posting):
        notices = super().read(posting)
        assert len(notices) == 1  # however often it was told
        return notices

    @property
    @override
    def open(self) -> list[str]:
        return list(self.push.subscriptions)


@pytest.fixture
def told(house):
    return Told(house)


class TestPush(PushLaws):
    """The laws, at Outlook."""


def test_a_subscription_has_a_secret_that_is_not_stored(told):
    """One subscription, both addresses shaken hands with; the database holds no secret of it."""
    assert told.keep().opened == 1
    (one,) = told.push.subscriptions.values()
    assert len(one.client_state) <= 128
    assert one.lifecycle_url == one.url
    assert one.immutable
    assert one.client_state not in repr(told.stored)
    assert set(told.answers) == {"a b&c"}
    assert told.keep() == push.Kept()


def test_a_forged_notice_is_nobodys(told):
    """One that does not show its subscription's secret marks nothing."""
    told.keep()
    told.house.clock.advance(DAY)
    told.house.person.add("Gym", "2026-12-03T10:00:00", "2026-12-03T11:00:00")
    told.house.clock.advance(DAY)
    forged = told.posted[-1].body.replace(b'"clientState": "', b'"clientState": "x')
    assert told.take(Posting(body=forged)) == 0
    assert told.calendar.pushed_at < told.house.clock.now()


def test_a_subscription_is_extended_before_it_ends(told):
    """Weeks later the same one stands, and there was never a moment without."""
    told.keep()
    before = told.open
    for _ in range(40):
        told.house.clock.advance(DAY / 2)
        assert all(one.expires > told.house.clock.now() for one in told.push.subscriptions.values())
        told.keep()
    assert told.open == before
    assert len(told.stored) == 1


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved", "missed"])
def test_notices_about_its_life_are_followed(told, event):
    """Authorized again, opened again, or looked at: what was asked for is done."""
    told.keep()
    (before,) = told.open
    told.house.clock.advance(DAY)
    told.push.lifecycle(event)
    told.keep()
    told.keep()
    (one,) = told.push.subscriptions.values()
    assert one.authorized
    assert (one.id == before) == (event != "subscriptionRemoved")
    assert [kept.name for kept in told.stored] == [one.id]
    if event != "reauthorizationRequired":
        assert told.calendar.pushed_at >= told.house.clock.now()


def test_a_handshake_that_nobody_answered_is_tried_again_soon(told):
    """The pages may come up after the daemon: what cannot be reached is named, and asked again."""

    def nobody(_subscription):
        raise ApiError(400, "ValidationError", "Subscription validation request failed.")

    shake, told.push.handshake = told.push.handshake, nobody
    assert told.keep().refused == 1
    assert "web.public_url" in told.calendar.push_problem
    told.push.handshake = shake
    told.house.clock.advance(push.SOON)
    assert told.keep().opened == 1
    assert told.calendar.push_problem is None


def test_a_subscription_whose_answer_was_lost_is_not_left_behind(told):
    """No duplicates: those of this calendar that nobody knows of are ended first (M25)."""
    told.server.faults.add("drop_after", "subscriptions.create")
    assert told.keep().refused == 1
    assert (len(told.open), told.stored) == (1, [])
    told.house.clock.advance(push.AGAIN)
    assert told.keep().opened == 1
    assert told.open == [one.name for one in told.stored]


def test_postings_are_read_strictly():
    """Anything that Graph does not send is unreadable; unknown lifecycle events ask for a look."""
    read = OutlookConnector().read_posting
    notice = {"subscriptionId": "s", "clientState": "c", "lifecycleEvent": "new one"}
    (one,) = read(Posting(body=json.dumps({"value": [notice]}).encode())).notices
    assert (one.subscription, one.secret, one.asks) == ("s", "c", Notified.LOOK)
    for body in (b"", b"[]", b'{"value": []}', b'{"value": [{}]}', b'{"value": 1}', b"[" * 9999):
        with pytest.raises(UnreadablePosting):
            read(Posting(body=body))
    with pytest.raises(UnreadablePosting):
        read(Posting(query={"validationToken": "x" * 5000}))
