"""The v2.0 endpoints of Microsoft Entra: consent with PKCE, device code, app-only (M30)."""

import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from calwarden.testing.emulators.graph_apps import App
from calwarden.testing.emulators.graph_errors import ApiError
from calwarden.testing.emulators.graph_grants import (
    ACCESS,
    Caller,
    Grant,
    TokenError,
    challenge_of,
    client_info,
    identity,
    names_of,
)
from calwarden.testing.emulators.graph_state import State

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
LIFE = 3600
SECRET = "app-secret"  # noqa: S105 - everybody may know it
AUTH_PARAMETERS = {
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "login_hint",
    "domain_hint",
    "claims",
    "client_info",
    "client-request-id",
}
TELEMETRY = {
    "client_info",
    "claims",
    "client-request-id",
    "x-client-sku",
    "x-client-ver",
    "x-client-os",
    "x-client-cpu",
}


@dataclass
class Device:
    """One device code, and whether somebody has typed it in."""

    grant: Grant
    expires: float
    state: str = "authorization_pending"
    polled: float = 0.0


@dataclass
class Consent:
    """How the person at the browser answers, and whom the browser has signed in."""

    email: str = ""
    denies: bool = False
    unticks: frozenset[str] = frozenset()
    admin_needed: bool = False


class SignIn:
    """The authorization and token endpoints of every tenant."""

    def __init__(self, state: State) -> None:
        self.state = state
        app = App(id="6a1f1f0e-5a3b-4a55-9d4e-0d1f2c3b4a59", secret=SECRET)
        self.apps = {app.id: app}
        self.consent = Consent()
        self.codes: dict[str, Grant] = {}
        self.devices: dict[str, Device] = {}
        self.refreshes: dict[str, Grant] = {}
        self.accesses: dict[str, tuple[Caller, float]] = {}
        self.demands: dict[str, dict[str, Any]] = {}
        self.interactive: set[str] = set()
        self.life = LIFE
        self.interval = 1
        self.token_requests = 0
        self.grants: dict[str, Callable[[App, Mapping[str, str]], Grant]] = {
            "authorization_code": self._code,
            "refresh_token": self._refresh,
            DEVICE: self._device,
        }

    @property
    def app(self) -> App:
        """The app that the settings name."""
        return next(iter(self.apps.values()))

    def authorize(self, query: Mapping[str, str]) -> dict[str, str]:
        """Answer the consent page: what the browser takes to the redirect URI.

        Raises `TokenError` to show a page.
        """
        unknown = query.keys() - AUTH_PARAMETERS - TELEMETRY
        if unknown or query.get("response_type") != "code" or not query.get("scope"):
            raise TokenError("invalid_request", f"AADSTS900144: {sorted(unknown)}", mistake=True)
        app = self._app(query)
        redirect = query.get("redirect_uri", "")
        if not app.redirects_to(redirect):
            raise TokenError("invalid_request", "AADSTS50011: redirect URI", mistake=True)
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise TokenError("invalid_request", "AADSTS501481: PKCE with S256", mistake=True)
        answer = {"state": query["state"]} if "state" in query else {}
        if self.consent.denies:
            why = "AADSTS65004: the person declined to consent"
            return {**answer, "error": "access_denied", "error_description": why}
        if self.consent.admin_needed:
            why = "AADSTS90094: an administrator has to consent"
            return {**answer, "error": "consent_required", "error_description": why}
        grant = self._granted(app, query["scope"], query.get("login_hint"))
        grant.challenge = query["code_challenge"]
        grant.redirect = redirect
        grant.nonce = query.get("nonce")
        grant.claims = query.get("claims")
        code = f"1.{secrets.token_urlsafe(40)}"
        self.codes[code] = grant
        return {**answer, "code": code, "session_state": str(uuid.uuid4())}

    def device_code(self, form: Mapping[str, str], root: str) -> dict[str, Any]:
        """Begin a sign-in on another device."""
        app = self._app(form)
        if not app.public:
            raise TokenError("invalid_client", "AADSTS7000218: not a public client", status=401)
        code, typed = secrets.token_urlsafe(40), secrets.token_hex(4).upper()
        grant = self._granted(app, form.get("scope", ""), None)
        self.devices[code] = Device(grant=grant, expires=time.time() + 900)
        where = f"{root}/common/oauth2/deviceauth"
        return {
            "user_code": typed,
            "device_code": code,
            "verification_uri": where,
            "expires_in": 900,
            "interval": self.interval,
            "message": f"To sign in, open {where} and enter the code {typed} to authenticate.",
        }

    def answer_devices(self, email: str | None, error: str = "authorization_declined") -> None:
        """Type in every open device code as ``email``, or decline (None)."""
        for device in self.devices.values():
            device.state = "granted" if email else error
            device.grant.email = email or device.grant.email

    def token(self, tenant: str, form: Mapping[str, str], endpoint: str) -> dict[str, Any]:
        """Answer the token endpoint; raises `TokenError`."""
        self.token_requests += 1
        app = self._app(form)
        kind = form.get("grant_type", "")
        app.authenticate(form, endpoint, required=kind == "client_credentials")
        if kind == "client_credentials":
            return self._app_only(app, tenant, form)
        if kind not in self.grants:
            raise TokenError("unsupported_grant_type", "AADSTS70003", mistake=True)
        grant = self.grants[kind](app, form)
        account = self.state.accounts[grant.email]
        kind_of = "consumers" if account.personal else "organizations"
        if tenant not in {"common", account.tenant, kind_of}:
            raise TokenError("invalid_grant", "AADSTS50020: no account of this tenant")
        return self._issued(app, grant, form)

    def caller(self, header: str | None) -> Caller:
        """Return who sends a request; raises `ApiError` 401, with claims to be met if any."""
        kind, _, token = (header or "").partition(" ")
        caller, expires = self.accesses.get(token, (None, 0.0))
        if kind != "Bearer" or caller is None or expires <= time.time():
            raise ApiError(401, "InvalidAuthenticationToken")
        demanded = self.demands.get(caller.email or caller.app)
        if demanded is not None and caller.claims != demanded:
            raise ApiError(
                401,
                "InvalidAuthenticationToken",
                "Continuous access evaluation resulted in challenge with result: "
                "InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
                headers={"WWW-Authenticate": challenge_of(demanded)},
            )
        return caller

    def access_of(self, email: str, *scopes: str) -> str:
        """Return an access token as a finished consent leaves it."""
        return self._access(Caller(email=email, app=self.app.id, scopes=frozenset(scopes)))

    def refresh_of(self, email: str, *scopes: str) -> str:
        """Return a refresh token as a finished consent leaves it."""
        grant = self._granted(self.app, " ".join([*scopes, "offline_access"]), email)
        return self._remember(grant)

    def revoke(self, email: str, *, access: bool = True) -> None:
        """Take back what a person granted; ``access``: the tokens in use die too."""
        self.refreshes = {key: one for key, one in self.refreshes.items() if one.email != email}
        if access:
            self.accesses = {
                key: kept for key, kept in self.accesses.items() if kept[0].email != email
            }

    def demand(self, who: str, claims: dict[str, Any] | None, *, interactive: bool = False) -> None:
        """Ask for claims from now on (M30); ``interactive``: only a new sign-in can meet them."""
        if claims is None:
            self.demands.pop(who, None)
        else:
            self.demands[who] = claims
        (self.interactive.add if interactive else self.interactive.discard)(who)

    def expire(self) -> None:
        """Let every access token run out now."""
        self.accesses.clear()

    def add_certificate(self, certificate: x509.Certificate) -> None:
        """Register a certificate of the app."""
        self.app.certificates[certificate.fingerprint(hashes.SHA256()).hex()] = certificate

    def _app(self, form: Mapping[str, str]) -> App:
        app = self.apps.get(form.get("client_id", ""))
        if app is None:
            raise TokenError("unauthorized_client", "AADSTS700016: no such application")
        return app

    def _granted(self, app: App, scope: str, email: str | None) -> Grant:
        names = names_of(scope)
        email = email or self.consent.email or next(iter(self.state.accounts))
        if email not in self.state.accounts:
            raise TokenError("invalid_request", "AADSTS50034: no such account")
        return Grant(
            email=email,
            app=app.id,
            scopes=names - self.consent.unticks,
            offline="offline_access" in names,
        )

    def _app_only(self, app: App, tenant: str, form: Mapping[str, str]) -> dict[str, Any]:
        if tenant in {"common", "consumers"}:
            raise TokenError("invalid_request", "AADSTS53003: a tenant is to be named")
        if names_of(form.get("scope", "")) != {".default"}:
            raise TokenError("invalid_scope", "AADSTS1002012: ask for .default", mistake=True)
        caller = Caller(
            email="",
            app=app.id,
            scopes=app.application_permissions,
            claims=_claims(form),
            mailboxes=frozenset(app.mailboxes) if app.mailboxes is not None else None,
        )
        return {
            "token_type": "Bearer",
            "expires_in": self.life,
            "ext_expires_in": self.life,
            "access_token": self._access(caller),
        }

    def _code(self, app: App, form: Mapping[str, str]) -> Grant:
        grant = self.codes.pop(form.get("code", ""), None)
        if grant is None or grant.app != app.id or not grant.proves(form.get("code_verifier", "")):
            raise TokenError("invalid_grant", "AADSTS54005: code was redeemed or is wrong")
        if grant.redirect != form.get("redirect_uri"):
            raise TokenError("invalid_client", "AADSTS500112: redirect URI", mistake=True)
        grant.claims = form.get("claims") or grant.claims
        return grant

    def _device(self, app: App, form: Mapping[str, str]) -> Grant:
        device = self.devices.get(form.get("device_code", ""))
        if device is None or device.grant.app != app.id:
            raise TokenError("bad_verification_code", "AADSTS90016", mistake=True)
        since, device.polled = time.time() - device.polled, time.time()
        if device.expires <= time.time():
            raise TokenError("expired_token", "AADSTS70020: the code has expired")
        if device.state != "granted":
            raise TokenError(device.state, "AADSTS70016: OAuth 2.0 device flow error")
        if since < self.interval * 0.5:
            raise TokenError("slow_down", "AADSTS70043")
        del self.devices[form["device_code"]]
        return device.grant

    def _refresh(self, app: App, form: Mapping[str, str]) -> Grant:
        text = form.get("refresh_token", "")
        grant = self.refreshes.get(text)
        if grant is None or grant.app != app.id:
            why = "AADSTS65001: The user or administrator has not consented to use the application"
            raise TokenError("invalid_grant", why, codes=[65001], suberror="consent_required")
        if grant.email in self.interactive:
            raise TokenError(
                "interaction_required",
                "AADSTS50076: you must use multi-factor authentication",
                codes=[50076],
                suberror="basic_action",
                claims=json.dumps(self.demands.get(grant.email, {})),
            )
        asked = names_of(form.get("scope", "")) - {"openid", "profile", "offline_access"}
        if not asked - {".default"} <= grant.scopes:
            raise TokenError("invalid_grant", "AADSTS65001", codes=[65001])
        how = self.state.rules.refresh_tokens
        if how == "old dies at once":
            del self.refreshes[text]
        elif how == "old dies when new is used" and grant.parent:
            self.refreshes.pop(grant.parent, None)
        return grant.child(text, form.get("claims"))

    def _remember(self, grant: Grant) -> str:
        refresh = f"1.AX{secrets.token_urlsafe(60)}"
        self.refreshes[refresh] = grant
        return refresh

    def _access(self, caller: Caller) -> str:
        token = f"{ACCESS}.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(24)}"
        self.accesses[token] = (caller, time.time() + self.life)
        return token

    def _issued(self, app: App, grant: Grant, form: Mapping[str, str]) -> dict[str, Any]:
        account = self.state.accounts[grant.email]
        caller = Caller(
            email=grant.email,
            app=app.id,
            scopes=grant.scopes,
            claims=_claims({"claims": grant.claims}),
        )
        shown = sorted(grant.scopes - {"offline_access"})
        reply = {
            "token_type": "Bearer",
            "scope": " ".join(
                name if name in {"openid", "profile"} else f"https://graph.microsoft.com/{name}"
                for name in shown
            ),
            "expires_in": self.life,
            "ext_expires_in": self.life,
            "access_token": self._access(caller),
            "client_info": client_info(account),
        }
        if grant.offline:
            reply["refresh_token"] = self._remember(grant)
        if "openid" in grant.scopes:
            reply["id_token"] = identity(account, app.id, grant.nonce)
        return reply


def _claims(form: Mapping[str, Any]) -> dict[str, Any] | None:
    if not form.get("claims"):
        return None
    try:
        asked = json.loads(form["claims"])
    except ValueError as error:
        raise TokenError("invalid_request", "AADSTS9002332: claims", mistake=True) from error
    told = {key: value for key, value in asked.get("access_token", {}).items() if key != "xms_cc"}
    return {"access_token": told} if told else None
