"""Where Microsoft is.

The public cloud, a national one, or a test server: what the section ``[outlook]`` names (wire rule
M29: tokens of one cloud open no other).
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from calwarden.sdk.addresses import is_global
from calwarden.sdk.errors import Rejected

GRAPH_ROOT = "https://graph.microsoft.com/v1.0"
AUTHORITY = "https://login.microsoftonline.com/common"
SIGN_IN = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoft.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)
"""Microsoft's own sign-in services: there, and only there, is an authority checked with them."""

GRAPHS = frozenset(
    {
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    }
)
PUBLIC = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The section ``[outlook]`` of the configuration."""

    graph_root: str = GRAPH_ROOT
    authority: str = AUTHORITY
    client_id: str = ""
    client_secret: str = ""
    certificate_file: str = ""
    ca_file: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, allow_private: bool) -> "Endpoints":
        """Read the settings.

        Raises `Rejected` for plain http or a private address that was not allowed.
        """
        names = (
            "graph_root",
            "authority",
            "client_id",
            "client_secret",
            "certificate_file",
            "ca_file",
        )
        chosen = {name: str(settings[name]) for name in names if settings.get(name)}
        for name in ("graph_root", "authority"):
            if name in chosen:
                chosen[name] = chosen[name].rstrip("/")
        found = cls(**chosen)
        for name, known in (("graph_root", GRAPHS), ("authority", SIGN_IN)):
            _refuse_unsafe(name, getattr(found, name), known, allow_private=allow_private)
        return found

    @property
    def origin(self) -> str:
        """Scheme and host of Graph: in whose name permissions are asked for."""
        parts = urlsplit(self.graph_root)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def known_authority(self) -> bool:
        """Whether Microsoft itself can say that the authority is one of its own."""
        return urlsplit(self.authority).hostname in SIGN_IN

    @property
    def resources(self) -> tuple[str, ...]:
        """In whose name the application asks for itself: Graph where it is, else by its name.

        A test server may know Graph by its public name only.
        """
        return (self.origin,) if self.known_authority else (self.origin, PUBLIC)

    def scopes(self, *names: str) -> list[str]:
        """Return delegated permissions as the cloud knows them."""
        national = self.origin.removeprefix("https://") in GRAPHS and self.origin != PUBLIC
        return [f"{self.origin}/{name}" if national else name for name in names]

    def demand_client(self) -> None:
        """Raise `Rejected` where no application is named to sign in with."""
        if not self.client_id:
            raise Rejected(
                "[outlook] client_id is not set; register an application in the Entra admin "
                "center, as the guide on Outlook says"
            )


def _refuse_unsafe(name: str, address: str, known: frozenset[str], *, allow_private: bool) -> None:
    parts = urlsplit(address)
    problem = ""
    # the sign-in library takes no plain http, whatever is allowed
    if parts.scheme != "https" or not parts.hostname:
        problem = "is not an https address"
    elif allow_private or parts.hostname in known:
        return
    elif not all(map(is_global, _addresses(parts.hostname))):
        problem = "names a private address; set [network] allow_private = true if that is meant"
    if problem:
        raise Rejected(f"[outlook] {name} {problem}; correct it")


@lru_cache(maxsize=64)
def _addresses(host: str) -> tuple[str, ...]:
    try:
        return tuple(str(found[4][0]) for found in socket.getaddrinfo(host, None))
    except OSError:
        return ()  # a name that nobody knows cannot be connected to either
