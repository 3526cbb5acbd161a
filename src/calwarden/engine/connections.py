"""Connectors that stay open between polls: opening one costs more than a quiet poll."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.engine.heads import Head
from calwarden.sdk.connector import Connector

MOST_IDLE = 128
"""Connectors kept beyond those in use, each with at most one connection; the last used stay."""


class Connections:
    """Lends connectors, each to one pass at a time, and keeps them open until they no longer fit.

    ``connect`` opens one for whoever closes it, and raises `calwarden.sdk.errors`. Safe to share
    between threads.
    """

    def __init__(
        self, connect: Callable[[LinkedCalendar], Connector], *, most: int = MOST_IDLE
    ) -> None:
        self.connect = connect
        self._most = most
        self._idle: OrderedDict[int, tuple[Head, Connector]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, head: Head) -> Iterator[Connector]:
        """Lend the connector of a calendar as its head tells it; one that failed is closed."""
        connector = self._idle_one(head) or self.connect(head.calendar)
        try:
            yield connector
        except BaseException:
            connector.close()
            raise
        connector.rest()
        self._keep(head, connector)

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle = [connector for _, connector in self._idle.values()]
            self._idle.clear()
        for connector in idle:
            connector.close()

    def _idle_one(self, head: Head) -> Connector | None:
        with self._lock:
            kept = self._idle.pop(head.calendar.id, None)
        if kept is None:
            return None
        opened, connector = kept
        if opened.opening == head.opening:
            return connector
        connector.close()
        return None

    def _keep(self, head: Head, connector: Connector) -> None:
        surplus: list[Connector] = []
        with self._lock:
            other = self._idle.pop(head.calendar.id, None)
            if other is not None:
                surplus.append(other[1])
            self._idle[head.calendar.id] = (head, connector)
            while len(self._idle) > self._most:
                surplus.append(self._idle.popitem(last=False)[1][1])
        for one in surplus:
            one.close()
