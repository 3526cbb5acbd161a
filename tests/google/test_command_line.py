"""``calwarden link google`` and what follows, as an administrator types it."""

import json
import re
import subprocess
import threading
import urllib.request

import pytest

from calwarden_google.credentials import EXISTING_CALENDAR, OWN_CALENDAR, PREFIX
from e2e.conftest import SCRIPT
from emulators.emulated import OWNER

pytestmark = pytest.mark.e2e


def _link(installation, *arguments):
    return installation.ask("link", "google", "--provider", "dr-lee", *arguments)


def test_our_own_calendar_is_made_once(installation, server):
    """Without --calendar one of our own is made; linking again finds it and keeps the number."""
    token = installation.write("token.json", server.sign_in.grant(OWNER, *OWN_CALENDAR))
    first = _link(installation, "--token-file", token)
    again = _link(installation, "--token-file", token)
    assert (first["name"], first["account"]) == ("Appointments", OWNER)
    assert (again["id"], again["remote_id"]) == (first["id"], first["remote_id"])
    assert len(server.state.calendars) == 2


def test_an_existing_calendar_is_published_to_and_watched(installation, server, person):
    """Linked, published, edited by a person, put back: the whole way through the console script."""
    token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
    linked = _link(installation, "--token-file", token, "--calendar", "primary")
    assert linked["remote_id"] == OWNER
    assert linked["capabilities"]["out_of_office"] == "event"
    assert installation.ask("sync")["calendars"][0]["published"] == 1
    rows = server.state.calendars[OWNER].rows.values()
    (row,) = (row for row in rows if row["status"] == "confirmed")
    person.drag(row["id"], 60)
    (report,) = installation.ask("sync")["calendars"]
    assert (report["outcome"], report["reverted"]) == ("done", 1)
    assert (
        server.state.calendars[OWNER]
        .rows[row["id"]]["start"]["dateTime"]
        .startswith("2026-12-03T10:00")
    )
    tokens = server.sign_in.token_requests
    (quiet,) = installation.ask("sync")["calendars"]
    assert quiet["requests"] == 1
    assert server.sign_in.token_requests == tokens
    assert "Canary" not in json.dumps(list(rows))


def test_a_service_account_links_for_its_subject(installation, server):
    """A key file with domain-wide delegation links that person's calendar."""
    key = server.sign_in.add_service(*EXISTING_CALENDAR, token_uri=server.settings["token_uri"])
    file = installation.write("key.json", key)
    arguments = ("--service-account", file, "--subject", OWNER, "--calendar", OWNER)
    assert _link(installation, *arguments)["account"] == OWNER


def test_a_browser_links(installation, server):
    """The address is printed at once; the answer in the browser ends the command."""
    process = subprocess.Popen(
        [SCRIPT, "link", "google", "--provider", "dr-lee", "--browser", "--json"],
        cwd=installation.folder,
        env={**installation.environment, "CALWARDEN_NOW": installation.now},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    address = ""
    while not address:
        line = process.stderr.readline()
        assert line, "the command ended without an address"
        address = next(iter(re.findall(r"http://\S+", line)), "")

    def visit():
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200

    browser = threading.Thread(target=visit)
    browser.start()
    out, err = process.communicate(timeout=60)
    browser.join()
    assert process.returncode == 0, err
    assert json.loads(out)["name"] == "Appointments"
    assert len(server.state.calendars) == 2


def test_busy_time_of_the_primary_calendar(installation, server):
    """A busy link reads when the account's primary calendar is busy."""
    scopes = (f"{PREFIX}calendar.freebusy", f"{PREFIX}calendar.calendarlist.readonly")
    token = installation.write("token.json", server.sign_in.grant(OWNER, *scopes))
    linked = _link(installation, "--token-file", token, "--role", "busy")
    assert (linked["remote_id"], linked["role"]) == (OWNER, "busy")
    server.person(OWNER).add("Gym", "2026-12-03T10:00:00", "2026-12-03T11:00:00")
    (report,) = installation.ask("sync")["calendars"]
    assert (report["outcome"], report["requests"]) == ("done", 1)


WRONG = [
    (),
    ("--browser", "--token-file", "token.json"),
    ("--service-account", "key.json"),
    ("--browser", "--subject", OWNER),
    ("--token-file", "missing.json"),
]


def test_a_wrong_way_to_sign_in_is_named(installation):
    """Exactly one way to sign in, told fully: anything else is a wrong command line."""
    for arguments in WRONG:
        ran = installation.run("link", "google", "--provider", "dr-lee", *arguments, expect=2)
        assert ran.err.splitlines()[-1].startswith("calwarden:")


def test_a_grant_without_a_calendar_of_our_own_names_the_way_out(installation, server):
    """Where none can be made, an existing one has to be named."""
    token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
    arguments = ("link", "google", "--provider", "dr-lee", "--token-file", token)
    assert "--calendar" in installation.run(*arguments, expect=4).err


def test_what_may_only_be_seen_as_busy_is_not_published_to(installation, server):
    """A grant that shows busy times alone links no calendar to write to."""
    token = installation.write("token.json", server.sign_in.grant(OWNER, *OWN_CALENDAR))
    arguments = ("link", "google", "--provider", "dr-lee", "--token-file", token)
    ran = installation.run(*arguments, "--calendar", OWNER, expect=4)
    assert "--role busy" in ran.err
