"""The connector for Outlook keeps the laws, whichever way the unproved rules of Graph go."""

from collections.abc import Iterator

import pytest

from calwarden.testing.contract import ConnectorContract
from calwarden.testing.emulators.graph import GraphServer
from emulators import graph_models
from emulators.graph_world import GraphWorld

VARIANTS = {
    "as documented": {},
    # each way that an unproved rule may go is in one of these
    "one way": {
        "if_match": frozenset(),
        "series_change": "keep",
        "container": "ignored",
        "redelete": "400",
        "zone_names": "windows",
        "all_day": "fixed",
        "deleted_occurrence": "removed",
        "deleted_series": "all",
        "original_start": "always",
        "cursor_death": "syncStateNotFound",
        "dedupe": "conflict",
    },
    "another way": {
        "if_match": frozenset({"PATCH"}),
        "series_change": "drop_moved",
        "series_rows": "changed",
        "split_series": True,
        "outside": False,
        "cursor_death": "resyncRequired",
        "page_limit": 1,
        "shuffled": True,
        "inherits": False,
        "dedupe_deleted": True,
    },
}


class TestOutlook(ConnectorContract):
    """The default calendar of a mailbox in a tenant."""

    @pytest.fixture(params=VARIANTS)
    def server(self, request: pytest.FixtureRequest) -> Iterator[GraphServer]:
        # once is enough for Microsoft's models, which are slow readers
        check = graph_models.check if request.param == "as documented" else None
        with GraphServer(check=check) as server:
            for name, value in VARIANTS[request.param].items():
                setattr(server.rules, name, value)
            yield server
            assert server.violations == []

    @pytest.fixture
    def world(self, server: GraphServer) -> Iterator[GraphWorld]:
        world = GraphWorld(server)
        yield world
        world.close()
