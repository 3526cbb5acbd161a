"""The emulator with one mailbox, and the engine of a small practice linked to it."""

from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_state import Item, Rules
from emulators.graph_world import GraphWorld
from emulators.practice import (
    EmulatedHouse,
    connector,
    installation,
    person,
    practice,
    watcher,
)

__all__ = ["connector", "installation", "person", "practice", "watcher"]


@pytest.fixture
def server() -> Iterator[GraphServer]:
    """A service that has to be asked rightly: the test fails otherwise."""
    with GraphServer() as server:
        yield server
        assert server.violations == []


@pytest.fixture
def world(server) -> Iterator[GraphWorld]:
    """One mailbox and its default calendar."""
    world = GraphWorld(server)
    yield world
    world.close()


class OutlookHouse(EmulatedHouse):
    """A practice whose provider linked a calendar of a Microsoft mailbox."""

    connector = "outlook"

    @property
    def rules(self) -> Rules:
        """The switches of the service."""
        return self.server.rules

    def items(self) -> list[Item]:
        """What stands in the calendar: single events and series."""
        items = self.server.state.items.values()
        return [item for item in items if item.calendar == self.world.calendar.id]

    def row(self, ref: str) -> dict[str, Any]:
        """The row of an appointment or series, in its own zone."""
        return self.person.row(self.remote(ref))

    @override
    def copied(self, ref: str, minutes: int, *, ours: bool) -> str:
        return self.person.copy(self.remote(ref), minutes, properties=ours)


@pytest.fixture
def house(sqlite_database, clock, world) -> OutlookHouse:
    """A practice with one provider and a linked calendar; Monday 30 November 2026, 10:00."""
    return OutlookHouse(sqlite_database, clock, world)
