"""The daemon with its pages, told of changes by the service as it is in production."""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from datetime import timedelta

import pytest

from calwarden.clock import SystemClock
from calwarden_google.credentials import EXISTING_CALENDAR
from e2e.conftest import SCRIPT
from emulators.google_world import OWNER

pytestmark = pytest.mark.e2e

PUBLIC = "https://calwarden.harbor.example"
PATIENCE = 30


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def linked(installation, server, port):
    """A published calendar; the service reaches our public address through a proxy with TLS."""
    server.api.push.routes = {PUBLIC: f"http://127.0.0.1:{port}"}
    settings = {
        "WEB__PUBLIC_URL": PUBLIC,
        "WEB__PORT": str(port),
        "WEB__ENABLED": "true",
        "ENGINE__GRACE_SECONDS": "1",
        "TESTING__CLOCK": "system",
    }
    for name, value in settings.items():
        installation.environment[f"CALWARDEN__{name}"] = value
    start = SystemClock().now() + timedelta(days=3)
    booked = ("--client", "c-1", "--start", f"{start:%Y-%m-%dT10:00}", "--minutes", "50")
    installation.run("appointments", "book", "--provider", "dr-lee", *booked)
    token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
    calendar = ("--calendar", "primary", "--token-file", token)
    installation.run("link", "google", "--provider", "dr-lee", *calendar)
    installation.run("sync")
    return installation


@contextlib.contextmanager
def running(installation):
    with (installation.folder / "log").open("w") as log:
        process = subprocess.Popen(
            [SCRIPT, "run"], cwd=installation.folder, env=installation.environment, stderr=log
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


def wait(until, what):
    end = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < end, what
        threading.Event().wait(0.02)


def test_a_change_is_told_looked_at_and_put_back_between_two_polls(linked, server, person):
    """No poll is due for minutes: the notice alone brings the look, and the grace the revert."""
    rows = server.state.calendars[OWNER].rows
    key = next(one["id"] for one in rows.values() if one["status"] == "confirmed")
    stood = rows[key]["start"]
    with running(linked):
        wait(
            lambda: linked.ask("calendars", "show", "1")["push"]["heard_at"],
            "the channel was not heard",
        )
        person.drag(key, 60)
        assert rows[key]["start"] != stood
        wait(lambda: rows[key]["start"] == stood, "the event was not put back")
    assert "Traceback" not in (linked.folder / "log").read_text()
    assert "then renewed" in linked.run("calendars", "show", "1").out
    linked.run("calendars", "unlink", "1")
    linked.run("sync")
    assert server.api.push.channels == {}
