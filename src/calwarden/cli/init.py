"""``calwarden init``: a new installation in a folder."""

import os
import shlex
from pathlib import Path

from calwarden.bootstrap import CONFIG_NAME, initialise
from calwarden.cli.failures import WrongInput
from calwarden.cli.options import single
from calwarden.cli.session import Session, command
from calwarden.clock import SystemClock
from calwarden.domain.refusal import Refused
from calwarden.settings.loading import FILE_VARIABLE

app = single()


@command(app, "init")
def init(session: Session) -> None:
    """Write the configuration, the key and the database of a new installation.

    The configuration goes to --config, else $CALWARDEN_CONFIG, else ./calwarden.toml; the key that
    seals calendar credentials and the SQLite database go beside it. Nothing is ever overwritten.
    """
    file = session.config or Path(os.environ.get(FILE_VARIABLE) or CONFIG_NAME)
    try:
        made = initialise(file, now=SystemClock().now())
    except FileExistsError as error:
        raise Refused(str(error), next_step=_instead(file)) from error
    except OSError as error:
        raise WrongInput(
            f"nothing can be made in {file.absolute().parent}: {error.strerror}; "
            "choose another folder with --config"
        ) from error
    option = "" if file == Path(CONFIG_NAME) else f" --config {shlex.quote(str(file))}"
    link = "calwarden link caldav --provider REF --url URL --username NAME --password-file FILE"
    steps = [
        f"{step}{option}"
        for step in ("calwarden import practice.json", link, "calwarden sync", "calwarden run")
    ]
    session.out.document(
        {
            "config": str(made.config),
            "key": str(made.key),
            "database": str(made.database),
            "next": steps,
        }
    )
    session.out.facts(
        [
            ("Configuration", f"{made.config} (every setting, explained)"),
            ("Key", f"{made.key} (keep a copy in a safe place, apart from the database)"),
            ("Database", str(made.database)),
        ]
    )
    session.out.say()
    session.out.say("What to do next:")
    for number, (step, why) in enumerate(zip(steps, WHY, strict=True), start=1):
        session.out.say(f"  {number}. {why}")
        session.out.say(f"     {step}")


WHY = (
    "Read the practice's providers, clients, appointments and claims:",
    "Link a provider's calendar:",
    "Publish the appointments, and look for edits made outside:",
    "Keep watching:",
)


def _instead(file: Path) -> str:
    if file.exists():
        return f"use it as it is (calwarden doctor --config {shlex.quote(str(file))})"
    return "choose another folder with --config, or move that file away"
