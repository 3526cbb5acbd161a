"""Connectors on scripted servers, hung up when the test is over."""

import pytest

from calwarden.sdk.connector import Capabilities, Link
from calwarden_caldav.connector import CalDAVConnector
from servers.caldav_world import context
from servers.dav import Server

SECRET = "Canary Rivera"


@pytest.fixture
def opened():
    """Opens a connector on the calendar at a URL; ``capabilities`` and context may be changed."""
    connectors = []

    def open_calendar(url, capabilities=None, **changes):
        server = Server(name="scripted", url=url, home="/")
        link = Link(remote_id=url, account="dana", capabilities=capabilities or Capabilities())
        credential = {"username": "dana", "password": SECRET, "auth": "basic"}
        connector = CalDAVConnector().open(link, credential, context(server, **changes))
        connectors.append(connector)
        return connector

    yield open_calendar
    for connector in connectors:
        connector.close()
