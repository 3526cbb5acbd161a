"""What stands between us and a stranger's server: address, redirects, time and size of answers."""

import socket
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Protocol
from urllib.parse import urlsplit

import niquests
from niquests.packages import urllib3
from typing_extensions import override

from calwarden.sdk.addresses import is_global
from calwarden.sdk.errors import Rejected, Transient
from calwarden_caldav.deadline import WATCH

LARGEST_ANSWER = 32_000_000
"""Bytes of an answer beyond which it is not read."""

LARGEST_FAILURE = 64_000
"""Bytes of an answer that is no success beyond which they are passed over."""

CHUNK = 65_536
FAILED = 400
ENCODINGS = {"identity", "gzip", "x-gzip", "deflate"}


class TooLarge(Exception):
    """An answer is larger than its limit, or packed in a way that nobody asked for."""


class Forbidden(Rejected):
    """Nothing may be sent to that address."""


class Sink(Protocol):
    """Takes an answer piece by piece, so that it never stands in memory whole."""

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raises `TooLarge` where it is not worth reading on."""
        ...


class Bytes:
    """A sink that keeps the bytes, and no more of them than ``largest``."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.data = bytearray()

    def feed(self, piece: bytes) -> None:
        """Keep a piece; raises `TooLarge`."""
        if len(self.data) + len(piece) > self.largest:
            raise TooLarge(f"the answer is larger than {_size(self.largest)}")
        self.data += piece


def check_address(url: str, *, allow_private: bool) -> tuple[str, ...]:
    """Return the addresses of ``url``'s host, resolved once, or nothing where any is allowed.

    Raises `Forbidden` for plain http and for addresses that are not global, `Transient` for unknown
    hosts.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise Forbidden(f"{_shown(url)} is no web address; give one that begins with https://")
    if allow_private:
        return ()
    if parts.scheme != "https":
        raise Forbidden(
            f"{host} would be asked without encryption; use https://, or set network.allow_private"
        )
    addresses = _resolve(host, parts.port or 443)
    for address in addresses:
        if not is_global(address):
            raise Forbidden(
                f"{host} is at a private address; set network.allow_private if that is meant"
            )
    return addresses


def _resolve(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = f"no server is known by the name {host}; check the address"
        raise Transient(message) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _shown(url: str) -> str:
    return urlsplit(url).hostname or "the address"


class GuardedSession(niquests.Session):
    """An HTTP session that follows no redirect, limits time and size of answers, and counts.

    ``before`` is called before each request is sent. An answer goes to the sink that was expected
    for it; ``failure`` keeps the body of one that is no success. ``seconds`` limit a request from
    its first byte to the last of its answer.
    """

    def __init__(
        self,
        host: str,
        addresses: tuple[str, ...],
        before: Callable[[], None],
        seconds: float = 30,
    ) -> None:
        # the name is looked up once: a second answer could name a private address
        pinned = ",".join(f"{_ascii(host)}:{each}" for each in addresses)
        super().__init__(
            resolver=f"in-memory://default?hosts={pinned}" if pinned else None,
            disable_http3=True,
            pool_connections=1,
            pool_maxsize=1,
            revocation_configuration=None,
            allow_incoming_cookies=False,
        )
        for adapter in self.adapters.values():
            if isinstance(adapter, niquests.adapters.HTTPAdapter):
                adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
        self.trust_env = False
        self.requests = 0
        self.received = 0
        self.sink: Sink = Bytes(LARGEST_ANSWER)
        self.failure = b""
        self.whole = True
        self._before = before
        self._seconds = seconds
        self._socket: socket.socket | None = None

    @override
    def request(self, method: Any, url: Any, *args: Any, **named: Any) -> Any:
        """Send one request and feed its answer to ``sink``."""
        self._before()
        self.requests += 1
        self.failure, self.whole = b"", True
        named.update(allow_redirects=False, stream=True)
        session = _CURRENT.set(self)
        try:
            with WATCH.limit(self._seconds, self._cut) as deadline:
                try:
                    response: Any = super().request(method, url, *args, **named)
                    self._read(response)
                except Exception as error:
                    if deadline.passed:
                        raise niquests.exceptions.ReadTimeout from error
                    raise
        finally:
            _CURRENT.reset(session)
        # what the library would parse is parsed by the sink, in pieces; only failures are small
        response._content = self.failure  # noqa: SLF001 - read here, to bound it
        # the library logs bodies that it takes for broken XML; people's texts stand in them
        response.headers["Content-Type"] = "application/octet-stream"
        return response

    @override
    def close(self) -> None:
        super().close()
        self.noted(None)

    def hang_up(self) -> None:
        """Close the kept connection; the next request opens another one."""
        for adapter in self.adapters.values():
            adapter.close()
        self.noted(None)

    def noted(self, opened: socket.socket | None) -> None:
        """Remember the connection in use, to cut it when its time is over."""
        if self._socket is not None:
            self._socket.close()
        # a copy of the handle: TLS takes the socket itself away
        self._socket = None if opened is None else opened.dup()

    def again(self) -> None:
        """Count a request that authentication repeats."""
        self._before()
        self.requests += 1

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self, response: Any) -> None:
        headers = response.headers
        try:
            failed = response.status_code >= FAILED
            packed = headers.get("Content-Encoding", "identity").lower()
            if packed not in ENCODINGS:
                raise TooLarge("the answer is packed in a way that was not asked for")
            bounded = "Content-Length" in headers or "Transfer-Encoding" in headers
            self.whole = bounded or response.raw.version >= HTTP_2
            size = 0
            for piece in response.iter_content(CHUNK):
                size += len(piece)
                self.received += len(piece)
                if failed:
                    self.failure += piece[: LARGEST_FAILURE - len(self.failure)]
                    if size > LARGEST_FAILURE:
                        return
                elif size > LARGEST_ANSWER:
                    raise TooLarge(f"the answer is larger than {_size(LARGEST_ANSWER)}")
                else:
                    self.sink.feed(piece)
        finally:
            response.close()


HTTP_2 = 20
UNAUTHORIZED = 401

_CURRENT: ContextVar[GuardedSession] = ContextVar("session")


class Digest(niquests.auth.HTTPDigestAuth):
    """Digest authentication that does not read the body of a challenge, however large it is."""

    @override
    def handle_401(self, r: Any, **kwargs: Any) -> Any:
        """Answer a challenge."""
        if r.status_code == UNAUTHORIZED:
            r._content, r._content_consumed = b"", True  # noqa: SLF001 - else it is read whole
            _CURRENT.get().again()
        return super().handle_401(r, **kwargs)  # type: ignore[no-untyped-call]


class _Connection(urllib3.connection.HTTPConnection):
    @override
    def _new_conn(self) -> socket.socket:
        opened: socket.socket = super()._new_conn()
        _CURRENT.get().noted(opened)
        return opened


class _SafeConnection(urllib3.connection.HTTPSConnection):
    @override
    def _new_conn(self) -> socket.socket:
        opened: socket.socket = super()._new_conn()
        _CURRENT.get().noted(opened)
        return opened


# sessions stay open between polls: no thread each to watch a line on which nothing is said
_UNWATCHED = {"background_watch_delay": None}


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **{**named, **_UNWATCHED})


class _SafePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SafeConnection

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **{**named, **_UNWATCHED})


def _ascii(host: str) -> str:
    return host.encode("idna").decode()


def _size(number: int) -> str:
    return f"{number // 1_000_000} MB" if number >= 1_000_000 else f"{number // 1_000} KB"  # noqa: PLR2004 - a megabyte
