"""One connection to one CalDAV server, through the low-level requests of the caldav library."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import niquests
from caldav.davclient import DAVClient
from caldav.lib.error import AuthorizationError, DAVError, RateLimitError
from lxml import etree
from typing_extensions import override

from calwarden.ical.lines import LARGEST_OBJECT
from calwarden.sdk.connector import Context, Credential
from calwarden.sdk.errors import NeedsAuth, Transient
from calwarden_caldav.errors import Missing, Request, Status, dropped, translate
from calwarden_caldav.guard import Bytes, Digest, GuardedSession, Sink, TooLarge, check_address
from calwarden_caldav.multistatus import Multistatus, Row
from calwarden_caldav.spelling import canonical, quoted, same_server

REDIRECTS = {301, 302, 307, 308}
MOST_REDIRECTS = 3
WRITING = {"PUT", "DELETE", "MKCALENDAR"}
ERRORS_FROM = 400
TOO_MANY_REDIRECTS = 310
PATIENCE = timedelta(seconds=60)
"""How long trying a calendar out waits for a server that asks for it, each time."""

MOST_WAITS = 90
OFTEN, FEW = 3, 4
"""A server that asks for patience so many times, after so few requests, wants to be paced."""

Taker = TypeVar("Taker", bound=Sink)
FAILURES = (Status, TooLarge, DAVError, niquests.exceptions.RequestException, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A successful answer.

    ``path`` is where it came from, in one spelling; ``whole`` whether its length was told, so that
    a torn one cannot pass.
    """

    status: int
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    whole: bool = True

    @property
    def etag(self) -> str | None:
        """The entity tag, quoted; None where the server gave none."""
        return quoted(self.headers.get("ETag"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A multistatus: its rows, the new sync token if it has one, and where it came from."""

    path: str
    rows: Sequence[Row]
    token: str | None

    @property
    def own(self) -> Row | None:
        """The row of what was asked, if it stands there."""
        here = self.path.rstrip("/")
        found = (row for row in self.rows if row.path.rstrip("/") == here and not row.missing)
        return next(found, None)


class Client(DAVClient):
    """The library's client, whose digest authentication reads no challenge's body."""

    @override
    def build_auth_object(self, auth_types: Any = None) -> None:
        super().build_auth_object(auth_types)
        if isinstance(self.auth, niquests.auth.HTTPDigestAuth):
            self.auth = Digest(self.username or "", self.password or "")


class Session:
    """Sends requests to one host, with credentials.

    Opens no connection before the first of them. A ``patient`` one waits where the server asks for
    it, and sends the request again. ``spacing`` lies between any two requests.
    """

    def __init__(
        self,
        url: str,
        credential: Credential,
        context: Context,
        *,
        patient: bool = False,
        spacing: timedelta = timedelta(),
    ) -> None:
        self._url = url
        self._credential = credential
        self._context = context
        self._client: DAVClient | None = None
        self._http: GuardedSession | None = None
        self._server: str | None = None
        self._patient = patient
        self._spacing = spacing
        self._sent_at: float | None = None
        self._waits: list[tuple[int, timedelta]] = []
        self._forgetful = False

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
        """How the server wants to be told the password, once it asked for it."""
        if self._client is None or self._client.auth is None:
            return None
        return "digest" if isinstance(self._client.auth, Digest) else "basic"

    @property
    def server(self) -> str | None:
        """What the server calls itself, by its newest answer."""
        return self._server

    @property
    def received(self) -> int:
        """Bytes of answers read so far."""
        return 0 if self._http is None else self._http.received

    @property
    def now(self) -> datetime:
        """The moment, by the injected clock."""
        return self._context.now()

    @property
    def paced(self) -> timedelta:
        """Time that the server wants between two requests, as far as it made us wait."""
        asked = [0, *(at for at, _ in self._waits)]
        between = [after - before for before, after in pairwise(asked)]
        if len(between) < OFTEN or max(between[1:]) > FEW:
            return timedelta()
        return max(wait for _, wait in self._waits)

    def insist(self) -> None:
        """Send the password from now on, though the server did not ask for it."""
        client, _ = self._opened()
        client.build_auth_object(["basic"])

    def propfind(self, path: str, body: str, depth: int = 0) -> Answer:
        """Ask for properties."""
        return self._ask("PROPFIND", path, body, depth)

    def report(self, path: str, body: str, depth: int = 0) -> Answer:
        """Ask for a report."""
        return self._ask("REPORT", path, body, depth)

    def get(self, path: str) -> Reply | None:
        """Read an object; None where nothing stands. Raises `Rejected` where it is too large."""
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
        reply, sink = self._send(method, path, body, headers or {}, lambda: Bytes(LARGEST_OBJECT))
        return Reply(
            status=reply.status,
            path=reply.path,
            headers=reply.headers,
            body=bytes(sink.data),
            whole=reply.whole,
        )

    def _ask(self, method: str, path: str, body: str, depth: int) -> Answer:
        reply, sink = self._send(method, path, body, {"Depth": str(depth)}, Multistatus)
        sink.finish()
        return Answer(path=reply.path, rows=sink.rows, token=sink.token)

    def _send(
        self,
        method: str,
        path: str,
        body: str | bytes,
        headers: Mapping[str, str],
        sink: Callable[[], Taker],
    ) -> tuple[Reply, Taker]:
        while True:
            try:
                return self._sent(method, path, body, headers, sink)
            except Transient as error:
                wait = self._bearable(error)
                if wait is None:
                    raise
                self._waits.append((self.requests, wait))
                self._context.pause(wait)

    def _bearable(self, error: Transient) -> timedelta | None:
        """Return how long to wait before a request is sent again; None where it is not to be."""
        wait = error.retry_after
        if not (self._patient and error.throttled and wait is not None):
            return None
        return wait if wait <= PATIENCE and len(self._waits) < MOST_WAITS else None

    def _sent(
        self,
        method: str,
        path: str,
        body: str | bytes,
        headers: Mapping[str, str],
        sink: Callable[[], Taker],
    ) -> tuple[Reply, Taker]:
        request = Request(host=self.host, writing=method in WRITING, now=self.now)
        sent = self.requests
        if request.writing and self._forgetful and self._http is not None:
            self._http.hang_up()
        try:
            return self._followed(method, path, body, headers, sink)
        except FAILURES as error:
            # a kept connection may have been closed while it was idle: only reading is repeated
            # the password is sent in a second request over the first one's connection
            kept = bool(sent or self.requests > 1) and dropped(error)
            self._forgetful = self._forgetful or (kept and request.writing)
            if request.writing or not kept:
                raise translate(error, request) from error
        try:
            return self._followed(method, path, body, headers, sink)
        except FAILURES as error:
            raise translate(error, request) from error

    def rest(self) -> None:
        """Let go of the last answer: a long listing is not kept until the next request."""
        if self._http is not None:
            self._http.sink = Bytes(0)

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
        self._client = self._http = None

    def _followed(
        self,
        method: str,
        path: str,
        body: str | bytes,
        headers: Mapping[str, str],
        sink: Callable[[], Taker],
    ) -> tuple[Reply, Taker]:
        target = self._target(path)
        for _ in range(MOST_REDIRECTS):
            taken = sink()
            reply = self._once(method, target, body, headers, taken)
            if reply.status not in REDIRECTS:
                return reply, taken
            goal = urljoin(target, reply.headers.get("Location", ""))
            if not same_server(goal, self._url):
                raise Status(reply.status, location=goal)
            target = goal
        raise Status(TOO_MANY_REDIRECTS)

    def _target(self, path: str) -> str:
        """Return the address of a path, the calendar's own part as its server spells it."""
        own = urlsplit(self._url).path
        plain = canonical(own)
        if own.endswith("/") and path.startswith(plain):
            path = own + path.removeprefix(plain)
        return urljoin(self._url, path)

    def _once(
        self, method: str, target: str, body: str | bytes, headers: Mapping[str, str], sink: Sink
    ) -> Reply:
        client, http = self._opened()
        http.sink = sink
        self._space()
        try:
            response = client.request(target, method, _text(body), dict(headers))
        except RateLimitError as error:
            raise Status(error.status or 0, retry_after=error.retry_after) from error
        except AuthorizationError as error:
            raise Status(error.status or 0, preconditions=tuple(error.preconditions)) from error
        self._server = response.headers.get("Server", self._server)
        if response.status >= ERRORS_FROM:
            raise Status(
                response.status,
                preconditions=_preconditions(http.failure),
                retry_after=response.headers.get("Retry-After"),
            )
        return Reply(
            status=response.status,
            path=canonical(target),
            headers=response.headers,
            whole=http.whole,
        )

    def _space(self) -> None:
        if self._spacing and self._sent_at is not None:
            passed = timedelta(seconds=time.monotonic() - self._sent_at)
            if passed < self._spacing:
                self._context.pause(self._spacing - passed)
        self._sent_at = time.monotonic()

    def _opened(self) -> tuple[DAVClient, GuardedSession]:
        if self._client is None or self._http is None:
            context = self._context
            addresses = check_address(self._url, allow_private=context.allow_private)
            http = GuardedSession(
                urlsplit(self._url).hostname or "",
                addresses,
                lambda: context.pace(self.host),
                context.timeout.total_seconds(),
            )
            ca_file = context.settings.get("ca_file")
            client = Client(
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


def require_password(credential: Credential) -> None:
    """Refuse a credential that cannot sign in anywhere; raises `NeedsAuth`."""
    if not credential.get("username") or not credential.get("password"):
        raise NeedsAuth("a CalDAV account needs a user name and a password; link it again")


def _preconditions(body: bytes) -> tuple[str, ...]:
    """Return what a failure names as its cause (RFC 4918 section 16)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        tree = etree.fromstring(body, parser) if body else None
    except etree.XMLSyntaxError:
        tree = None
    if tree is None or tree.tag != "{DAV:}error":
        return ()
    return tuple(str(child.tag) for child in tree if isinstance(child.tag, str))


def _text(body: str | bytes) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
