"""The emulated mailbox behaves as Graph is said to, asked by a client that is none of ours."""

from collections.abc import Iterator

import pytest

from emulators.graph import GraphServer
from emulators.graph_client import MARK, Client, delta_path, event, weekly

OWNER = "dana@harbor.example"
TEN, ELEVEN = "2027-01-04T10:00:00", "2027-01-04T10:50:00"


@pytest.fixture
def server() -> Iterator[GraphServer]:
    """An emulator with one mailbox."""
    with GraphServer() as server:
        server.add_account(OWNER)
        yield server


@pytest.fixture
def calendar(server) -> str:
    """The mailbox's calendar."""
    return next(iter(server.state.calendars))


@pytest.fixture
def client(server) -> Client:
    """Its owner's client; the test fails if it asked for what no correct client asks for."""
    return Client(server)


@pytest.fixture
def person(server, calendar):
    """Its owner, in Outlook."""
    return server.person(calendar)


@pytest.fixture
def series(client, calendar) -> str:
    """Four Mondays at ten."""
    body = event(TEN, ELEVEN, recurrence=weekly(4))
    return client.ask("POST", f"/me/calendars/{calendar}/events", json=body)["id"]


def kinds(rows) -> list[str]:
    """What each row of a round is."""
    return ["removed" if "@removed" in row else row["type"] for row in rows]


@pytest.mark.usefixtures("series")
def test_a_round_tells_masters_then_skinny_occurrences(client, calendar):
    """Occurrences come with times and Windows names of zones alone (M5)."""
    rows, _link = client.round(delta_path(calendar))
    assert kinds(rows) == ["seriesMaster", *["occurrence"] * 4]
    assert set(rows[1]) == {
        "@odata.type",
        "@odata.etag",
        "id",
        "seriesMasterId",
        "type",
        "start",
        "end",
    }
    assert rows[1]["start"] == {
        "dateTime": "2027-01-04T10:00:00.0000000",
        "timeZone": "Eastern Standard Time",
    }


def test_a_deleted_occurrence_shows_by_its_absence_only(client, calendar, series, person):
    """The series is told again without it; its master says which one is missing (M20, M32)."""
    _rows, link = client.round(delta_path(calendar))
    person.delete_occurrence(series, "2027-01-18T10:00")
    rows, _link = client.round(link)
    assert kinds(rows) == ["seriesMaster", *["occurrence"] * 3]
    read = client.ask("GET", f"/me/events/{series}?$select=cancelledOccurrences")
    assert read["cancelledOccurrences"] == [f"OID.{series}.2027-01-18"]


@pytest.mark.usefixtures("series")
def test_a_quiet_round_is_empty(client, calendar):
    """Nothing changed: no rows, another delta link."""
    _rows, link = client.round(delta_path(calendar))
    rows, after = client.round(link)
    assert rows == []
    assert after != link


def test_a_marker_is_found_whatever_its_case_and_not_echoed(client, calendar):
    """Extended properties are read by $expand, found by $filter, absent elsewhere (M9)."""
    body = event(TEN, ELEVEN, singleValueExtendedProperties=[{"id": MARK, "value": "a-1"}])
    made = client.ask("POST", f"/me/calendars/{calendar}/events", status=201, json=body)
    assert "singleValueExtendedProperties" not in made
    wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq 'A-1')"
    found = client.ask("GET", "/me/events", params={"$filter": wanted})["value"]
    assert [row["id"] for row in found] == [made["id"]]
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{MARK}')"}
    read = client.ask("GET", f"/me/events/{made['id']}", params=expand)
    assert read["singleValueExtendedProperties"] == [{"id": MARK, "value": "a-1"}]


def test_what_graph_does_not_know_is_refused_and_remembered(server, client):
    """An unknown field or option is a violation, which ends a run red."""
    refused = client.ask("POST", "/me/events", status=400, json=event(TEN, ELEVEN, colour="red"))
    assert refused["error"]["code"] == "RequestBodyRead"
    client.ask("GET", "/me/calendarView/delta?$select=subject", status=400)
    assert len(server.violations) == 2
