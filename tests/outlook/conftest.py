"""The emulator with one mailbox, and the engine of a small practice linked to it."""

import os
from collections.abc import Iterator

import pytest

from calwarden.sdk.connector import Connector
from calwarden.store import calendars
from calwarden.store.calendars import NewCalendar
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_people import Person
from calwarden.testing.world import Watcher
from e2e.conftest import Installation, copied
from emulators.graph_world import OWNER, GraphWorld
from engine.conftest import House


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


@pytest.fixture
def person(world) -> Person:
    """The mailbox's owner, in Outlook."""
    return world.page


@pytest.fixture
def connector(world) -> Connector:
    """A connector of its own."""
    return world.connector()


@pytest.fixture
def watcher(connector) -> Watcher:
    """Somebody who has looked at the empty calendar."""
    watcher = Watcher(connector)
    watcher.look()
    return watcher


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


class OutlookHouse(House):
    """A practice whose provider linked a calendar of a Microsoft mailbox."""

    def __init__(self, database, clock, world: GraphWorld) -> None:
        self._world = world
        super().__init__(database, clock)

    def link(self, world: GraphWorld | None = None) -> int:
        """Link a calendar of the emulator and return its number."""
        world = world or self._world
        new = NewCalendar(provider="dr-lee", connector="outlook", link=world.linked())
        with self.database.write() as tx:
            number = calendars.insert_one(tx, new, now=self.clock.now())
        self.worlds[number] = world
        return number

    @property
    def person(self) -> Person:
        """The provider in Outlook."""
        return self.world.page

    @property
    def rules(self):
        """The switches of the service."""
        return self.world.server.rules

    def items(self):
        """What stands in the calendar: single events and series."""
        items = self.world.server.state.items.values()
        return [item for item in items if item.calendar == self.world.calendar.id]

    def row(self, ref: str) -> dict:
        """The row of an appointment or series, in its own zone."""
        return self.person.row(self.remote(ref))

    def resource(self, ref: str):
        """What a reader finds of an appointment or series."""
        return self.world.connector().read(self.remote(ref)).resource

    def quiet(self) -> None:
        """Assert that another pass writes nothing and finds nothing to do."""
        before = self.world.server.writes
        report = self.sync()
        assert (report.published, report.reverted, report.removed, report.steps) == (0, 0, 0, ())
        assert self.world.server.writes == before


@pytest.fixture
def house(sqlite_database, clock, world) -> OutlookHouse:
    """A practice with one provider and a linked calendar; Monday 30 November 2026, 10:00."""
    return OutlookHouse(sqlite_database, clock, world)


@pytest.fixture(scope="session")
def practice(tmp_path_factory) -> Installation:
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
def installation(tmp_path, practice, world) -> Installation:
    """The practice, configured for the emulator."""
    assert world.calendar.owner == OWNER
    made = copied(practice.folder, tmp_path, dict(practice.environment))
    made.configure(*(f'outlook.{name} = "{text}"' for name, text in world.settings.items()))
    return made
