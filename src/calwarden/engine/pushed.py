"""Looking at once at calendars that a notice has marked, beside the shards' own rounds."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from calwarden.engine.services import Services
from calwarden.engine.shard import Shard
from calwarden.store import subscriptions

SKEW = timedelta(minutes=1)
"""How far the clocks of those who mark and of those who look may be apart."""


class PushedLane:
    """Polls marked calendars as soon as they are seen, each in a thread of its own.

    A slow calendar keeps no other waiting; while one is looked at, a further mark of it waits for
    the end of that look, and then makes another.
    """

    def __init__(
        self, services: Services, shards: Sequence[Shard], *, concurrency: int = 8
    ) -> None:
        self._services = services
        self._shards = shards
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="pushed")
        self._since = services.clock.now() - SKEW
        self._looking: set[int] = set()

    def run(self) -> int:
        """Begin to look at what was marked since; returns how many looks were begun."""
        with self._services.database.read() as connection:
            marked = subscriptions.marked(connection, self._since)
        begun = 0
        for calendar_id, moment in marked:
            self._since = max(self._since, moment - SKEW)
            shard = self._shards[calendar_id % len(self._shards)]
            if calendar_id not in self._looking and not shard.has_heard(calendar_id, moment):
                self._looking.add(calendar_id)
                self._pool.submit(self._look, shard, calendar_id)
                begun += 1
        return begun

    def close(self) -> None:
        """Wait until the looks under way are done."""
        self._pool.shutdown(wait=True)

    def _look(self, shard: Shard, calendar_id: int) -> None:
        try:
            shard.look(calendar_id)
        finally:
            self._looking.discard(calendar_id)
