"""What a service posts to the addresses it was given: from a thread of its own, later."""

import contextlib
import queue
import threading
from collections.abc import Callable


class Deliveries:
    """Posts in order, one at a time; who cannot be reached hears nothing.

    ``routes`` leads from the beginning of a public address to a server of this machine: it stands
    for a domain's name and the proxy that ends TLS before a practice's web pages.
    """

    def __init__(self) -> None:
        self.routes: dict[str, str] = {}
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def later(self, post: Callable[[], None]) -> None:
        """Post after whatever waits already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="deliveries", daemon=True)
            self._thread.start()
        self._waiting.put(post)

    def where(self, address: str) -> str:
        """Return where an address leads to."""
        for public, real in self.routes.items():
            if address.startswith(public):
                return real + address.removeprefix(public)
        return address

    def settle(self) -> None:
        """Wait until everything announced was posted."""
        self._waiting.join()

    def close(self) -> None:
        """End the posting thread."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout=5)

    def _work(self) -> None:
        while (post := self._waiting.get()) is not None:
            with contextlib.suppress(OSError):
                post()
            self._waiting.task_done()
        self._waiting.task_done()
