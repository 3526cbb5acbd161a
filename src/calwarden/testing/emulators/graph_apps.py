"""App registrations, and how an app proves to the token endpoint that it is one (M28, M30)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from calwarden.testing.emulators.graph_grants import TokenError

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass
class App:
    """One app registration. ``mailboxes`` is what RBAC for Applications leaves (None: all)."""

    id: str
    secret: str | None
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)
    redirects: set[str] = field(default_factory=set)
    public: bool = True
    application_permissions: frozenset[str] = frozenset({"Calendars.ReadWrite"})
    mailboxes: set[str] | None = None

    def redirects_to(self, redirect: str) -> bool:
        """Tell whether a redirect URI is registered; any port of this machine is."""
        parts = urlsplit(redirect)
        loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
        return (loopback and self.public) or redirect in self.redirects

    def authenticate(self, form: Mapping[str, str], endpoint: str, *, required: bool) -> None:
        """Check a secret or an assertion; ``required``: only one of them will do."""
        if "client_secret" in form:
            if form["client_secret"] != self.secret:
                raise TokenError(
                    "invalid_client", "AADSTS7000215: Invalid client secret", status=401
                )
        elif "client_assertion" in form:
            self._check_assertion(form, endpoint)
        elif required or not self.public:
            raise TokenError(
                "invalid_client", "AADSTS7000218: client_secret is missing", status=401
            )

    def _check_assertion(self, form: Mapping[str, str], endpoint: str) -> None:
        try:
            header = jwt.get_unverified_header(form["client_assertion"])
            named = header.get("x5t#S256") or header.get("x5t") or ""
            raw = jwt.utils.base64url_decode(named.encode()).hex()
            certificate = next(
                one
                for key, one in self.certificates.items()
                if raw in {key, one.fingerprint(hashes.SHA1()).hex()}  # noqa: S303 - the old x5t is one
            )
            claims = jwt.decode(
                form["client_assertion"],
                cast("rsa.RSAPublicKey", certificate.public_key()),
                algorithms=["PS256", "RS256"],
                audience=endpoint,
                options={"require": ["exp", "jti", "sub", "iss"]},
            )
        except (jwt.PyJWTError, StopIteration, ValueError) as error:
            raise TokenError("invalid_client", f"AADSTS700027: {error}", status=401) from error
        if claims["iss"] != self.id or claims["sub"] != self.id:
            raise TokenError("invalid_client", "AADSTS700021: issuer or subject", mistake=True)
        if form.get("client_assertion_type") != ASSERTION:
            raise TokenError("invalid_request", "AADSTS70002", mistake=True)
