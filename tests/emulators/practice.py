"""A small practice linked to an emulated service: in this process, and as an installation."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from calwarden.domain.event import EventResource
from calwarden.sdk.connector import Connector
from calwarden.store import calendars
from calwarden.store.calendars import NewCalendar
from calwarden.testing.world import Watcher
from e2e.conftest import Installation, copied
from emulators.emulated import EmulatedWorld
from engine.conftest import House

PRACTICE = {
    "practice": {"name": "Harbor Practice", "timezone": "America/New_York"},
    "providers": [{"ref": "dr-lee", "name": "Dana Lee", "timezone": "America/New_York"}],
    "clients": [{"ref": "c-1", "name": "Sam Canary", "timezone": "America/Chicago"}],
    "appointments": [
        {
            "ref": "a-1",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-12-03T10:00",
            "timezone": "America/New_York",
            "minutes": 50,
        }
    ],
}


class EmulatedHouse(House, ABC):
    """A practice whose provider linked a calendar at an emulator."""

    connector: str

    def __init__(self, database: Any, clock: Any, world: EmulatedWorld) -> None:
        self._world = world
        super().__init__(database, clock)

    @override
    def link(self, world: EmulatedWorld | None = None) -> int:
        """Link a calendar of the emulator and return its number."""
        world = world or self._world
        new = NewCalendar(provider="dr-lee", connector=self.connector, link=world.linked())
        with self.database.write() as tx:
            number = calendars.insert_one(tx, new, now=self.clock.now())
        self.worlds[number] = world
        return number

    @property
    @override
    def person(self) -> Any:
        """The provider at the service's own page."""
        return self.world.page

    @property
    def server(self) -> Any:
        """The emulator."""
        return self.world.server

    @abstractmethod
    def copied(self, ref: str, minutes: int, *, ours: bool) -> str:
        """Let the provider duplicate an event, with or without what marks it as ours."""

    def resource(self, ref: str) -> EventResource:
        """What a reader finds of an appointment or series."""
        return self.world.connector().read(self.remote(ref)).resource

    def kinds(self) -> list[tuple[str, str]]:
        """What is in the ledger, and how each ended."""
        return sorted((str(drift.kind), str(drift.status)) for drift in self.drifts())

    @override
    def quiet(self) -> None:
        """Assert that another pass writes nothing and finds nothing to do."""
        before = self.server.writes
        report = self.sync()
        assert (report.published, report.reverted, report.removed, report.steps) == (0, 0, 0, ())
        assert self.server.writes == before


@pytest.fixture
def person(world: EmulatedWorld) -> Any:
    """The account's owner, at the service's own page."""
    return world.page


@pytest.fixture
def connector(world: EmulatedWorld) -> Connector:
    """A connector of its own."""
    return world.connector()


@pytest.fixture
def watcher(connector: Connector) -> Watcher:
    """Somebody who has looked at the empty calendar."""
    watcher = Watcher(connector)
    watcher.look()
    return watcher


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A practice with an appointment on its books and no calendar yet; tests copy its folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CALWARDEN") and name != "PYTHONDONTWRITEBYTECODE"
    }
    # compiled modules are shared by the processes of a session: starting one is then fast
    shared = {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.getbasetemp() / "bytecode")}
    folder = tmp_path_factory.mktemp("practice")
    made = Installation(folder=folder, environment={**kept, **shared})
    made.run("init")
    made.configure("network.allow_private = true", 'testing.clock = "manual"')
    made.configure("web.enabled = false")  # daemons side by side would want one port
    made.run("import", made.write("practice.json", PRACTICE))
    return made


@pytest.fixture
def installation(tmp_path: Path, practice: Installation, world: EmulatedWorld) -> Installation:
    """The practice, configured for the emulator."""
    made = copied(practice.folder, tmp_path, dict(practice.environment))
    section = world.kind.name
    made.configure(*(f'{section}.{name} = "{text}"' for name, text in world.settings.items()))
    return made
