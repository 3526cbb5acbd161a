"""Where Google is.

Its public addresses, or those that the configuration names (national networks, test servers).
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from calwarden.sdk.addresses import is_global
from calwarden.sdk.errors import Rejected

API_ROOT = "https://www.googleapis.com/calendar/v3/"
AUTH_URI = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, not a secret


GOOGLE = frozenset(str(urlsplit(address).hostname) for address in (API_ROOT, AUTH_URI, TOKEN_URI))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The section ``[google]`` of the configuration."""

    api_root: str = API_ROOT
    auth_uri: str = AUTH_URI
    token_uri: str = TOKEN_URI
    client_id: str = ""
    client_secret: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, allow_private: bool) -> "Endpoints":
        """Read the settings.

        Raises `Rejected` for plain http or a private address that was not allowed.
        """
        chosen = {
            name: str(settings[name])
            for name in ("api_root", "auth_uri", "token_uri", "client_id", "client_secret")
            if settings.get(name)
        }
        found = cls(**chosen)
        if not allow_private:
            for name in ("api_root", "auth_uri", "token_uri"):
                _refuse_unsafe(name, getattr(found, name))
        return found


def _refuse_unsafe(name: str, address: str) -> None:
    parts = urlsplit(address)
    problem = ""
    if parts.scheme != "https" or not parts.hostname:
        problem = "is not an https address"
    elif parts.hostname not in GOOGLE and not all(map(is_global, _addresses(parts.hostname))):
        problem = "names a private address"
    if problem:
        raise Rejected(
            f"[google] {name} {problem}; correct it, or set [network] allow_private = true"
        )


@lru_cache(maxsize=64)
def _addresses(host: str) -> tuple[str, ...]:
    try:
        return tuple(str(found[4][0]) for found in socket.getaddrinfo(host, None))
    except OSError:
        return ()  # a name that nobody knows cannot be connected to either
