"""The emulator with one account, and the engine of a small practice linked to it."""

from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from calwarden.testing.emulators.google import GoogleServer
from emulators.google_world import GoogleWorld
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
def server() -> Iterator[GoogleServer]:
    """A service that has to be asked rightly: the test fails otherwise."""
    with GoogleServer() as server:
        yield server
        assert server.violations == []
        assert server.state.mails == []


@pytest.fixture
def world(server) -> Iterator[GoogleWorld]:
    """One account and its primary calendar."""
    world = GoogleWorld(server)
    yield world
    world.close()


class GoogleHouse(EmulatedHouse):
    """A practice whose provider linked a Google calendar."""

    connector = "google"

    def rows(self) -> list[dict[str, Any]]:
        """What stands: masters, single events and exceptions that are not cancelled."""
        rows = self.world.calendar.rows.values()
        return [row for row in rows if row.get("status") != "cancelled"]

    def row(self, ref: str) -> dict[str, Any]:
        """The row of an appointment or series."""
        return self.world.calendar.rows[self.remote(ref)]

    @override
    def copied(self, ref: str, minutes: int, *, ours: bool) -> str:
        return self.person.copy(self.remote(ref), minutes, marker=ours)


@pytest.fixture
def house(sqlite_database, clock, world) -> GoogleHouse:
    """A practice with one provider and a linked Google calendar; Monday 30 November 2026, 10:00."""
    return GoogleHouse(sqlite_database, clock, world)
