"""A process that stays is told to stop at any moment, whatever it is doing then."""

import os
import signal

import pytest
import structlog

from calwarden.cli.until_stopped import stop_on_signal


@pytest.fixture
def handlers():
    """The signals of this process, put back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_signal_amid_a_line_of_the_log_takes_no_lock():
    """The handler neither logs nor waits: what holds the log's lock is the process itself."""
    logged = []
    busy = False

    def amid(_logger, _name, event):
        nonlocal busy
        assert not busy, "the handler logged while the process was at it"
        busy = True
        if event["event"] == "started":
            os.kill(os.getpid(), signal.SIGTERM)
        busy = False
        logged.append(event["event"])
        raise structlog.DropEvent

    stopped = stop_on_signal()
    log = structlog.get_logger("test")
    with structlog.testing.capture_logs():
        structlog.get_config()["processors"][:] = [amid]
        log.info("started")
        assert logged == ["started"]
    assert stopped.get_nowait() == signal.SIGTERM
