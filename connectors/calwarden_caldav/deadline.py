"""Deadlines that end a request however slowly a server drips: one thread watches all of them."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Deadline:
    """One act with a limited time. ``passed`` once the time was over before the act was."""

    at: float
    cut: Callable[[], None]
    passed: bool = False


class Watch:
    """Cuts acts that outlast their deadlines. The time is real time: it guards real sockets."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._running: set[Deadline] = set()
        self._thread: threading.Thread | None = None
        self._wakes = 0.0

    @contextmanager
    def limit(self, seconds: float, cut: Callable[[], None]) -> Iterator[Deadline]:
        """Run the block; call ``cut`` from another thread where it takes longer than allowed."""
        deadline = Deadline(time.monotonic() + seconds, cut)
        with self._condition:
            self._running.add(deadline)
            # a fork leaves the thread behind
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif deadline.at < self._wakes:
                self._condition.notify()
        try:
            yield deadline
        finally:
            with self._condition:
                self._running.discard(deadline)

    def _watch(self) -> None:
        with self._condition:
            while True:
                now = time.monotonic()
                for deadline in [one for one in self._running if one.at <= now]:
                    self._running.discard(deadline)
                    deadline.passed = True
                    deadline.cut()
                self._wakes = min((one.at for one in self._running), default=math.inf)
                wait = None if math.isinf(self._wakes) else max(self._wakes - now, 0)
                self._condition.wait(wait)


WATCH = Watch()
"""The watch of this process."""
