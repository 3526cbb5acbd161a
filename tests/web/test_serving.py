"""Serving from a thread: addresses that cannot be had, and an end that waits for nobody's page."""

import http.client
import socket
import threading

import pytest

from calwarden.web.listening import AddressTaken, CannotListen, listen
from calwarden.web.serving import Serving

HOST = "127.0.0.1"


async def answer(scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


class Slow:
    """An app whose answers wait until they are let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    async def __call__(self, scope, receive, send) -> None:
        import asyncio  # noqa: PLC0415 - only here

        self.asked.set()
        await asyncio.sleep(0.5)
        await answer(scope, receive, send)


def fetch(serving: Serving, path: str) -> bytes:
    host, _, port = serving.address.removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def test_it_serves_until_it_is_stopped():
    """Afterwards nobody listens there."""
    serving = Serving.start(answer, HOST, 0)
    assert fetch(serving, "/page") == b"/page"
    assert serving.alive
    serving.stop()
    assert not serving.alive
    with pytest.raises(OSError, match="refused"):
        fetch(serving, "/page")


def test_a_request_under_way_is_answered_before_the_end():
    """Whoever had clicked sees what became of it."""
    app = Slow()
    serving = Serving.start(app, HOST, 0)
    got: list[bytes] = []
    asking = threading.Thread(target=lambda: got.append(fetch(serving, "/late")))
    asking.start()
    assert app.asked.wait(10)
    serving.stop()
    asking.join(10)
    assert got == [b"/late"]


def test_a_taken_port_is_named_with_what_to_do():
    """At once, before anything is served."""
    with listen(HOST, 0) as there:
        port = there.getsockname()[1]
        with pytest.raises(AddressTaken, match=rf"127\.0\.0\.1:{port}.*web\.port.*web\.enabled"):
            Serving.start(answer, HOST, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
def test_an_address_of_another_machine_cannot_be_listened_on(host):
    """It names the setting."""
    with pytest.raises(CannotListen, match=r"web\.host"):
        listen(host, 0)


def test_a_port_is_free_again_at_once():
    """A restart need not wait for connections that have just ended."""
    serving = Serving.start(answer, HOST, 0)
    port = int(serving.address.rpartition(":")[2])
    fetch(serving, "/")
    serving.stop()
    again = Serving.start(answer, HOST, port)
    again.stop()


def test_logs_name_no_request(capfd):
    """A link in a path opens somebody's appointment."""
    serving = Serving.start(answer, HOST, 0)
    fetch(serving, "/c/SECRET-TOKEN")
    with socket.create_connection((HOST, int(serving.address.rpartition(":")[2]))) as raw:
        raw.sendall(b"GET /c/SECRET-TOKEN\x00 nonsense\r\n\r\n")
        raw.recv(1000)

    serving.stop()
    assert "SECRET-TOKEN" not in "".join(capfd.readouterr())
