"""How much a mailbox bears: four requests at once, so many in a while (M26)."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calwarden.testing.emulators.graph_errors import ApiError
from calwarden.testing.emulators.graph_state import State

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Received:
    """One API request that was received.

    When (monotonic seconds), which method, whose mailbox, how it was answered.
    """

    at: float
    method: str
    email: str
    status: int


@dataclass
class Quota:
    """How many requests a sliding window holds, per mailbox."""

    requests: int
    seconds: float = 600.0


class Limits:
    """Counts requests. ``early`` are those of a mailbox that was told to wait, and had not."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.quota: Quota | None = None
        self.early = 0
        self.most = 0
        self.under_way: dict[str, int] = {}
        self._recent: dict[str, deque[float]] = {}
        self._held_until: dict[str, datetime] = {}

    @contextmanager
    def admitted(self, mailbox: str) -> Iterator[None]:
        """Count a request in and out; raises 429 where the mailbox has too many."""
        with self.state.lock:
            self._admit(mailbox)
        try:
            yield
        finally:
            with self.state.lock:
                self.under_way[mailbox] -= 1

    def hold(self, mailbox: str, seconds: int) -> None:
        """Remember until when a mailbox was told to wait."""
        if seconds:
            self._held_until[mailbox] = self.state.clock() + timedelta(seconds=seconds)

    def _admit(self, mailbox: str) -> None:
        now = time.monotonic()
        if self.state.clock() < self._held_until.get(mailbox, LONG_AGO):
            self.early += 1
        if self.under_way.get(mailbox, 0) >= self.state.rules.concurrent:
            raise ApiError(429, "ApplicationThrottled", headers={"Retry-After": "1"})
        if self.quota is not None:
            recent = self._recent.setdefault(mailbox, deque())
            while recent and recent[0] < now - self.quota.seconds:
                recent.popleft()
            if len(recent) >= self.quota.requests:
                wait = max(1, round(recent[0] + self.quota.seconds - now))
                raise ApiError(429, "ApplicationThrottled", headers={"Retry-After": str(wait)})
            recent.append(now)
        self.under_way[mailbox] = self.under_way.get(mailbox, 0) + 1
        self.most = max(self.most, self.under_way[mailbox])
