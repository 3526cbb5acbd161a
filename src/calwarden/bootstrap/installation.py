"""A new installation: configuration, key and database in one folder."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from calwarden import telemetry
from calwarden.settings import (
    write_example,
)
from calwarden.store import audit
from calwarden.store.anchor import Anchor
from calwarden.store.unit_of_work import Database
from calwarden.store.vault import write_key

CONFIG_NAME = "calwarden.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What `initialise` made."""

    config: Path
    key: Path
    database: Path


def initialise(config: Path, *, now: datetime) -> Installation:
    """Make configuration, key and migrated SQLite database in one folder.

    Raises ``FileExistsError`` naming what is there already, and then makes nothing.
    """
    folder = config.absolute().parent
    made = Installation(
        config=folder / config.name,
        key=folder / "calwarden.key",
        database=folder / "calwarden.db",
    )
    for path in (made.config, made.key, made.database):
        if path.exists():
            raise FileExistsError(f"{path} is there already; nothing was changed")
    # what goes wrong on the way is told on standard error, like everything later
    telemetry.configure("warning")
    folder.mkdir(parents=True, exist_ok=True)
    write_example(made.config)
    write_key(made.key)
    database = Database.open(
        f"sqlite:///{made.database}", anchor=Anchor(folder / "calwarden.anchor")
    )
    try:
        database.upgrade()
        with database.write() as tx:
            audit.append(
                tx, at=now, actor="cli", action="installed", subject="installation", detail={}
            )
    finally:
        database.close()
    return made
