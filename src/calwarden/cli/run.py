"""``calwarden run``: the daemon in one process, until it is told to stop."""

import signal
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import FrameType

import structlog
import typer
from sdnotify import SystemdNotifier

from calwarden.bootstrap import Application
from calwarden.cli.session import Session, command
from calwarden.engine.pacing import Pacer
from calwarden.engine.report import PollReport
from calwarden.engine.scheduler import Daemon
from calwarden.engine.shard import Intervals, Shard

app = typer.Typer()

HEARTBEAT_SECONDS = 10.0

log = structlog.get_logger("calwarden.run")


@command(app, "run")
def run(session: Session) -> None:
    """Watch the calendars until stopped: publish, notice, put back, hold. Logs to standard error.

    SIGTERM and Ctrl-C let the steps under way settle first. Under systemd it says when it is ready
    and, while it is well, keeps the watchdog quiet.
    """
    application = session.application
    tally: Counter[str] = Counter()
    daemon = build(application, tally)
    stopped = threading.Event()
    _on_signal(stopped)
    notifier = SystemdNotifier()
    daemon.start()
    notifier.notify("READY=1")
    if session.out.errors.is_terminal:
        session.out.note(f"calwarden watches with {application.config}; Ctrl-C stops it")
    try:
        while not stopped.wait(HEARTBEAT_SECONDS):
            if daemon.healthy:
                notifier.notify("WATCHDOG=1")
    finally:
        notifier.notify("STOPPING=1")
        daemon.stop()
    session.out.document({name: tally[name] for name in COUNTED})


COUNTED = ("polls", "requests", "published", "reverted", "flagged")


def build(application: Application, tally: Counter[str]) -> Daemon:
    """Put the daemon of an application together; ``tally`` counts what it does."""
    settings = application.settings.engine
    services = application.services()
    pacer = Pacer(services.lease_clock)
    paced = replace(
        services, connect=lambda calendar: application.connect(calendar, pace=pacer.wait)
    )
    shard = Shard(
        paced,
        pacer,
        intervals=Intervals(
            near=timedelta(seconds=settings.poll_seconds),
            far=timedelta(seconds=settings.idle_poll_seconds),
        ),
        concurrency=settings.concurrency,
        told=lambda report, seconds: _count(application, tally, report, seconds),
    )
    return Daemon(paced, [shard])


def _count(
    application: Application, tally: Counter[str], report: PollReport, seconds: float
) -> None:
    metrics = application.metrics
    metrics.polls.labels(report.connector, report.outcome.value).inc()
    metrics.requests.labels(report.connector).inc(report.requests)
    metrics.poll_seconds.labels(report.connector).observe(seconds)
    tally.update(
        polls=1,
        requests=report.requests,
        published=report.published,
        reverted=report.reverted,
        flagged=report.flagged,
    )


def _on_signal(stopped: threading.Event) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
