"""The connector for Google Calendar keeps the laws, whichever way its unproved rules go."""

from collections.abc import Iterator

import pytest

from calwarden.testing.contract import ConnectorContract
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.samples import WEEKLY
from calwarden.testing.world import Watcher, create, told
from emulators.google_world import GoogleWorld

VARIANTS = {
    "as documented": {},
    # each way that an unproved rule may go, but late etags (below), is in one of these
    "one way": {
        "series_change": "drop",
        "exception_etag": True,
        "cascade": False,
        "spells_by_day": True,
        "inherits": True,
        "tombstone_update": True,
        "window_sticks": True,
    },
    "another way": {
        "series_change": "shift",
        "virtual_guard": False,
        "page_limit": 1,
        "empty_pages": True,
        "shuffled": True,
        "uid_hides_cancelled": True,
        "out_of_office_refusal": "403",
    },
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
