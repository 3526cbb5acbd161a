"""HTTP/1.1 on the loopback interface, over TLS or not, a thread per connection."""

import ssl
import sys
import threading
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and content."""

Answering = Callable[[str, str, Message, bytes], Answer]
"""Answers a request by its verb, target, headers and content."""


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Listener:
    """Serves requests by ``answer``; over TLS where ``context`` makes one for it."""

    def __init__(
        self,
        port: int,
        answer: Answering,
        *,
        name: str,
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(answer))
        self._server.make_context = context
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.005},
            name=name,
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
    make_context: Callable[[], ssl.SSLContext] | None = None
    _context: ssl.SSLContext | None = None

    @override
    def get_request(self) -> Any:
        connection, where = super().get_request()
        if self.make_context is None:
            return connection, where
        if self._context is None:
            self._context = self.make_context()
        # the handshake is the connection's thread's business
        wrapped = self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, where

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the terminal quiet about connections that a client broke off."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(answer: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, headers, reply = answer(self.command, self.path, self.headers, content)
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
            """Keep the terminal quiet: the emulator's `requests` are the log."""

    return Handler
