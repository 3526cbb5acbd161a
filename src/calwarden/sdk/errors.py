"""Errors of a remote calendar, classed by what the caller may do next.

The vendor's own error is the ``__cause__``. Messages never quote event content, credentials or URLs
with userinfo: they name the thing, the cause and the next step.
"""

from datetime import timedelta


class RemoteError(Exception):
    """A remote calendar did not do what was asked."""


class Transient(RemoteError):
    """Nothing happened; the same request may be sent again, after ``retry_after`` if given."""

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, throttled: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.throttled = throttled


class Ambiguous(RemoteError):
    """A write may have landed; look it up by its id before repeating it (wire rule A6)."""


class PreconditionFailed(RemoteError):
    """The resource is not what the caller saw; drop the step and read the resource again."""


class CursorExpired(RemoteError):
    """The cursor is dead; observe again without one (wire rule A3)."""


class NeedsAuth(RemoteError):
    """Access was revoked, expired or refused; a person has to link the calendar again."""


class CalendarGone(RemoteError):
    """The calendar itself is not there any more; never recreated silently."""


class Rejected(RemoteError):
    """The server refuses this request for good; repeating it would not help."""
