"""The emulated Graph, and a client of it that is none of ours."""

from collections.abc import Iterator

import pytest

from calwarden.testing.emulators.graph import GraphServer
from emulators import graph_models
from emulators.graph_client import MARK, Client, weekly

OWNER = "dana@harbor.example"


@pytest.fixture
def server() -> Iterator[GraphServer]:
    """An emulator with one mailbox, whose replies Microsoft's own models understand."""
    with GraphServer(check=graph_models.check) as server:
        server.add_account(OWNER)
        yield server


@pytest.fixture
def calendar(server) -> str:
    """The mailbox's calendar."""
    return next(iter(server.state.calendars))


@pytest.fixture
def loose(server) -> Client:
    """A client that makes mistakes."""
    return Client(server)


@pytest.fixture
def client(server, loose) -> Iterator[Client]:
    """A client that asks as Graph wants to be asked: the test fails otherwise."""
    yield loose
    assert server.violations == []


@pytest.fixture
def person(server, calendar):
    """The mailbox's owner, in Outlook."""
    return server.person(calendar)


@pytest.fixture
def series(client, calendar) -> str:
    """Four Mondays at ten, with a marker."""
    made = client.create(
        calendar,
        start="2027-01-04T10:00:00",
        end="2027-01-04T10:50:00",
        recurrence=weekly(4),
        transactionId="series-1",
        singleValueExtendedProperties=[{"id": MARK, "value": "s-1"}],
    )
    return made["id"]
