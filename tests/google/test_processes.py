"""What one process learned of Google, the next one knows: waits, cursors, tokens, revocations."""

from datetime import datetime, timedelta

import pytest

from calwarden_google.credentials import EXISTING_CALENDAR
from emulators.emulated import OWNER

pytestmark = pytest.mark.e2e


class Linked:
    """A published calendar, and each further pass as a process of its own."""

    def __init__(self, installation, server) -> None:
        self.installation, self.server = installation, server
        self.link()
        installation.run("sync")

    def link(self):
        token = self.installation.write(
            "t.json", self.server.sign_in.grant(OWNER, *EXISTING_CALENDAR)
        )
        calendar = ("--calendar", "primary", "--token-file", token)
        return self.installation.ask("link", "google", "--provider", "dr-lee", *calendar)

    def sync(self, *, expect=0):
        """Return outcome, calls to the calendar as told and as received, and token requests."""
        calls, tokens = len(self.server.requests), self.server.sign_in.token_requests
        (told,) = self.installation.ask("sync", expect=expect)["calendars"]
        received = len(self.server.requests) - calls
        assert told["requests"] == received
        return told["outcome"], received, self.server.sign_in.token_requests - tokens

    def later(self, **span) -> None:
        now = datetime.fromisoformat(self.installation.now) + timedelta(**span)
        self.installation.now = now.isoformat()


@pytest.fixture
def linked(installation, server):
    return Linked(installation, server)


def test_a_wait_that_one_process_was_told_binds_the_next(linked, server):
    """No request before Retry-After is over, whoever asks; then one, quiet."""
    server.faults.add(
        "error", "events.list", status=429, reason="rateLimitExceeded", retry_after=300
    )
    assert linked.sync(expect=3) == ("throttled", 1, 0)
    assert linked.sync(expect=3) == ("throttled", 0, 0)
    linked.later(seconds=299)
    assert linked.sync(expect=3) == ("throttled", 0, 0)
    linked.later(seconds=1)
    assert linked.sync() == ("done", 1, 0)


def test_a_dead_cursor_costs_one_listing_and_loses_nothing(linked, server, person):
    """410, then the whole calendar, and what was deleted meanwhile is put back in the same pass."""
    rows = server.state.calendars[OWNER].rows
    key = next(row["id"] for row in rows.values() if row["status"] == "confirmed")
    person.delete(key)
    server.state.calendars[OWNER].generation += 1
    outcome, calls, _ = linked.sync()
    # two listings, the deletion confirmed by its id, the event made again, and a look at the end
    assert (outcome, calls) == ("done", 5)
    assert sum(row["status"] == "confirmed" for row in rows.values()) == 1
    assert linked.sync() == ("done", 1, 0)


def test_a_revoked_grant_stops_the_calendar_until_it_is_linked_again(linked, server):
    """One call and one token request find it out; none is made then; linking keeps the number."""
    server.sign_in.revoke(OWNER)
    outcome, calls, tokens = linked.sync(expect=1)
    assert (outcome, calls <= 1, tokens) == ("needs_relink", True, 1)
    assert linked.sync(expect=1) == ("needs_relink", 0, 0)
    assert linked.link()["id"] == 1
    assert linked.sync()[0] == "done"
    messages = linked.installation.ask("messages", "list")["messages"]
    assert len([one for one in messages if "relink" in str(one)]) == 1
