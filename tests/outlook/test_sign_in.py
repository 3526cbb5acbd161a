"""Signing in: whoever grants access, what is kept, what is renewed, and what ends it."""

import html
import re
import threading
import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from calwarden.engine.report import PollOutcome
from calwarden.sdk.errors import NeedsAuth, Rejected, Transient
from calwarden_outlook.endpoints import GRAPH_ROOT, Endpoints
from calwarden_outlook.tokens import READ, READ_WRITE
from emulators.emulated import OWNER
from emulators.graph_client import HIDDEN, session

CLAIMS = {"access_token": {"nbf": {"essential": True, "value": "1604106651"}}}


class Shown:
    """What a person is shown."""

    def __init__(self, act) -> None:
        self.text, self._act = "", act

    def __call__(self, text: str) -> None:
        self.text = text
        self._act(text)


def _browse(server):
    """Return what follows the address in a browser: to the service, and back to the listener."""

    def follow(address):
        def visit():
            page = session(server).get(address, timeout=10, allow_redirects=False)
            form = {name: html.unescape(value) for name, value in HIDDEN.findall(page.text)}
            back = re.search(r'action="([^"]+)"', page.text)[1]
            assert requests.post(back, data=form, timeout=10).ok

        threading.Thread(target=visit, daemon=True).start()

    return follow


def _type_in(server, email=OWNER):
    return lambda _text: server.sign_in.answer_devices(email)


@pytest.fixture
def ways(server):
    """How a person may consent."""
    return {"browser": _browse(server), "device": _type_in(server)}


@pytest.mark.parametrize("way", ["browser", "device"])
def test_a_person_consents(server, world, ways, way):
    """The mailbox is linked for whoever signed in, with a grant that lasts."""
    shown = Shown(ways[way])
    context = world.context(settings=server.settings)
    credential = world.kind.sign_in(way, context, shown)
    assert credential["account"] == OWNER
    assert re.search("https://", shown.text)
    found = world.kind.discover(credential, context)
    assert (found.account, [one.name for one in found.calendars]) == (OWNER, ["Calendar"])
    assert server.settings["client_secret"] not in repr(credential)


def test_a_consent_with_a_box_unticked_is_refused(server, world, ways):
    """What is missing is named, and nothing is linked."""
    server.sign_in.consent.unticks = frozenset({READ_WRITE})
    with pytest.raises(NeedsAuth, match=READ_WRITE):
        world.kind.sign_in("device", world.context(settings=server.settings), Shown(ways["device"]))


def test_reading_alone_asks_for_less(server, world, ways):
    """A calendar that is only read is not opened for writing."""
    context = world.context(settings=server.settings)
    credential = world.kind.sign_in("device", context, Shown(ways["device"]), reading=True)
    assert credential["permission"] == READ
    (grant,) = {frozenset(one.scopes) for one in server.sign_in.refreshes.values()}
    assert READ_WRITE not in grant


@pytest.mark.parametrize("way", ["browser", "device"])
def test_a_person_declines(server, world, way):
    """Nothing is linked, and that is said."""
    server.sign_in.consent.denies = True
    act = _browse(server) if way == "browser" else lambda _: server.sign_in.answer_devices(None)
    with pytest.raises(NeedsAuth, match="not given"):
        world.kind.sign_in(way, world.context(settings=server.settings), Shown(act))


def test_a_forged_answer_is_not_taken(server, world):
    """Only the answer with the state of this sign-in counts."""

    def forge(address):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        back = query["redirect_uri"]

        def visit():
            forged = {"code": "forged", "state": "wrong"}
            assert requests.post(back, data=forged, timeout=10).status_code == 404
            assert requests.get(back, params=forged, timeout=10).status_code == 404
            _browse(server)(address)

        threading.Thread(target=visit, daemon=True).start()

    credential = world.kind.sign_in(
        "browser", world.context(settings=server.settings), Shown(forge)
    )
    assert credential["account"] == OWNER


@pytest.mark.parametrize("rotation", ["old dies when new is used", "old dies at once", "old lives"])
def test_a_grant_is_renewed_and_kept(server, world, ways, rotation):
    """Refresh tokens rotate: what came last is sealed, and is what is used next."""
    server.rules.refresh_tokens = rotation
    context = world.context(settings=server.settings)
    world.credential = world.kind.sign_in("device", context, Shown(ways["device"]))
    for _ in range(3):
        server.sign_in.expire()
        connector = world.kind.open(world.linked(), world.credential, context)
        connector.find("a" * 52)
        connector.close()
    assert len({one["access_token"] for one in world.saved}) == len(world.saved) >= 3


def test_a_good_access_token_serves_the_next_process(server, world):
    """It is kept with the credential: opening again asks the sign-in service nothing."""
    world.connector().find("a" * 52)
    tokens = server.sign_in.token_requests
    world.connector().find("a" * 52)
    assert server.sign_in.token_requests == tokens
    assert len(world.saved) == 1


