"""The emulator as a program of its own, with a door for people and faults."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulators.door import Door

TESTS = Path(__file__).parents[2]
OWNER = "dana@harbor.example"


@pytest.fixture
def settings() -> Iterator[dict]:
    """The settings that it prints when it answers."""
    command = [sys.executable, "-m", "calwarden.testing.emulators.graph_main", "--account", OWNER]
    with subprocess.Popen(
        command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_another_process_acts_through_the_door(settings):
    """A person's act, a switch, a fault and the report."""
    root = settings["graph_root"].removesuffix("/v1.0")
    with closing(Door(root, settings["ca_file"])) as door:
        [calendar] = door("calendars")
        key = door(
            "act",
            calendar=calendar["id"],
            act="add",
            title="Dentist",
            start="2027-01-04T10:00:00",
            end="2027-01-04T11:00:00",
        )
        door("rule", if_match=[])
        door("fault", kind="error", method="events.get", status=503)
        [row] = door("events", calendar=calendar["id"])
        assert (row["id"], row["subject"]) == (key, "Dentist")
        assert door("refresh_token", email=OWNER, scopes=["Calendars.ReadWrite"])
        assert door.knock("no_such_act").status_code == 500
        report = door("report")
        assert (report["writes"], report["mails"]) == (0, [])
        assert "no_such_act" in report["violations"][0]
