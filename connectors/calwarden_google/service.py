"""Requests to calendar v3 through google-api-python-client.

They are counted, paced, and translated when they fail. The resource that builds requests is made
once a process and API root: building it costs more than a request.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from http.client import HTTPException
from importlib.resources import files
from typing import Any

import httplib2
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError
from google_auth_httplib2 import Request
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import Error, HttpError

from calwarden.sdk.connector import Context, Credential
from calwarden_google.connections import KEPT
from calwarden_google.credentials import UNION, account_of, opened, renewed
from calwarden_google.endpoints import Endpoints
from calwarden_google.errors import is_retryable, translated

FAULTS = (Error, GoogleAuthError, httplib2.HttpLib2Error, HTTPException, OSError, ValueError)
"""What a request can raise: refusals, lost or torn answers (a torn answer is no JSON), sign-in."""

BROKEN = (httplib2.HttpLib2Error, HTTPException, OSError)

MOST_TRIES = 3

PROJECT = "google:project"
USER = "google:user:"
"""Whose quota a request counts against (G27): keys of `Context.pace`."""

_UNAUTHORIZED = 401


class TornAnswer(ValueError):
    """The answer is no JSON object."""


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    packaged = files("googleapiclient.discovery_cache") / "documents" / "calendar.v3.json"
    document: dict[str, Any] = json.loads(packaged.read_text(encoding="utf-8"))
    return document


@lru_cache(maxsize=16)
def resources(api_root: str) -> dict[str, Any]:
    """Return the client's resources of an API root, by name.

    They build requests and hold no connection.
    """
    api = build_from_document(
        _document(), http=httplib2.Http(), client_options={"api_endpoint": api_root}
    )
    names = ("calendarList", "calendars", "channels", "events", "freebusy")
    return {name: getattr(api, name)() for name in names}


class Wire:
    """An authorized connection as the client library wants one.

    It signs in, once more after a 401 (G28).
    """

    def __init__(
        self, lent: Callable[[], Any], credentials: UNION, before: Callable[[], None]
    ) -> None:
        self._lent = lent
        self._credentials = credentials
        self._before = before

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Send a request of the client library."""
        if self._credentials.token_state is not TokenState.FRESH:
            self._refresh()
        response, content = self._send(uri, method, body, headers, kwargs)
        if response.status == _UNAUTHORIZED:
            self._refresh()
            response, content = self._send(uri, method, body, headers, kwargs)
        return response, content

    def close(self) -> None:
        """Do nothing: the connection is the lender's."""

    def _refresh(self) -> None:
        self._credentials.refresh(Request(self._lent()))  # type: ignore[no-untyped-call] # google-auth

    def _send(
        self, uri: str, method: str, body: Any, headers: Mapping[str, str] | None, kwargs: Any
    ) -> Any:
        signed = dict(headers or {})
        self._credentials.apply(signed)  # type: ignore[no-untyped-call] # google-auth
        self._before()
        return self._lent().request(uri, method, body=body, headers=signed, **kwargs)


class Service:
    """One account's way to the API."""

    def __init__(self, credential: Credential, context: Context) -> None:
        endpoints = Endpoints.of(context.settings, allow_private=context.allow_private)
        self.requests = 0
        self.credential = credential
        self._context = context
        self._resources = resources(endpoints.api_root)
        self._credentials = opened(credential, endpoints)
        self._kept = self._credentials.token
        self._paces = (PROJECT, f"{USER}{account_of(credential)}")
        self._http: Any = None
        self._wire = Wire(self._lent, self._credentials, self._before)

    @property
    def events(self) -> Any:
        """The client's kept resource for events."""
        return self._resources["events"]

    def resource(self, name: str) -> Any:
        """Return another of the client's resources."""
        return self._resources[name]

    def send(
        self,
        request: Any,
        *,
        writing: bool = False,
        addressed: bool = False,
        etag: str | None = None,
    ) -> dict[str, Any]:
        """Send a request, guarded by ``etag`` (G12), and return its answer; raises `RemoteError`.

        See `calwarden_google.errors.translated` for ``writing`` and ``addressed``.
        """
        try:
            return self.try_send(request, etag=etag)
        except FAULTS as error:
            raise translated(error, writing=writing, addressed=addressed) from error

    def try_send(self, request: Any, *, etag: str | None = None) -> dict[str, Any]:
        """Send a request and return its answer.

        What may pass by itself is tried again after a short, jittered while, unless the service
        names a longer one. Raises the library's own errors, any of `FAULTS`.
        """
        if etag is not None:
            request.headers["If-Match"] = etag
        for attempt in range(MOST_TRIES - 1):
            try:
                return self._execute(request)
            except HttpError as error:
                if not is_retryable(error, writing=request.method != "GET"):
                    raise
            self._context.back_off(attempt)
        return self._execute(request)

    def _execute(self, request: Any) -> dict[str, Any]:
        try:
            answer = request.execute(http=self._wire, num_retries=0)
        except BROKEN:
            if self._http is not None:
                self._http.close()  # whatever is left on the line answers no later request
            raise
        finally:
            if self._credentials.token is not self._kept:
                self._keep()
        if not answer:
            return {}
        if isinstance(answer, dict):
            return answer
        raise TornAnswer

    def _lent(self) -> Any:
        if self._http is None:
            self._http = KEPT.lend(self._context.timeout)
        return self._http

    def close(self) -> None:
        """Give the connection back; the next request borrows one again."""
        if self._http is not None:
            KEPT.take_back(self._http, self._context.timeout)
            self._http = None

    def _before(self) -> None:
        for key in self._paces:
            self._context.pace(key)
        self.requests += 1

    def _keep(self) -> None:
        self._kept = self._credentials.token
        self.credential = renewed(self.credential, self._credentials)
        self._context.save_credential(self.credential)
