"""The embedded daemon: APScheduler calls one ticker per shard, and the timers between.

Never a job per calendar.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from calwarden.engine import outbox, push
from calwarden.engine.pushed import PushedLane
from calwarden.engine.services import Services
from calwarden.engine.shard import Shard, run_shard
from calwarden.engine.timers import tick
from calwarden.store.errors import DatabaseError

EVERY = timedelta(seconds=1)
TIMERS_EVERY = timedelta(seconds=60)
OUTBOX_EVERY = timedelta(seconds=5)
PUSHED_EVERY = timedelta(milliseconds=200)
SUBSCRIPTIONS_EVERY = timedelta(seconds=30)
OTHER_JOBS = ("timers", "outbox", "subscriptions", "pushed")
HEALTHY_WITHIN = timedelta(minutes=10)

log = structlog.get_logger("calwarden.scheduler")


def _failed(event: str, job: str, error: Exception) -> None:
    """Log the kind of an error only: its text and traceback may quote what is no log's business."""
    log.error(event, job=job, kind=type(error).__name__)


class Daemon:
    """Ticks every shard each second, the outbox and the timers now and then, until stopped."""

    def __init__(self, services: Services, shards: Sequence[Shard]) -> None:
        self._services = services
        self._shards = shards
        self._lane = PushedLane(services, shards)
        self._beats: dict[str, float] = {}
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(len(shards) + len(OTHER_JOBS))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        for shard in self._shards:
            self._every(EVERY, f"shard-{shard.number}", self._ticker(shard))
        self._every(TIMERS_EVERY, "timers", self._timers)
        self._every(OUTBOX_EVERY, "outbox", self._outbox)
        self._every(SUBSCRIPTIONS_EVERY, "subscriptions", self._subscriptions)
        if self._services.hooks is not None:
            self._every(PUSHED_EVERY, "pushed", self._pushed)
        self._scheduler.start()
        log.info("started", count=len(self._shards))

    def stop(self) -> None:
        """End after what is under way is settled."""
        self._scheduler.shutdown(wait=True)
        self._lane.close()
        log.info("stopped")

    @property
    def healthy(self) -> bool:
        """Whether every job has come round lately: what a watchdog is told."""
        now = self._services.lease_clock.monotonic()
        return all(now - beat < HEALTHY_WITHIN.total_seconds() for beat in self._beats.values())

    def _every(self, span: timedelta, name: str, job: Callable[[], None]) -> None:
        self._beats[name] = self._services.lease_clock.monotonic()

        def beat() -> None:
            try:
                job()
            except DatabaseError as error:
                _failed("database_failed", name, error)
            except Exception as error:  # noqa: BLE001 - the next round tries again
                _failed("job_failed", name, error)
            self._beats[name] = self._services.lease_clock.monotonic()

        self._scheduler.add_job(
            beat,
            "interval",
            seconds=span.total_seconds(),
            id=name,
            next_run_time=self._services.lease_clock.now(),
        )

    def _ticker(self, shard: Shard) -> Callable[[], None]:
        def run() -> None:
            run_shard(shard, self._services.clock.now())

        return run

    def _timers(self) -> None:
        tick(self._services)

    def _subscriptions(self) -> None:
        push.keep(self._services)

    def _pushed(self) -> None:
        self._lane.run()

    def _outbox(self) -> None:
        outbox.deliver(self._services)
