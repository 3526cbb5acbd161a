"""Which version of the tables a database has, and how it gets the current one."""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, insert, inspect, select, text

from calwarden.store.errors import DatabaseBehind, DatabaseNewer
from calwarden.store.tables import installation

REVISIONS = ("0001",)
"""Every migration, oldest first. Known here so that a start need not load Alembic."""

MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """Revision that the database has (None: no tables yet) and the one that this version needs."""

    found: str | None
    expected: str = REVISIONS[-1]

    @property
    def current(self) -> bool:
        """Whether the database fits this version."""
        return self.found == self.expected

    @property
    def newer(self) -> bool:
        """Whether the database was made by a version that this one does not know."""
        return self.found is not None and self.found not in REVISIONS

    def demand_known(self, place: str) -> None:
        """Raise `DatabaseNewer` unless this version knows the database's tables."""
        if self.newer:
            raise DatabaseNewer(
                f"the database {place} was made by a newer calwarden (its tables are at "
                f"{self.found}, this version knows up to {self.expected}); "
                "install the newer version, or restore a backup"
            )

    def demand_current(self, place: str) -> None:
        """Raise `DatabaseNewer` or `DatabaseBehind` unless the database fits this version."""
        self.demand_known(place)
        if not self.current:
            raise DatabaseBehind(
                f"the database {place} has tables at {self.found or 'nothing yet'}, "
                f"this version needs {self.expected}; run: calwarden db upgrade"
            )


def state(connection: Connection) -> SchemaState:
    """Return which revision the database has."""
    if not inspect(connection).has_table("alembic_version"):
        return SchemaState(found=None)
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return SchemaState(found=max(found) if found else None)


def migrate(connection: Connection) -> None:
    """Bring the tables to this version and name the installation, in a write transaction."""
    # loaded where needed: Alembic costs more start-up time than the rest of the store
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.execute(select(installation.c.id)).first() is None:
        connection.execute(insert(installation).values(id=uuid4().hex))
