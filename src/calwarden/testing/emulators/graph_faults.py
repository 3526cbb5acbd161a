"""What goes wrong between a client and the service, on demand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "drop_before",
    "drop_after",
    "error",
    "error_after",
    "truncate",
    "act",
    "act_after",
    "expire_access",
    "expire_cursor",
    "slow",
]


@dataclass
class Fault:
    """Something that happens to the next ``times`` requests whose name begins with ``method``.

    After ``skip``.

    ``drop_before`` and ``drop_after`` close the connection before the service hears of it, or once
    it has acted; ``error`` answers ``status`` and ``code`` instead of acting, ``error_after`` after
    having acted (M12); ``truncate`` sends half of the answer; ``act`` calls ``act`` first: an edit
    between a client's read and its write; ``act_after`` once the service has acted;
    ``expire_access`` lets every access token run out first; ``expire_cursor`` forgets every delta
    token and page; ``slow`` waits first, counted as a request under way (M26).
    """

    kind: Kind
    method: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    code: str = "serviceNotAvailable"
    inner: str | None = None
    retry_after: int | None = None
    act: Callable[[], Any] | None = None
    seconds: float = 0.0


@dataclass
class Faults:
    """Faults that are yet to happen, in order."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: Kind, method: str = "", **about: Any) -> Fault:
        """Let something go wrong."""
        fault = Fault(kind=kind, method=method, **about)
        with self.lock:
            self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing more go wrong."""
        with self.lock:
            self.waiting.clear()

    def due(self, method: str) -> list[Fault]:
        """Return what happens to a request of ``method``, and use it up."""
        found = []
        with self.lock:
            for fault in list(self.waiting):
                if not method.startswith(fault.method):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                found.append(fault)
        return found
