"""Logs and metrics that cannot name a person: only listed keys pass, and only plain values."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from typing_extensions import override

ALLOWED = frozenset(
    {
        *("action", "actor", "appointment", "appointments", "ask", "attempts", "calendar"),
        *("calendars", "claim", "claims", "clock", "connector", "count", "digest", "drift"),
        *("drifts", "due", "duration", "entries", "errno", "error", "failures", "fence"),
        *("flagged", "function", "host", "installation", "job", "kind", "level", "line"),
        *("logger", "message_id", "method", "outcome", "owner", "pid", "point", "port"),
        *("provider", "published", "quiet", "removed", "requests", "retry_after", "reverted"),
        *("revision", "route", "scope", "seconds", "seq", "severity", "shard", "signal"),
        *("skew", "status", "steps", "template", "timestamp", "verdict", "version", "wait"),
    }
)
"""Keys that may stand in a log: ids, counts, outcomes and durations."""

PLAIN = re.compile(r"[A-Za-z0-9_.:#/+-]{1,80}")
"""Texts that may stand in a log: identifiers, never sentences."""

REDACTED = "redacted"
LIBRARIES = ("alembic", "apscheduler", "caldav", "niquests", "sqlalchemy", "urllib3", "uvicorn")

Event = MutableMapping[str, Any]


def configure(level: str, *, as_json: bool = True, stream: TextIO | None = None) -> None:
    """Send every log of this process to ``stream`` (standard error), safe to keep."""
    out = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = LibraryHandler()
    # a library tells what it does with a calendar in its lower levels: only trouble is passed on
    handler.setLevel(max(number, logging.WARNING))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)


def allow_listed(_logger: Any, _method: str, event: Event) -> Event:
    """Return the event with nothing in it that could name a person or hold a credential."""
    safe: dict[str, Any] = {"event": _safe_text(event.pop("event", ""))}
    error = event.pop("exc_info", None)
    if error:
        raised = error if isinstance(error, BaseException) else sys.exc_info()[1]
        safe["error"] = type(raised).__name__
    for key, value in event.items():
        if key in ALLOWED:
            safe[key] = _safe(value)
    return safe


class LibraryHandler(logging.Handler):
    """Passes on that a library complained, and where; never what it said."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        log.log(
            record.levelno,
            "library_event",
            logger=record.name,
            function=record.funcName,
            line=record.lineno,
            **({} if error is None else {"error": error}),
        )


class Metrics:
    """What the daemon counts. Labels are connectors, kinds and outcomes; never people or ids."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.polls = Counter(
            "calwarden_polls",
            "Looks at calendars",
            ["connector", "outcome"],
            registry=self.registry,
        )
        self.requests = Counter(
            "calwarden_requests", "Requests to calendars", ["connector"], registry=self.registry
        )
        self.writes = Counter(
            "calwarden_writes", "Events written", ["connector", "verb"], registry=self.registry
        )
        self.drifts = Counter(
            "calwarden_drifts", "Drifts recorded", ["kind", "verdict"], registry=self.registry
        )
        self.messages = Counter(
            "calwarden_messages", "Messages by outcome", ["outcome"], registry=self.registry
        )
        self.open_drifts = Gauge(
            "calwarden_open_drifts", "Drifts that stand", ["severity"], registry=self.registry
        )
        self.calendars = Gauge(
            "calwarden_calendars", "Linked calendars", ["status"], registry=self.registry
        )
        self.poll_seconds = Histogram(
            "calwarden_poll_seconds", "Duration of looks", ["connector"], registry=self.registry
        )


def _safe(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(one) for one in value]
    return _safe_text(value)


def _safe_text(value: Any) -> str:
    text = str(value) if isinstance(value, str) else ""
    return text if PLAIN.fullmatch(text) else REDACTED
