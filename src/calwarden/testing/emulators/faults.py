"""What goes wrong between a client and a service, on demand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar


@dataclass
class Fault:
    """Something that happens to the next ``times`` requests whose name begins with ``method``.

    After ``skip``. A service says by its subclass which kinds it knows, and how it says no.
    """

    kind: str
    method: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    retry_after: int | str | None = None
    act: Callable[[], Any] | None = None
    seconds: float = 0.0


F = TypeVar("F", bound=Fault)


class Faults(Generic[F]):
    """Faults that are yet to happen, in order."""

    def __init__(self, form: type[F]) -> None:
        self._form = form
        self._waiting: list[F] = []
        self._lock = threading.Lock()

    def add(self, kind: str, method: str = "", **about: Any) -> F:
        """Let something go wrong."""
        fault = self._form(kind=kind, method=method, **about)
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing more go wrong."""
        with self._lock:
            self._waiting.clear()

    def due(self, method: str) -> list[F]:
        """Return what happens to a request of ``method``, and use it up."""
        found = []
        with self._lock:
            for fault in list(self._waiting):
                if not method.startswith(fault.method):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                found.append(fault)
        return found
