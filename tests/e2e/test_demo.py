"""The demonstration: real servers, real passes, a story that runs as told on any day."""

import json
import os
import signal
import subprocess
import sys
from datetime import datetime

import pytest

from calwarden.clock import FixedClock
from calwarden.demo.play import Scene, play
from calwarden.demo.practice import next_clock_change, seed
from calwarden.demo.stage import CONNECTORS, Stage
from calwarden.domain.wall_time import in_zone

pytestmark = pytest.mark.e2e

KINDS = [
    "copied",
    "deleted",
    "exposed",
    "moved",
    "moved",
    "occurrence_deleted",
    "occurrence_moved",
    "overlap",
    "resized",
]


@pytest.mark.parametrize("connector", CONNECTORS)
def test_the_demo_tells_what_it_did_as_one_document(tmp_path, environment, connector):
    """Nine edits, six put back, three for a person, one claim held, nothing left to write."""
    done = subprocess.run(
        [sys.executable, "-m", "calwarden", "demo", "--connector", connector, "--json"],
        cwd=tmp_path,
        env={**environment, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    story = json.loads(done.stdout)
    assert sorted(drift["kind"] for drift in story["drifts"]) == KINDS
    assert (story["published"], story["reverted"], story["flagged"]) == (13, 6, 3)
    assert (story["held_claims"], story["second_pass_writes"]) == (1, 0)
    assert story["seconds"] < 60
    with open(story["report"], encoding="utf-8") as page:  # noqa: PTH123 - a path as it was printed
        assert "cl-a-10 is held" in page.read()
    assert done.stderr == ""


HARD = (
    "2026-03-08T06:30:00+00:00",  # half an hour before New York springs forward
    "2026-03-08T07:40:00+00:00",  # an hour ago there was no such wall time
    "2026-11-01T06:30:00+00:00",  # the second 01:30 of the night in New York
    "2026-12-31T23:55:00-05:00",  # the last minutes of a year
    "2028-02-28T12:00:00+00:00",  # before a leap day
)


@pytest.mark.parametrize(
    ("moment", "connector"),
    [
        *((moment, "caldav") for moment in HARD),
        *((moment, connector) for connector in ("google", "outlook") for moment in HARD[1:3]),
    ],
)
def test_the_story_runs_as_told_whenever_it_is_played(tmp_path, moment, connector):
    """On the days on which clocks and calendars are hardest, too."""
    clock = FixedClock(datetime.fromisoformat(moment))
    with Stage.set_up(tmp_path / "stage", clock=clock, connector=connector) as stage:
        ending = play(stage, Scene())
    assert ending.wrong == ()


def test_a_story_that_runs_otherwise_is_noticed(tmp_path, clock):
    """The ending is checked edit by edit: one that calwarden does not see fails the demo."""
    with Stage.set_up(tmp_path / "stage", clock=clock) as stage:
        blind = Scene(edited=lambda deed: undo(stage, deed))
        ending = play(stage, blind)
    assert "no moved drift on a-1 was found" in ending.wrong


def undo(stage, deed):
    """Let the person take one edit back before calwarden looks."""
    if deed.appointment == "a-1":
        start = stage.seed.starts["a-1"]
        day_after = in_zone(start, "America/New_York").replace(day=start.day + 1)
        stage.people[deed.who].drag(day_after, start)


@pytest.mark.parametrize("connector", ["google", "outlook"])
def test_a_stand_in_is_said_to_be_one(tmp_path, clock, connector):
    """Nobody is made to believe that the real service was spoken to."""
    with Stage.set_up(tmp_path / "stage", clock=clock, connector=connector) as stage:
        assert "stand-in" in stage.venue.introduction[0]


def test_a_connector_without_a_story_is_told(tmp_path, environment):
    """The known ones are named."""
    done = subprocess.run(
        [sys.executable, "-m", "calwarden", "demo", "--connector", "outlok"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 2
    assert "one of caldav, google, outlook" in done.stderr


def test_every_series_of_the_demo_crosses_the_clock_change():
    """Whatever the day, weekly meetings go on behind the next change of the clocks."""
    for month in range(1, 13):
        now = datetime.fromisoformat(f"2026-{month:02}-15T12:00:00+00:00")
        planned = seed(now)
        change = next_clock_change(in_zone(now, "America/New_York"))
        for one in planned.document["appointments"]:
            if "repeat" in one:
                weeks = one["repeat"]["count"]
                first = planned.starts[one["ref"]].date()
                assert (change - first).days < (weeks - 1) * 7


def test_serving_goes_on_until_it_is_stopped(tmp_path, environment):
    """With --serve the servers stay, say where they are, and go away on SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "calwarden", "demo", "--serve"],
        cwd=tmp_path,
        env={**environment, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = []
    for line in process.stdout:
        told.append(line)
        if line.startswith("calwarden looks every"):
            break
    os.kill(process.pid, signal.SIGTERM)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "account dr-okafor" in "".join(told)
    assert "stopped" in rest
