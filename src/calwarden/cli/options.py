"""Options of every command, wherever they stand on the line: ``--json`` and ``--config``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import calwarden

PANEL = "Everywhere"
CONTEXT = {"help_option_names": ["--help", "-h"]}

Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on standard output.", rich_help_panel=PANEL),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        show_default=False,
        rich_help_panel=PANEL,
        help="Configuration file; else $CALWARDEN_CONFIG, ./calwarden.toml, "
        "/etc/calwarden/calwarden.toml.",
    ),
]


@dataclass(slots=True)
class Given:
    """What was given so far on this line, on whatever level. The last ``--config`` wins."""

    json: bool = False
    config: Path | None = None

    def add(self, *, json: bool, config: Path | None) -> None:
        """Take in the options of one level."""
        self.json = self.json or json
        self.config = config or self.config


def _show_version(value: bool) -> None:  # noqa: FBT001 - Typer calls it with the option's value
    if value:
        typer.echo(f"calwarden {calwarden.__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
    ),
]


def single() -> typer.Typer:
    """Make the app of a module that has one command, under a name of the first level."""
    return typer.Typer(
        add_completion=False, context_settings=CONTEXT, pretty_exceptions_enable=False
    )


def group(text: str, *, cls: type[TyperGroup] = TyperGroup, version: bool = False) -> typer.Typer:
    """Make a group of commands that takes the options of every command too."""
    app = typer.Typer(
        cls=cls,
        help=text,
        no_args_is_help=True,
        add_completion=version,
        context_settings=CONTEXT,
        pretty_exceptions_enable=False,
    )

    def take(ctx: typer.Context, *, json: Json = False, config: Config = None) -> None:
        ctx.ensure_object(Given).add(json=json, config=config)

    def take_or_tell(
        ctx: typer.Context, *, json: Json = False, config: Config = None, _version: Version = False
    ) -> None:
        take(ctx, json=json, config=config)

    callback: Any = take_or_tell if version else take
    app.callback()(callback)
    return app
