"""How the program behaves on a command line, whatever the command."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from calwarden.cli import main
from calwarden.cli.program import ENTRIES

pytestmark = pytest.mark.e2e

COLOUR = "\x1b["


@pytest.mark.parametrize(
    "arguments",
    [
        ("drift", "list", "--json", "--config", "other.toml"),
        ("--json", "drift", "list", "--config", "other.toml"),
        ("drift", "--config", "other.toml", "list", "--json"),
        ("--config", "other.toml", "--json", "drift", "list"),
    ],
)
def test_options_of_every_command_stand_anywhere(fresh, arguments):
    """Before the command, between its names, behind its arguments."""
    (fresh.folder / "calwarden.toml").rename(fresh.folder / "other.toml")
    assert fresh.run(*arguments).document == {"drifts": []}


def test_the_last_configuration_file_counts(fresh):
    """As the environment names one, and the command line another, the command line's is read."""
    ran = fresh.run(
        "doctor", "--json", CALWARDEN_CONFIG=str(fresh.folder / "nowhere.toml"), expect=2
    )
    assert "nowhere.toml" in ran.err
    named = str(fresh.folder / "calwarden.toml")
    assert fresh.run(
        *("doctor", "--json", "--config", named),
        expect=None,
        CALWARDEN_CONFIG="nowhere.toml",
    ).document["checks"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("drift", "nonsense"),
        ("drift", "show", "not-a-number"),
        ("sync", "--calendar"),
        ("sync", "--nonsense"),
        ("appointments", "book", "--provider", "dr-lee"),
        ("claims", "set-status", "cl-1", "nonsense"),
        ("drift", "resolve", "1", "dismiss"),
        ("report", "drift", "--format", "nonsense"),
        ("report", "drift", "--since", "yesterday"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_sentence(fresh, arguments):
    """Exit status 2, one message, nothing on standard output."""
    ran = fresh.run(*arguments, "--json", expect=2)
    assert ran.out == ""
    assert ran.err.startswith("calwarden: ")


def test_empty_states_are_said_in_words(fresh):
    """A list of nothing says that there is nothing, and what to do."""
    for command in ("appointments", "calendars", "claims", "drift", "out-of-office"):
        said = fresh.run(command, "list").out
        assert re.search(r"^(No|Nobody) .*\.$|^No .*--help$", said.strip()), said
    assert "No calendar is linked yet" in fresh.run("sync").out


def test_every_command_explains_itself(capsys):
    """Each name of the first level has a help text, which names the options of every command."""
    assert main(["--help"]) == 0
    everything = capsys.readouterr().out
    for name, entry in ENTRIES.items():
        assert name in everything
        assert entry.help.split(":")[0].split(",")[0][:40] in everything
        assert main([name, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_the_module_is_the_program(fresh):
    """`python -m calwarden` is the same."""
    done = subprocess.run(
        [sys.executable, "-m", "calwarden", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=fresh.environment,
    )
    assert done.stdout.startswith("calwarden ")


def test_a_reader_that_leaves_is_no_fault(stocked):
    """`calwarden appointments list | head -1` ends quietly."""
    shell = "calwarden appointments list --json | head -1; exit ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=stocked.folder,
        env={
            **stocked.environment,
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",  # noqa: PTH120 - a search path
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == "{"


def test_colours_are_for_terminals_that_want_them(fresh):
    """A pipe gets none, a terminal gets them, and NO_COLOR takes them away again."""
    assert COLOUR not in fresh.run("doctor", expect=None).out
    wanted = {key: value for key, value in fresh.environment.items() if key != "NO_COLOR"}
    assert "\x1b[1m" in on_terminal(fresh, wanted)
    refused = on_terminal(fresh, fresh.environment)
    assert not re.search(r"\x1b\[[\d;]*3\dm", refused)


def on_terminal(installation, environment):
    """Run `calwarden doctor` on a terminal and return what it printed."""
    own, other = pty.openpty()
    process = subprocess.Popen(
        ["calwarden", "doctor"],
        executable=str(sys.executable).replace("python", "calwarden"),
        cwd=installation.folder,
        env={**environment, "TERM": "xterm-256color", "CALWARDEN_NOW": installation.now},
        stdout=other,
        stderr=subprocess.DEVNULL,
    )
    os.close(other)
    printed = b""
    try:
        while part := os.read(own, 4096):
            printed += part
    except OSError:
        pass
    os.close(own)
    process.wait(30)
    return printed.decode()


def test_data_cannot_steer_the_terminal(fresh):
    """Control characters and markup in names are shown as text or not at all."""
    practice = {
        "practice": {"name": "H", "timezone": "America/New_York"},
        "providers": [{"ref": "[bold]dr", "name": "[red]X", "timezone": "America/New_York"}],
    }
    fresh.run("import", fresh.write("practice.json", practice))
    block = ("--provider", "[bold]dr", "--start", "2026-12-24T00:00", "--end", "2026-12-27T00:00")
    fresh.run("out-of-office", "add", *block)
    assert "[bold]dr" in fresh.run("out-of-office", "list").out


def test_the_daemon_publishes_until_it_is_told_to_stop(stocked, person):
    """SIGTERM ends it with exit status 0, what was under way settled."""
    stocked.link(person.url)
    daemon = subprocess.Popen(
        [sys.executable, "-m", "calwarden", "run", "--json"],
        cwd=stocked.folder,
        env={**stocked.environment, "CALWARDEN_NOW": stocked.now},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(person.events()) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)  # noqa: TID251 - another process is waited for
    daemon.send_signal(signal.SIGTERM)
    _, logged = daemon.communicate(timeout=60)
    assert daemon.returncode == 0, logged
    assert len(person.events()) == 3
    assert "Canary" not in logged
    assert stocked.ask("sync")["calendars"][0]["steps"] == []
