"""Signing in: consent with PKCE, token files, service accounts; tokens kept, renewed, and lost."""

import threading
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from calwarden.sdk.connector import RemoteCalendar
from calwarden.sdk.errors import NeedsAuth, Rejected, Transient
from calwarden.testing.world import WINDOW, Watcher, create, event, told
from calwarden_google.connector import GoogleConnector
from calwarden_google.credentials import (
    BUSY_TIME,
    EXISTING_CALENDAR,
    OWN_CALENDAR,
    PREFIX,
    with_subject,
)
from calwarden_google.oauth import Consent
from emulators.emulated import OWNER
from emulators.google_world import GoogleWorld

KIND = GoogleConnector()
ABSENCE = event("o-1", "2027-01-14T00:00", minutes=24 * 60, place=None, out_of_office=True)
SINGLE = event("a-1", "2027-01-12T10:00")


def _visit(address):
    """Open a page as a browser does, redirects followed."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def _consented(context, scopes=OWN_CALENDAR):
    with Consent(scopes, context) as consent:
        browser = threading.Thread(target=_visit, args=(consent.address,))
        browser.start()
        try:
            return consent.wait(timedelta(seconds=5))
        finally:
            browser.join()


def test_a_consent_gives_a_credential_that_works(server, world):
    """Code and verifier become a refresh token; the first access token is kept."""
    credential = _consented(world.context())
    found = KIND.create(credential, world.context())
    (calendar,) = found.calendars
    assert (found.account, calendar.name) == (OWNER, "Appointments")
    assert server.state.calendars[calendar.remote_id].zone == "America/New_York"
    assert world.saved[-1]["access_token"]


def test_the_browser_is_asked_with_pkce_and_a_state(world):
    """The page has a challenge, S256, a state, and the loopback interface as its way back."""
    with Consent(OWN_CALENDAR, world.context()) as consent:
        asked = {
            name: values[0] for name, values in parse_qs(urlsplit(consent.address).query).items()
        }
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    assert asked["scope"].split() == list(OWN_CALENDAR)


def test_an_answer_with_another_state_is_not_taken(world):
    """A forged answer is refused, and the true one still counts."""
    with Consent(OWN_CALENDAR, world.context()) as consent:
        codes = []

        def browse():
            codes.append(_visit(f"{consent.redirect}?code=stolen&state=guessed"))
            codes.append(_visit(consent.address))

        browser = threading.Thread(target=browse)
        browser.start()
        credential = consent.wait(timedelta(seconds=5))
        browser.join()
    assert codes == [404, 200]
    assert credential["refresh_token"]


def test_a_refused_consent_links_nothing(server, world):
    """A person who says no is told that nothing was linked."""
    server.sign_in.consent.denies = True
    with pytest.raises(NeedsAuth, match="access_denied"):
        _consented(world.context())


def test_an_unticked_box_is_named(server, world):
    """A consent that leaves out what is needed says what."""
    server.sign_in.consent.unticks = frozenset({f"{PREFIX}calendar.freebusy"})
    with pytest.raises(NeedsAuth, match=r"calendar\.freebusy"):
        _consented(world.context())


def test_nobody_at_the_browser_ends_the_wait(world):
    """A sign-in that nobody answers gives up."""
    with (
        Consent(OWN_CALENDAR, world.context()) as consent,
        pytest.raises(NeedsAuth, match="nobody answered"),
    ):
        consent.wait(timedelta(seconds=0.1))


def test_without_an_oauth_client_the_way_to_one_is_named(world):
    """An installation that was not registered with Google is told what to set."""
    context = replace(world.context(), settings={**world.server.settings, "client_id": ""})
    with pytest.raises(Rejected, match="client_id"):
        Consent(OWN_CALENDAR, context)


def test_plain_http_and_private_addresses_need_permission(world):
    """A test server is reached only where the network section allows it."""
    strict = replace(world.context(), allow_private=False)
    with pytest.raises(Rejected, match="api_root"):
        KIND.discover(world.credential, strict)
    hidden = {**world.server.settings, "api_root": "https://127.0.0.1/calendar/v3/"}
    with pytest.raises(Rejected, match="private address"):
        KIND.discover(world.credential, replace(strict, settings=hidden))


def test_a_good_access_token_is_kept_for_the_next_process(server, world):
    """The second connector signs in with what the first saved; nothing is saved twice."""
    world.connector().observe(None, Watcher(world.connector()), WINDOW)
    assert server.sign_in.token_requests == 1
    assert len(world.saved) == 1
    world.connector().observe(None, Watcher(world.connector()), WINDOW)
    assert server.sign_in.token_requests == 1
    assert len(world.saved) == 1


def test_only_calls_to_the_calendar_are_counted(world):
    """Signing in is no request to the calendar."""
    connector = world.connector()
    world.server.sign_in.expire()
    Watcher(connector).look()
    assert connector.requests == 2  # refused for its token, then answered


def test_a_service_account_speaks_for_its_subject(server, world):
    """With domain-wide delegation a key file and a subject reach that person's calendar (G31)."""
    key = server.sign_in.add_service(*EXISTING_CALENDAR, token_uri=server.settings["token_uri"])
    credential = with_subject(key, OWNER, EXISTING_CALENDAR)
    found = KIND.discover(credential, world.context())
    assert found.account == OWNER
    assert [calendar.primary for calendar in found.calendars] == [True]
    link = KIND.probe(found.calendars[0], found.credential, world.context())
    connector = KIND.open(link, found.credential, world.context())
    assert told(create(connector, SINGLE).resource) == told(SINGLE.resource)
    connector.close()


