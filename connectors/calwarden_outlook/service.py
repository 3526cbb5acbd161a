"""Requests to Microsoft Graph through requests.

They are counted, paced, kept to a few at once per mailbox, and translated when they fail.
"""

import base64
import binascii
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import requests

from calwarden.sdk.connector import Context, Credential
from calwarden.sdk.errors import Rejected, RemoteError, Transient
from calwarden_outlook.connections import KEPT
from calwarden_outlook.endpoints import Endpoints
from calwarden_outlook.errors import FAULTS, Refusal, translated
from calwarden_outlook.tokens import Tokens, mailbox_of

TOGETHER = 3
"""Requests under way at once to one mailbox; Graph refuses the fifth (M26)."""

LARGEST_BATCH = 20
PREFER = 'IdType="ImmutableId", outlook.body-content-type="text", outlook.timezone="UTC"'
"""On every call (M7). Instants are told in UTC, where no wall time exists twice; the event's own
zone is told beside them (M17)."""

NO_BATCHES = frozenset({400, 404, 405, 501})

_UNAUTHORIZED = 401
_NO_CONTENT = 204
_PRECONDITION = 412
_ERRORS = 300
_CLAIMS = re.compile(r'claims="([^"]+)"')
_places: dict[str, threading.BoundedSemaphore] = {}
_lock = threading.Lock()


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="@=")


class TornAnswer(ValueError):
    """The answer is no JSON object."""


class Service:
    """One account's way to Graph."""

    def __init__(self, credential: Credential, context: Context) -> None:
        self._endpoints = Endpoints.of(context.settings, allow_private=context.allow_private)
        self._tokens = Tokens(credential, self._endpoints, context)
        self._context = context
        self._root = self._endpoints.graph_root
        self._key = f"outlook:{credential.get('account') or 'me'}"
        self._place = _place_of(self._key)
        self._session: requests.Session | None = None
        self._timeout = context.timeout.total_seconds()
        self.mailbox = mailbox_of(credential)
        self.requests = 0

    @property
    def credential(self) -> Credential:
        """The credential, with whatever was renewed."""
        return self._tokens.credential

    def url(self, *path: str) -> str:
        """Return the address of something in the mailbox."""
        return "/".join([self._root, self.mailbox, *map(segment, path)])

    @property
    def mailbox_name(self) -> str:
        """The mailbox as a resource is named in a body: not as part of an address."""
        return unquote(self.mailbox)

    def top(self, *path: str) -> str:
        """Return the address of something that belongs to no mailbox."""
        return "/".join([self._root, *map(segment, path)])

    def send(  # noqa: PLR0913 - one parameter a part of the request
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        etag: str | None = None,
        prefer: str = PREFER,
        writing: bool = False,
        addressed: bool = False,
    ) -> dict[str, Any]:
        """Send a request, guarded by ``etag`` (M11), and return its answer; raises `RemoteError`.

        See `calwarden_outlook.errors.translated` for ``writing`` and ``addressed``.
        """
        try:
            return self.try_send(method, url, params=params, body=body, etag=etag, prefer=prefer)
        except FAULTS as error:
            raise translated(error, writing=writing, addressed=addressed) from error

    def try_send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        etag: str | None = None,
        prefer: str = PREFER,
    ) -> dict[str, Any]:
        """Send a request and return its answer; raises any of `FAULTS`, or what sign-in raises."""
        if params:
            # spaces as %20: not everything at Microsoft's end reads a plus as one
            query = "&".join(f"{name}={quote(value)}" for name, value in params.items())
            url = f"{url}?{query}"
        headers = {"Prefer": prefer} if etag is None else {"Prefer": prefer, "If-Match": etag}
        response = self._sent(method, url, headers, body, self._tokens.current())
        if response.status_code == _UNAUTHORIZED:
            claims = _challenge(response)
            response = self._sent(method, url, headers, body, self._tokens.renew(claims))
        if response.status_code == _PRECONDITION and etag is None:
            # said at times of requests without any precondition: once more (M12)
            response = self._sent(method, url, headers, body, self._tokens.current())
        return _content(response)

    def batch(self, requests_: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any] | Refusal]:
        """Send GETs of ``(name, path below the mailbox with its query)`` together (M27).

        Returns what each was answered. Raises `RemoteError` where one is to be tried again later.
        """
        found: dict[str, dict[str, Any] | Refusal] = {}
        for first in range(0, len(requests_), LARGEST_BATCH):
            found |= self._batch(requests_[first : first + LARGEST_BATCH])
        for refusal in found.values():
            if isinstance(refusal, Refusal):
                meant = translated(refusal)
                if isinstance(meant, Transient):
                    raise meant from refusal
        return found

    def close(self) -> None:
        """Give the connection back."""
        if self._session is not None:
            KEPT.take_back(self._session, self._endpoints.ca_file)
            self._session = None

    def demand_ours(self, url: str) -> str:
        """Return a link that Graph gave, if it leads to Graph; a token is sent nowhere else."""
        if not url.startswith(f"{self._root}/"):
            raise Rejected(
                "Outlook calendar: a listing goes on outside Microsoft Graph; ask Microsoft"
            )
        return url

    def _batch(self, part: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any] | Refusal]:
        if len(part) > 1:
            body = {
                "requests": [
                    {
                        "id": str(place),
                        "method": "GET",
                        "url": f"/{self.mailbox}/{path}",
                        "headers": {"Prefer": PREFER},
                    }
                    for place, (_, path) in enumerate(part)
                ]
            }
            try:
                answer = self.try_send("POST", f"{self._root}/$batch", body=body)
            except Refusal as error:
                if error.status not in NO_BATCHES:
                    raise translated(error) from error
            except FAULTS as error:
                raise translated(error) from error
            else:
                return {
                    # a token that ran out amid the batch is renewed for what it had yet to open
                    name: self._one(path) if _unauthorized(told) else told
                    for (name, path), told in zip(part, _parts(answer, part), strict=True)
                }
        return {name: self._one(path) for name, path in part}

    def _one(self, path: str) -> dict[str, Any] | Refusal:
        try:
            return self.try_send("GET", f"{self._root}/{self.mailbox}/{path}")
        except Refusal as error:
            return error
        except FAULTS as error:
            raise translated(error) from error

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: Any, token: str
    ) -> requests.Response:
        if self._session is None:
            self._session = KEPT.lend(self._endpoints.ca_file)
        with self._place:
            self._context.pace(self._key)
            self.requests += 1
            return self._session.request(
                method,
                url,
                headers={**headers, "Authorization": f"Bearer {token}"},
                json=body,
                timeout=self._timeout,
                # Graph never redirects; nothing may lead a token elsewhere
                allow_redirects=False,
            )


