"""The pages as they are served: beside the daemon, alone, and where their address is taken."""

import contextlib
import json
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from e2e.conftest import SCRIPT, Installation

pytestmark = pytest.mark.e2e

PATIENCE = 60


@contextlib.contextmanager
def serving(
    installation: Installation, *command: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command that stays; it is gone afterwards."""
    process = subprocess.Popen(
        [str(SCRIPT), *command],
        cwd=installation.folder,
        env={**installation.environment, "CALWARDEN_NOW": installation.now, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(port: int, path: str, process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ask until somebody answers."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            assert process.poll() is None, process.communicate()
            threading.Event().wait(0.1)


def said_until(process: subprocess.Popen[str], words: str) -> str:
    """Read what a process says until it has said something."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, f"ended after {said}"
        said += line
    return said


def stopped(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.parametrize("command", ["run", "web"])
def test_pages_are_served_until_stopped(stocked, command):
    """Beside the daemon and alone; the log names no page."""
    port = free_port()
    stocked.configure(f"web.port = {port}")
    with serving(stocked, command, "--json", CALWARDEN__WEB__ENABLED="true") as process:
        status, text = fetch(port, "/", process)
        assert status == 200
        assert "Harbor Practice" in text
        assert fetch(port, "/c/SECRET", process)[0] == 404
        code, out, err = stopped(process)
    assert (code, json.loads(out)) == (0, {"stopped": True})
    assert "SECRET" not in err
    assert all(json.loads(line)["event"] for line in err.splitlines())


def test_a_taken_port_is_told_and_keeps_nobody_from_watching(stocked):
    """`web` ends with the reason; `run` says it and watches the calendars all the same."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stocked.configure(f"web.port = {port}")
        refused = stocked.run("web", expect=3)
        assert f"127.0.0.1:{port}: another program does already" in refused.err
        stocked.run("web", expect=2, CALWARDEN__WEB__HOST="192.0.2.1")
        with serving(stocked, "run", CALWARDEN__WEB__ENABLED="true") as process:
            said = said_until(process, '"started"')
            code, _, rest = stopped(process)
    assert code == 0
    assert (said + rest).count("until then no pages are served") == 1


def test_pages_can_be_turned_off(stocked):
    """Then the daemon listens nowhere."""
    port = free_port()
    stocked.configure(f"web.port = {port}")
    with serving(stocked, "run") as process:
        said_until(process, '"started"')
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        assert stopped(process)[0] == 0
