"""The connector for Google Calendar keeps the laws, whichever way its unproved rules go."""

from collections.abc import Iterator

import pytest

from calwarden.testing.contract import WEEKLY, ConnectorContract
from calwarden.testing.world import Watcher, create, told
from emulators.google import GoogleServer
from emulators.google_world import GoogleWorld

VARIANTS = {
    "as documented": {},
    "exceptions are dropped when their series changes": {"series_change": "drop"},
    "exceptions shift with their series": {"series_change": "shift"},
    "an exception moves its series' etag": {"exception_etag": True},
    "If-Match does not work on a regular occurrence": {"virtual_guard": False},
    "pages are short, empty and in any order": {
        "page_limit": 1,
        "empty_pages": True,
        "shuffled": True,
    },
    "rules come back in another spelling": {"spells_by_day": True},
    "deleted series leave no word of their exceptions": {"cascade": False},
}


class TestGoogle(ConnectorContract):
    """A primary calendar of an account that can hold out-of-office events."""

    @pytest.fixture(params=VARIANTS)
    def server(self, request: pytest.FixtureRequest) -> Iterator[GoogleServer]:
        with GoogleServer() as server:
            for name, value in VARIANTS[request.param].items():
                setattr(server.rules, name, value)
            yield server
            assert server.violations == []
            assert server.state.mails == []

    @pytest.fixture
    def world(self, server: GoogleServer) -> Iterator[GoogleWorld]:
        world = GoogleWorld(server)
        yield world
        world.close()


class TestGoogleWithLateEtags(ConnectorContract):
    """The etag of a new series moves once more by itself (wire rule G15)."""

    @pytest.fixture
    def server(self) -> Iterator[GoogleServer]:
        with GoogleServer() as server:
            server.rules.late_etag = True
            yield server
            assert server.violations == []

    @pytest.fixture
    def world(self, server: GoogleServer) -> Iterator[GoogleWorld]:
        world = GoogleWorld(server)
        yield world
        world.close()

    def test_our_own_write_is_seen_as_it_was_read_back(self, watcher: Watcher) -> None:
        """The echo of a write has the content that was read back, if not the revision."""
        made = create(watcher.connector, WEEKLY)
        watcher.look()
        seen = watcher.seen[made.remote_id]
        assert (seen.uid, seen.content) == (made.uid, made.content)
        assert told(seen.resource) == told(made.resource)


class TestGoogleForConsumers(ConnectorContract):
    """An account without out-of-office events."""

    @pytest.fixture(params=["400", "403"])
    def server(self, request: pytest.FixtureRequest) -> Iterator[GoogleServer]:
        with GoogleServer() as server:
            server.rules.out_of_office_refusal = request.param
            yield server
            assert server.violations == []

    @pytest.fixture
    def world(self, server: GoogleServer) -> Iterator[GoogleWorld]:
        world = GoogleWorld(server, workspace=False)
        yield world
        world.close()
