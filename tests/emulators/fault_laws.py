"""Laws of what goes wrong between us and a service, whoever's service it is.

Nothing is written twice, nothing lost, nobody asked too often. A subclass says in the service's
words what is asked of it, and is run with the fixtures of its service.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from calwarden.engine.report import PollOutcome
from calwarden.sdk.connector import Connector, Verb, Write
from calwarden.sdk.errors import Transient
from calwarden.testing.world import Watcher, create, event
from emulators.emulated import EmulatedWorld
from emulators.practice import EmulatedHouse

SINGLE = event("a-1", "2027-01-12T10:00")
MOVED = event("a-1", "2027-01-13T11:00")
WEEKLY = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8)

POINTS = ("before_record", "after_record", "before_{}", "after_{}", "after_settle")
"""Where a process may be killed, {} standing for what is written."""


class Killed(BaseException):
    """The process is gone."""


def creating(wanted: Any) -> Write:
    """Return the write that creates an event."""
    return Write(verb=Verb.CREATE, uid=wanted.uid, event=wanted)


def first(connector: Connector, write: Write) -> Any:
    """Perform the first call of a write."""
    return connector.perform(write, connector.calls(write)[0])


def prepare(house: EmulatedHouse, verb: str) -> None:
    """Let a series of four be created, updated, crossed by one of its meetings, or deleted next."""
    house.series("s-1", "2026-12-10T10:00", count=4)
    if verb == "create":
        return
    house.sync()
    if verb == "update":
        house.reschedule("s-1#2", "2026-12-18T09:00")
        house.cancel("s-1#3")
    if verb == "cross":
        house.reschedule("s-1#2", "2027-01-05T09:00")
    if verb == "delete":
        for number in range(1, 5):
            house.cancel(f"s-1#{number}")


def resumed(house: EmulatedHouse, verb: str) -> None:
    """Restart after a kill amid what was prepared: one true copy stands, and there is no drift."""
    house.clock.advance(timedelta(seconds=61))
    house.sync()
    assert house.drifts() == []
    if verb == "delete":
        assert house.world.raw() == {}
    else:
        assert house.remote("s-1") in house.world.raw()
        assert len(house.world.raw()) == (2 if verb == "cross" else 1)
    if verb == "update":
        resource = house.resource("s-1")
        assert set(resource.overrides) == {"2026-12-17T10:00:00"}
        assert resource.excluded == {"2026-12-24T10:00:00"}
    if verb == "cross":
        assert set(house.resource("s-1").overrides) == {"2026-12-17T10:00:00"}
    house.quiet()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a service calls a look, a create, an update and a deletion."""

    look: str
    create: str
    update: str
    delete: str


class FaultLaws(ABC):
    """What is the same at every service."""

    asked: ClassVar[Asked]

    def turn_pages(self, rules: Any) -> None:
        """Let a listing come page by page."""
        rules.page_limit = 1

    @abstractmethod
    def drop(self, house: EmulatedHouse) -> None:
        """Let the calendar be deleted."""

    def test_torn_listings_delete_nothing(self, server: Any, watcher: Watcher) -> None:
        """A listing that ends in the middle is no listing, and the cursor stays where it was."""
        create(watcher.connector, SINGLE)
        watcher.look()
        before, cursor = dict(watcher.seen), watcher.cursor
        server.faults.add("truncate", self.asked.look)
        with pytest.raises(Transient):
            watcher.look()
        assert (watcher.seen, watcher.cursor) == (before, cursor)

    def test_an_access_token_that_runs_out_between_pages_is_renewed(
        self, server: Any, world: EmulatedWorld
    ) -> None:
        """Expiry in the middle of paging costs one token and repeats one page."""
        connector = world.connector()
        for number in range(4):
            create(connector, event(f"a-{number}", "2027-01-12T10:00"))
        self.turn_pages(server.rules)
        server.faults.add("expire_access", self.asked.look, skip=2)
        watcher, tokens = Watcher(world.connector()), server.sign_in.token_requests
        assert len(watcher.look().present or ()) == 4
        assert server.sign_in.token_requests - tokens == 1

    @pytest.mark.parametrize("verb", ["create", "update", "delete"])
    def test_a_lost_answer_never_writes_twice(self, house: EmulatedHouse, verb: str) -> None:
        """A write that landed though its answer was lost is looked up, not repeated."""
        prepare(house, verb)
        house.server.faults.add("drop_after", getattr(self.asked, verb), times=2)
        house.sync()
        house.clock.advance(timedelta(minutes=2))
        house.sync()
        assert house.drifts() == []
        assert len(house.world.raw()) == (0 if verb == "delete" else 1)
        house.quiet()

    def test_who_is_asked_to_wait_asks_nothing_until_then(self, house: EmulatedHouse) -> None:
        """No request is sent before Retry-After is over."""
        house.book("a-1", "2026-12-03T10:00")
        server = house.server
        server.faults.add("error", self.asked.look, status=429, retry_after=300)
        assert house.sync().outcome is PollOutcome.THROTTLED
        sent = len(server.requests)
        house.clock.advance(timedelta(seconds=299))
        assert house.sync().outcome is PollOutcome.THROTTLED
        assert len(server.requests) == sent
        house.clock.advance(timedelta(seconds=2))
        assert house.sync().outcome is PollOutcome.DONE

    @pytest.mark.parametrize("asked", ["9" * 40, "²", "-1", "Sat, 99 Foo 2026"])
    def test_an_absurd_wait_is_a_day_at_most(self, house: EmulatedHouse, asked: str) -> None:
        """Whatever a Retry-After says, the calendar is looked at again, and nothing breaks."""
        house.server.faults.add("error", self.asked.look, times=3, status=429, retry_after=asked)
        assert house.sync().outcome is PollOutcome.THROTTLED
        house.server.faults.clear()
        house.clock.advance(timedelta(days=1))
        assert house.sync().outcome is PollOutcome.DONE

    def test_a_removed_calendar_is_flagged_and_never_made_again(self, house: EmulatedHouse) -> None:
        """A calendar that is gone stops, with one entry in the ledger."""
        house.book("a-1", "2026-12-03T10:00")
        house.sync()
        self.drop(house)
        assert house.sync().outcome is PollOutcome.GONE
        assert [one.kind for one in house.drifts()] == ["calendar_gone"]
