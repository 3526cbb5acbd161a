"""The daemon with its pages, told of changes and of its subscription's life as in production."""

from contextlib import closing

import pytest
import requests

from e2e.daemon import publish, rest, running, wait
from emulators.door import Door
from emulators.emulated import OWNER

pytestmark = pytest.mark.e2e

ROUND = 60
"""More seconds than lie between two looks at the subscriptions."""


@pytest.fixture
def door(server):
    """The way to a person's acts from outside the emulator's process."""
    with closing(Door(server.url, server.ca_file)) as door:
        yield door


class Told:
    """A published calendar whose changes Graph tells of, and the last event in it."""

    def __init__(self, installation, server, calendar, door) -> None:
        self.installation, self.server, self.calendar = installation, server, calendar
        self.door = door
        self.pages = publish(installation, server.api.push)
        app_only = ("--app-only", "--user", OWNER)
        installation.run("link", "outlook", "--provider", "dr-lee", *app_only)
        installation.run("sync")
        rows = door("events", calendar=calendar)
        # whatever the machine's clock says, the last one is yet to come
        self.key = max(rows, key=lambda row: row["start"]["dateTime"])["id"]
        self.stood = self.row["start"]

    @property
    def row(self):
        """The event as the mailbox's owner sees it."""
        rows = self.door("events", calendar=self.calendar)
        return next(row for row in rows if row["id"] == self.key)

    @property
    def open(self):
        """The subscriptions that Graph keeps."""
        return list(self.server.api.push.subscriptions.values())

    def drag(self) -> None:
        """Let the owner drag the event by an hour."""
        self.door("act", calendar=self.calendar, act="drag", key=self.key, minutes=60)
        assert self.row["start"] != self.stood

    def stands_again(self) -> None:
        """Wait until the event is back."""
        wait(lambda: self.row["start"] == self.stood, "the event was not put back")

    def at_rest(self) -> int:
        """Wait until nothing is asked of Graph any more; return how much was."""
        return rest(lambda: len(self.server.requests))

    def post(self, **about) -> int:
        """Post a notice to the public address's pages and return the answer's status."""
        notice = {"subscriptionId": self.open[0].id, "resource": "Users/x/Events/y", **about}
        return requests.post(
            f"{self.pages}/hooks/outlook", json={"value": [notice]}, timeout=10
        ).status_code


@pytest.fixture
def told(installation, server, world, door):
    return Told(installation, server, world.calendar.id, door)


def test_a_change_is_told_looked_at_and_put_back_between_two_polls(told, server, door):
    """No poll is due for minutes: true notices bring a look, and the grace the revert.

    A forged one brings none, and ends nothing; unlinking ends the subscription.
    """
    installation = told.installation
    with running(installation):
        wait(lambda: told.open, "no subscription was opened")
        told.at_rest()
        told.drag()
        told.stands_again()
        server.api.push.muted = True
        asked = told.at_rest()
        told.drag()
        for forged in ({"changeType": "updated"}, {"lifecycleEvent": "subscriptionRemoved"}):
            assert told.post(clientState="guessed", **forged) == requests.codes.not_found
            assert told.post(**forged) == requests.codes.not_found
        assert told.at_rest() == asked
        assert told.row["start"] != told.stood
        door("lifecycle", event="missed")
        told.stands_again()
        assert len(told.open) == 1
        drifts = installation.ask("drift", "list")["drifts"]
        assert [(one["kind"], one["status"]) for one in drifts] == [("moved", "reverted")] * 2
        installation.run("calendars", "unlink", "1")
        wait(lambda: not told.open, "the subscription was left behind")
    # a busy machine may answer later than Graph waits: that one is lost, and refused is none
    assert {one.status for one in server.api.push.sent} - {0} == {requests.codes.accepted}


@pytest.mark.slow  # what happens to a subscription is looked at twice a minute
def test_a_subscription_that_would_end_is_authorized_and_one_that_ended_is_opened_again(told, door):
    """What Graph asks for is done, and changes are told as before."""
    with running(told.installation):
        wait(lambda: told.open, "no subscription was opened")
        told.at_rest()
        (first,) = told.open
        door("lifecycle", event="reauthorizationRequired")
        assert not first.authorized
        wait(lambda: first.authorized, "it was not authorized again", patience=ROUND)
        door("lifecycle", event="subscriptionRemoved")
        wait(lambda: told.open, "no other was opened", patience=ROUND)
        assert [one.id for one in told.open] != [first.id]
        told.at_rest()
        told.drag()
        told.stands_again()
