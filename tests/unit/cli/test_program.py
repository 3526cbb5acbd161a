"""Failures on a command line: each has its exit status, a sentence, and no traceback."""

import re
from pathlib import Path

import pytest
import typer

from calwarden.cli import failures, program
from calwarden.cli.link import choose
from calwarden.cli.options import group
from calwarden.cli.output import clean, plural, span
from calwarden.cli.session import command
from calwarden.domain.linked_calendar import Role
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import parse_local
from calwarden.sdk.connector import RemoteCalendar
from calwarden.sdk.errors import NeedsAuth, Transient
from calwarden.store.errors import DatabaseBusy, DatabaseDown, DatabaseNewer, NotFound

CANARY = "Sam Canary"


def running(monkeypatch, raised):
    """Let the program be one command that raises."""
    app = group("One command.")

    @command(app, "fail")
    def fail(session):  # noqa: ARG001 - every command takes its session
        """Fail."""
        raise raised

    monkeypatch.setattr(program, "program", lambda: typer.main.get_command(app))
    return program.main(["fail", "--json"])


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (Refused("a rule", next_step="another way"), 4),
        (NotFound("drift", 7), 2),
        (failures.WrongInput("the file is empty"), 2),
        (DatabaseNewer("made by a newer one"), 2),
        (DatabaseDown("cannot be reached"), 3),
        (DatabaseBusy("is busy"), 3),
        (Transient("cannot be reached"), 3),
        (NeedsAuth("the password was refused"), 3),
    ],
)
def test_every_failure_has_its_status_and_its_sentence(monkeypatch, capsys, raised, status):
    """The message of the error is what people read; nothing else is printed."""
    assert running(monkeypatch, raised) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"calwarden: {raised}\n"


def test_a_fault_of_ours_is_told_in_one_line_without_its_values(monkeypatch, capsys):
    """Exit status 70, and a file that says where it happened: never with what, or to whom."""
    assert running(monkeypatch, KeyError(CANARY)) == 70
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert "Traceback" not in printed.err
    found = re.search(r"/\S+\.log", printed.err)
    kept = Path(found[0])
    text = kept.read_text(encoding="utf-8")
    kept.unlink()
    assert "KeyError" in text
    assert "test_program.py" in text
    assert CANARY not in text + printed.err


def test_an_interruption_is_no_fault(monkeypatch, capsys):
    """Ctrl-C ends a command with the shell's own status for it."""
    assert running(monkeypatch, KeyboardInterrupt()) == 130
    assert "fault" not in capsys.readouterr().err


class TestChoice:
    """Which of an account's calendars is linked."""

    work = RemoteCalendar(remote_id="https://cal.example/dana/work/", name="Work")
    home = RemoteCalendar(remote_id="https://cal.example/dana/home/", name="Home")
    shared = RemoteCalendar(remote_id="https://cal.example/s/", name="Shared", writable=False)

    def test_the_only_one_that_can_be_written_is_taken(self):
        """A read-only one beside it is no question for a managed calendar."""
        assert choose([self.work, self.shared], None, Role.MANAGED) is self.work

    def test_a_name_or_an_address_names_one(self):
        """With or without the slash at the end."""
        offered = [self.work, self.home]
        assert choose(offered, "Home", Role.MANAGED) is self.home
        assert choose(offered, "https://cal.example/dana/home", Role.MANAGED) is self.home

    def test_several_or_none_is_a_question_back(self):
        """No calendar is guessed."""
        offered = [self.work, self.home]
        with pytest.raises(failures.WrongInput, match="--calendar"):
            choose(offered, None, Role.MANAGED)
        with pytest.raises(failures.WrongInput, match="'Work', 'Home'"):
            choose(offered, "Play", Role.MANAGED)

    def test_a_read_only_calendar_is_only_good_for_busy_time(self):
        """Managing needs writing."""
        assert choose([self.shared], None, Role.BUSY) is self.shared
        with pytest.raises(Refused, match="only be read"):
            choose([self.shared], None, Role.MANAGED)


def test_data_is_shown_without_control_characters():
    """An escape sequence in a name does not reach the terminal."""
    assert clean("a\x1b[31mb\rc\nd") == "a[31mbc\nd"


def test_a_span_is_told_in_its_own_zone():
    """One date where both ends have it, two where they differ."""
    start = parse_local("2026-12-08T10:00", "America/New_York")
    end = parse_local("2026-12-08T17:50", "Europe/London")
    assert span(start, end) == "Tue 2026-12-08 10:00-12:50 America/New_York"
    assert "Wed 2026-12-09 01:00" in span(
        start, parse_local("2026-12-09T01:00", "America/New_York")
    )


def test_things_are_counted_in_words():
    """One drift, two drifts, no drifts."""
    assert [plural(count, "drift") for count in (0, 1, 2)] == ["0 drifts", "1 drift", "2 drifts"]
    assert plural(2, "entry", "entries") == "2 entries"
