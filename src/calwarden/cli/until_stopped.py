"""Staying until told to stop: signals, and what systemd hears meanwhile."""

import queue
import signal
from collections.abc import Callable
from types import FrameType

import structlog
from sdnotify import SystemdNotifier

HEARTBEAT_SECONDS = 10.0

log = structlog.get_logger("calwarden.run")


Stop = queue.SimpleQueue[int]
"""Takes the numbers of signals. Of all queues it alone may be put into by a signal's handler."""


def stop_on_signal() -> Stop:
    """Return a queue into which SIGTERM and Ctrl-C are put.

    A handler runs in the middle of anything, a lock of the log or of an event held: it takes none.
    """
    stopped: Stop = queue.SimpleQueue()

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.put(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopped


def stay(stopped: Stop, beat: Callable[[], bool]) -> None:
    """Wait until ``stopped``, calling ``beat`` now and then: whether all is well."""
    notifier = SystemdNotifier()
    notifier.notify("READY=1")
    try:
        while not _told(stopped):
            if beat():
                notifier.notify("WATCHDOG=1")
    finally:
        notifier.notify("STOPPING=1")


def _told(stopped: Stop) -> bool:
    """Wait for a signal, and tell whether one came before the next heartbeat."""
    try:
        number = stopped.get(timeout=HEARTBEAT_SECONDS)
    except queue.Empty:
        return False
    log.info("stopping", signal=signal.Signals(number).name)
    return True
