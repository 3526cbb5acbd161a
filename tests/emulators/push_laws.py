"""Laws of being told of changes, whoever's service tells.

A subclass is run with a fixture ``told``: a practice whose calendar tells of changes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.engine import push
from calwarden.practice import linking, pushes
from calwarden.sdk.connector import Connector
from calwarden.sdk.push import Notice, Posting, PostingReader, Subscriber
from calwarden.store import calendars, subscriptions
from calwarden.store.subscriptions import StoredSubscription
from emulators.practice import EmulatedHouse

HOOKS = "https://calwarden.harbor.example/hooks"
DAY = timedelta(days=1)


class EmulatedTold(ABC):
    """A practice whose calendar tells of changes: what the service posts is read as it comes."""

    def __init__(self, house: EmulatedHouse) -> None:
        self.house = house
        self.server = house.server
        self.push = house.server.api.push
        self.posted: list[Posting] = []
        self.deaf = False
        self.services = replace(house.services, hooks=HOOKS)

    @property
    @abstractmethod
    def open(self) -> list[str]:
        """The subscriptions that the service keeps."""

    def arrive(self, posting: Posting) -> None:
        """Keep what was posted, and take it where nobody is deaf."""
        self.posted.append(posting)
        if not self.deaf:
            self.take(posting)

    def read(self, posting: Posting) -> Sequence[Notice]:
        """Return the notices of a posting."""
        return self.house.world.kind.read_posting(posting).notices

    def take(self, posting: Posting) -> int:
        """Take what was posted; return how much of it was proven."""
        notices = self.read(posting)
        now = self.house.clock.now()
        return pushes.take(self.house.database, self.house.connector, notices, now=now)

    def keep(self) -> push.Kept:
        """One round of the timer, and what the service posts then."""
        kept = push.keep(self.services)
        self.push.settle()
        return kept

    @property
    def stored(self) -> list[StoredSubscription]:
        """The subscriptions that we know of."""
        with self.house.database.read() as connection:
            return subscriptions.search(connection)

    @property
    def calendar(self) -> LinkedCalendar:
        """The linked calendar."""
        with self.house.database.read() as connection:
            return calendars.get(connection, self.house.calendar)


class PushLaws:
    """What is the same at every service."""

    def test_the_connector_says_that_it_can_be_told(
        self, told: EmulatedTold, connector: Connector
    ) -> None:
        """Capability, connector and kind agree."""
        assert connector.capabilities.push
        assert isinstance(connector, Subscriber)
        assert isinstance(told.house.world.kind, PostingReader)

    def test_what_happened_before_it_was_opened_is_looked_for(self, told: EmulatedTold) -> None:
        """Nobody was told of it: opening asks for a look, once."""
        assert told.keep().opened == 1
        assert told.calendar.pushed_at == told.house.clock.now()
        assert told.keep() == push.Kept()
        assert told.open == [one.name for one in told.stored]

    def test_a_change_outside_marks_the_calendar(self, told: EmulatedTold) -> None:
        """A notice that the service posted marks it, as soon as it comes."""
        told.keep()
        told.house.clock.advance(DAY)
        told.house.person.add("Gym", "2026-12-03T10:00:00", "2026-12-03T11:00:00")
        told.push.settle()
        assert told.calendar.pushed_at == told.house.clock.now()

    @pytest.mark.parametrize("hooks", ["https://elsewhere.example/hooks", None])
    def test_what_leads_to_where_we_were_is_ended(
        self, told: EmulatedTold, hooks: str | None
    ) -> None:
        """Another public address gets a subscription of its own; none gets none."""
        told.keep()
        before = told.open
        told.services = replace(told.services, hooks=hooks)
        assert told.keep().opened == (0 if hooks is None else 1)
        told.keep()
        assert len(told.open) == len(told.stored) == (0 if hooks is None else 1)
        assert set(told.open).isdisjoint(before)

    def test_unlinking_ends_it(self, told: EmulatedTold) -> None:
        """With the credential goes every subscription; what is on its way is nobody's."""
        told.keep()
        told.house.person.add("Gym", "2026-12-03T10:00:00", "2026-12-03T11:00:00")
        told.push.settle()
        with told.house.database.write() as tx:
            linking.unlink(tx, told.house.calendar, now=told.house.clock.now(), actor="test")
        told.house.sync()
        assert (told.open, told.stored) == ([], [])
        assert told.take(told.posted[-1]) == 0
