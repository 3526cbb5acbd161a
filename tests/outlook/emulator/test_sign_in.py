"""Sign-in behaves as Microsoft Entra is said to, asked by msal."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta

import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from calwarden.testing.emulators.graph_state import TENANT
from emulators.graph_client import PREFER, SCOPES, Client, consent, public_app, session

OWNER = "dana@harbor.example"
DEFAULT = ["https://graph.microsoft.com/.default"]


@pytest.fixture
def app(server) -> msal.PublicClientApplication:
    """msal, as an installed application."""
    return public_app(server)


def confidential(server, credential) -> msal.ConfidentialClientApplication:
    """msal, as a daemon of the tenant."""
    return msal.ConfidentialClientApplication(
        server.settings["client_id"],
        client_credential=credential,
        authority=f"{server.url}/{TENANT}",
        instance_discovery=False,
        http_client=session(server),
    )


def refreshed(app, **about) -> dict:
    """What the token endpoint says to the refresh token that msal holds."""
    return app.acquire_token_silent_with_error(
        SCOPES, app.get_accounts()[0], force_refresh=True, **about
    )


def test_a_consent_with_pkce_gives_tokens(server, app, client):
    """The token opens the mailbox of who consented."""
    told = consent(server, app)
    assert told["id_token_claims"]["preferred_username"] == OWNER
    client.sign_in(told["access_token"])
    assert client.ask("GET", "/me")["mail"] == OWNER


def test_a_refused_consent_says_why(server, app):
    """By the person, or because an administrator has to (OAuth error codes)."""
    server.sign_in.consent.denies = True
    assert consent(server, app)["error"] == "access_denied"
    server.sign_in.consent.denies = False
    server.sign_in.consent.admin_needed = True
    assert consent(server, app)["error"] == "consent_required"


def test_a_code_needs_its_verifier(server, app):
    """PKCE with S256, and each code once."""
    flow = app.initiate_auth_code_flow(
        SCOPES, redirect_uri="http://localhost:8400/", response_mode="form_post"
    )
    flow["code_verifier"] = "another" * 8
    page = session(server).get(flow["auth_uri"]).text
    code = page.split('name="code" value="')[1].split('"')[0]
    told = app.acquire_token_by_auth_code_flow(flow, {"code": code, "state": flow["state"]})
    assert told["error"] == "invalid_grant"


def test_a_permission_that_was_unticked_is_missing(server, app, client):
    """The mailbox refuses what was not granted."""
    server.sign_in.consent.unticks = frozenset({"Calendars.ReadWrite"})
    told = consent(server, app)
    client.sign_in(told["access_token"])
    assert client.error("GET", "/me/events", 403) == "ErrorAccessDenied"


@pytest.mark.parametrize(
    ("how", "lives"),
    [("old lives", True), ("old dies at once", False), ("old dies when new is used", True)],
)
def test_refresh_tokens_rotate(server, app, how, lives):
    """Whoever does not keep the new one may be left with a dead one."""
    server.rules.refresh_tokens = how
    consent(server, app)
    first = set(server.sign_in.refreshes)
    assert "access_token" in refreshed(app)
    assert set(server.sign_in.refreshes) > first or not lives
    assert (first <= set(server.sign_in.refreshes)) is lives
    assert "access_token" in refreshed(app)
    assert (first <= set(server.sign_in.refreshes)) is (how == "old lives")


def test_a_revoked_consent_is_an_invalid_grant(server, app, client):
    """The access tokens die with it."""
    client.sign_in(consent(server, app)["access_token"])
    server.sign_in.revoke(OWNER)
    assert client.error("GET", "/me", 401) == "InvalidAuthenticationToken"
    told = refreshed(app)
    assert (told["error"], told["error_codes"]) == ("invalid_grant", [65001])


def test_claims_are_asked_for_until_they_are_brought(server, app, client):
    """A challenge's claims go into the next token request (M30)."""
    client.sign_in(consent(server, app)["access_token"])
    wanted = {"access_token": {"nbf": {"essential": True, "value": "1700000000"}}}
    server.sign_in.demand(OWNER, wanted)
    answer = client.session.get(f"{client.root}/me")
    assert answer.status_code == 401
    told = answer.headers["WWW-Authenticate"].split('claims="')[1].rstrip('"')
    claims = base64.b64decode(told).decode()
    assert json.loads(claims) == wanted
    again = refreshed(app)
    client.sign_in(again["access_token"])
    assert client.error("GET", "/me", 401)
    client.sign_in(refreshed(app, claims_challenge=claims)["access_token"])
    assert client.ask("GET", "/me")["mail"] == OWNER


