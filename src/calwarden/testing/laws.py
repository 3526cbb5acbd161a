"""What every law of connectors asks for: a world, a connector and a watcher."""

import pytest

from calwarden.sdk.connector import Connector
from calwarden.testing.world import Watcher, World


class Laws:
    """Fixtures of the suite; see `calwarden.testing.contract`."""

    @pytest.fixture
    def world(self) -> World:
        """Return one new, empty calendar."""
        raise NotImplementedError

    @pytest.fixture
    def connector(self, world: World) -> Connector:
        """Return a connector of its own on the world's calendar."""
        return world.connector()

    @pytest.fixture
    def watcher(self, connector: Connector) -> Watcher:
        """Return a watcher that has seen the empty calendar."""
        watcher = Watcher(connector)
        watcher.look()
        return watcher
