"""``calwarden link outlook`` and what follows, as an administrator types it."""

import json
import subprocess

import pytest

from calwarden.cli.failures import WrongInput
from calwarden.cli.link_outlook import Asked
from calwarden.domain.linked_calendar import Role
from e2e.conftest import SCRIPT
from emulators.emulated import OWNER

pytestmark = pytest.mark.e2e


def _link(installation, *arguments):
    return installation.ask("link", "outlook", "--provider", "dr-lee", *arguments)


APP_ONLY = ("--app-only", "--user", OWNER)


def test_a_calendar_is_published_to_and_watched(installation, server, world, person):
    """Linked, published, edited by a person, put back: the whole way through the console script."""
    linked = _link(installation, *APP_ONLY)
    assert (linked["remote_id"], linked["account"]) == (world.calendar.id, OWNER)
    assert linked["capabilities"]["out_of_office"] == "event"
    assert _link(installation, *APP_ONLY)["id"] == linked["id"]
    assert installation.ask("sync")["calendars"][0]["published"] == 1
    (key,) = world.raw()
    person.drag(key, 60)
    (report,) = installation.ask("sync")["calendars"]
    assert (report["outcome"], report["reverted"]) == ("done", 1)
    assert person.item(key).start.isoformat() == "2026-12-03T10:00:00"
    tokens = server.sign_in.token_requests
    (quiet,) = installation.ask("sync")["calendars"]
    assert quiet["requests"] == 1
    assert server.sign_in.token_requests == tokens
    assert b"Canary" not in world.raw()[key]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_device_code_is_shown_at_once(installation, server, as_json):
    """Address and code come first, beside the one JSON document; typed in, they link."""
    process = subprocess.Popen(
        [SCRIPT, "link", "outlook", "--provider", "dr-lee", "--device-code"]
        + (["--json"] if as_json else []),
        cwd=installation.folder,
        env={
            **installation.environment,
            "CALWARDEN_NOW": installation.now,
            "CALWARDEN__OUTLOOK__AUTHORITY": server.settings["authority"],
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stream = process.stderr if as_json else process.stdout
    line = ""
    while "deviceauth" not in line:
        line = stream.readline()
        assert line, "the command ended without a code"
    assert process.poll() is None
    server.sign_in.answer_devices(OWNER)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    if as_json:
        assert json.loads(out)["account"] == OWNER
    assert installation.ask("sync")["calendars"][0]["published"] == 1


def test_a_throttled_mailbox_is_left_alone_by_every_process(installation, server, world):
    """Retry-After holds for the mailbox: for its other calendars and for later commands too."""
    other = server.state.add_calendar(OWNER, "Private")
    _link(installation, *APP_ONLY)
    _link(installation, *APP_ONLY, "--calendar", "Private", "--role", "busy")
    server.faults.add("error", "view.delta", status=429, code="x", retry_after=120)
    ran = installation.run("sync", "--json", expect=3)
    assert [one["outcome"] for one in json.loads(ran.out)["calendars"]] == ["throttled"] * 2
    sent = len(server.requests)
    assert sent
    installation.run("sync", "--json", expect=3)
    assert len(server.requests) == sent
    assert other.id != world.calendar.id


def test_a_revoked_application_is_told_once(installation, server):
    """Access that is gone is `needs_relink`, and nobody is asked again."""
    _link(installation, *APP_ONLY)
    installation.ask("sync")
    server.sign_in.app.mailboxes = set()
    server.sign_in.expire()
    ran = installation.run("sync", "--json", expect=1)
    (report,) = json.loads(ran.out)["calendars"]
    assert report["outcome"] == "needs_relink"
    sent = len(server.requests)
    installation.run("sync", "--json", expect=1)
    assert len(server.requests) == sent


WRONG = [
    {},
    {"browser": True, "device_code": True},
    {"app_only": True},
    {"browser": True, "user": OWNER},
]


@pytest.mark.parametrize("ways", WRONG)
def test_a_wrong_way_to_sign_in_is_named(ways):
    """Exactly one way to sign in, told fully: anything else is a wrong command line."""
    told = {"browser": False, "device_code": False, "app_only": False, "user": None, **ways}
    with pytest.raises(WrongInput, match="--app-only"):
        Asked(**told, role=Role.MANAGED).check()
