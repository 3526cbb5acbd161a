"""The calendar in memory keeps the laws, with series in one item or with exceptions apart."""

import pytest

from calwarden.sdk.connector import Capabilities
from calwarden.testing.acts import MemoryWorld
from calwarden.testing.contract import ConnectorContract
from calwarden.testing.memory import MemoryCalendar


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
