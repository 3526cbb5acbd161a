"""One connection to one CalDAV server, through the low-level requests of the caldav library."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import niquests
from caldav.davclient import DAVClient
from caldav.lib.error import AuthorizationError, DAVError, RateLimitError

from calwarden.sdk.connector import Context, Credential
from calwarden.sdk.errors import NeedsAuth
from calwarden_caldav.errors import Missing, Request, Status, translate
from calwarden_caldav.guard import GuardedSession, TooLarge, check_address

REDIRECTS = {301, 302, 307, 308}
MOST_REDIRECTS = 3
MULTI_STATUS = 207
WRITING = {"PUT", "DELETE"}
ERRORS_FROM = 400
TOO_MANY_REDIRECTS = 310
FAILURES = (Status, TooLarge, DAVError, niquests.exceptions.RequestException, OSError)
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A successful answer. ``tree`` is the parsed XML body, if it is XML.

    ``path`` where it came from.
    """

    status: int
    path: str
    headers: Mapping[str, str]
    tree: Any
    body: bytes

    @property
    def etag(self) -> str | None:
        """The entity tag, quoted; None where the server gave none."""
        return quoted(self.headers.get("ETag"))


class Session:
    """Sends requests to one host, with credentials.

    Opens no connection before the first of them.
    """

    def __init__(self, url: str, credential: Credential, context: Context) -> None:
        self._url = url
        self._credential = credential
        self._context = context
        self._client: DAVClient | None = None
        self._http: GuardedSession | None = None

    @property
    def url(self) -> str:
        """The address that the session was opened with."""
        return self._url

    @property
    def host(self) -> str:
        """Host and port of the server."""
        return urlsplit(self._url).netloc.rpartition("@")[2]

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return 0 if self._http is None else self._http.requests

    @property
    def auth_type(self) -> str | None:
        """How the server wants to be told the password, once it was asked."""
        if self._client is None:
            return None
        return "digest" if "Digest" in type(self._client.auth).__name__ else "basic"

    @property
    def now(self) -> datetime:
        """The moment, by the injected clock."""
        return self._context.now()

    def propfind(self, path: str, body: str, depth: int = 0) -> Reply:
        """Ask for properties."""
        return self.send("PROPFIND", path, body, {"Depth": str(depth)})

    def report(self, path: str, body: str, depth: int = 0) -> Reply:
        """Ask for a report."""
        return self.send("REPORT", path, body, {"Depth": str(depth)})

    def get(self, path: str) -> Reply | None:
        """Read an object; None where nothing stands."""
        try:
            return self.send("GET", path)
        except Missing:
            return None

    def send(
        self,
        method: str,
        path: str,
        body: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and return its answer.

        Raises `calwarden.sdk.errors` (`Missing` on 404).
        """
        request = Request(host=self.host, writing=method in WRITING, now=self.now)
        try:
            return self._followed(method, path, body, dict(headers or {}))
        except FAILURES as error:
            raise translate(error, request) from error

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
        self._client = self._http = None

    def _followed(
        self, method: str, path: str, body: str | bytes, headers: dict[str, str]
    ) -> Reply:
        target = urljoin(self._url, path)
        for _ in range(MOST_REDIRECTS):
            reply = self._once(method, target, body, headers)
            if reply.status not in REDIRECTS:
                return reply
            goal = urljoin(target, reply.headers.get("Location", ""))
            if not same_server(goal, self._url):
                raise Status(reply.status, location=goal)
            target = goal
        raise Status(TOO_MANY_REDIRECTS)

    def _once(self, method: str, target: str, body: str | bytes, headers: dict[str, str]) -> Reply:
        client, http = self._opened()
        try:
            response = client.request(target, method, _text(body), headers)
        except RateLimitError as error:
            raise Status(error.status or 0, retry_after=error.retry_after) from error
        except AuthorizationError as error:
            raise Status(error.status or 0, preconditions=tuple(error.preconditions)) from error
        if response.status >= ERRORS_FROM:
            raise Status(
                response.status,
                preconditions=_preconditions(response.tree),
                retry_after=response.headers.get("Retry-After"),
            )
        return Reply(
            status=response.status,
            path=canonical(target),
            headers=response.headers,
            tree=response.tree,
            body=http.body,
        )

    def _opened(self) -> tuple[DAVClient, GuardedSession]:
        if self._client is None or self._http is None:
            context = self._context
            addresses = check_address(self._url, allow_private=context.allow_private)
            http = GuardedSession(
                urlsplit(self._url).hostname or "", addresses, lambda: context.pace(self.host)
            )
            ca_file = context.settings.get("ca_file")
            client = DAVClient(
                url=_without_user(self._url),
                username=str(self._credential.get("username", "")),
                password=str(self._credential.get("password", "")),
                auth_type=self._credential.get("auth"),
                timeout=int(context.timeout.total_seconds()),
                ssl_verify_cert=str(ca_file) if ca_file else True,
                headers={"Accept-Encoding": "identity", "User-Agent": "calwarden"},
                enable_rfc6764=False,
            )
            client.session.close()
            client.session = http
            self._client, self._http = client, http
        return self._client, self._http


def canonical(href: str) -> str:
    """Return the path of an href in one spelling: servers mix escaped and plain characters."""
    segments = urlsplit(href).path.split("/")
    return "/".join(quote(unquote(segment), safe="@:!$&'()*+,;=~-._") for segment in segments)


def same_server(url: str, other: str) -> bool:
    """Tell whether two addresses name one server: scheme, host and port."""
    one, two = ((each.scheme, each.hostname, each.port) for each in map(urlsplit, (url, other)))
    return _with_port(*one) == _with_port(*two)


def _with_port(
    scheme: str, host: str | None, port: int | None
) -> tuple[str, str | None, int | None]:
    return scheme, host, port or DEFAULT_PORTS.get(scheme)


def quoted(etag: str | None) -> str | None:
    """Return an entity tag with the quotes that some servers forget."""
    if not etag:
        return None
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def require_password(credential: Credential) -> None:
    """Refuse a credential that cannot sign in anywhere; raises `NeedsAuth`."""
    if not credential.get("username") or not credential.get("password"):
        raise NeedsAuth("a CalDAV account needs a user name and a password; link it again")


def _preconditions(tree: Any) -> tuple[str, ...]:
    if tree is None or tree.tag != "{DAV:}error":
        return ()
    return tuple(str(child.tag) for child in tree if isinstance(child.tag, str))


def _text(body: str | bytes) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