def _content(response: requests.Response) -> dict[str, Any]:
    if response.status_code >= _ERRORS:
        try:
            body = response.json()
        except ValueError:
            body = None
        raise Refusal(response.status_code, body, response.headers)
    if response.status_code == _NO_CONTENT or not response.content:
        return {}
    answer = response.json()
    if not isinstance(answer, dict):
        raise TornAnswer
    return answer


def _unauthorized(told: dict[str, Any] | Refusal) -> bool:
    return isinstance(told, Refusal) and told.status == _UNAUTHORIZED


def _parts(
    answer: Mapping[str, Any], part: Sequence[tuple[str, str]]
) -> list[dict[str, Any] | Refusal]:
    """Return the answers of a batch in order; Graph keeps none, and each has its own status."""
    told = {str(one.get("id")): one for one in answer.get("responses") or ()}
    found: list[dict[str, Any] | Refusal] = []
    for place in range(len(part)):
        one = told.get(str(place))
        if one is None:
            raise Transient("Outlook calendar: a batch was answered in part; it is sent again")
        status, body = int(one.get("status") or 0), one.get("body")
        if status >= _ERRORS or not isinstance(body, dict):
            found.append(Refusal(status, body, one.get("headers") or {}))
        else:
            found.append(body)
    return found


def _challenge(response: requests.Response) -> str | None:
    """Return the claims that a 401 asks for (M30), as JSON; None where it asks for none."""
    match = _CLAIMS.search(response.headers.get("WWW-Authenticate", ""))
    if match is None:
        return None
    text = match[1]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return None


def _place_of(key: str) -> threading.BoundedSemaphore:
    with _lock:
        return _places.setdefault(key, threading.BoundedSemaphore(TOGETHER))


__all__ = ["FAULTS", "PREFER", "RemoteError", "Service"]
