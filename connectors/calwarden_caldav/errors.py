"""Failures of a CalDAV server as the errors of the SDK: one function, `translate`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import niquests

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
from calwarden.sdk.patience import retry_after
from calwarden_caldav.guard import TooLarge

SYNC_TOKEN = "{DAV:}valid-sync-token"  # noqa: S105 - a WebDAV precondition
UID_CONFLICT = "{urn:ietf:params:xml:ns:caldav}no-uid-conflict"
MISSING = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
SERVER_FAULT = 500

_UNSENT = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}


class Elsewhere(Rejected):
    """The server names another one, to which the password is not sent by itself."""


class Oversized(Rejected):
    """An answer is larger than it may be; one about less may not be."""


class Denied(NeedsAuth):
    """The account may not see that address; at linking time another one may do."""


class Broken(Transient):
    """The server failed at a request that only reads: what was asked may be what it fails at."""


class Conflicting(PreconditionFailed):
    """The server finds what was sent at odds with what it has, though nothing need have changed."""


class Missing(CalendarGone):
    """Nothing stands at the address.

    Where that is an object and not the calendar, the caller knows.
    """


class Status(Exception):
    """An answer that is no success. ``preconditions`` as in RFC 4918 section 16."""

    def __init__(
        self,
        status: int,
        *,
        preconditions: tuple[str, ...] = (),
        retry_after: str | None = None,
        location: str | None = None,
    ) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.preconditions = preconditions
        self.retry_after = retry_after
        self.location = location


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, for the words of an error: never a path, a body or a user's name."""

    host: str
    writing: bool
    now: datetime


def translate(cause: Exception, request: Request) -> RemoteError:
    """Return the SDK error that says what the caller may do after ``cause``."""
    host = request.host
    if isinstance(cause, Status):
        return _of_precondition(cause, host) or _of_status(cause, request)
    if isinstance(cause, TooLarge):
        return Oversized(f"{host} gave an answer that is refused: {cause}")
    if isinstance(cause, niquests.exceptions.SSLError):
        return Transient(
            f"{host} cannot be trusted: its certificate was not accepted; check the address, or "
            "name its authority in caldav.ca_file"
        )
    if request.writing and not _unsent(cause):
        return Ambiguous(f"{host} did not answer a write; it is looked up before it is repeated")
    if isinstance(cause, niquests.exceptions.Timeout):
        return Transient(f"{host} did not answer in time; it is asked again later")
    return Transient(f"{host} cannot be reached; it is asked again later")


def _of_precondition(cause: Status, host: str) -> RemoteError | None:
    if SYNC_TOKEN in cause.preconditions:
        return CursorExpired(f"{host} does not know the sync token any more; observe without one")
    if UID_CONFLICT in cause.preconditions:
        return PreconditionFailed(f"{host} holds that UID already; read it")
    if cause.location is not None:
        there = urlsplit(cause.location).hostname or "another server"
        return Elsewhere(f"{host} redirects to {there}; link the calendar at that address")
    return None


_RACES: dict[int, type[RemoteError]] = {409: Conflicting, 412: PreconditionFailed}


def _of_status(cause: Status, request: Request) -> RemoteError:
    host = request.host
    match cause.status:
        case 409 | 412 as status:
            return _RACES[status](f"{host} holds something else there; read it again")
        case 429 | 503:
            wait = retry_after(cause.retry_after, request.now)
            return Transient(f"{host} asks for patience", retry_after=wait, throttled=True)
        case 401 | 403:
            return _denied(request, cause.status)
        case 404 | 410:
            return Missing(f"the calendar is not at {host} any more; unlink it, or link another")
        case status if status >= SERVER_FAULT and status != HTTPStatus.INSUFFICIENT_STORAGE:
            return _fault(request, status)
    return Rejected(f"{host} refuses the request (status {cause.status}); do not repeat it")


def _denied(request: Request, status: int) -> RemoteError:
    host = request.host
    if status == HTTPStatus.UNAUTHORIZED:
        return NeedsAuth(f"{host} refused the user name or password; link the calendar again")
    if request.writing:
        return Rejected(f"{host} lets this account only read the calendar; share it for writing")
    return Denied(f"{host} denies this account the calendar; link it again")


def _fault(request: Request, status: int) -> RemoteError:
    if request.writing:
        return Ambiguous(
            f"{request.host} failed at a write (status {status}); it is looked up before a repeat"
        )
    kind = Broken if status == SERVER_FAULT else Transient
    return kind(f"{request.host} failed (status {status}); it is asked again later")


def dropped(cause: BaseException) -> bool:
    """Tell whether a connection ended without an answer, though the server was there before."""
    lost = isinstance(cause, niquests.exceptions.ConnectionError)
    known = niquests.exceptions.Timeout | niquests.exceptions.SSLError
    return lost and not isinstance(cause, known) and not _unsent(cause)


def _unsent(cause: BaseException) -> bool:
    if isinstance(cause, niquests.exceptions.ConnectTimeout):
        return True
    return any(type(each).__name__ in _UNSENT for each in _chain(cause))


def _chain(cause: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[object] = [cause]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [*each.args, each.__cause__, each.__context__, getattr(each, "reason", None)]
