"""The CalDAV connector keeps the laws on two real servers."""

import pytest

from calwarden.testing.contract import ConnectorContract
from servers.caldav_world import CalDAVWorld


class TestRadicale(ConnectorContract):
    """Radicale, over plain HTTP on this machine."""

    @pytest.fixture
    def world(self, radicale_world) -> CalDAVWorld:
        return radicale_world


class TestXandikos(ConnectorContract):
    """Xandikos, over TLS."""

    @pytest.fixture
    def world(self, xandikos_world) -> CalDAVWorld:
        return xandikos_world
