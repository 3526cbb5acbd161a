"""Connections kept between polls: a sign-on to TLS costs more than a quiet look.

A session is lent to one connector at a time. It holds no account's secret and no cookie: tokens go
into each request.
"""

import atexit
import ssl
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override

from calwarden.sdk.errors import Rejected

MOST_IDLE = 32


class Trusting(HTTPAdapter):
    """Trusts a certificate authority of the installation besides the system's."""

    def __init__(self, ca_file: str) -> None:
        self._context = ssl.create_default_context()
        self._context.load_verify_locations(cafile=ca_file)
        super().__init__()

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)


class Pool:
    """Idle sessions by the certificate authority that they trust, the last used first."""

    def __init__(self, most: int = MOST_IDLE) -> None:
        self._most = most
        self._idle: list[tuple[str, requests.Session]] = []
        self._lock = threading.Lock()

    def lend(self, ca_file: str) -> requests.Session:
        """Return a session that nobody else uses; raises `Rejected` for a file that is no CA."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][0] == ca_file:
                    return self._idle.pop(place)[1]
        return opened(ca_file)

    def take_back(self, session: requests.Session, ca_file: str) -> None:
        """Keep a session for the next, or close it where there are enough."""
        with self._lock:
            if len(self._idle) < self._most:
                self._idle.append((ca_file, session))
                return
        session.close()

    def close(self) -> None:
        """Close every idle session."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, session in idle:
            session.close()


KEPT = Pool()
"""The process's own."""

atexit.register(KEPT.close)


def opened(ca_file: str) -> requests.Session:
    """Return a new session that trusts ``ca_file`` besides the system's authorities."""
    session = requests.Session()
    # the environment is asked once, not before each request: proxies and certificates of its own
    settings = session.merge_environment_settings(
        "https://graph.microsoft.com", {}, None, None, None
    )
    session.proxies.update(settings["proxies"])
    session.verify = settings["verify"]
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    if ca_file:
        try:
            session.mount("https://", Trusting(ca_file))
        except OSError as error:  # what is no certificate is an ssl.SSLError, and that is one
            raise Rejected(
                f"[outlook] ca_file {ca_file} cannot be read as a certificate authority; correct it"
            ) from error
    return session
