"""What stands between us and a stranger's server: addresses, redirects and the size of answers."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import niquests
from typing_extensions import override

from calwarden.sdk.errors import Rejected, Transient

LARGEST_ANSWER = 32_000_000
"""Bytes of an answer beyond which it is not read."""

CHUNK = 65_536


class TooLarge(Exception):
    """An answer is larger than `LARGEST_ANSWER`, or compressed though nobody asked for it."""


def check_address(url: str, *, allow_private: bool) -> tuple[str, ...]:
    """Return the addresses of ``url``'s host, resolved once, or nothing where any is allowed.

    Raises `Rejected` for plain http and for addresses that are not global, `Transient` for unknown
    hosts.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise Rejected(f"{_shown(url)} is no web address; give one that begins with https://")
    if allow_private:
        return ()
    if parts.scheme != "https":
        raise Rejected(
            f"{host} would be asked without encryption; use https://, or set network.allow_private"
        )
    addresses = _resolve(host, parts.port or 443)
    for address in addresses:
        if not _is_global(address):
            raise Rejected(
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


def _is_global(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if carried is not None:
            ip = carried
    return ip.is_global and not ip.is_multicast


def _shown(url: str) -> str:
    return urlsplit(url).hostname or "the address"


class GuardedSession(niquests.Session):
    """An HTTP session that follows no redirect, reads no more than `LARGEST_ANSWER` and counts.

    ``before`` is called before each request is sent. The last answer's body is kept in ``body``, as
    bytes.
    """

    def __init__(self, host: str, addresses: tuple[str, ...], before: Callable[[], None]) -> None:
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
        self.trust_env = False
        self.requests = 0
        self.body = b""
        self._before = before

    @override
    def request(self, method: Any, url: Any, *args: Any, **named: Any) -> Any:
        """Send one request and read its answer whole."""
        self._before()
        self.requests += 1
        self.body = b""
        named.update(allow_redirects=False, stream=True)
        response: Any = super().request(method, url, *args, **named)
        try:
            self.body = _read(response)
        finally:
            response.close()
        response._content = self.body  # noqa: SLF001 - read here, in pieces, to bound it
        # the library logs bodies that it takes for broken XML; people's texts stand in them
        response.headers["Content-Type"] = "application/octet-stream"
        return response


def _ascii(host: str) -> str:
    return host.encode("idna").decode()


def _read(response: Any) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise TooLarge("the answer is compressed, which was not asked for")
    pieces, size = [], 0
    for piece in response.iter_content(CHUNK):
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise TooLarge(f"the answer is larger than {LARGEST_ANSWER // 1_000_000} MB")
        pieces.append(piece)
    return b"".join(pieces)
