"""What a transaction promises, on both databases."""

import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from calwarden.domain.practice import Practice
from calwarden.store import audit, people
from calwarden.store.tables import audit as audit_table
from calwarden.store.tables import practice, providers
from calwarden.store.unit_of_work import Database, DatabaseBusy, DatabaseDown, DatabaseError

HARBOR = Practice(name="Harbor", timezone="America/New_York")


def name_in(database):
    with database.read() as tx:
        found = people.practice(tx)
        return None if found is None else found.name


def reopened(database, **options):
    """Open the same database once more, as another process does."""
    if database.path is not None:
        return Database.open(f"sqlite:///{database.path}", **options)
    return Database.open(database.engine.url.render_as_string(hide_password=False), **options)


def test_what_is_written_is_read(database):
    """A committed write is seen by the next read."""
    with database.write() as tx:
        people.save_practice(tx, HARBOR)
    assert name_in(database) == "Harbor"


def test_an_error_undoes_the_whole_transaction(database):
    """Nothing of a transaction that failed stands, the audit entry neither."""
    with suppress(RuntimeError), database.write() as tx:
        people.save_practice(tx, HARBOR)
        audit.append(tx, at=datetime(2026, 1, 1, tzinfo=UTC), actor="t", action="a", subject="s")
        raise RuntimeError
    assert name_in(database) is None
    with database.read() as tx:
        assert audit.head(tx) == audit.AuditHead()


def test_a_read_sees_one_snapshot(database):
    """What others commit meanwhile does not show in a read that has begun, nor does it wait."""
    with database.read() as tx:
        assert people.practice(tx) is None
        with database.write() as writing:
            people.save_practice(writing, HARBOR)
        assert people.practice(tx) is None
    assert name_in(database) == "Harbor"


def test_a_read_never_writes(database):
    """A write in a read transaction is refused by the database itself."""
    with pytest.raises((DatabaseError, DBAPIError)), database.read() as tx:
        people.save_practice(tx, HARBOR)
    assert name_in(database) is None
    with database.write() as tx:
        people.save_practice(tx, HARBOR)
    assert name_in(database) == "Harbor"


def test_a_second_writer_waits_and_then_says_busy(database):
    """Busy names the database and asks for another try; nothing is lost of the first."""
    other = reopened(database, busy_timeout=timedelta(milliseconds=200))
    with database.write() as tx:
        people.save_practice(tx, HARBOR)
        with pytest.raises(DatabaseBusy, match="busy"), other.write():
            pytest.fail("two writers at once")
    with other.write() as tx:
        people.save_practice(tx, Practice(name="Quay", timezone="UTC"))
    other.close()
    assert name_in(database) == "Quay"


def test_what_a_write_has_checked_holds_until_it_commits(database):
    """Read, decide, write: of many at once, none decides on what another changes meanwhile."""
    with database.write() as tx:
        people.save_practice(tx, Practice(name="0", timezone="UTC"))

    def count():
        for _ in range(10):
            with database.write() as tx:
                now = int(people.practice(tx).name)
                people.save_practice(tx, Practice(name=str(now + 1), timezone="UTC"))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert name_in(database) == "40"


def test_what_was_committed_survives_sigkill(database):
    """A process that dies right after its commit has lost nothing; one before it leaves nothing."""
    url = (
        f"sqlite:///{database.path}"
        if database.path
        else database.engine.url.render_as_string(hide_password=False)
    )
    script = """
import os, signal, sys
from calwarden.domain.practice import Practice
from calwarden.store import people
from calwarden.store.unit_of_work import Database
database = Database.open(sys.argv[1])
with database.write() as tx:
    people.save_practice(tx, Practice(name="kept", timezone="UTC"))
with database.write() as tx:
    people.save_practice(tx, Practice(name="lost", timezone="UTC"))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    died = subprocess.run([sys.executable, "-c", script, url], check=False)
    assert died.returncode == -9
    assert name_in(database) == "kept"
    with database.write() as tx:
        people.save_practice(tx, HARBOR)


def test_a_reference_to_nothing_is_refused(database):
    """Foreign keys hold on both databases."""
    values = {"provider": "nobody", "connector": "memory", "remote_id": "x"}
    columns = "provider, connector, remote_id, capabilities, probe, limitations, created_at"
    statement = text(
        f"INSERT INTO calendars ({columns}) VALUES "
        "(:provider, :connector, :remote_id, '{}', '{}', '{}', '2026-01-01')"
    )
    with pytest.raises(IntegrityError), database.write() as tx:
        tx.execute(statement, values)


def test_an_error_quotes_no_value(database):
    """What a statement carried may name a person, so the error's own text leaves it out."""
    row = {"id": 1, "name": "Canary Quill", "timezone": "UTC", "details": {}}
    with pytest.raises(IntegrityError) as caught, database.write() as tx:
        tx.execute(insert(practice), [row, row])
    assert "Canary Quill" not in str(caught.value)


def test_a_naive_datetime_does_not_enter(database):
    """Instants are aware; they come back in UTC, whatever zone they came in."""
    with pytest.raises(StatementError, match="naive"), database.write() as tx:
        tx.execute(update(audit_table).values(at=datetime(2026, 1, 1)))  # noqa: DTZ001 - refused


def test_a_damaged_file_is_named(sqlite_database):
    """The message says which file and what is wrong with it."""
    sqlite_database.close()
    sqlite_database.path.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(DatabaseDown, match="is not a database"):
        sqlite_database.check()


def test_a_full_disk_is_named_and_loses_nothing(sqlite_database):
    """The transaction that found the disk full is undone; what was there stays."""
    with sqlite_database.write() as tx:
        people.save_practice(tx, HARBOR)

    def fill(database):
        with database.write() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
            tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            people.save_practice(tx, Practice(name="x" * 200_000, timezone="UTC"))

    with pytest.raises(DatabaseDown, match="disk is full"):
        fill(sqlite_database)
    assert name_in(sqlite_database) == "Harbor"


def test_a_server_that_is_away_is_down():
    """The message names the host, never the password."""
    database = Database.open("postgresql://ada:hunter2@127.0.0.1:9/calwarden")
    with pytest.raises(DatabaseDown, match=r"calwarden on 127\.0\.0\.1") as caught:
        database.check()
    assert "hunter2" not in str(caught.value)


def test_a_server_that_restarted_is_used_again(postgres_database):
    """A connection the server has cut is replaced, not reported."""
    with postgres_database.write() as tx:
        people.save_practice(tx, HARBOR)
    with pytest.raises(DatabaseDown), postgres_database.read() as tx:
        tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert name_in(postgres_database) == "Harbor"


@pytest.mark.parametrize(
    "url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "nonsense"]
)
def test_any_other_url_is_refused(url):
    """SQLite is a file, and there are two kinds of databases."""
    with pytest.raises(ValueError, match=r"URL|file"):
        Database.open(url)


def test_sqlite_is_durable_and_strict(sqlite_database):
    """Every connection has the settings that the promises rest on."""
    with sqlite_database.write() as tx:
        found = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
    }


def test_reading_alone_writes_nothing(sqlite_database):
    """A quiet poll leaves the file and its log as they were."""
    with sqlite_database.read() as tx:
        tx.execute(select(func.count()).select_from(providers))
    before = {file.name: file.stat().st_size for file in sqlite_database.path.parent.iterdir()}
    for _ in range(3):
        with sqlite_database.read() as tx:
            tx.execute(select(func.count()).select_from(providers))
    after = {file.name: file.stat().st_size for file in sqlite_database.path.parent.iterdir()}
    assert after == before
