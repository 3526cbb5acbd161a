"""Connections to SQLite and PostgreSQL: one writer at a time, durable commits, read-only reads.

On both databases a write transaction is alone from its first statement, so what it checked still
holds when it commits. SQLite does it with ``BEGIN IMMEDIATE``, PostgreSQL with one advisory lock.
"""

import os
import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

STATEMENTS = 512
"""Statements that a connection to SQLite keeps compiled: more than there are."""

WRITER_LOCK = 0x63616C77
CONNECT_SECONDS = 10
MILLISECOND = timedelta(milliseconds=1)


def sqlite_path(url: URL) -> Path | None:
    """Return the file behind a SQLite URL; None for any other database."""
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ValueError(
            "a SQLite database is a file, named as sqlite:////var/lib/calwarden/calwarden.db"
        )
    return Path(url.database)


def open_sqlite(path: Path, busy_timeout: timedelta, *, writes: bool) -> Engine:
    """Return an engine on an existing SQLite file; connecting fails where there is none.

    A connection takes writes or refuses them for good: SQLite compiles every statement anew after
    a change of ``query_only``.
    ``synchronous=FULL``: a commit survives the loss of power, which NORMAL in WAL mode does not
    promise (https://www.sqlite.org/pragma.html#pragma_synchronous).
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=busy_timeout.total_seconds(),
            # transactions begin where `begin` says so, never by the driver's own guess
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
        for pragma in (
            "foreign_keys = ON",
            "journal_mode = WAL",
            "synchronous = FULL",
            "trusted_schema = OFF",
            f"query_only = {'OFF' if writes else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        # an error never quotes a row: it may hold a person's name
        hide_parameters=True,
    )


def open_postgres(url: URL, busy_timeout: timedelta) -> Engine:
    """Return an engine on PostgreSQL with psycopg 3; reads are one read-only snapshot each."""
    wait = int(busy_timeout / MILLISECOND)

    def connected(connection: DBAPIConnection, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {wait}")
        cursor.execute("SET timezone = 'UTC'")
        cursor.close()
        connection.commit()

    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )
    event.listen(engine, "connect", connected)
    return engine


def reading(engine: Engine) -> Engine:
    """Return the engine on PostgreSQL for read transactions."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def begin(connection: Connection, *, writes: bool) -> None:
    """Begin a transaction on the database itself; nothing else may have been asked of it yet.

    No listener of SQLAlchemy's: an engine that has one looks for others at every statement.
    """
    if connection.dialect.name == "postgresql":
        if writes:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        return
    raw: Any = connection.connection.driver_connection
    raw.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def create_private_file(path: Path) -> None:
    """Make an empty database file that only its owner can read; an existing one is tightened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    tighten(path)


def tighten(path: Path) -> None:
    """Take reading rights on the database and its write-ahead log from everyone but the owner."""
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        # someone else's file stays as it is; the doctor reports it
        with suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
