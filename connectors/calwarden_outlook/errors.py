"""Graph's refusals in the words of `calwarden.sdk.errors`.

One function, by status and code; messages are never parsed (wire rule M31).
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import requests

from calwarden.sdk.errors import (
    Ambiguous,
    CalendarGone,
    CursorExpired,
    NeedsAuth,
    PreconditionFailed,
    Rejected,
    RemoteError,
    Transient,
)
from calwarden.sdk.patience import http_date, retry_after

DEAD_CURSORS = frozenset(
    {"syncstatenotfound", "syncstateinvalid", "resyncrequired", "errorsyncstatenotfound"}
)
CROSSING = "erroroccurrencecrossingboundary"
NOT_MAILBOX = frozenset(
    {"errorinvaliduser", "mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi"}
)
OVERLOADED = frozenset({429, 503, 504, 509})
"""Statuses that back off, as long as their Retry-After says (M26)."""

UNSENT = (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError)
"""Faults before a request left this machine: nothing can have happened."""

_THE = "Outlook calendar: "
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409
_GONE = 410
_PRECONDITION = 412
_THROTTLED = 429
_SERVER_FAULT = 500


class Refusal(Exception):
    """Graph answered a request, or one part of a batch, with an error."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, Any]) -> None:
        self.status = status
        self.codes = tuple(_codes(body))
        self.headers = {str(name).lower(): str(value) for name, value in headers.items()}
        super().__init__(f"{status} {self.code or 'without a code'}")

    @property
    def code(self) -> str:
        """The most exact code, as Graph spells it."""
        return self.codes[-1] if self.codes else ""

    def says(self, *codes: str) -> bool:
        """Tell whether one of ``codes`` (lower case) is among the error's."""
        return bool({code.lower() for code in self.codes} & set(codes))

    @property
    def missing(self) -> bool:
        """Whether nothing stands under the address."""
        return self.status in {_NOT_FOUND, _GONE} and not self.says(*DEAD_CURSORS, *NOT_MAILBOX)

    @property
    def doubtful(self) -> bool:
        """Whether the request may have been carried out all the same (M12)."""
        return self.status >= _SERVER_FAULT

    @property
    def groundless(self) -> bool:
        """Whether a precondition is said to have failed, which a request without one has not."""
        return self.status == _PRECONDITION

    @property
    def expired(self) -> bool:
        """Whether it says that a cursor is dead (M6)."""
        return self.status == _GONE or self.says(*DEAD_CURSORS)

    @property
    def request_id(self) -> str:
        """What Microsoft's support asks for."""
        return self.headers.get("request-id", "")


FAULTS = (Refusal, requests.RequestException, ValueError)
"""What a request can raise: refusals, lost answers, torn ones (which are no JSON)."""


def translated(error: Exception, *, writing: bool = False, addressed: bool = False) -> RemoteError:
    """Return what an error of a request means for the caller.

    ``writing``: something may have landed. ``addressed``: the request named an event, so a 404 is
    about that.
    """
    if isinstance(error, Refusal):
        return _refusal(error, writing=writing, addressed=addressed)
    if writing and not _unsent(error):
        return Ambiguous(f"{_THE}the answer to a write was lost; it is looked up before a repeat")
    return Transient(f"{_THE}the service was not reached or its answer was torn; it is tried again")


def _unsent(error: Exception) -> bool:
    if isinstance(error, UNSENT):
        return True
    refused = isinstance(error, requests.exceptions.ConnectionError)
    return refused and "NewConnectionError" in repr(error)


def _refusal(error: Refusal, *, writing: bool, addressed: bool) -> RemoteError:
    status = error.status
    wait = wait_of(error.headers)
    if status == _THROTTLED or (status in OVERLOADED and wait is not None):
        # a write may have landed all the same: it is looked up when the time is over
        return Transient(
            f"{_THE}too many requests; it is tried again later", retry_after=wait, throttled=True
        )
    if error.doubtful:
        if writing:
            return Ambiguous(f"{_THE}a write met a fault ({error}); it is looked up first")
        return Transient(f"{_THE}the service failed ({error}); it is tried again")
    if error.missing and addressed:
        return PreconditionFailed(f"{_THE}the event is not there any more; it is read again")
    return _lasting(error)


def _lasting(error: Refusal) -> RemoteError:
    if error.expired:
        return CursorExpired(f"{_THE}the delta link is not valid any more; everything is listed")
    found = LASTING.get(error.status)
    if found is not None:
        kind, message = found
        return kind(f"{_THE}{message}")
    request = f", request {error.request_id}" if error.request_id else ""
    return Rejected(
        f"{_THE}the request was refused ({error}{request}); "
        "see the guide on Outlook for what the code asks for"
    )


LASTING: Mapping[int, tuple[type[RemoteError], str]] = {
    _UNAUTHORIZED: (NeedsAuth, "the sign-in was refused; link the calendar again"),
    _FORBIDDEN: (
        NeedsAuth,
        "a permission is missing or was taken away; grant it again, and link the calendar again",
    ),
    _NOT_FOUND: (CalendarGone, "the calendar is not there any more; unlink it, or link another"),
    _CONFLICT: (PreconditionFailed, "an event stands there already; it is read again"),
    _PRECONDITION: (PreconditionFailed, "the event is not as it was seen; it is read again"),
}
"""What a status means where its code says nothing else."""


def wait_of(headers: Mapping[str, Any]) -> timedelta | None:
    """Return what a Retry-After header asks for, in seconds or as a date beside a Date header."""
    return retry_after(headers.get("retry-after"), http_date(headers.get("date")))


def _codes(body: Any) -> Iterator[str]:
    """Yield the codes of an error, the outermost first (M31)."""
    error = body.get("error") if isinstance(body, Mapping) else None
    while isinstance(error, Mapping):
        if error.get("code"):
            yield str(error["code"])
        error = error.get("innererror") or error.get("innerError")
