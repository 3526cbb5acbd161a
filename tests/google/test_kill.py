"""Killed at any named point, at Google, a restart ends where no kill would have."""

import pytest

from calwarden_google.credentials import EXISTING_CALENDAR
from e2e.kills import KillContract
from emulators.emulated import OWNER

# two dozen kills, each with processes before and after it
pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.slow]


class TestKilled(KillContract):
    @pytest.fixture
    def linked(self, installation, server):
        """A linked calendar; nothing was published yet."""
        token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
        calendar = ("--calendar", "primary", "--token-file", token)
        installation.run("link", "google", "--provider", "dr-lee", *calendar)
        return installation

    @pytest.fixture
    def standing(self, world):
        """What stands in the primary calendar, in its own zone."""

        def look():
            rows = world.calendar.rows.values()
            stands = [row for row in rows if row["status"] == "confirmed"]
            return {row["id"]: row["start"]["dateTime"][:16] for row in stands}

        return look
