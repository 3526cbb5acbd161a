"""Serving the app from a thread of a process that has other things to do."""

import socket
import threading
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
import uvicorn
from starlette.types import ASGIApp

from calwarden.web.listening import address_of, listen

log = structlog.get_logger("calwarden.web")

PATIENCE = timedelta(seconds=10)
MOST_TOGETHER = 200


@dataclass(kw_only=True)
class Serving:
    """An app being served on one address; `stop` lets the requests under way end first."""

    address: str
    _server: uvicorn.Server
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=lambda: None)

    @classmethod
    def start(cls, app: ASGIApp, host: str, port: int) -> "Serving":
        """Listen, and serve from now on; raises `CannotListen` at once where that is impossible."""
        listening = listen(host, port)
        config = uvicorn.Config(
            app,
            log_config=None,  # logs are set up already, and hold no addresses of requests
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MOST_TOGETHER,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=int(PATIENCE.total_seconds()),
        )
        serving = cls(address=address_of(listening), _server=uvicorn.Server(config))
        serving._thread = threading.Thread(
            target=serving._run, args=(listening,), name="web", daemon=True
        )
        serving._thread.start()
        host, port = listening.getsockname()[:2]
        log.info("serving", host=host, port=port)
        return serving

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after the requests under way."""
        self._server.should_exit = True
        self._thread.join(2 * PATIENCE.total_seconds())
        log.info("served")

    def _run(self, listening: socket.socket) -> None:
        try:
            self._server.run(sockets=[listening])
        except Exception as error:  # noqa: BLE001 - a thread has nobody above it to tell
            log.error("serving_failed", kind=type(error).__name__)  # noqa: TRY400 - the text may quote a request
        finally:
            listening.close()
