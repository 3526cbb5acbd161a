"""The composition root: an installation is made, opened, and its parts fit together."""

import logging
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from calwarden.bootstrap import (
    Application,
    UnknownConnector,
    initialise,
    process_name,
    process_runs,
)
from calwarden.domain.practice import Provider
from calwarden.sdk.connector import Link
from calwarden.sdk.errors import NeedsAuth
from calwarden.settings import SettingsFault
from calwarden.store import audit, calendars, people
from calwarden.store.calendars import NewCalendar
from calwarden.store.unit_of_work import DatabaseDown
from calwarden.store.vault import VaultError
from calwarden.testing.memory import MemoryCalendar, MemoryKind

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
SECRET = {"username": "dana", "password": "sesame"}


@pytest.fixture(autouse=True)
def _logging():
    """Opening an application sets up logging for the process; put it back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = before


@pytest.fixture
def made(tmp_path):
    """An installation as `calwarden init` makes it."""
    return initialise(tmp_path / "harbor" / "calwarden.toml", now=NOW)


@pytest.fixture
def opened(made):
    """Opens the installation, with an environment."""
    applications = []

    def open_(**environment):
        applications.append(Application.open(made.config, environment=environment))
        return applications[-1]

    yield open_
    for application in applications:
        application.close()


@pytest.fixture
def application(opened):
    """The installation with a provider and a connector in memory."""
    application = opened(CALWARDEN__TESTING__CLOCK="manual", CALWARDEN_NOW="2026-12-01T10:00:00Z")
    application.connectors.add(MemoryKind({"work": MemoryCalendar()}))
    zone = "Europe/Berlin"
    provider = Provider(ref="dr-lee", name="Dana", timezone=zone, place_of_service_timezone=zone)
    with application.database.write() as tx:
        people.save_provider(tx, provider)
    return application


def linked(application, credential=SECRET, account="dana"):
    kind = application.connectors["memory"]
    context = application.link_context("memory", "Europe/Berlin")
    discovery = kind.discover(credential, context)
    link = kind.probe(discovery.calendars[0], credential, context)
    with application.database.write() as tx:
        sealed = application.vault.seal(credential, account=account)
        number = calendars.add_credential(tx, account=account, sealed=sealed, now=NOW)
        new = NewCalendar(
            provider="dr-lee", connector="memory", link=link, name="work", credential_id=number
        )
        return calendars.get(tx, calendars.insert_one(tx, new, now=NOW))


def test_an_installation_is_three_files_for_the_owner(made):
    """Configuration, key and database lie together; the audit log has begun, and is anchored."""
    found = {file.name: file.stat().st_mode & 0o777 for file in made.config.parent.iterdir()}
    assert found == dict.fromkeys(
        ("calwarden.toml", "calwarden.key", "calwarden.db", "calwarden.anchor"), 0o600
    )


@pytest.mark.parametrize("which", ["config", "key", "database"])
def test_nothing_is_ever_overwritten(tmp_path, which):
    """What is there already is named, and nothing is made beside it."""
    names = {"config": "calwarden.toml", "key": "calwarden.key", "database": "calwarden.db"}
    path = tmp_path / names[which]
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=names[which]):
        initialise(tmp_path / "calwarden.toml", now=NOW)
    assert [file.name for file in tmp_path.iterdir()] == [names[which]]
    assert path.read_text() == "mine"


def test_what_init_made_opens_as_it_is(opened):
    """Nothing has to be set first."""
    application = opened()
    assert len(application.vault.link_key) == 32
    assert application.audit_verdict().ok
    assert "caldav" in application.connectors
    assert application.services().installation == application.database.installation_id


def test_the_same_text_has_the_same_fingerprint_in_every_process(opened):
    """And another one in every other installation."""
    text = "Session"
    assert opened().fingerprint(text) == opened().fingerprint(text) != text


def test_an_unknown_connector_is_told_with_those_there_are(application):
    """Cause and choice."""
    with pytest.raises(UnknownConnector, match=r"'outlok'.*caldav.*memory"):
        application.connectors["outlok"]
    assert {"caldav", "memory"} <= set(application.connectors)
    assert len(application.connectors) == len(set(application.connectors))


def test_a_linked_calendar_opens_with_its_credential(application):
    """The sealed credential is opened for its account only."""
    calendar = linked(application)
    assert application.credential(calendar) == SECRET
    connector = application.connect(calendar)
    assert connector.requests == 0
    connector.close()


def test_a_swapped_credential_asks_for_a_new_link(application):
    """The calendar is named; nothing is sent with somebody else's token."""
    calendar = linked(application)
    with application.database.write() as tx:
        alien = application.vault.seal(SECRET, account="kim")
        calendars.save_credential(tx, calendar.credential_id, sealed=alien, now=NOW)
    with pytest.raises(NeedsAuth, match=f"calendar {calendar.id}.*link again"):
        application.credential(calendar)
    with pytest.raises(NeedsAuth, match=f"calendar {calendar.id}"):
        application.credential(replace(calendar, credential_id=None))


