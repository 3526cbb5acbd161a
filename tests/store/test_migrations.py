"""The migrations make the tables that the code expects; unknown ones are left alone."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from calwarden.store import schema
from calwarden.store.tables import metadata
from calwarden.store.unit_of_work import (
    Database,
    DatabaseBehind,
    DatabaseDown,
    DatabaseNewer,
)

REMEDY = "tables.py and the migration differ: run `make migration` and commit both"


def url_of(database):
    """Return a URL by which the database can be opened once more."""
    if database.path is not None:
        return f"sqlite:///{database.path}"
    return database.engine.url.render_as_string(hide_password=False)


def same_default(context, _column, _expected, found, _default, rendered):
    """Compare an empty text as such on SQLite, where Alembic finds it in brackets."""
    if context.dialect.name == "sqlite" and found == "('')":
        return bool(rendered)
    return None


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """A database of either kind, without tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'new' / 'calwarden.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    database = Database.open(url)
    yield database
    database.close()


def test_the_migrations_make_exactly_the_tables_of_the_code(empty):
    """Tables, columns, types, defaults, keys and indexes agree on both databases."""
    empty.upgrade()
    with empty.write() as tx:
        context = MigrationContext.configure(
            tx,
            opts={"compare_type": True, "compare_server_default": same_default},
        )
        assert compare_metadata(context, metadata) == [], REMEDY


def test_the_revisions_named_in_the_code_are_those_on_disk():
    """A start decides by `REVISIONS` alone, so the tuple is the list of migrations, in order."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    found = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


def test_upgrading_twice_changes_nothing(empty):
    """A current database stays as it is, its installation's name too."""
    empty.upgrade()
    name = empty.installation_id
    empty.upgrade()
    again = Database.open(url_of(empty))
    assert again.installation_id == name
    assert again.check().current
    again.close()


def test_two_installations_have_two_names(tmp_path):
    """The name is made with the tables, not shipped."""
    names = set()
    for folder in ("one", "two"):
        database = Database.open(f"sqlite:///{tmp_path / folder / 'calwarden.db'}")
        database.upgrade()
        names.add(database.installation_id)
        database.close()
    assert len(names) == 2


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database):
    """The message names both versions and what to do."""
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert database.check().newer
    with pytest.raises(DatabaseNewer, match=r"9999.*install the newer version"):
        database.upgrade()
    later = Database.open(url_of(database))
    with pytest.raises(DatabaseNewer), later.read():
        pytest.fail("a newer database was read")
    with pytest.raises(DatabaseNewer), later.write():
        pytest.fail("a newer database was written to")
    assert later.check().found == "9999"
    later.close()


def test_a_database_without_tables_asks_for_the_upgrade(empty):
    """Nothing is migrated behind a person's back."""
    if empty.path is not None:
        empty.path.parent.mkdir()
        empty.path.touch()
    assert empty.check().found is None
    with pytest.raises(DatabaseBehind, match="calwarden db upgrade"):
        _ = empty.installation_id


def test_a_failed_migration_leaves_nothing_behind(empty, monkeypatch):
    """Making the tables is one transaction."""

    def fail(*_args):
        raise RuntimeError("power cut")

    monkeypatch.setattr(schema, "uuid4", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        empty.upgrade()
    assert empty.check().found is None


def test_opening_makes_no_file(tmp_path):
    """A mistyped path is an error, not a new and empty practice."""
    path = tmp_path / "typo.db"
    database = Database.open(f"sqlite:///{path}")
    with pytest.raises(DatabaseDown, match="no such file"):
        database.check()
    assert not path.exists()


def test_the_database_and_its_log_are_for_the_owner_only(tmp_path):
    """Database, write-ahead log and index are 0600; a file with a wider mode is tightened."""
    path = tmp_path / "calwarden.db"
    database = Database.open(f"sqlite:///{path}")
    database.upgrade()
    with database.write() as tx:
        tx.execute(text("UPDATE installation SET id = id"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    database.close()
    assert modes == dict.fromkeys(("calwarden.db", "calwarden.db-wal", "calwarden.db-shm"), 0o600)
    path.chmod(0o644)
    Database.open(f"sqlite:///{path}").close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_migrations_are_shipped_beside_the_code():
    """They are run from the installed package."""
    assert Path(schema.MIGRATIONS, "env.py").is_file()
