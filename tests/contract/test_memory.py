"""The calendar in memory keeps the laws, with series in one item or with exceptions apart."""

import pytest

from calwarden.sdk.connector import Capabilities
from calwarden.sdk.errors import PreconditionFailed, Rejected
from calwarden.testing.acts import MemoryWorld
from calwarden.testing.contract import ConnectorContract
from calwarden.testing.memory import MemoryCalendar
from calwarden.testing.samples import DAY, SINGLE, THIRD, WEEKLY, excluded, overridden
from calwarden.testing.world import Watcher, create, delete, told, update

BEYOND = overridden(WEEKLY, THIRD, "2027-01-28T15:00")


class TestMemory(ConnectorContract):
    """A calendar that takes a series whole."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()


class TestMemoryWithExceptionsApart(ConnectorContract):
    """A calendar in which every exception is a write of its own."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(MemoryCalendar(exceptions_apart=True))


class TestMemoryWithoutHistory(ConnectorContract):
    """A calendar that is always listed whole and cannot restore an occurrence."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(
            MemoryCalendar(capabilities=Capabilities(incremental=False, restores_occurrences=False))
        )


class TestMemoryWithReservedIds(ConnectorContract):
    """A calendar that takes the id of a deleted event for no other one."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(MemoryCalendar(capabilities=Capabilities(reuses_ids=False)))

    def test_the_id_of_a_deleted_event_is_refused(self, world: MemoryWorld) -> None:
        """A create under it is told that something stood there, and finds nothing."""
        connector = world.connector()
        world.person.delete(create(connector, SINGLE).remote_id)
        with pytest.raises(PreconditionFailed):
            create(connector, SINGLE)
        assert connector.find(SINGLE.uid) is None


class TestMemoryInOrder(ConnectorContract):
    """A calendar in which no occurrence crosses its neighbour: single events stand in for them."""

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(MemoryCalendar(keeps_order=True))

    def test_an_occurrence_beyond_its_neighbour_is_a_single_event(self, world: MemoryWorld) -> None:
        """It stands beside its series, and is told as a part of it for as long as it does."""
        connector = world.connector()
        made = update(connector, create(connector, WEEKLY), BEYOND)
        assert told(made.resource) == told(BEYOND.resource)
        assert len(world.calendar.items) == 2
        seen = Watcher(connector)
        seen.look()
        assert list(seen.seen) == [made.remote_id]
        back = update(connector, made, WEEKLY)
        assert told(back.resource) == told(WEEKLY.resource)
        assert len(world.calendar.items) == 2  # what is deleted in its series stays so
        less = update(connector, back, excluded(WEEKLY, THIRD))
        assert len(world.calendar.items) == 1
        delete(connector, less)
        assert world.calendar.items == {}

    def test_people_cannot_move_an_occurrence_beyond_its_neighbour(
        self, world: MemoryWorld
    ) -> None:
        """Who drags it there is refused."""
        made = create(world.connector(), WEEKLY)
        with pytest.raises(Rejected):
            world.person.move_occurrence(made.remote_id, THIRD, 8 * DAY)

    def test_what_a_person_does_to_a_stand_in_is_done_to_the_series(
        self, world: MemoryWorld
    ) -> None:
        """A single event that was moved or deleted tells of its occurrence."""
        connector = world.connector()
        made = update(connector, create(connector, WEEKLY), BEYOND)
        seen = Watcher(connector)
        seen.look()
        (stand_in,) = world.calendar.stand_ins(BEYOND.uid).values()
        world.person.move(stand_in.remote_id, DAY)
        seen.look()
        moved = seen.seen[made.remote_id].resource
        assert moved is not None
        assert moved.overrides[THIRD].start.day == 29
        world.person.delete(stand_in.remote_id)
        seen.look()
        gone = seen.seen[made.remote_id].resource
        assert gone is not None
        assert gone.excluded == {THIRD}
