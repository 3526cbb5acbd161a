"""Sign-in: consent with PKCE, refresh, service accounts with a subject, revocation (G28, G31)."""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from calwarden.testing.emulators.google_api import Caller
from calwarden.testing.emulators.google_errors import ApiError
from calwarden.testing.emulators.google_state import State

AUTH_PARAMETERS = {
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "access_type",
    "prompt",
    "login_hint",
    "include_granted_scopes",
}
GRANTS = {
    "authorization_code": {"client_id", "client_secret", "code", "redirect_uri", "code_verifier"},
    "refresh_token": {"client_id", "client_secret", "refresh_token", "scope"},
    "urn:ietf:params:oauth:grant-type:jwt-bearer": {"assertion"},
}
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
LIFE = 3600
PUBLIC = "https://oauth2.googleapis.com/token"
"""What google-auth names as the audience, wherever the token is asked for."""


class TokenError(Exception):
    """The token endpoint refuses; ``error`` is its OAuth code."""

    def __init__(self, error: str, description: str = "", *, status: int = 400) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description or error}


@dataclass
class Grant:
    """What a person granted to a client."""

    email: str
    client: str
    scopes: frozenset[str]
    challenge: str = ""
    redirect: str = ""
    offline: bool = False


@dataclass
class ServiceAccount:
    """A service account and the scopes it may use in the name of people of its domain."""

    email: str
    key: rsa.RSAPrivateKey
    delegated: frozenset[str] = frozenset()


@dataclass
class Access:
    """An access token that was issued."""

    caller: Caller
    expires: float


@dataclass
class Consent:
    """How the person at the browser answers, and whom the browser has signed in."""

    email: str = ""
    denies: bool = False
    unticks: frozenset[str] = field(default_factory=frozenset)


