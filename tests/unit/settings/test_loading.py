"""The configuration is read once, and whatever is wrong with it is said at once and in words."""

import json
import re
from pathlib import Path

import pytest

from calwarden.domain.drift import DriftKind, Verdict
from calwarden.domain.policy import FIXED, Policy, When
from calwarden.settings import (
    SettingsFault,
    example,
    find_file,
    load,
    read_policy_file,
    schema,
    write_example,
)
from calwarden.settings.policy_example import policy_example


@pytest.fixture
def file(tmp_path):
    """A configuration file that says nothing yet."""
    path = tmp_path / "etc" / "calwarden.toml"
    path.parent.mkdir()
    path.write_text("")
    return path


def read(file, text="", **environment):
    file.write_text(text)
    return load(file, environment)[0]


def problems(file, text="", **environment):
    with pytest.raises(SettingsFault) as caught:
        read(file, text, **environment)
    return list(caught.value.problems)


def test_nothing_said_is_every_default(file):
    """An empty file is a configuration."""
    settings = read(file)
    assert settings.practice.client_notice_hours == 24
    assert settings.features.ask_to_reschedule == "all"
    assert not settings.network.allow_private


def test_the_environment_goes_before_the_file(file):
    """Setting by setting: the rest of a section stays as the file says."""
    settings = read(
        file,
        '[smtp]\nhost = "one"\nport = 2525\n',
        CALWARDEN__SMTP__HOST="two",
        CALWARDEN__NETWORK__ALLOW_PRIVATE="true",
        CALWARDEN__FEATURES__ASK_TO_RESCHEDULE='["dr-lee"]',
        CALWARDEN_NOW="unrelated",
    )
    assert (settings.smtp.host, settings.smtp.port) == ("two", 2525)
    assert settings.network.allow_private
    assert settings.features.ask_to_reschedule == ["dr-lee"]


def test_relative_paths_start_at_the_folder_of_the_file(file, monkeypatch, tmp_path):
    """Wherever the command is run."""
    monkeypatch.chdir(tmp_path)
    (file.parent / "pw").write_text(" hunter2\n")
    settings = read(file, 'smtp.password_file = "pw"\nkey.file = "/run/key"')
    assert settings.database.url == f"sqlite:///{file.parent}/calwarden.db"
    assert settings.audit.anchor == file.parent / "calwarden.anchor"
    assert settings.key.file == Path("/run/key")
    assert settings.smtp.secret("password") == "hunter2"


def test_a_default_that_was_moved_is_still_a_default(file):
    """So a key handed over by systemd is taken where no key file was set."""
    assert "file" not in read(file).key.model_fields_set
    assert "file" in read(file, 'key.file = "k"').key.model_fields_set


def test_another_database_keeps_its_url(file):
    """PostgreSQL is named by URL, password and all."""
    url = "postgresql://ada:hunter2@db.example/calwarden"
    assert read(file, f'database.url = "{url}"').database.url == url


def test_an_empty_path_is_none(file):
    """As the example spells it."""
    assert read(file, 'audit.anchor = ""').audit.anchor is None


def test_an_unknown_key_is_told_with_the_nearest(file):
    """In sections, at the top, and where the section was forgotten."""
    assert problems(file, "[smtp]\nprot = 25") == [
        "smtp.prot is no setting; did you mean smtp.port?"
    ]
    assert problems(file, '[smpt]\nhost = "x"') == ["smpt is no setting; did you mean smtp?"]
    assert problems(file, "grace_seconds = 5") == [
        "grace_seconds is no setting; did you mean engine.grace_seconds?"
    ]
    (far,) = problems(file, "[key]\nxyzzy = 1")
    assert far == "key.xyzzy is no setting; key has file"


def test_an_unknown_variable_is_told_like_a_key(file):
    """A setting misspelt in the environment is not silently nothing."""
    found = problems(file, CALWARDEN__SMTP__HOTS="x", CALWARDEN__ENGIN__GRACE_SECONDS="1")
    assert found == [
        "smtp.hots is no setting; did you mean smtp.host? (in the environment)",
        "engin is no setting; did you mean engine? (in the environment)",
    ]


def test_every_fault_is_told_at_once(file):
    """One run, one list: keys, values, files, policy."""
    found = problems(
        file,
        """
        smtp.port = "abc"
        smtp.starttls = "maybe"
        web.port = 70000
        practice.client_notice_hours = -1
        practice.event_title = "With {client}"
        features.ask_to_reschedule = "half"
        logging.level = "loud"
        web.public_url = "calendar.example"
        google.client_secret = 12
        prot = 1
        """,
    )
    said = "\n".join(found)
    assert len(found) == 10
    for words in (
        "smtp.port = 'abc' takes a whole number",
        "smtp.starttls = 'maybe' takes true or false",
        "web.port = 70000 must be at most 65535",
        "practice.client_notice_hours = -1 must be at least 0",
        "practice.event_title may use {type} and {place} only",
        'features.ask_to_reschedule takes "all", "none", a percentage',
        "logging.level = 'loud' takes 'debug', 'info', 'warning' or 'error'",
        "web.public_url takes an address such as https://",
        "google.client_secret takes a text in quotes",
        "prot is no setting",
    ):
        assert words in said


def test_what_files_and_tables_say_is_judged_together(file):
    """Faults beyond single values are one list too."""
    found = problems(
        file,
        """
        database.url = "mysql://localhost/x"
        smtp.password_file = "nowhere"
        google.client_secret = "one"
        google.client_secret_file = "nowhere either"
        [policy]
        moved = "explode"
        retold = "revert"
        """,
    )
    said = "\n".join(found)
    assert "database.url names neither sqlite:///FILE nor postgresql://" in said
    assert f"smtp.password_file = '{file.parent}/nowhere' cannot be read: No such file" in said
    assert "google.client_secret and google.client_secret_file are both set; keep one" in said
    assert "policy: moved.near = 'explode'" in said
    assert "policy: retold is no kind of drift" in said


