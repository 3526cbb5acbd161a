"""Killed at any named point, at Outlook, a restart ends where no kill would have."""

import pytest

from calwarden.testing.emulators.graph_state import event_id
from e2e.kills import KillContract
from emulators.emulated import OWNER

# two dozen kills, each with processes before and after it
pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.slow]


class TestKilled(KillContract):
    @pytest.fixture
    def linked(self, installation):
        """A linked calendar; nothing was published yet."""
        app_only = ("--app-only", "--user", OWNER)
        installation.run("link", "outlook", "--provider", "dr-lee", *app_only)
        return installation

    @pytest.fixture
    def standing(self, server):
        """What stands in the mailbox, each event in its own zone."""

        def look():
            items = server.state.items.values()
            return {
                event_id(one, None, immutable=True): f"{one.start:%Y-%m-%dT%H:%M}" for one in items
            }

        return look
