"""What sign-in hands out: grants, callers, identity tokens, challenges."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import jwt

from calwarden.testing.emulators.graph_state import Account

ACCESS = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"
SIGNING_KEY = "the emulator's own key, which no client checks" * 2


class TokenError(Exception):
    """The token endpoint refuses; ``error`` is its OAuth code, the AADSTS number says why."""

    def __init__(
        self,
        error: str,
        description: str = "",
        *,
        status: int = 400,
        codes: list[int] | None = None,
        mistake: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(f"{error} {description}")
        self.status = status
        self.mistake = mistake
        self.body = {
            "error": error,
            "error_description": description or error,
            "error_codes": codes or [],
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
            "trace_id": "00000000-0000-0000-0000-000000000000",
            "correlation_id": "00000000-0000-0000-0000-000000000000",
            **more,
        }


@dataclass(frozen=True)
class Caller:
    """Who asks: a person (or no one: app-only), through which app, with which permissions."""

    email: str
    app: str
    scopes: frozenset[str]
    claims: dict[str, Any] | None = None
    mailboxes: frozenset[str] | None = None


@dataclass
class Grant:
    """What a person granted to an app."""

    email: str
    app: str
    scopes: frozenset[str]
    offline: bool = False
    challenge: str = ""
    redirect: str = ""
    nonce: str | None = None
    claims: str | None = None
    parent: str | None = None

    def proves(self, verifier: str) -> bool:
        """Tell whether a PKCE verifier belongs to the challenge."""
        digest = hashlib.sha256(verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.challenge

    def child(self, parent: str, claims: str | None) -> "Grant":
        """Return what the next refresh token stands for."""
        return replace(self, parent=parent, claims=claims, nonce=None)


def names_of(scope: str) -> frozenset[str]:
    """Return permissions by their short names; a resource in front of one is cut off."""
    return frozenset(name.rsplit("/", 1)[-1] for name in scope.split())


def client_info(account: Account) -> str:
    """Return whom a token is for, as msal keys its cache by it."""
    told = json.dumps({"uid": account.id, "utid": account.tenant}).encode()
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def identity(account: Account, app: str, nonce: str | None) -> str:
    """Return an ID token."""
    now = int(time.time())
    claims = {
        "aud": app,
        "iss": f"https://login.microsoftonline.com/{account.tenant}/v2.0",
        "iat": now,
        "nbf": now - 300,
        "exp": now + 3600,
        "name": account.email,
        "oid": account.id,
        "preferred_username": account.email,
        "sub": f"pairwise-{account.id}",
        "tid": account.tenant,
        "ver": "2.0",
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return jwt.encode(claims, SIGNING_KEY, algorithm="HS256")


def challenge_of(claims: dict[str, Any]) -> str:
    """Return a WWW-Authenticate header that asks for claims."""
    told = base64.b64encode(json.dumps(claims).encode()).decode()
    return (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/'
        f'authorize", error="insufficient_claims", claims="{told}"'
    )
