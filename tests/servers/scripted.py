"""A server on this machine that answers by script, for what real servers do only on bad days."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CUT = 0
"""Status of an answer that is not given: the connection is cut after the request was read."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """One answer."""

    status: int = 207
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Told]


@dataclass(kw_only=True)
class ScriptedServer:
    """Where it listens, what it answers, and everything that it was asked."""

    url: str
    script: Script
    asked: list[Asked] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)


@contextmanager
def scripted(script: Script) -> Iterator[ScriptedServer]:
    """Answer by ``script`` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked = Asked(
                method=self.command,
                path=self.path,
                headers={key.lower(): value for key, value in self.headers.items()},
                body=self.rfile.read(length).decode(),
            )
            server.asked.append(asked)
            server.connections.add(self.client_address[1])
            told = server.script(asked)
            if told.status == CUT:
                self.close_connection = True
                self.connection.close()
                return
            body = told.body.encode() if isinstance(told.body, str) else told.body
            self.send_response(told.status)
            headers = {"Content-Type": "text/xml; charset=utf-8", **told.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = do_OPTIONS = do_PROPFIND = do_REPORT = _answer  # noqa: N815 - their names

        def log_message(self, *_: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = ScriptedServer(url=f"http://127.0.0.1:{http.server_address[1]}/cal/", script=script)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
