"""HTTP/1.1 over TLS, a thread per connection."""

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from calwarden.testing.emulators.graph_certificate import context

Answer = tuple[int, dict[str, str], bytes]
JSON = "application/json; odata.metadata=minimal; charset=utf-8"


class Dropped(Exception):
    """The connection is to be closed without an answer."""


def as_json(status: int, reply: Any, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer; with ``x-truncate``, half of one."""
    headers = dict(headers or {})
    if reply is None:
        return status, headers, b""
    content = json.dumps(reply).encode()
    if headers.pop("x-truncate", None):
        content = content[: len(content) // 2]
    return status, {"Content-Type": JSON, **headers}, content


class Listener:
    """Serves requests by ``answer``: verb, target, headers, content."""

    def __init__(self, port: int, answer: Callable[..., Answer]) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(answer))
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.005},
            name="graph",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context = None

    @override
    def get_request(self) -> Any:
        connection, where = super().get_request()
        if self.context is None:
            self.context = context()
        # the handshake is the connection's thread's business
        wrapped = self.context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, where

    @override
    def handle_error(self, *_: Any) -> None:
        """Keep the terminal quiet about connections that a client broke off."""


def _handler(answer: Callable[..., Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, headers, reply = answer(
                    self.command, self.path, self.headers.items(), content
                )
            except Dropped:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        # the base class looks for these names
        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - see above

        @override
        def log_message(self, *_: object) -> None:
            """Keep the terminal quiet: `GraphServer.requests` is the log."""

    return Handler
