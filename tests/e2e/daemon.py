"""A daemon in a process of its own, its pages at a public address that a calendar service posts to.

The service reaches them through a proxy that ends TLS, as in production: here an entry in the
emulator's table of addresses.
"""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from calwarden.clock import SystemClock
from calwarden.testing.emulators.deliveries import Deliveries
from e2e.conftest import SCRIPT, Installation

PUBLIC = "https://calwarden.harbor.example"
PATIENCE = 30
STILL = 1


def publish(installation: Installation, service: Deliveries) -> str:
    """Let the service reach the pages; return where they are on this machine.

    The clock is the machine's from now on, and one appointment is booked on it.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    service.routes = {PUBLIC: f"http://127.0.0.1:{port}"}
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
    return service.routes[PUBLIC]


@contextlib.contextmanager
def running(installation: Installation) -> Iterator[None]:
    """Run the daemon; it ends well, and no traceback is in its log."""
    told = installation.folder / "log"
    with told.open("w") as log:
        process = subprocess.Popen(
            [SCRIPT, "run"], cwd=installation.folder, env=installation.environment, stderr=log
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
    assert "Traceback" not in told.read_text()


def wait(until: Callable[[], object], otherwise: str, *, patience: float = PATIENCE) -> None:
    """Wait until something is so; fail, saying ``otherwise``, where it does not come."""
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end, otherwise
        threading.Event().wait(0.02)


def rest(count: Callable[[], int]) -> int:
    """Wait until a number grows no more, several rounds of whoever heeds notices; return it."""
    before = None
    while (now := count()) != before:
        before = now
        threading.Event().wait(STILL)
    return now
