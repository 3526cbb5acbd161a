"""Connections kept between polls, by what they may be used for."""

import atexit
import threading
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

MOST_IDLE = 32


class Closable(Protocol):
    """A connection."""

    def close(self) -> object:
        """Let go of it."""
        ...


K = TypeVar("K", bound=Hashable)
C = TypeVar("C", bound=Closable)


class Pool(Generic[K, C]):
    """Lends each connection to one user at a time, the last used first.

    ``opened`` opens one for a key. What is idle is closed when the process ends. Safe to share
    between threads.
    """

    def __init__(self, opened: Callable[[K], C], *, most: int = MOST_IDLE) -> None:
        self._opened = opened
        self._most = most
        self._idle: list[tuple[K, C]] = []
        self._lock = threading.Lock()
        atexit.register(self.close)

    def lend(self, key: K) -> C:
        """Return a connection that nobody else uses; raises what opening one does."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][0] == key:
                    return self._idle.pop(place)[1]
        return self._opened(key)

    def take_back(self, connection: C, key: K) -> None:
        """Keep a connection for the next, or close it where there are enough."""
        with self._lock:
            if len(self._idle) < self._most:
                self._idle.append((key, connection))
                return
        connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()
