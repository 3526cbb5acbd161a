"""The access token of one link: a kept one while it is good, else a new one.

Credentials are JSON values that are sealed. ``user``: msal's cache with a person's grant. ``app``:
a mailbox that the application opens by itself, with the secret or certificate of the configuration.
A good access token is kept beside either for the next process.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from calwarden.sdk.connector import Context, Credential
from calwarden.sdk.errors import NeedsAuth
from calwarden_outlook.connections import KEPT
from calwarden_outlook.endpoints import Endpoints
from calwarden_outlook.identity import READ, READ_WRITE, Entra

USER = "user"
APP = "app"
SPARE = 120.0
"""Seconds before its end from which an access token is not used any more."""


def user_credential(cache: str, account: str, permission: str) -> dict[str, Any]:
    """Return the credential of a person's grant."""
    return {"type": USER, "cache": cache, "account": account, "permission": permission}


def app_credential(mailbox: str) -> dict[str, Any]:
    """Return the credential of a mailbox that the application opens by itself."""
    return {"type": APP, "account": mailbox}


def with_token(credential: Credential, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a credential with the access token that an answer of msal holds."""
    life = float(answer.get("expires_in") or 0)
    return {
        **credential,
        "access_token": answer["access_token"],
        "expires_at": time.time() + life,
    }


def mailbox_of(credential: Credential) -> str:
    """Return the path of the mailbox that a credential opens."""
    if credential.get("type") == APP:
        return f"users/{quote(str(credential['account']), safe='@')}"
    return "me"


class Tokens:
    """Hands out the access token of one link."""

    def __init__(self, credential: Credential, endpoints: Endpoints, context: Context) -> None:
        if credential.get("type") not in {USER, APP}:
            raise NeedsAuth(
                "Outlook calendar: the stored credential is none of ours; link the calendar again"
            )
        self.credential = credential
        self._endpoints = endpoints
        self._context = context

    def current(self) -> str:
        """Return a token that is good for a while; raises `RemoteError`."""
        token = self.credential.get("access_token")
        if token and float(self.credential.get("expires_at") or 0) - SPARE > time.time():
            return str(token)
        return self.renew()

    def renew(self, claims: str | None = None) -> str:
        """Return a new token, one that meets a challenge where ``claims`` are named.

        Raises `RemoteError`.
        """
        session = KEPT.lend(self._endpoints.ca_file)
        try:
            entra = Entra(self._endpoints, session, self._context.timeout)
            if self.credential["type"] == APP:
                self.credential = with_token(self.credential, entra.application(claims))
            else:
                self.credential = self._renewed(entra, claims)
        finally:
            KEPT.take_back(session, self._endpoints.ca_file)
        self._context.save_credential(self.credential)
        return str(self.credential["access_token"])

    def _renewed(self, entra: Entra, claims: str | None) -> dict[str, Any]:
        person = entra.person(str(self.credential.get("cache") or ""))
        permission = str(self.credential.get("permission") or READ_WRITE)
        answer = person.renewed(self._endpoints.scopes(permission), claims)
        credential = with_token(self.credential, answer)
        return {**credential, "cache": person.serialised()} if person.changed else credential


__all__ = [
    "APP",
    "READ",
    "READ_WRITE",
    "USER",
    "Tokens",
    "app_credential",
    "mailbox_of",
    "user_credential",
    "with_token",
]
