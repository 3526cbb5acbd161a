"""Real CalDAV servers on this machine, from their wheels, and a bare WebDAV client.

Each server runs in a process of its own, on a free port of the loopback interface, with a password.
"""

import base64
import hashlib
import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

USER, PASSWORD = "dana", "harbor pass: ü"
PATIENCE = 30


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server; calendars are made in ``home``, and ``ca_file`` vouches for it."""

    name: str
    url: str
    home: str
    ca_file: Path | None = None
    user: str = USER
    password: str = PASSWORD

    def client(
        self, password: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> "Dav":
        """Open a connection of its own; ``headers`` go with each of its requests."""
        return Dav(self, password or self.password, headers or {})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes


class Dav:
    """Speaks plain WebDAV over one connection, independent of any library under test."""

    def __init__(self, server: Server, password: str, headers: Mapping[str, str]) -> None:
        self.server = server
        parts = urlsplit(server.url)
        if parts.scheme == "https":
            trust = ssl.create_default_context(cafile=str(server.ca_file))
            self._connection = http.client.HTTPSConnection(parts.netloc, context=trust, timeout=20)
        else:
            self._connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        word = base64.b64encode(f"{server.user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {word}", **headers}

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request and read the answer; ``_`` in a header's name stands for ``-``."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self._connection.request(method, path, body=body, headers={**self._headers, **named})
        response = self._connection.getresponse()
        told = {key.lower(): value for key, value in response.getheaders()}
        return Answer(status=response.status, headers=told, body=response.read())

    def make_calendar(self, name: str) -> str:
        """Make a calendar in the home and return its path."""
        path = f"{self.server.home}{name}/"
        answer = self.send("MKCALENDAR", path)
        assert answer.status == 201, answer
        return path

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def radicale(folder: Path) -> Iterator[Server]:
    """Run Radicale, where only an owner sees own calendars."""
    users = folder / "users"
    users.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    port = _free_port()
    command = [
        *("-m", "radicale", "--hosts", f"127.0.0.1:{port}", "--logging-level", "error"),
        *("--auth-type", "htpasswd", "--auth-htpasswd-filename", str(users)),
        *("--auth-htpasswd-encryption", "plain", "--auth-delay", "0"),
        *("--rights-type", "owner_only"),
        *("--storage-filesystem-folder", str(folder / "collections")),
    ]
    with _running(command, folder, port):
        server = Server(name="radicale", url=f"http://127.0.0.1:{port}/", home=f"/{USER}/")
        yield server


@contextmanager
def xandikos(folder: Path) -> Iterator[Server]:
    """Run Xandikos over TLS, which it demands where it checks passwords."""
    users = folder / "users"
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    users.write_text(f"{USER}:{{SHA}}{digest}\n", encoding="utf-8")
    port = _free_port()
    command = [
        *("-m", "xandikos", "serve", "--directory", str(folder / "data"), "--defaults"),
        *("--listen-address", "localhost", "--port", str(port), "--no-detect-systemd"),
        *("--current-user-principal", f"/{USER}/", "--state-dir", str(folder / "state")),
        *("--autocert", "--htpasswd", str(users)),
    ]
    with _running(command, folder, port):
        certificate = next((folder / "state").rglob("selfsigned.crt"))
        yield Server(
            name="xandikos",
            url=f"https://localhost:{port}/",
            home=f"/{USER}/calendars/",
            ca_file=certificate,
        )


@contextmanager
def open_xandikos(folder: Path) -> Iterator[Server]:
    """Run Xandikos without TLS, where it checks no passwords; its data lies in ``data``."""
    port = _free_port()
    command = [
        *("-m", "xandikos", "serve", "--directory", str(folder / "data"), "--defaults"),
        *("--listen-address", "127.0.0.1", "--port", str(port), "--no-detect-systemd"),
        *("--current-user-principal", f"/{USER}/"),
    ]
    with _running(command, folder, port):
        url = f"http://127.0.0.1:{port}/"
        yield Server(name="xandikos", url=url, home=f"/{USER}/calendars/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(arguments: list[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        _await(process, port, folder / "server.log")
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # noqa: TID251 - a process is starting
    message = f"the server did not start: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