@pytest.mark.parametrize("word", ["pydantic", "validation error", "input_value", "https://errors"])
def test_no_fault_speaks_of_the_library(file, word):
    """People read these."""
    with pytest.raises(SettingsFault) as caught:
        read(file, 'smtp = 3\nfeatures.ask_to_reschedule = 4\nlogging.level = "x"\nkey.file = []')
    assert word not in str(caught.value)
    assert len(caught.value.problems) >= 4


def test_no_fault_shows_a_secret(file):
    """The value of a password is not repeated, whatever is wrong with it."""
    with pytest.raises(SettingsFault) as caught:
        read(file, 'smtp.password = ["hunter2"]\ngoogle.client_secret = 12345678')
    assert "hunter2" not in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_settings_show_no_secret(file):
    """However they are printed."""
    settings = read(file, 'smtp.password = "hunter2"')
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.model_dump())
    assert settings.smtp.secret("password") == "hunter2"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"smtp = [", "not TOML"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_file_that_is_no_configuration_is_named(file, content, said):
    """With what is wrong with it."""
    file.write_bytes(content)
    with pytest.raises(SettingsFault, match=said) as caught:
        load(file, {})
    assert str(file) in str(caught.value)


def test_the_policy_here_goes_before_its_file(file):
    """Cell by cell; and the environment goes before both."""
    (file.parent / "policy.toml").write_text('moved = "ignore"\nresized = "ignore"\nnear_hours = 5')
    file.write_text('[policy]\nfile = "policy.toml"\nmoved = "flag"\n')
    _, policy = load(file, {"CALWARDEN__POLICY__DELETED": "flag"})
    verdicts = {
        kind: policy.verdict(kind, When.AHEAD, "dr-lee")
        for kind in (DriftKind.MOVED, DriftKind.RESIZED, DriftKind.DELETED)
    }
    assert verdicts == {
        DriftKind.MOVED: Verdict.FLAG,
        DriftKind.RESIZED: Verdict.IGNORE,
        DriftKind.DELETED: Verdict.FLAG,
    }
    assert policy.near.total_seconds() == 5 * 3600
    _, policy = load(file, {"CALWARDEN__POLICY__NEAR_HOURS": "3"})
    assert policy.near.total_seconds() == 3 * 3600


def test_the_file_is_looked_for_in_order(tmp_path, monkeypatch):
    """--config, then CALWARDEN_CONFIG, then the working folder."""
    monkeypatch.chdir(tmp_path)
    here, there = Path("calwarden.toml"), tmp_path / "there.toml"
    with pytest.raises(SettingsFault, match="calwarden init"):
        find_file(tmp_path / "typo.toml", {})
    here.touch()
    there.touch()
    assert find_file(None, {}) == here
    assert find_file(None, {"CALWARDEN_CONFIG": str(there)}) == there
    assert find_file(here, {"CALWARDEN_CONFIG": str(there)}) == here
    with pytest.raises(SettingsFault, match=r"typo\.toml"):
        find_file(None, {"CALWARDEN_CONFIG": "typo.toml"})


def test_the_example_changes_nothing_as_written(tmp_path):
    """It can be appended to and uncommented line by line."""
    path = tmp_path / "calwarden.toml"
    write_example(path)
    assert path.stat().st_mode & 0o777 == 0o600
    blank = tmp_path / "blank.toml"
    blank.touch()
    assert load(path, {}) == load(blank, {})
    path.write_text(path.read_text() + "\n[network]\nallow_private = true\n")
    assert load(path, {})[0].network.allow_private
    with pytest.raises(FileExistsError):
        write_example(path)


def test_the_example_uncommented_says_the_defaults(tmp_path):
    """Every setting is in it, spelled as the file wants it."""
    path = tmp_path / "calwarden.toml"
    lines = [
        line[1:] if line.startswith("#") and line[1:2].isalpha() else line
        for line in example().splitlines()
    ]
    path.write_text("\n".join(lines))
    blank = tmp_path / "blank.toml"
    blank.touch()
    said, unsaid = load(path, {})[0], load(blank, {})[0]
    assert said.model_dump() == unsaid.model_dump()
    assert all(said.model_fields_set >= {name} for name in type(said).model_fields)


def test_what_is_shipped_is_what_the_settings_say():
    """config/ is made by `make config`."""
    shipped = Path(__file__).parents[3] / "config"
    assert (shipped / "calwarden.example.toml").read_text() == example(), "run: make config"
    assert (shipped / "calwarden.schema.json").read_text() == schema(), "run: make config"
    policy = shipped / "policy.example.toml"
    assert policy.read_text() == policy_example(), "run: make config"


def test_the_example_policy_is_the_policy_without_a_file(tmp_path):
    """Every cell of it, put in force, changes nothing."""
    lines = policy_example().splitlines()
    table = "\n".join(
        line.removeprefix("#") for line in lines if re.match(r"#\w+ = ", line)
    ).replace('moved = { ahead = "flag" }', "")
    path = tmp_path / "policy.toml"
    path.write_text(table)
    said, unsaid = read_policy_file(path), Policy()
    assert len(said.cells) == 3 * (len(DriftKind) - len(FIXED))
    for kind in DriftKind:
        for when in When:
            assert said.verdict(kind, when, "dr-lee") is unsaid.verdict(kind, when, "dr-lee")


def test_the_schema_refuses_what_the_settings_refuse():
    """An editor that reads it knows every section."""
    document = json.loads(schema())
    assert document["additionalProperties"] is False
    assert {"database", "smtp", "policy"} <= set(document["properties"])
