"""An installation for each test, driven through the console script, beside a real server."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from calwarden.demo.person import Person
from calwarden.demo.server import CalendarServer

SCRIPT = Path(sys.executable).with_name("calwarden")
PATIENCE = 60
NOW = "2026-12-01T09:00:00-05:00"
ACCOUNTS = {"dana": "harbor: pass ü", "eve": "another pass", "ida": "no calendars"}

PRACTICE: dict[str, Any] = {
    "practice": {"name": "Harbor Practice", "timezone": "America/New_York"},
    "payers": [{"ref": "ACME", "name": "Acme Health", "filing_limit_days": 90}],
    "providers": [
        {"ref": "dr-lee", "name": "Dana Lee", "timezone": "America/New_York"},
        {"ref": "dr-fox", "name": "Eve Fox", "timezone": "America/New_York"},
    ],
    "clients": [{"ref": "c-1", "name": "Sam Canary", "timezone": "America/Chicago"}],
    "appointments": [
        {
            "ref": "near",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-12-01T10:00",
            "minutes": 50,
        },
        {
            "ref": "far",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-12-03T10:00",
            "minutes": 50,
        },
        {
            "ref": "weekly",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-12-04T14:00",
            "minutes": 50,
            "repeat": {"every_weeks": 1, "count": 6},
        },
    ],
    "claims": [
        {"ref": "cl-near", "appointment": "near", "payer": "ACME", "status": "ready"},
        {"ref": "cl-far", "appointment": "far", "payer": "ACME", "status": "ready"},
    ],
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished command."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that it printed."""
        return json.loads(self.out)


@dataclass(kw_only=True)
class Installation:
    """One installation in a folder, its clock stopped at ``now``."""

    folder: Path
    environment: dict[str, str]
    now: str = NOW

    def run(self, *arguments: str, expect: int | None = 0, **environment: str) -> Ran:
        """Run the console script in the folder and demand its exit status."""
        done = subprocess.run(
            [str(SCRIPT), *arguments],
            cwd=self.folder,
            env={**self.environment, "CALWARDEN_NOW": self.now, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        ran = Ran(status=done.returncode, out=done.stdout, err=done.stderr)
        assert "Traceback" not in ran.err + ran.out, ran
        if expect is not None:
            assert ran.status == expect, ran
        return ran

    def ask(self, *arguments: str, expect: int | None = 0) -> Any:
        """Run a command with ``--json`` and return its document."""
        return self.run(*arguments, "--json", expect=expect).document

    def write(self, name: str, content: Any) -> str:
        """Write a file into the folder: text as it is, anything else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def configure(self, *lines: str) -> None:
        """Add settings to the configuration file."""
        with (self.folder / "calwarden.toml").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def link(self, url: str, *more: str, account: str = "dana", expect: int | None = 0) -> Ran:
        """Link a calendar of an account for ``dr-lee``."""
        secret = self.write("password", ACCOUNTS[account] + "\n")
        return self.run(
            *("link", "caldav", "--provider", "dr-lee", "--url", url, "--username", account),
            *("--password-file", secret, "--json", *more),
            expect=expect,
        )


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory) -> Path:
    """Where the processes of this session share compiled modules: starting one is then fast."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[CalendarServer]:
    """A calendar server with three accounts that may read each other's calendars."""
    folder = tmp_path_factory.mktemp("server")
    running = CalendarServer(folder, ACCOUNTS, rights="owner_write")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def environment(bytecode) -> dict[str, str]:
    """The environment of a process: nothing of the developer's own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CALWARDEN") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, "PYTHONPYCACHEPREFIX": str(bytecode), "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def initialised(tmp_path_factory, environment) -> Path:
    """A folder after `calwarden init`, allowed to reach this machine's servers; tests copy it."""
    made = Installation(folder=tmp_path_factory.mktemp("initialised"), environment=environment)
    made.run("init")
    made.configure("network.allow_private = true", 'testing.clock = "manual"')
    made.configure("web.enabled = false")  # daemons side by side would want one port
    return made.folder


@pytest.fixture(scope="session")
def imported(tmp_path_factory, environment, initialised) -> Path:
    """A folder with the practice's appointments on its books; tests copy it."""
    folder = tmp_path_factory.mktemp("imported")
    made = copied(initialised, folder, environment)
    made.run("import", made.write("practice.json", PRACTICE))
    return folder


@pytest.fixture
def fresh(tmp_path, environment, initialised) -> Installation:
    """An installation that was only initialised."""
    return copied(initialised, tmp_path, environment)


@pytest.fixture
def stocked(tmp_path, environment, imported) -> Installation:
    """An installation with the practice's appointments on its books."""
    return copied(imported, tmp_path, environment)


def copied(folder: Path, to: Path, environment: dict[str, str]) -> Installation:
    """Copy an installation, as a practice would that moves to another machine."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return Installation(folder=to, environment=environment)


@pytest.fixture
def person(server) -> Iterator[Person]:
    """Dana, at a calendar app, with a new calendar."""
    dana = Person(server.url, name="dana", password=ACCOUNTS["dana"])
    dana.make_calendar("Work")
    yield dana
    dana.close()


@pytest.fixture
def published(stocked, person) -> Installation:
    """An installation whose appointments stand in Dana's calendar."""
    stocked.link(person.url)
    stocked.run("sync")
    return stocked
