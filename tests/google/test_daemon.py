"""The daemon with its pages, told of changes by the service as it is in production."""

import pytest

from calwarden_google.credentials import EXISTING_CALENDAR
from e2e.daemon import publish, running, wait
from emulators.emulated import OWNER

pytestmark = pytest.mark.e2e


@pytest.fixture
def linked(installation, server):
    """A published calendar; the service reaches our public address."""
    publish(installation, server.api.push)
    token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
    calendar = ("--calendar", "primary", "--token-file", token)
    installation.run("link", "google", "--provider", "dr-lee", *calendar)
    installation.run("sync")
    return installation


def test_a_change_is_told_looked_at_and_put_back_between_two_polls(linked, server, person):
    """No poll is due for minutes: the notice alone brings the look, and the grace the revert."""
    rows = server.state.calendars[OWNER].rows
    key = next(one["id"] for one in rows.values() if one["status"] == "confirmed")
    stood = rows[key]["start"]
    with running(linked):
        wait(
            lambda: linked.ask("calendars", "show", "1")["push"]["heard_at"],
            "the channel was not heard",
        )
        person.drag(key, 60)
        assert rows[key]["start"] != stood
        wait(lambda: rows[key]["start"] == stood, "the event was not put back")
    assert "then renewed" in linked.run("calendars", "show", "1").out
    linked.run("calendars", "unlink", "1")
    linked.run("sync")
    assert server.api.push.channels == {}
