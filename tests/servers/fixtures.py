"""Fixtures of real CalDAV servers: one of each kind per test process, a new calendar per test."""

from collections.abc import Iterator

import pytest

from servers.caldav_world import CalDAVWorld
from servers.dav import Server, radicale, xandikos


@pytest.fixture(scope="session")
def radicale_server(tmp_path_factory) -> Iterator[Server]:
    """Radicale, running."""
    with radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture(scope="session")
def xandikos_server(tmp_path_factory) -> Iterator[Server]:
    """Xandikos over TLS, running."""
    with xandikos(tmp_path_factory.mktemp("xandikos")) as server:
        yield server


@pytest.fixture(params=["radicale", "xandikos"])
def dav_server(request) -> Server:
    """Each CalDAV server in turn: every test that takes it runs on both."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
def radicale_world(radicale_server) -> Iterator[CalDAVWorld]:
    """A new calendar on Radicale."""
    yield from _world(radicale_server)


@pytest.fixture
def xandikos_world(xandikos_server) -> Iterator[CalDAVWorld]:
    """A new calendar on Xandikos."""
    yield from _world(xandikos_server)


@pytest.fixture
def caldav_world(dav_server) -> Iterator[CalDAVWorld]:
    """A new calendar on each CalDAV server in turn."""
    yield from _world(dav_server)


def _world(server: Server) -> Iterator[CalDAVWorld]:
    world = CalDAVWorld(server)
    yield world
    world.close()
