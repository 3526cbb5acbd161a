"""Killed at any named point, a restart ends where no kill would have: laws, whatever the service.

A subclass says which calendar is meant by two fixtures: ``linked``, an installation with one
appointment on 3 December at ten and a linked calendar that nothing was published to, and
``standing``, which returns the wall-clock start of each event of the calendar by its id.
"""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from e2e.conftest import Installation

KILLED = -signal.SIGKILL
POINTS = ("after_observe", "before_record", "after_record", "before_{}", "after_{}", "after_settle")
STOOD = "2026-12-03T10:00"

Standing = Callable[[], dict[str, str]]


def killed(installation: Installation, point: str) -> None:
    """Run a pass that dies at a point, then one that lives."""
    ran = installation.run("sync", expect=None, CALWARDEN__TESTING__FAILPOINT=point)
    assert ran.status == KILLED, (point, ran)
    installation.run("sync", expect=None)


def at_rest(installation: Installation, server: Any) -> None:
    """A further pass finds nothing and writes nothing; the audit chain holds."""
    before = server.writes
    [calendar] = installation.ask("sync", expect=None)["calendars"]
    assert (calendar["outcome"], calendar["steps"]) == ("done", [])
    assert server.writes == before
    assert installation.ask("audit", "verify")["ok"]


@pytest.mark.parametrize("point", POINTS)
class KillContract:
    """Passes are killed while they create, update, delete and put back."""

    @pytest.fixture
    def published(self, linked: Installation) -> Installation:
        """The appointment stands in the calendar."""
        linked.run("sync")
        return linked

    def test_a_kill_while_creating_makes_no_second_event(
        self, linked: Installation, server: Any, standing: Standing, point: str
    ) -> None:
        """However far the creation came, the appointment stands exactly once."""
        killed(linked, point.format("create"))
        assert list(standing().values()) == [STOOD]
        assert linked.ask("drift", "list")["drifts"] == []
        at_rest(linked, server)

    def test_a_kill_while_updating_is_no_drift(
        self, published: Installation, server: Any, standing: Standing, point: str
    ) -> None:
        """Our own half-settled update is recognised: the new time stands, nobody is accused."""
        later = "2026-12-04T15:00"
        published.run("appointments", "reschedule", "a-1", "--start", later)
        killed(published, point.format("update"))
        assert list(standing().values()) == [later]
        assert published.ask("drift", "list")["drifts"] == []
        at_rest(published, server)

    def test_a_kill_while_deleting_deletes_once(
        self, published: Installation, server: Any, standing: Standing, point: str
    ) -> None:
        """A cancelled appointment goes, and nobody is said to have deleted it."""
        published.run("appointments", "cancel", "a-1", "--reason", "moved away")
        killed(published, point.format("delete"))
        assert standing() == {}
        assert published.ask("drift", "list")["drifts"] == []
        at_rest(published, server)

    def test_a_kill_while_reverting_reverts_once(
        self, published: Installation, server: Any, standing: Standing, person: Any, point: str
    ) -> None:
        """The drift was in the ledger before the write that undoes it, and ends as reverted."""
        [key] = standing()
        person.drag(key, 60)
        killed(published, point.format("update"))
        [drift] = published.ask("drift", "list")["drifts"]
        assert (drift["kind"], drift["status"]) == ("moved", "reverted")
        assert standing() == {key: STOOD}
        at_rest(published, server)