def test_claims_may_need_the_person(server, app):
    """No refresh meets them then."""
    consent(server, app)
    server.sign_in.demand(OWNER, {"access_token": {}}, interactive=True)
    assert refreshed(app)["error"] == "interaction_required"


def test_a_device_code_is_typed_in_elsewhere(server, app):
    """Pending until then; declined is told."""
    flow = app.initiate_device_flow(SCOPES)
    flow["expires_at"] = 0  # asks once
    assert app.acquire_token_by_device_flow(flow)["error"] == "authorization_pending"
    server.sign_in.answer_devices(None)
    assert app.acquire_token_by_device_flow(flow)["error"] == "authorization_declined"
    flow = app.initiate_device_flow(SCOPES)
    server.sign_in.answer_devices(OWNER)
    assert "refresh_token" in app.acquire_token_by_device_flow(flow)


def test_an_app_alone_names_the_user(server, client):
    """/me is for people; mailboxes outside its scope are closed (M28)."""
    server.add_account("lee@harbor.example")
    server.sign_in.app.mailboxes = {OWNER}
    told = confidential(server, "app-secret").acquire_token_for_client(DEFAULT)
    client.sign_in(told["access_token"])
    assert client.ask("GET", f"/users/{OWNER}/events")["value"] == []
    assert client.error("GET", "/users/lee@harbor.example/events", 403) == "ErrorAccessDenied"
    assert client.error("GET", "/me/events", 400) == "BadRequest"
    server.violations.clear()


def test_a_wrong_secret_is_refused(server):
    """401 invalid_client."""
    told = confidential(server, "guessed").acquire_token_for_client(DEFAULT)
    assert told["error"] == "invalid_client"


def certificate(key) -> x509.Certificate:
    """A certificate of an app."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "calwarden")])
    now = datetime.fromtimestamp(time.time(), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def test_an_assertion_is_checked_by_the_registered_certificate(server):
    """Signed by another key, it is refused."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    known = certificate(keys[0])
    server.sign_in.add_certificate(known)
    pem = known.public_bytes(serialization.Encoding.PEM).decode()
    told = []
    for key in keys:
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        app = confidential(server, {"private_key": private.decode(), "public_certificate": pem})
        told.append(app.acquire_token_for_client(DEFAULT))
    assert "access_token" in told[0]
    assert told[1]["error"] == "invalid_client"


def test_a_personal_account_signs_in_with_consumers(server):
    """A mailbox of no tenant is refused by a tenant's authority."""
    server.add_account("sam@outlook.example", personal=True)
    server.sign_in.consent.email = "sam@outlook.example"
    assert "access_token" in consent(server, public_app(server))
    server.sign_in.consent.email = OWNER
    assert "access_token" in consent(server, public_app(server))


def test_another_mailbox_is_closed_to_a_person(client, server):
    """Delegated permissions reach one's own."""
    server.add_account("lee@harbor.example")
    assert client.error("GET", "/users/lee@harbor.example/calendars", 403) == "ErrorAccessDenied"
    assert client.ask("GET", f"/users/{OWNER}/calendars")["value"]


def test_no_token_opens_nothing(server):
    """401, as for a token that ran out."""
    nobody = Client(server, prefer=PREFER)
    nobody.sign_in("guessed")
    assert nobody.error("GET", "/me", 401) == "InvalidAuthenticationToken"
