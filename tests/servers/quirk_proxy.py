"""A layer before Radicale that answers as other servers do: one habit, or several, at a time.

An exchange passes through the quirks from the outermost to Radicale's own WSGI application. People
(`PERSON` among the headers) meet only the quirks that are about what is stored, so that a test can
edit and look behind the back of the connector.
"""

import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from radicale import config
from radicale.app import Application

from servers.dav import PASSWORD, USER, Server

PERSON = "x-person"
UNANSWERED = 0
"""Status of an answer that is not given: the connection ends instead."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request; ``headers`` by lower-case name."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    reused: bool = False

    @property
    def by_person(self) -> bool:
        return PERSON in self.headers

    def without(self, *names: str) -> "Asked":
        kept = {name: value for name, value in self.headers.items() if name not in names}
        return replace(self, headers=kept)

    def to(self, path: str, body: bytes | None = None) -> "Asked":
        return replace(self, path=path, body=self.body if body is None else body)


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer; ``headers`` by lower-case name; ``hangs_up``: the connection ends silently.

    ``cut_at``: bytes of the body that are sent before the connection is cut.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hangs_up: bool = False
    cut_at: int | None = None

    def having(self, **headers: str) -> "Told":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    def lacking(self, *names: str) -> "Told":
        kept = {name: value for name, value in self.headers.items() if name not in names}
        return replace(self, headers=kept)


Ask = Callable[[Asked], Told]


class Quirk:
    """One habit. ``stores``: it is about what is kept, and people meet it too."""

    stores = False

    def answer(self, asked: Asked, ask: Ask) -> Told:
        """Answer, with the help of the server behind."""
        return ask(asked)


class Proxy:
    """Radicale behind quirks; remembers what it was asked by everybody but people."""

    def __init__(self, folder: Path, quirks: Sequence[Quirk]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        users = folder / "users"
        users.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        configuration = config.load()
        configuration.update(
            {
                "auth": {
                    "type": "htpasswd",
                    "htpasswd_filename": str(users),
                    "htpasswd_encryption": "plain",
                    "delay": "0",
                },
                "rights": {"type": "owner_only"},
                "storage": {
                    "filesystem_folder": str(folder / "collections"),
                    # nothing here outlives the machine: waiting for the disk is most of the time
                    "_filesystem_fsync": "False",
                },
                "logging": {"level": "error"},
            },
            "quirks",
            privileged=True,
        )
        self._application = Application(configuration)
        self._lock = threading.Lock()
        self.quirks = list(quirks)
        self.asked: list[Asked] = []
        self.url = ""

    @property
    def writes(self) -> int:
        """Writes that were sent, by everybody but people."""
        with self._lock:
            return sum(each.method in {"PUT", "DELETE", "MKCALENDAR"} for each in self.asked)

    def __call__(self, asked: Asked) -> Told:
        if not asked.by_person:
            with self._lock:
                self.asked.append(asked)
        return self._through(self.quirks, asked)

    def _through(self, quirks: Sequence[Quirk], asked: Asked) -> Told:
        for place, quirk in enumerate(quirks):
            if quirk.stores or not asked.by_person:
                return quirk.answer(asked, lambda inner: self._through(quirks[place + 1 :], inner))  # noqa: B023 - called at once
        return self.behind(asked)

    def behind(self, asked: Asked) -> Told:
        """Ask Radicale itself."""
        status: list[str] = []
        headers: dict[str, str] = {}

        def start(told: str, pairs: Iterable[tuple[str, str]], _error: object = None) -> None:
            status.append(told)
            headers.update((name.lower(), value) for name, value in pairs)

        named = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in asked.headers.items()}
        environ = {
            **named,
            "REQUEST_METHOD": asked.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(asked.path, "latin-1"),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(asked.body)),
            "CONTENT_TYPE": asked.headers.get("content-type", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(asked.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        body = b"".join(self._application(environ, start))
        for name in ("content-length", "content-encoding"):
            headers.pop(name, None)
        return Told(status=int(status[0].split()[0]), headers=headers, body=body)


class Handler(BaseHTTPRequestHandler):
    """Reads requests and sends answers, over connections that are kept."""

    proxy: Proxy
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body travel together, or the second waits for an acknowledgement
    served = 0

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = Asked(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()}
            | ({"accept-encoding": "identity"}),
            body=self.rfile.read(length),
            reused=self.served > 0,
        )
        self.served += 1
        told = self.proxy(asked)
        if told.status == UNANSWERED:
            self.close_connection = True
            return
        self._say(told)

    def _say(self, told: Told) -> None:
        if told.hangs_up:
            # the last bytes and the end travel together: no moment in between
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self.send_response_only(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told.body[: told.cut_at])
        if told.cut_at is not None:
            self.close_connection = True
        if told.hangs_up:
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - their names
    do_PROPFIND = do_REPORT = do_MKCALENDAR = do_PROPPATCH = _answer  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def quirk_proxy(folder: Path, quirks: Sequence[Quirk]) -> Iterator[tuple[Server, Proxy]]:
    """Listen on the loopback interface until the block ends."""
    proxy = Proxy(folder, quirks)

    handler = type("Bound", (Handler,), {"proxy": proxy})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{http.server_address[1]}/"
    try:
        yield Server(name="quirks", url=proxy.url, home=f"/{USER}/"), proxy
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
