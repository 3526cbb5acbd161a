"""``calwarden run``: the daemon in one process, until it is told to stop."""

import signal
import threading
from types import FrameType

import structlog
from sdnotify import SystemdNotifier

from calwarden.cli.options import single
from calwarden.cli.session import Session, command

app = single()

HEARTBEAT_SECONDS = 10.0

log = structlog.get_logger("calwarden.run")


@command(app, "run")
def run(session: Session) -> None:
    """Watch the calendars until stopped: publish, notice, put back, hold. Logs to standard error.

    SIGTERM and Ctrl-C let the steps under way settle first. Under systemd it says when it is ready
    and, while it is well, keeps the watchdog quiet.
    """
    application = session.application
    stopped = threading.Event()
    _on_signal(stopped)
    notifier = SystemdNotifier()
    daemon = application.daemon()
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
    session.out.document({"stopped": True})


def _on_signal(stopped: threading.Event) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