def test_a_renewed_credential_is_sealed_and_kept(application):
    """For the next process, under the same account."""
    calendar = linked(application)
    context = application.context(calendar)
    context.save_credential({**SECRET, "access_token": "canary"})
    with application.database.read() as tx:
        account, sealed = calendars.credential(tx, calendar.credential_id)
    assert account == "dana"
    assert b"canary" not in sealed
    assert application.credential(calendar)["access_token"] == "canary"


def test_connectors_are_told_zone_time_and_their_own_section(made, opened):
    """Secrets read from their files; a connector without a section gets none."""
    (made.config.parent / "secret").write_text("sesame\n")
    application = opened(
        CALWARDEN__GOOGLE__CLIENT_SECRET_FILE="secret",
        CALWARDEN__GOOGLE__TIMEOUT_SECONDS="7",
        CALWARDEN__OUTLOOK__CLIENT_SECRET="other",
        CALWARDEN__TESTING__CLOCK="manual",
        CALWARDEN_NOW="2026-12-01T10:00:00Z",
    )
    paced = []
    context = application.link_context("google", "Europe/Berlin", pace=paced.append)
    context.pace("mailbox")
    assert context.settings["client_secret"] == "sesame"
    assert context.timeout.total_seconds() == 7
    assert context.zone == "Europe/Berlin"
    assert context.now() == datetime(2026, 12, 1, 10, tzinfo=UTC)
    assert paced == ["mailbox"]
    assert application.connector_settings("outlook")["client_secret"] == "other"
    assert application.connector_settings("memory") == {}


def test_the_credential_of_systemd_is_the_key_where_none_is_set(tmp_path, opened):
    """Its access list shows as a mode for the group, and its folder keeps others out."""
    handed = tmp_path / "credentials" / "calwarden.key"
    handed.parent.mkdir()
    handed.write_bytes(os.urandom(32))
    handed.chmod(0o440)
    folder = str(handed.parent)
    ours = opened().vault.link_key
    assert opened(CREDENTIALS_DIRECTORY=folder).key_file == handed
    assert opened(CREDENTIALS_DIRECTORY=folder).vault.link_key != ours
    named = {"CREDENTIALS_DIRECTORY": folder, "CALWARDEN__KEY__FILE": "calwarden.key"}
    assert opened(**named).vault.link_key == ours
    assert opened(CALWARDEN__KEY__FILE=str(handed)).key_file == handed
    with pytest.raises(VaultError, match="0440"):
        _ = opened(CALWARDEN__KEY__FILE=str(handed)).vault


def test_a_lost_key_or_database_is_told_when_it_is_needed(made, opened):
    """The configuration can be looked at without them."""
    made.key.unlink()
    application = opened()
    with pytest.raises(VaultError, match=r"calwarden\.key"):
        _ = application.fingerprint
    made.database.unlink()
    with pytest.raises(DatabaseDown, match=r"calwarden\.db"):
        opened().database.check()


def test_a_shortened_audit_log_is_found(opened):
    """By the anchor beside the key."""
    application = opened()
    with application.database.write() as tx:
        audit.append(tx, at=NOW, actor="cli", action="booked", subject="appointment:a-1")
    assert application.audit_verdict().entries == 2
    with application.database.write() as tx:
        tx.exec_driver_sql("DELETE FROM audit WHERE seq = 2")
    verdict = application.audit_verdict()
    assert (verdict.ok, verdict.first_bad) == (False, 2)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"CALWARDEN__TESTING__FAILPOINT": ":"}, "failpoint"),
        ({"CALWARDEN__TESTING__CLOCK": "manual", "CALWARDEN_NOW": "noon"}, "CALWARDEN_NOW"),
        ({"CALWARDEN__SMTP__PORT": "x"}, "smtp.port"),
    ],
)
def test_a_wrong_configuration_is_one_kind_of_error(opened, environment, said):
    """Whoever finds it."""
    with pytest.raises(SettingsFault, match=said):
        opened(**environment)


def test_failpoints_are_armed_by_the_settings_only(opened):
    """Without the setting every point is passed."""
    assert opened(CALWARDEN_FAILPOINT="recorded").failpoint("recorded") is None
    assert opened(CALWARDEN__TESTING__FAILPOINT="recorded").failpoint("sent") is None


def test_a_process_knows_itself_and_the_dead():
    """A lease of a process that is gone, or whose number another one has now, is free."""
    name = process_name()
    host, pid, began = name.split("/")
    assert process_runs(name)
    assert not process_runs(f"{host}/{pid}/{int(began) + 1}")
    assert not process_runs(f"{host}/4194305/1")
    assert process_runs("elsewhere/1/1")
    assert process_runs("not a process")


def test_a_daemon_starts_from_the_zones_of_today(application):
    """Nothing moved, nothing is written; what moved is named in the audit log."""
    entries = application.audit_verdict().entries
    assert application.follow_zone_data() == []
    assert application.daemon() is not None
    assert application.audit_verdict().entries == entries


def test_a_link_is_a_value(application):
    """What is stored of a calendar is what its connector is opened with."""
    link = calendars.link_of(linked(application))
    assert isinstance(link, Link)
    assert link.remote_id == "work"
    assert Path(application.config).name == "calwarden.toml"
