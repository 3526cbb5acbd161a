"""Connections kept between polls: a sign-on to TLS costs more than a quiet look.

httplib2.Http is not thread-safe, so each is lent to one connector at a time. It holds no account's
secret: those go into each request.
"""

import atexit
import threading
from datetime import timedelta
from typing import Any

import httplib2

MOST_IDLE = 32


class Pool:
    """Idle connections by their timeout, the last used first."""

    def __init__(self, most: int = MOST_IDLE) -> None:
        self._most = most
        self._idle: list[tuple[timedelta, Any]] = []
        self._lock = threading.Lock()

    def lend(self, timeout: timedelta) -> Any:
        """Return a connection that nobody else uses."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][0] == timeout:
                    return self._idle.pop(place)[1]
        http = httplib2.Http(timeout=timeout.total_seconds())
        http.follow_redirects = False  # the API never redirects; nothing may lead us elsewhere
        return http

    def take_back(self, http: Any, timeout: timedelta) -> None:
        """Keep a connection for the next, or close it where there are enough."""
        with self._lock:
            if len(self._idle) < self._most:
                self._idle.append((timeout, http))
                return
        http.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, http in idle:
            http.close()


KEPT = Pool()
"""The process's own."""

atexit.register(KEPT.close)
