"""Batches, limits and what goes wrong on demand."""

import threading

import pytest
import requests

from calwarden.testing.emulators.graph_limits import Quota
from emulators.graph_client import Client, event

TEN, ELEVEN = "2027-01-04T10:00:00", "2027-01-04T10:50:00"
IDS = {"Prefer": 'IdType="ImmutableId"'}


def part(key: str, path: str, verb: str = "GET", **about) -> dict:
    """One part of a batch."""
    return {"id": key, "method": verb, "url": path, "headers": IDS, **about}


def batch(client, *parts) -> dict[str, dict]:
    """Send parts; return their answers by id."""
    told = client.ask("POST", "/$batch", json={"requests": list(parts)})
    return {answer["id"]: answer for answer in told["responses"]}


def test_parts_have_statuses_of_their_own(client):
    """The outer 200 hides them; a dependency that failed fails what depends on it (M27)."""
    made = client.create(start=TEN, end=ELEVEN)
    told = batch(
        client,
        part("1", f"/me/events/{made['id']}"),
        part("2", "/me/calendars/none/events"),
        part("3", f"/me/events/{made['id']}", "DELETE", dependsOn=["2"]),
    )
    assert {key: answer["status"] for key, answer in told.items()} == {"1": 200, "2": 404, "3": 424}
    assert told["1"]["body"]["id"] == made["id"]


def test_headers_go_into_each_part(client, server):
    """If-Match and Prefer of the outer request do not count (M27)."""
    made = client.create(start=TEN, end=ELEVEN)
    stale = {**IDS, "If-Match": 'W/"old"', "Content-Type": "application/json"}
    told = batch(
        client,
        part("1", f"/me/events/{made['id']}", "PATCH", body={"subject": "No"}, headers=stale),
    )
    assert told["1"]["status"] == 412
    batch(client, {"id": "1", "method": "GET", "url": "/me/events"})
    assert len(server.violations) == 1
    server.violations.clear()


def test_a_batch_has_at_most_twenty_parts(server, loose):
    """One more is refused whole (M27)."""
    body = {"requests": [part(str(number), "/me") for number in range(21)]}
    assert loose.error("POST", "/$batch", 400, json=body) == "BadRequest"
    assert server.violations


def test_four_requests_at_once_per_mailbox(client, server):
    """The fifth is told to wait (M26)."""
    server.faults.add("slow", "events.list", times=4, seconds=0.4)
    others = [Client(server) for _ in range(4)]
    threads = [threading.Thread(target=other.ask, args=("GET", "/me/events")) for other in others]
    for thread in threads:
        thread.start()
    while sum(server.limits.under_way.values()) < 4:
        threading.Event().wait(0.005)
    answer = client.session.get(f"{client.root}/me/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    for thread in threads:
        thread.join()


def test_a_request_before_retry_after_is_counted(server, client):
    """The window refuses, and remembers who did not wait (M26)."""
    server.limits.quota = Quota(requests=1, seconds=30)
    client.ask("GET", "/me/events")
    assert client.error("GET", "/me/events", 429) == "ApplicationThrottled"
    assert server.limits.early == 0
    client.ask("GET", "/me/events", status=429)
    assert server.limits.early == 1


def test_a_save_may_fail_after_it_was_done(client, server):
    """503 ConcurrentItemSave, and the event stands (M12)."""
    server.faults.add("error_after", "events.create", status=503, code="ConcurrentItemSave")
    body = event(TEN, ELEVEN, transactionId="a-1")
    assert client.error("POST", "/me/events", 503, json=body) == "ConcurrentItemSave"
    assert len(server.state.items) == 1


@pytest.mark.parametrize(("kind", "stands"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_may_break(client, server, kind, stands):
    """Before the service heard of it, or after it acted."""
    server.faults.add(kind, "events.create")
    with pytest.raises(requests.ConnectionError):
        client.create(start=TEN, end=ELEVEN)
    assert len(server.state.items) == stands


def test_half_an_answer(client, server):
    """Torn JSON."""
    server.faults.add("truncate", "events.list")
    with pytest.raises(requests.JSONDecodeError):
        client.ask("GET", "/me/events")


def test_a_person_may_come_between_read_and_write(client, server, person):
    """The edit moves the etag that the write was guarded by."""
    made = client.create(start=TEN, end=ELEVEN)
    server.faults.add("act", "events.update", act=lambda: person.retitle(made["id"], "Theirs"))
    guard = {"If-Match": made["@odata.etag"]}
    body = {"subject": "Ours"}
    client.ask("PATCH", f"/me/events/{made['id']}", status=412, json=body, headers=guard)
    assert client.ask("GET", f"/me/events/{made['id']}")["subject"] == "Theirs"


def test_a_conflict_may_be_nobodys(client, server):
    """412 without any precondition, even on GET; the next one goes through (M12)."""
    made = client.create(start=TEN, end=ELEVEN)
    server.faults.add("error", "events.get", status=412, code="ErrorIrresolvableConflict")
    path = f"/me/events/{made['id']}"
    assert client.error("GET", path, 412) == "ErrorIrresolvableConflict"
    assert client.ask("GET", path)["id"] == made["id"]


def test_an_error_may_have_an_inner_code(client, server):
    """Codes are nested (M31)."""
    server.faults.add("error", "events", status=404, code="itemNotFound", inner="ErrorItemNotFound")
    told = client.ask("GET", "/me/events", status=404)["error"]
    assert told["innerError"]["code"] == "ErrorItemNotFound"
