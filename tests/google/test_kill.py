"""Killed at any named point, at Google, a restart ends where no kill would have."""

import signal

import pytest

from calwarden_google.credentials import EXISTING_CALENDAR
from emulators.google_world import OWNER

# two dozen kills, each with processes before and after it
pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.slow]

POINTS = ("after_observe", "before_record", "after_record", "before_{}", "after_{}", "after_settle")


@pytest.fixture
def linked(installation, server):
    """A linked calendar; nothing was published yet."""
    token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
    calendar = ("--calendar", "primary", "--token-file", token)
    installation.run("link", "google", "--provider", "dr-lee", *calendar)
    return installation


@pytest.fixture
def published(linked):
    linked.run("sync")
    return linked


def killed(installation, point):
    """Run a pass that dies at a point, then one that lives."""
    ran = installation.run("sync", expect=None, CALWARDEN__TESTING__FAILPOINT=point)
    assert ran.status == -signal.SIGKILL, (point, ran)
    installation.run("sync", expect=None)


def standing(server):
    rows = server.state.calendars[OWNER].rows.values()
    return [row["start"]["dateTime"] for row in rows if row["status"] == "confirmed"]


def at_rest(installation, server):
    """A further pass finds nothing and writes nothing; the audit chain holds."""
    before = server.writes
    [calendar] = installation.ask("sync", expect=None)["calendars"]
    assert (calendar["outcome"], calendar["steps"]) == ("done", [])
    assert server.writes == before
    assert installation.ask("audit", "verify")["ok"]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_creating_makes_no_second_event(linked, server, point):
    """However far the creation came, the appointment stands exactly once."""
    killed(linked, point.format("create"))
    assert standing(server) == ["2026-12-03T10:00:00-05:00"]
    assert linked.ask("drift", "list")["drifts"] == []
    at_rest(linked, server)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_updating_is_no_drift(published, server, point):
    """Our own half-settled update is recognised: the new time stands, nobody is accused."""
    published.run("appointments", "reschedule", "a-1", "--start", "2026-12-04T15:00")
    killed(published, point.format("update"))
    assert standing(server) == ["2026-12-04T15:00:00-05:00"]
    assert published.ask("drift", "list")["drifts"] == []
    at_rest(published, server)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_deleting_deletes_once(published, server, point):
    """A cancelled appointment goes, and nobody is said to have deleted it."""
    published.run("appointments", "cancel", "a-1", "--reason", "moved away")
    killed(published, point.format("delete"))
    assert standing(server) == []
    assert published.ask("drift", "list")["drifts"] == []
    at_rest(published, server)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_reverting_reverts_once(published, server, person, point):
    """The drift was in the ledger before the write that undoes it, and ends as reverted."""
    rows = server.state.calendars[OWNER].rows
    person.drag(next(row["id"] for row in rows.values() if row["status"] == "confirmed"), 60)
    killed(published, point.format("update"))
    [drift] = published.ask("drift", "list")["drifts"]
    assert (drift["kind"], drift["status"]) == ("moved", "reverted")
    assert standing(server) == ["2026-12-03T10:00:00-05:00"]
    at_rest(published, server)
