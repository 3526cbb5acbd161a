"""Google's refusals in the words of `calwarden.sdk.errors`.

One function, by reason (wire rules G4, G27, G28).
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from googleapiclient.errors import HttpError

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

RATE_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
USE_LIMITS = frozenset({"quotaExceeded", "dailyLimitExceeded", "calendarLimitsExceeded"})
DEAD_CURSORS = frozenset({"fullSyncRequired", "updatedMinTooLongAgo"})
UNGRANTED = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
PUSH = "push."
"""How reasons begin that are about the address of a channel, whatever their status."""

UNSENT = (httplib2.ServerNotFoundError, ConnectionRefusedError)
"""Faults before a request left this machine: nothing can have happened."""

PARKED = timedelta(hours=1)
"""How long an account waits whose calendar-use limit is spent (G27)."""

LASTING: Mapping[int, tuple[type[RemoteError], str]] = {
    401: (NeedsAuth, "the sign-in was refused; link the calendar again"),
    404: (CalendarGone, "the calendar is not there any more; unlink it, or link another"),
    409: (PreconditionFailed, "an event stands there already; it is read again"),
    410: (PreconditionFailed, "the event was deleted meanwhile; it is read again"),
    412: (PreconditionFailed, "the event is not as it was seen; it is read again"),
}
"""What a status means where its reason says nothing else."""

_THE = "Google calendar: "
_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409
_GONE = 410
_RATE_LIMITED = 429
_SERVER_FAULT = 500


def reason_of(error: HttpError) -> str:
    """Return the machine-readable reason of a refusal, or the empty string."""
    try:
        details = json.loads(error.content)["error"]["errors"]
        return str(details[0]["reason"])
    except (ValueError, LookupError, TypeError):
        return ""


def status_of(error: Exception) -> int:
    """Return the HTTP status of a refusal; 0 where there was no answer."""
    return int(error.resp.status) if isinstance(error, HttpError) else 0


def is_retryable(error: HttpError, *, writing: bool) -> bool:
    """Tell whether a refused request may be sent again shortly (G27).

    Not where the service says how long to wait: that is for whoever plans the next look. Of a write
    that met a fault nobody knows whether it landed.
    """
    if wait_of(error.resp) is not None:
        return False
    if status_of(error) == _RATE_LIMITED or reason_of(error) in RATE_LIMITS:
        return True
    return status_of(error) >= _SERVER_FAULT and not writing


def translated(error: Exception, *, writing: bool = False, addressed: bool = False) -> RemoteError:
    """Return what an error of the client library means for the caller.

    ``writing``: something may have landed. ``addressed``: the request named an event, so a 404 is
    about that.
    """
    if isinstance(error, HttpError):
        status, reason = status_of(error), reason_of(error)
        if addressed and status == _NOT_FOUND:
            return PreconditionFailed(f"{_THE}the event is not there any more; it is read again")
        return _refusal(error, status, reason, writing=writing)
    if isinstance(error, GoogleAuthError):
        return _sign_in(error)
    if writing and not isinstance(error, UNSENT):
        return Ambiguous(f"{_THE}the answer to a write was lost; it is looked up before a repeat")
    return Transient(f"{_THE}the service was not reached or its answer was torn; it is tried again")


def _sign_in(error: GoogleAuthError) -> RemoteError:
    if isinstance(error, TransportError) or (isinstance(error, RefreshError) and error.retryable):
        return Transient(f"{_THE}Google's sign-in service did not answer; it is tried again")
    if isinstance(error, RefreshError):
        return NeedsAuth(
            f"{_THE}access was revoked or has expired; link the calendar again with "
            "`calwarden link google`"
        )
    return NeedsAuth(f"{_THE}the stored credential cannot be used; link the calendar again")


def _refusal(error: HttpError, status: int, reason: str, *, writing: bool) -> RemoteError:
    if status == _RATE_LIMITED or reason in RATE_LIMITS:
        return Transient(
            f"{_THE}too many requests; it is tried again later",
            retry_after=wait_of(error.resp),
            throttled=True,
        )
    if reason in USE_LIMITS:
        return Transient(
            f"{_THE}the account's calendar-use limit is spent; it rests for a while",
            retry_after=max(wait_of(error.resp) or PARKED, PARKED),
            throttled=True,
        )
    if status >= _SERVER_FAULT:
        if writing:
            return Ambiguous(f"{_THE}a write met a fault ({status}); it is looked up first")
        message = f"{_THE}the service failed ({status}); it is tried again"
        return Transient(message, retry_after=wait_of(error.resp))
    if reason == "conflict" and status == _CONFLICT:
        return Transient(f"{_THE}two writes met; it is tried again")  # G29
    return _lasting(status, reason)


def _lasting(status: int, reason: str) -> RemoteError:
    if status == _GONE and reason in DEAD_CURSORS:
        return CursorExpired(f"{_THE}the sync token is not valid any more; everything is listed")
    if reason.startswith(PUSH):
        return Rejected(
            f"{_THE}notices to web.public_url were refused ({reason}); Google has to know the "
            "domain as yours: see the guide on Google, section Push"
        )
    if status == _FORBIDDEN and reason in UNGRANTED:
        return NeedsAuth(f"{_THE}a needed permission was not granted; link the calendar again")
    found = LASTING.get(status)
    if found is not None:
        kind, message = found
        return kind(f"{_THE}{message}")
    return Rejected(
        f"{_THE}the request was refused ({status} {reason or 'without a reason'}); "
        "see the guide on Google for what the reason asks for"
    )


def wait_of(headers: Mapping[str, Any]) -> timedelta | None:
    """Return what a Retry-After header asks for, in seconds or as a date beside a Date header."""
    return retry_after(headers.get("retry-after"), http_date(headers.get("date")))
