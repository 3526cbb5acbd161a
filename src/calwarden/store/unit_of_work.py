"""The database and its transactions: short reads that see one snapshot, writes that are alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self

import structlog
from sqlalchemy import Connection, Engine, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from calwarden.store import engines, schema
from calwarden.store.anchor import Anchor
from calwarden.store.audit import HEAD, AuditHead
from calwarden.store.errors import (
    DatabaseBehind,
    DatabaseBusy,
    DatabaseDown,
    DatabaseError,
    DatabaseNewer,
    NotFound,
)
from calwarden.store.schema import SchemaState
from calwarden.store.tables import installation

__all__ = [
    "Database",
    "DatabaseBehind",
    "DatabaseBusy",
    "DatabaseDown",
    "DatabaseError",
    "DatabaseNewer",
    "NotFound",
    "SchemaState",
]

log = structlog.stdlib.get_logger(__name__)

BUSY_TIMEOUT = timedelta(seconds=30)
SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
SQLITE_DOWN = {
    sqlite3.SQLITE_CANTOPEN: "there is no such file, or it may not be opened",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "reading or writing the file failed",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
    sqlite3.SQLITE_READONLY: "the file may not be written to",
}
# lock_not_available, deadlock_detected, serialization_failure (PostgreSQL, appendix A)
POSTGRES_BUSY = frozenset({"55P03", "40P01", "40001"})
POSTGRES_DOWN = ("08", "28", "3D", "53", "57", "58")


class Database:
    """One database, SQLite or PostgreSQL. Safe to share between threads; a connection is not."""

    def __init__(
        self,
        engine: Engine,
        reading: Engine,
        *,
        place: str,
        path: Path | None,
        anchor: Anchor | None = None,
    ) -> None:
        self.engine = engine
        self.place = place
        self.path = path
        self.anchor = anchor
        self._reading = reading
        self._installation: str | None = None
        self._current = False

    @classmethod
    def open(
        cls, url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT, anchor: Anchor | None = None
    ) -> Self:
        """Open ``sqlite:///FILE`` or ``postgresql://...``; connects only when first used.

        ``anchor`` follows the audit chain. Raises ``ValueError`` for any other URL.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ValueError("the database URL cannot be read") from error
        path = engines.sqlite_path(parsed)
        if path is not None:
            engines.tighten(path)
            engine = engines.open_sqlite(path, busy_timeout, writes=True)
            reading = engines.open_sqlite(path, busy_timeout, writes=False)
            return cls(engine, reading, place=str(path), path=path, anchor=anchor)
        if parsed.get_backend_name() != "postgresql":
            raise ValueError("the database URL names neither SQLite nor PostgreSQL")
        # the place is shown to people: without the user's name and password
        place = f"{parsed.database or ''} on {parsed.host or 'the local socket'}"
        engine = engines.open_postgres(parsed, busy_timeout)
        return cls(engine, engines.reading(engine), place=place, path=None, anchor=anchor)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction; it sees one snapshot, and a write in it is refused.

        Raises `DatabaseBehind` and `DatabaseNewer` where the tables are not those of this version.
        """
        self._demand_current()
        with self._translated(), self._reading.begin() as connection:
            engines.begin(connection, writes=False)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction: the only one until it commits, or rolls back on an error.

        Raises as `read` does.
        """
        self._demand_current()
        with self._translated(), self.engine.begin() as connection:
            engines.begin(connection, writes=True)
            connection.info.pop(HEAD, None)
            yield connection
            head: AuditHead | None = connection.info.pop(HEAD, None)
            anchor = self.anchor if head is not None else None
            if anchor is not None and not anchor.confirms(connection):
                log.error("audit_anchor_broken")
                anchor = None
        if anchor is not None and head is not None:
            _keep(anchor, head)

    def check(self) -> SchemaState:
        """Return which tables the database has; raises `DatabaseDown` where there is none."""
        with self._translated(), self._reading.begin() as connection:
            engines.begin(connection, writes=False)
            return schema.state(connection)

    def upgrade(self) -> None:
        """Make or update the tables, creating a SQLite file if need be; raises `DatabaseNewer`."""
        if self.path is not None:
            engines.create_private_file(self.path)
        with self._translated(), self.engine.begin() as connection:
            engines.begin(connection, writes=True)
            schema.state(connection).demand_known(self.place)
            schema.migrate(connection)

    @property
    def installation_id(self) -> str:
        """Name of this installation, made with its tables and never changed."""
        if self._installation is None:
            with self.read() as connection:
                self._installation = connection.execute(select(installation.c.id)).scalar_one()
        return self._installation

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._reading.dispose()

    def _demand_current(self) -> None:
        """See once that the tables are those of this version, before anything touches them."""
        if not self._current:
            self.check().demand_current(self.place)
            self._current = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise DatabaseBusy(
                f"every connection to the database {self.place} is in use"
            ) from error
        except (DBAPIError, DisconnectionError) as error:
            translated = _translate(error, self.place)
            if translated is None:
                raise
            raise translated from error
        except sqlite3.Error as error:
            translated = _translate_sqlite(error, self.place)
            if translated is None:
                raise
            raise translated from error


def _keep(anchor: Anchor, head: AuditHead) -> None:
    try:
        anchor.keep(head)
    except OSError as error:
        # the transaction is committed; an anchor that lags behind still proves what it holds
        log.warning("audit_anchor_not_written", errno=error.errno, seq=head.seq)


def _translate(error: DBAPIError | DisconnectionError, place: str) -> DatabaseError | None:
    """Return the error to raise for what the driver reported; None where the mistake is ours."""
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error):
        return _translate_sqlite(cause, place)
    state = getattr(cause, "sqlstate", None)
    if state in POSTGRES_BUSY:
        return DatabaseBusy(f"the database {place} is busy; try again")
    if (state is None and isinstance(error, OperationalError | DisconnectionError)) or (
        state is not None and state.startswith(POSTGRES_DOWN)
    ):
        return DatabaseDown(
            f"the database {place} cannot be reached; see that it runs and try again"
        )
    if state == "42P01":
        return DatabaseBehind(f"the database {place} lacks a table; run: calwarden db upgrade")
    return None


def _translate_sqlite(error: sqlite3.Error, place: str) -> DatabaseError | None:
    # the primary code is the low byte (https://www.sqlite.org/rescode.html)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in SQLITE_BUSY:
        return DatabaseBusy(f"the database {place} is busy: another process is writing; try again")
    if code in SQLITE_DOWN:
        return DatabaseDown(f"the database {place} cannot be used: {SQLITE_DOWN[code]}")
    if str(error).startswith("no such table"):
        return DatabaseBehind(f"the database {place} lacks a table; run: calwarden db upgrade")
    return None