def test_a_certificate_serves_in_place_of_a_secret(server, world, tmp_path):
    """The key and the certificate in one PEM file (app-only)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "calwarden")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    file = tmp_path / "application.pem"
    file.write_bytes(
        key.private_bytes(*pem, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server.sign_in.add_certificate(certificate)
    settings = {**world.settings, "client_secret": "", "certificate_file": str(file)}
    found = world.kind.discover(world.credential, world.context(settings=settings))
    assert found.calendars[0].primary


@pytest.mark.parametrize(("who", "way"), [(OWNER, "person"), ("app", "app")])
def test_a_claims_challenge_is_met_once(server, world, ways, who, way):
    """A 401 that names claims gets a token that meets them (M30)."""
    context = world.context()
    if way == "person":
        context = world.context(settings=server.settings)
        world.credential = world.kind.sign_in("device", context, Shown(ways["device"]))
    connector = world.kind.open(world.linked(), world.credential, context)
    server.sign_in.demand(who if way == "person" else server.sign_in.app.id, CLAIMS)
    sent = connector.requests
    assert connector.find("a" * 52) is None
    assert connector.requests - sent == 2
    connector.close()


def test_a_challenge_that_only_a_person_can_meet_ends_the_link(server, world, ways):
    """Interaction is needed: the calendar is to be linked again."""
    context = world.context(settings=server.settings)
    world.credential = world.kind.sign_in("device", context, Shown(ways["device"]))
    connector = world.kind.open(world.linked(), world.credential, context)
    server.sign_in.demand(OWNER, CLAIMS, interactive=True)
    with pytest.raises(NeedsAuth):
        connector.find("a" * 52)
    connector.close()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_sign_in_service_that_is_away_is_no_revocation(server, world, ways, status):
    """Its failure is told as transient, with the wait that it asks for (M31)."""
    context = world.context(settings=server.settings)
    world.credential = world.kind.sign_in("device", context, Shown(ways["device"]))
    connector = world.kind.open(world.linked(), world.credential, context)
    server.sign_in.expire()
    server.faults.add("error", "token", status=status, code="x", retry_after=40, times=9)
    with pytest.raises(Transient) as caught:
        connector.find("a" * 52)
    assert caught.value.retry_after == timedelta(seconds=40)
    connector.close()


def test_a_revoked_grant_costs_one_calendar_and_one_token_request(house, ways):
    """Revoked consent is noticed once: one message, no retries, nobody asked again."""
    server, world = house.world.server, house.world
    context = world.context(settings=server.settings)
    world.credential = world.kind.sign_in("device", context, Shown(ways["device"]))
    world.context = lambda: context
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    server.sign_in.revoke(OWNER)
    tokens, sent = server.sign_in.token_requests, len(server.requests)
    assert house.sync().outcome is PollOutcome.NEEDS_RELINK
    assert server.sign_in.token_requests - tokens == 1
    assert len(server.requests) - sent <= 1
    assert house.sync().outcome is PollOutcome.NEEDS_RELINK
    assert server.sign_in.token_requests - tokens == 1


def test_an_application_that_lost_its_mailbox_needs_a_person(server, world):
    """RBAC for Applications took the mailbox away: no retry helps (M28)."""
    connector = world.connector()
    connector.find("a" * 52)
    server.sign_in.app.mailboxes = set()
    server.sign_in.expire()
    with pytest.raises(NeedsAuth):
        connector.find("a" * 52)


def test_a_wrong_secret_names_what_to_renew(world):
    """The application itself is refused, and the message says where to look."""
    context = world.context(settings={**world.settings, "client_secret": "wrong"})
    with pytest.raises(NeedsAuth, match="client_id"):
        world.kind.discover(world.credential, context)


def test_settings_without_an_application_say_so():
    """Nobody can sign in before the application is registered."""
    with pytest.raises(Rejected, match="client_id"):
        Endpoints.of({}, allow_private=False).demand_client()


@pytest.mark.parametrize(
    "settings",
    [
        {"graph_root": "http://graph.example/v1.0"},
        {"authority": "http://login.example/common"},
        {"graph_root": "https://127.0.0.1/v1.0"},
    ],
)
def test_unsafe_addresses_are_refused(settings):
    """Plain http never, private addresses only where they are allowed."""
    with pytest.raises(Rejected):
        Endpoints.of(settings, allow_private=False)


def test_scopes_name_the_cloud():
    """Public names stand alone; elsewhere the cloud's own Graph stands in front (M29)."""
    public = Endpoints.of({"graph_root": GRAPH_ROOT + "/"}, allow_private=False)
    assert public.scopes(READ_WRITE) == ["Calendars.ReadWrite"]
    assert public.graph_root == GRAPH_ROOT
    other = Endpoints.of({"graph_root": "https://graph.microsoft.us/v1.0"}, allow_private=False)
    assert other.scopes(READ_WRITE) == ["https://graph.microsoft.us/Calendars.ReadWrite"]


def test_a_file_that_is_no_authority_is_named(world, tmp_path):
    """A CA file that cannot be used is a fault of the configuration, told by name."""
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(Rejected, match=r"ca\.pem"):
        world.kind.discover(
            world.credential, world.context(settings={**world.settings, "ca_file": str(file)})
        )
