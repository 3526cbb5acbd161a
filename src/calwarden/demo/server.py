"""A real CalDAV server (Radicale) on the loopback interface, in a folder of its own."""

import logging
import socketserver
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer

from radicale import config
from radicale.app import Application
from radicale.log import logger
from radicale.server import RequestHandler

READING = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per request. Radicale's own server needs its main loop to let go of sockets."""

    daemon_threads = True


class CalendarServer:
    """Radicale with accounts and passwords, served from a thread. Counts the writes it is sent."""

    def __init__(
        self, folder: Path, accounts: Mapping[str, str], *, rights: str = "owner_only"
    ) -> None:
        """Prepare a server with ``accounts`` (name → password), each with calendars of its own.

        With ``rights`` ``owner_write`` they may read each other's.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        passwords = folder / "accounts"
        passwords.write_text(
            "".join(f"{name}:{word}\n" for name, word in accounts.items()), encoding="utf-8"
        )
        passwords.chmod(0o600)
        self._log = _log_to(folder / "server.log")
        configuration = config.load()
        configuration.update(
            {
                "auth": {
                    "type": "htpasswd",
                    "htpasswd_filename": str(passwords),
                    "htpasswd_encryption": "plain",
                    "delay": "0",
                },
                "rights": {"type": rights},
                "storage": {"filesystem_folder": str(folder / "collections")},
            },
            "calwarden demo",
        )
        self.writes = 0
        self._counting = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), RequestHandler)
        self._server.set_app(self._counted(Application(configuration)))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """Address of the server, with a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing any more, and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        logger.removeHandler(self._log)
        self._log.close()

    def _counted(self, application: WSGI) -> WSGI:
        def count(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if environ["REQUEST_METHOD"] not in READING:
                with self._counting:
                    self.writes += 1
            return application(environ, start_response)

        return count


def _log_to(file: Path) -> logging.Handler:
    handler = logging.FileHandler(file, encoding="utf-8", delay=True)
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    return handler
