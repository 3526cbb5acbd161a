"""Subscriptions are opened by a handshake, tell of changes and of their own life."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

NOW = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
TEN, ELEVEN = "2027-01-04T10:00:00", "2027-01-04T10:50:00"


class Receiver:
    """Somebody who is posted to."""

    def __init__(self) -> None:
        self.notices: list[dict] = []
        self.echoes = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = parse_qs(urlsplit(self.path).query)
                token = query.get("validationToken", [""])[0]
                if not token:
                    outer.notices += json.loads(content)["value"]
                reply = (token if outer.echoes else "no").encode()
                self.send_response(200 if token else 202)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        )
        self.thread.start()

    def close(self) -> None:
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(server) -> Iterator[Receiver]:
    """An address that the emulator may post to without TLS."""
    server.api.push.plain_http = True
    server.state.clock = lambda: NOW
    made = Receiver()
    yield made
    made.close()


def wanted(receiver: Receiver, **about) -> dict:
    """The body of a subscription."""
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": f"{receiver.url}/notices",
        "lifecycleNotificationUrl": f"{receiver.url}/life",
        "resource": "/me/events",
        "expirationDateTime": later(minutes=4000),
        "clientState": "secret-1",
        **about,
    }


def later(**about) -> str:
    """A moment from now."""
    return (NOW + timedelta(**about)).isoformat()


def test_changes_are_told_with_the_client_state(client, server, receiver, person):
    """Who changed what kind, by id; nothing of its content (M24)."""
    made = client.ask("POST", "/subscriptions", status=201, json=wanted(receiver))
    assert made["clientState"] is None
    key = person.add("Dentist", TEN, ELEVEN)
    person.delete(key)
    server.api.push.settle()
    assert [notice["changeType"] for notice in receiver.notices] == ["created", "deleted"]
    first = receiver.notices[0]
    assert (first["clientState"], first["subscriptionId"]) == ("secret-1", made["id"])
    assert set(first["resourceData"]) == {"@odata.type", "@odata.id", "@odata.etag", "id"}
    assert first["resourceData"]["id"] == key


def test_without_the_echo_there_is_no_subscription(client, receiver):
    """The handshake must answer the token that was sent (M24)."""
    receiver.echoes = False
    code = client.error("POST", "/subscriptions", 400, json=wanted(receiver))
    assert code == "ValidationError"
    assert client.ask("GET", "/subscriptions")["value"] == []


def test_a_subscription_lasts_from_45_to_10080_minutes(server, loose, receiver):
    """Less is raised, more refused (M23)."""
    short = wanted(receiver, expirationDateTime=later(minutes=5))
    made = loose.ask("POST", "/subscriptions", status=201, json=short)
    left = datetime.fromisoformat(made["expirationDateTime"]) - NOW
    assert left > timedelta(minutes=44)
    body = {"expirationDateTime": later(minutes=10_000)}
    path = f"/subscriptions/{made['id']}"
    renewed = loose.ask("PATCH", path, json=body)
    left = datetime.fromisoformat(renewed["expirationDateTime"]) - NOW
    assert left > timedelta(minutes=9_990)
    long = {"expirationDateTime": later(minutes=10_200)}
    assert loose.error("PATCH", path, 400, json=long) == "ExtensionError"
    loose.ask("DELETE", path, status=204)
    assert loose.error("GET", path, 404) == "ResourceNotFound"
    assert len(server.violations) == 1


@pytest.mark.parametrize(("told", "status"), [("accepted", 201), ("409", 409)])
def test_duplicates_are_accepted_or_not(client, server, receiver, told, status):
    """Documented as refused, reported as accepted (M25)."""
    server.rules.duplicates = told
    client.ask("POST", "/subscriptions", status=201, json=wanted(receiver))
    client.ask("POST", "/subscriptions", status=status, json=wanted(receiver))


def test_the_life_of_a_subscription_is_told(client, server, receiver, person):
    """Until it is authorized again, nothing else is (M25)."""
    made = client.ask("POST", "/subscriptions", status=201, json=wanted(receiver))
    server.api.push.lifecycle("reauthorizationRequired")
    person.add("Dentist", TEN, ELEVEN)
    server.api.push.settle()
    assert [notice.get("lifecycleEvent") for notice in receiver.notices] == [
        "reauthorizationRequired"
    ]
    client.ask("POST", f"/subscriptions/{made['id']}/reauthorize", status=204)
    person.add("Dentist", TEN, ELEVEN)
    server.api.push.lifecycle("missed")
    server.api.push.lifecycle("subscriptionRemoved")
    server.api.push.settle()
    events = [notice.get("lifecycleEvent") for notice in receiver.notices]
    assert events == ["reauthorizationRequired", None, "missed", "subscriptionRemoved"]
    assert client.ask("GET", "/subscriptions")["value"] == []


def test_a_subscription_needs_https_and_a_resource_that_exists(server, loose, receiver):
    """Anything else is a mistake (M23)."""
    body = wanted(receiver, resource="/me/messages")
    assert loose.error("POST", "/subscriptions", 400, json=body) == "InvalidRequest"
    server.api.push.plain_http = False
    assert loose.error("POST", "/subscriptions", 400, json=wanted(receiver)) == "InvalidRequest"
    assert len(server.violations) == 2
