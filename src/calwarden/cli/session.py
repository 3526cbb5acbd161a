"""One command under way: its options, its output, the opened application, and how it may fail."""

import functools
import inspect
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import typer

from calwarden.bootstrap import Application
from calwarden.cli import failures
from calwarden.cli.options import Config, Given, Json
from calwarden.cli.output import Output

Command = TypeVar("Command", bound=Callable[..., int | None])

NEEDS_A_PERSON = 1
"""Exit status: done, and something needs a person."""

ACTOR = "cli"
"""Who the audit log names for what a command does."""


class Session:
    """What a command is given. The application is opened when first asked for."""

    def __init__(self, given: Given) -> None:
        self.config: Path | None = given.config
        self.out = Output(as_json=given.json)
        self._application: Application | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def application(self) -> Application:
        """The application of the configuration that was named; raises what opening it raises."""
        if self._application is None:
            self._application = Application.open(self.config)
            self._stack.callback(self._application.close)
        return self._application

    @property
    def now(self) -> datetime:
        """The moment by the application's clock."""
        return self.application.clock.now()


def command(app: typer.Typer, name: str, **settings: Any) -> Callable[[Command], Command]:
    """Register a command: a function of a `Session` and its own options; returns an exit status.

    The options of every command are added to it; what it raises becomes a sentence and a status.
    """

    def register(function: Command) -> Command:
        @functools.wraps(function)
        def run(ctx: typer.Context, *, json: bool, config: Path | None, **own: Any) -> int:
            given = ctx.ensure_object(Given)
            given.add(json=json, config=config)
            with Session(given) as session:
                try:
                    return function(session, **own) or 0
                except failures.KNOWN as error:
                    status, sentence = failures.explain(error)
                    sys.stdout.flush()
                    session.out.note(f"calwarden: {sentence}")
                    return status

        own = list(inspect.signature(function).parameters.values())[1:]
        keyword = inspect.Parameter.KEYWORD_ONLY
        everywhere = [
            inspect.Parameter("json", keyword, default=False, annotation=Json),
            inspect.Parameter("config", keyword, default=None, annotation=Config),
        ]
        context = inspect.Parameter(
            "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        )
        parameters = [context, *(one.replace(kind=keyword) for one in own), *everywhere]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # Typer reads it
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        app.command(name, help=_reflowed(inspect.getdoc(function) or ""), **settings)(run)
        return function

    return register


def _reflowed(text: str) -> str:
    """Join the lines of each paragraph: the terminal breaks them where it is wide."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
