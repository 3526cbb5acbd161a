"""The program ``calwarden``: finds the command, loads its module, turns failures into sentences.

Exit status: 0 done; 1 done, and something needs a person; 2 a wrong command line or configuration;
3 a dependency failed; 4 refused by a rule; 70 a fault of calwarden itself; 130 interrupted;
141 the reader of the output left.
"""

import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from calwarden.cli.options import Given, ReaderGone, group

WRONG_COMMAND_LINE = 2
INTERNAL_FAULT = 70
BROKEN_PIPE = 141


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name on the first level: the module that has it, and its line in ``calwarden --help``."""

    module: str
    help: str
    panel: str


_START = "Start here"
_PRACTICE = "The practice"
_CALENDARS = "Calendars"
_BILLING = "Drift and claims"
_OPERATION = "Operation"

ENTRIES = {
    "demo": Entry(
        module="demo",
        panel=_START,
        help="Play the whole story on this machine, in a scratch folder.",
    ),
    "init": Entry(
        module="init", panel=_START, help="Write the configuration, the key and the database."
    ),
    "import": Entry(module="imports", panel=_START, help="Read a practice file."),
    "link": Entry(module="link", panel=_START, help="Link a provider's calendar."),
    "calendars": Entry(
        module="calendars", panel=_CALENDARS, help="The linked calendars: list, pause, unlink."
    ),
    "sync": Entry(module="sync", panel=_CALENDARS, help="One pass over the calendars, now."),
    "run": Entry(
        module="run", panel=_CALENDARS, help="The daemon: watch the calendars until stopped."
    ),
    "web": Entry(module="web", panel=_CALENDARS, help="The web pages alone, until stopped."),
    "appointments": Entry(
        module="appointments", panel=_PRACTICE, help="Appointments: list, book, reschedule, ask."
    ),
    "asks": Entry(
        module="asks", panel=_PRACTICE, help="What clients were asked: list, withdraw, confirm."
    ),
    "client": Entry(
        module="client", panel=_PRACTICE, help="A client's own page, by the token of a link."
    ),
    "out-of-office": Entry(
        module="out_of_office", panel=_PRACTICE, help="Times in which a provider is away."
    ),
    "messages": Entry(
        module="messages", panel=_PRACTICE, help="What people are told: preview, list, retry."
    ),
    "tick": Entry(
        module="tick", panel=_PRACTICE, help="Do once what the daemon does between looks."
    ),
    "drift": Entry(
        module="drift", panel=_BILLING, help="What was changed outside, and what to do about it."
    ),
    "claims": Entry(
        module="claims", panel=_BILLING, help="Claims, their dates of service and their holds."
    ),
    "policy": Entry(
        module="policy",
        panel=_BILLING,
        help="What becomes of a change outside; try another policy on what is on record.",
    ),
    "report": Entry(
        module="report", panel=_BILLING, help="Reports for people and for spreadsheets."
    ),
    "audit": Entry(module="audit", panel=_OPERATION, help="The chained log of every change."),
    "db": Entry(module="db", panel=_OPERATION, help="The database's schema: upgrade, check."),
    "doctor": Entry(
        module="doctor", panel=_OPERATION, help="Look for what is wrong with this installation."
    ),
}


class Program(TyperGroup):
    """The first level: names and one-line helps. A command's module is imported when named."""

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, stub, rest = super().resolve_command(ctx, args)
        if name is None or stub is None:
            return name, stub, rest
        module = importlib.import_module(f"calwarden.cli.{ENTRIES[name].module}")
        command = typer.main.get_command(module.app)
        command.name = name
        return name, command, rest


def _stub(entry: Entry) -> Callable[[], None]:
    def command() -> None:
        raise NotImplementedError(entry.module)

    return command


def program() -> TyperGroup:
    """Build the program."""
    app = group(
        "Keep a practice's appointments and its calendars in agreement.\n\n"
        "Publishes every appointment to its provider's calendar, notices what people change "
        "there, puts it back or puts it in front of a person, and holds the insurance claims "
        "whose date of service is in doubt.",
        cls=Program,
        version=True,
    )
    for name, entry in ENTRIES.items():
        app.command(name, help=entry.help, rich_help_panel=entry.panel)(_stub(entry))
    command = typer.main.get_command(app)
    if not isinstance(command, TyperGroup):
        raise TypeError("the program is a group of commands")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; never lets a traceback out."""
    given = Given()
    try:
        status = program().main(
            args=arguments, prog_name="calwarden", standalone_mode=False, obj=given
        )
        sys.stdout.flush()
    except typer.TyperException as error:
        return _usage(error)
    except (ReaderGone, BrokenPipeError, SystemExit):  # with SystemExit Typer says the same
        return _unheard()
    except typer.Abort:
        _complain("stopped; nothing was changed")
        return WRONG_COMMAND_LINE
    except KeyboardInterrupt:
        _complain("interrupted")
        return 128 + 2
    except Exception as error:  # noqa: BLE001 - the last line of defence: people get a sentence, not a traceback
        return _fault(error)
    return status if isinstance(status, int) else 0


def _complain(sentence: str) -> None:
    sys.stderr.write(f"calwarden: {sentence}\n")


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if message:  # without one, Typer has shown the help instead
        path = context.command_path if context is not None else "calwarden"
        _complain(f"{message}\nTry '{path} --help'.")
    return WRONG_COMMAND_LINE


def _unheard() -> int:
    # say nothing more, the interpreter's last flush included
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _fault(error: Exception) -> int:
    where = _record(error)
    _complain(
        f"a fault in calwarden itself ({type(error).__name__}) stopped this command. "
        f"What it was doing is in {where}; please report it with that file."
    )
    return INTERNAL_FAULT


def _record(error: BaseException) -> Path:
    """Write where a fault happened, without its values: those may name people."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    descriptor, name = tempfile.mkstemp(prefix="calwarden-fault-", suffix=".log", text=True)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return Path(name)