def test_a_service_account_without_delegation_is_told_so(server, world):
    """What the domain did not delegate needs a person."""
    key = server.sign_in.add_service(token_uri=server.settings["token_uri"])
    with pytest.raises(NeedsAuth):
        KIND.discover(with_subject(key, OWNER, EXISTING_CALENDAR), world.context())


def test_what_is_no_credential_is_named(world):
    """A file that is neither kind is refused before anything is sent."""
    with pytest.raises(NeedsAuth, match="neither"):
        KIND.discover({"type": "something"}, world.context())


def test_a_revoked_grant_needs_a_person(server, world):
    """A refresh that is refused for good is no passing fault (G28)."""
    connector = world.connector()
    server.sign_in.revoke(OWNER)
    with pytest.raises(NeedsAuth):
        Watcher(connector).look()


def test_a_sign_in_service_that_fails_is_a_passing_fault(server, world, monkeypatch):
    """A token endpoint that does not answer is tried again later."""
    # the library waits between its own attempts
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _seconds: None)
    world.linked()
    server.sign_in.expire()
    server.faults.add("error", "token", times=9, status=503)
    with pytest.raises(Transient):
        Watcher(world.connector()).look()


def test_an_existing_calendar_is_listed_and_the_primary_one_named(server, world):
    """With the wider grant the account's calendars are offered."""
    server.state.add_calendar(
        "shared@group.calendar.google.com",
        owner="else@harbor.example",
        summary="Rooms",
        zone="UTC",
        readers={OWNER: "reader"},
    )
    found = KIND.discover(world.credential, world.context())
    assert found.account == OWNER
    assert [(one.remote_id, one.writable, one.primary) for one in found.calendars] == [
        (OWNER, True, True),
        ("shared@group.calendar.google.com", False, False),
    ]


def test_with_the_narrow_grant_nothing_else_can_be_seen(server, world):
    """Our own calendar and busy time: no other calendar's events, no list of calendars (G30)."""
    credential = server.sign_in.grant(OWNER, *OWN_CALENDAR)
    assert KIND.discover(credential, world.context()).calendars == ()
    made = KIND.create(credential, world.context())
    link = KIND.probe(made.calendars[0], made.credential, world.context())
    assert link.account == OWNER
    assert link.capabilities.out_of_office == "busy"
    connector = KIND.open(link, made.credential, world.context())
    assert told(create(connector, SINGLE).resource) == told(SINGLE.resource)
    connector.close()
    primary = RemoteCalendar(remote_id=OWNER, name="", primary=True)
    assert KIND.probe(primary, made.credential, world.context()).probe["free_busy"] is True


def test_an_account_that_can_hold_absences_is_found_out_and_left_clean(world):
    """Linking tries one out-of-office event long ago and takes it away (G22)."""
    assert world.linked().capabilities.out_of_office == "event"
    assert world.raw() == {}


@pytest.mark.parametrize("refusal", ["400", "403"])
def test_an_account_without_absences_gets_busy_events(server, refusal):
    """Whichever way the account refuses, an ordinary busy event stands in (G23)."""
    server.rules.out_of_office_refusal = refusal
    world = GoogleWorld(server, workspace=False)
    assert world.linked().capabilities.out_of_office == "busy"
    assert world.raw() == {}
    made = create(world.connector(), ABSENCE)
    world.close()
    assert made.resource.body.busy
    assert not made.resource.body.out_of_office


@pytest.mark.parametrize("refusal", ["400", "403"])
def test_an_account_that_loses_its_absences_gets_busy_events(server, world, refusal):
    """An account that could hold absences when it was linked, and now cannot, loses no block."""
    server.rules.out_of_office_refusal = refusal
    connector = world.connector()
    server.state.accounts[OWNER].workspace = False
    made = create(connector, ABSENCE)
    assert made.resource.body.busy
    assert not made.resource.body.out_of_office


def test_a_calendar_that_is_only_read_is_not_tried_out_by_writing(server, world):
    """Linking to read sends nothing that changes anything, and says what may be done there."""
    calendar = RemoteCalendar(remote_id=OWNER, name="", primary=True, writable=False)
    before = server.writes
    link = KIND.probe(calendar, world.credential, world.context())
    assert server.writes == before
    assert (link.probe["writable"], link.capabilities.out_of_office) == (True, "busy")


def test_primary_is_a_nickname(world):
    """The keyword is resolved to the calendar's own id, under which it is linked once."""
    nickname = RemoteCalendar(remote_id="primary", name="")
    assert KIND.probe(nickname, world.credential, world.context()).remote_id == OWNER


def test_busy_time_is_all_that_a_busy_grant_shows(server, world):
    """A grant for busy time alone links a calendar that is only read."""
    credential = server.sign_in.grant(OWNER, *BUSY_TIME)
    calendar = RemoteCalendar(remote_id=OWNER, name="")
    link = KIND.probe(calendar, credential, world.context())
    assert link.probe["free_busy"] is True
    assert not link.capabilities.incremental
