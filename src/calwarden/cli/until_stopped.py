"""Staying until told to stop: signals, and what systemd hears meanwhile."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

import structlog
from sdnotify import SystemdNotifier

HEARTBEAT_SECONDS = 10.0

log = structlog.get_logger("calwarden.run")


def stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    stopped = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopped


def stay(stopped: threading.Event, beat: Callable[[], bool]) -> None:
    """Wait until ``stopped``, calling ``beat`` now and then: whether all is well."""
    notifier = SystemdNotifier()
    notifier.notify("READY=1")
    try:
        while not stopped.wait(HEARTBEAT_SECONDS):
            if beat():
                notifier.notify("WATCHDOG=1")
    finally:
        notifier.notify("STOPPING=1")
