"""The emulator as a program of its own, with a door for people and faults."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

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
    with requests.Session() as session:
        session.trust_env = False
        session.verify = settings["ca_file"]

        def control(name, **arguments):
            answer = session.post(f"{root}/_control/{name}", json=arguments)
            assert answer.ok, answer.text
            return answer.json()["result"]

        [calendar] = control("calendars")
        key = control(
            "act",
            calendar=calendar["id"],
            act="add",
            title="Dentist",
            start="2027-01-04T10:00:00",
            end="2027-01-04T11:00:00",
        )
        control("rule", if_match=[])
        control("fault", kind="error", method="events.get", status=503)
        [row] = control("events", calendar=calendar["id"])
        assert (row["id"], row["subject"]) == (key, "Dentist")
        assert control("refresh_token", email=OWNER, scopes=["Calendars.ReadWrite"])
        assert session.post(f"{root}/_control/no_such_act", json={}).status_code == 500
        report = control("report")
        assert (report["writes"], report["mails"]) == (0, [])
        assert "no_such_act" in report["violations"][0]