class SignIn:
    """The authorization and token endpoints."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.clients = {"client-1.apps.googleusercontent.com": "client-secret"}
        self.consent = Consent()
        self.services: dict[str, ServiceAccount] = {}
        self.codes: dict[str, Grant] = {}
        self.refreshes: dict[str, Grant] = {}
        self.accesses: dict[str, Access] = {}
        self.life = LIFE
        self.token_requests = 0

    def authorize(self, query: Mapping[str, str]) -> str:
        """Answer the consent page: the address to redirect the browser to.

        Raises `TokenError` to show a page.
        """
        unknown = query.keys() - AUTH_PARAMETERS
        redirect = query.get("redirect_uri", "")
        if (
            unknown
            or query.get("client_id") not in self.clients
            or query.get("response_type") != "code"
        ):
            raise TokenError("invalid_request", f"unknown: {sorted(unknown)}")
        if urlsplit(redirect).hostname not in LOOPBACK or urlsplit(redirect).scheme != "http":
            raise TokenError("redirect_uri_mismatch")
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise TokenError("invalid_request", "PKCE with S256 is asked of installed applications")
        answer = {"state": query["state"]} if "state" in query else {}
        if self.consent.denies:
            return f"{redirect}?{urlencode({**answer, 'error': 'access_denied'})}"
        email = query.get("login_hint") or self.consent.email or next(iter(self.state.accounts))
        code = f"4/{secrets.token_urlsafe(24)}"
        scopes = frozenset(query["scope"].split()) - self.consent.unticks
        self.codes[code] = Grant(
            email=email,
            client=query["client_id"],
            scopes=scopes,
            challenge=query["code_challenge"],
            redirect=redirect,
            offline=query.get("access_type") == "offline",
        )
        return (
            f"{redirect}?{urlencode({**answer, 'code': code, 'scope': ' '.join(sorted(scopes))})}"
        )

    def token(self, form: Mapping[str, str], endpoint: str) -> dict[str, Any]:
        """Answer the token endpoint; raises `TokenError`."""
        self.token_requests += 1
        kind = form.get("grant_type", "")
        if kind not in GRANTS:
            raise TokenError("unsupported_grant_type")
        unknown = form.keys() - GRANTS[kind] - {"grant_type"}
        if unknown:
            raise TokenError("invalid_request", f"unknown: {sorted(unknown)}")
        if kind == "authorization_code":
            return self._exchanged(form)
        if kind == "refresh_token":
            return self._refreshed(form)
        return self._asserted(form["assertion"], endpoint)

    def caller(self, header: str | None) -> Caller:
        """Return who sends a request; raises `ApiError` 401."""
        kind, _, token = (header or "").partition(" ")
        access = self.accesses.get(token) if kind == "Bearer" else None
        if access is None or access.expires <= time.time():
            raise ApiError(401, "authError")
        return access.caller

    def grant(self, email: str, *scopes: str, client: str | None = None) -> dict[str, Any]:
        """Return an authorized-user file as `gcloud` or a finished consent leaves it."""
        client = client or next(iter(self.clients))
        refresh = f"1//{secrets.token_urlsafe(24)}"
        self.refreshes[refresh] = Grant(
            email=email, client=client, scopes=frozenset(scopes), offline=True
        )
        return {
            "type": "authorized_user",
            "client_id": client,
            "client_secret": self.clients[client],
            "refresh_token": refresh,
        }

    def revoke(self, email: str) -> None:
        """Take back everything that a person granted."""
        self.refreshes = {
            key: grant for key, grant in self.refreshes.items() if grant.email != email
        }
        self.accesses = {
            key: held for key, held in self.accesses.items() if held.caller.email != email
        }

    def expire(self) -> None:
        """Let every access token run out now."""
        self.accesses.clear()

    def add_service(self, *delegated: str, token_uri: str) -> dict[str, Any]:
        """Add a service account and return its key file."""
        email = f"robot-{len(self.services) + 1}@project.iam.gserviceaccount.com"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.services[email] = ServiceAccount(email=email, key=key, delegated=frozenset(delegated))
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "key-1",
            "private_key": pem.decode(),
            "client_email": email,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
        }

    def _client(self, form: Mapping[str, str]) -> str:
        client = form.get("client_id", "")
        if self.clients.get(client) != form.get("client_secret"):
            raise TokenError("invalid_client", "Unauthorized", status=401)
        return client

    def _exchanged(self, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._client(form)
        grant = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if grant is None or grant.client != client or grant.challenge != challenge:
            raise TokenError("invalid_grant", "Malformed auth code.")
        if grant.redirect != form.get("redirect_uri"):
            raise TokenError("redirect_uri_mismatch")
        reply = self._issued(grant)
        if grant.offline:
            refresh = f"1//{secrets.token_urlsafe(24)}"
            self.refreshes[refresh] = grant
            reply["refresh_token"] = refresh
        return reply

    def _refreshed(self, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._client(form)
        grant = self.refreshes.get(form.get("refresh_token", ""))
        if grant is None or grant.client != client:
            raise TokenError("invalid_grant", "Token has been expired or revoked.")
        return self._issued(grant)

    def _asserted(self, assertion: str, endpoint: str) -> dict[str, Any]:
        try:
            issuer = jwt.decode(assertion, options={"verify_signature": False})["iss"]
            service = self.services[issuer]
            claims = jwt.decode(
                assertion,
                service.key.public_key(),
                algorithms=["RS256"],
                audience=[endpoint, PUBLIC],
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise TokenError("invalid_grant", "Invalid JWT Signature.") from error
        scopes = frozenset(claims.get("scope", "").split())
        subject = claims.get("sub", issuer)
        if subject != issuer and not scopes <= service.delegated:
            raise TokenError("unauthorized_client", "Client is unauthorized.", status=401)
        if subject != issuer and subject not in self.state.accounts:
            raise TokenError("invalid_grant", "Invalid email or User ID")
        return self._issued(Grant(email=subject, client=issuer, scopes=scopes))

    def _issued(self, grant: Grant) -> dict[str, Any]:
        token = f"ya29.{secrets.token_urlsafe(32)}"
        caller = Caller(email=grant.email, scopes=grant.scopes, client=grant.client)
        self.accesses[token] = Access(caller=caller, expires=time.time() + self.life)
        return {
            "access_token": token,
            "expires_in": self.life,
            "token_type": "Bearer",
            "scope": " ".join(sorted(grant.scopes)),
        }
