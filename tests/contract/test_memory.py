"""The calendar in memory keeps the laws, with series in one item or with exceptions apart."""

import pytest

from calwarden.sdk.connector import Capabilities
from calwarden.sdk.errors import PreconditionFailed
from calwarden.testing.acts import MemoryWorld
from calwarden.testing.contract import ConnectorContract
from calwarden.testing.memory import MemoryCalendar
from calwarden.testing.samples import SINGLE
from calwarden.testing.world import create


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
