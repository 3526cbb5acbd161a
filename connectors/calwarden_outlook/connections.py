"""Connections kept between polls: a sign-on to TLS costs more than a quiet look.

A session is lent to one connector at a time. It holds no account's secret and no cookie: tokens go
into each request.
"""

import ssl
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override

from calwarden.sdk.errors import Rejected
from calwarden.sdk.pool import Pool


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


KEPT: Pool[str, requests.Session] = Pool(opened)
"""The process's own, by the certificate authority that they trust."""
