"""Failpoints kill where they are told to, and nowhere else."""

import subprocess
import sys

import pytest

from calwarden.failpoint import BadFailpoint, armed, unarmed
from calwarden.testing.failpoints import Died, Failpoints

SCRIPT = """
import sys
from calwarden.failpoint import armed
failpoint = armed(sys.argv[1])
for point in ("recorded", "sent", "recorded", "settled"):
    failpoint(point)
    print(point, flush=True)
"""


@pytest.mark.parametrize(
    ("setting", "passed"),
    [
        ("recorded", ""),
        ("recorded:2", "recorded sent"),
        ("sent", "recorded"),
        ("elsewhere", "recorded sent recorded settled"),
    ],
)
def test_an_armed_point_kills_the_process_there(setting, passed):
    """By SIGKILL: nothing can be tidied up."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, setting], capture_output=True, text=True, check=False
    )
    assert run.stdout.split() == passed.split()
    assert run.returncode == (0 if setting == "elsewhere" else -9)


@pytest.mark.parametrize("setting", [":", ":3", "sent:", "sent:0", "sent:x"])
def test_a_setting_that_names_no_point_is_refused(setting):
    """The message says how to write one."""
    with pytest.raises(BadFailpoint, match="POINT"):
        armed(setting)


def test_an_unarmed_point_is_passed():
    """This is what production calls."""
    assert unarmed("sent") is None


def test_a_test_can_die_within_its_process():
    """At the nth pass, and no handler of exceptions catches it."""
    points = Failpoints(at="sent", count=2)
    points("sent")
    points("settled")
    with pytest.raises(Died):
        points("sent")
    assert points.passed == ["sent", "settled", "sent"]
    assert not issubclass(Died, Exception)
