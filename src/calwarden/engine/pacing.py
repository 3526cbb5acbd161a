"""How fast a host or mailbox may be asked: a token bucket and a number of places for each."""

import itertools
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from calwarden.clock import Clock
from calwarden.domain.linked_calendar import LinkedCalendar

FIRST_WAIT = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``rate`` requests a second, ``burst`` at once, ``together`` calendars side by side."""

    rate: float = 50.0
    burst: int = 100
    together: int = 4

    @classmethod
    def within(cls, limit: int) -> "Pace":
        """Return a pace that sends at most ``limit`` requests in any minute.

        Half of them may come at once; the other half is spread over the minute.
        """
        burst = max(1, limit // 2)
        return cls(rate=max(limit - burst, 1) / 60, burst=burst)


@dataclass(slots=True)
class _Bucket:
    pace: Pace
    tokens: float
    filled: float
    places: threading.BoundedSemaphore
    lock: threading.Lock = field(default_factory=threading.Lock)


class Pacer:
    """Buckets and places by key. A key is a host for CalDAV, a mailbox or a project elsewhere.

    ``paces`` by key; one that ends in a colon is for every key that begins with it.
    """

    def __init__(
        self, clock: Clock, default: Pace | None = None, paces: Mapping[str, Pace] | None = None
    ) -> None:
        self._clock = clock
        self._default = default or Pace()
        self._paces = paces or {}
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self._told = itertools.count(1)
        self.news = 0
        """Rises whenever a poll changed something, or was asked to wait, which others may heed."""

    def tell(self) -> None:
        """Let those who read before know that they may have read what is no longer so."""
        self.news = next(self._told)

    def wait(self, key: str) -> None:
        """Wait until one more request may be sent to ``key``, and take its token."""
        bucket = self._bucket(key)
        pace = bucket.pace
        with bucket.lock:
            now = self._clock.monotonic()
            filled = bucket.tokens + (now - bucket.filled) * pace.rate
            bucket.tokens = min(float(pace.burst), filled) - 1
            bucket.filled = now
            owed = max(0.0, -bucket.tokens / pace.rate)
        if owed:
            self._clock.pause(timedelta(seconds=owed))

    def place(self, key: str) -> AbstractContextManager[Any]:
        """Hold one of the places of ``key`` while a calendar there is polled."""
        return self._bucket(key).places

    def knows(self, key: str) -> bool:
        """Tell whether a key has a pace of its own."""
        return self._own(key) is not None

    def _bucket(self, key: str) -> _Bucket:
        known = self._buckets.get(key)
        if known is not None:
            return known
        pace = self._own(key) or self._default
        made = _Bucket(
            pace=pace,
            tokens=float(pace.burst),
            filled=self._clock.monotonic(),
            places=threading.BoundedSemaphore(pace.together),
        )
        with self._lock:
            return self._buckets.setdefault(key, made)

    def _own(self, key: str) -> Pace | None:
        group = key[: key.rfind(":") + 1]
        return self._paces.get(key) or self._paces.get(group)


def back_off(clock: Clock, chance: Callable[[], float], attempt: int) -> None:
    """Wait about half a second, then doubling; ``chance`` (0 to 1) spreads those who wait."""
    clock.pause(FIRST_WAIT * 2**attempt * (1 + chance()))


def pace_key(calendar: LinkedCalendar) -> str:
    """Return whose patience a calendar's polls cost: its host's, else its account's."""
    host = urlsplit(calendar.remote_id).hostname
    return f"{calendar.connector}:{host or calendar.account or calendar.remote_id}"
