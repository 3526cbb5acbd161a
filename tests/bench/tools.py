"""The tools that are measured, each beside the other on the same server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from bench.metering import Usage, run
from servers.dav import PASSWORD, USER

WORKER = "bench.worker"
TESTS = Path(__file__).parents[1]

VDIRSYNCER = """
[general]
status_path = "{folder}/status/"
[pair bench]
a = "office"
b = "calendar"
collections = [["one", "{folder_name}", "{collection}"]]
conflict_resolution = "a wins"
{partial}
[storage office]
type = "filesystem"
path = "{folder}/office/"
fileext = ".ics"
read_only = {read_only}
[storage calendar]
type = "caldav"
url = "{url}"
username = "{user}"
password = "{password}"
"""


@dataclass(frozen=True, slots=True)
class Vdirsyncer:
    """vdirsyncer with a folder of objects as the office's side.

    ``revert``: that side is read-only, and what cannot be copied into it is put back.
    """

    folder: Path
    url: str
    collection: str
    revert: bool = False

    def set_up(self, objects: Mapping[str, bytes]) -> None:
        """Fill the folder and make both sides known to each other."""
        self.office.mkdir(parents=True)
        for name, data in objects.items():
            (self.office / f"{name}.ics").write_bytes(data)
        text = VDIRSYNCER.format(
            folder=self.folder,
            folder_name="one",
            collection=self.collection.strip("/").rpartition("/")[2],
            url=urljoin(self.url, self.collection.strip("/").rpartition("/")[0] + "/"),
            user=USER,
            password=PASSWORD,
            partial='partial_sync = "revert"' if self.revert else "",
            read_only="true" if self.revert else "false",
        )
        (self.folder / "config").write_text(text)
        self._run("discover")

    @property
    def office(self) -> Path:
        """The folder of the office's side."""
        return self.folder / "office" / "one"

    def sync(self) -> Usage:
        """Make one pass."""
        return self._run("sync")

    def objects(self) -> Iterator[bytes]:
        """Yield what the office's side holds."""
        return (path.read_bytes() for path in sorted(self.office.glob("*.ics")))

    def _run(self, action: str) -> Usage:
        program = str(Path(sys.executable).parent / "vdirsyncer")
        env = {"VDIRSYNCER_CONFIG": str(self.folder / "config"), "HOME": str(self.folder)}
        return run([program, action], env=env, cwd=self.folder, told=(0, 1))


class Calwarden:
    """calwarden in a process that lives on, as the daemon does; and its program, started anew."""

    def __init__(
        self, folder: Path, url: str, collection: str, practice: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "practice.json").write_text(json.dumps(practice))
        env = {**os.environ, "PYTHONPATH": str(TESTS)}
        arguments = [str(folder), url, collection, USER, PASSWORD]
        self._process = subprocess.Popen(
            [sys.executable, "-m", WORKER, *arguments],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def sync(self) -> tuple[Usage, list[dict[str, Any]]]:
        """Make one pass in the living process."""
        told = self.ask("sync")
        return Usage(**told["usage"]), told["reports"]

    def ask(self, command: str) -> dict[str, Any]:
        """Have the living process do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def program(self) -> Usage:
        """Make one pass with ``calwarden sync``, start-up and all."""
        program = str(Path(sys.executable).parent / "calwarden")
        command = [program, "sync", "--config", str(self.folder / "calwarden.toml")]
        return run(command, env={}, cwd=self.folder, told=(0, 1))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("calwarden's process ended")
        return dict(json.loads(line))
