"""Finding the configuration file, reading it, and judging it as a whole."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from calwarden.domain.policy import BadPolicy, Policy, read_policy
from calwarden.settings.faults import SettingsFault, in_words, unknown_keys
from calwarden.settings.model import (
    ENV_DELIMITER,
    ENV_PREFIX,
    DatabaseSettings,
    SecretSettings,
    Settings,
)

FILE_VARIABLE = "CALWARDEN_CONFIG"
PLACES = (Path("calwarden.toml"), Path("/etc/calwarden/calwarden.toml"))

Model = TypeVar("Model", bound=BaseModel)


def find_file(given: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the configuration file to read; raises `SettingsFault` where there is none."""
    named = given or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    if named is not None:
        if not named.is_file():
            raise SettingsFault(str(named), ["there is no such file; calwarden init makes one"])
        return named
    for place in PLACES:
        if place.is_file():
            return place
    looked = " and ".join(str(place) for place in PLACES)
    raise SettingsFault("none found", [f"looked for {looked}; run: calwarden init"])


def load(file: Path, environment: Mapping[str, str] | None = None) -> tuple[Settings, Policy]:
    """Read a configuration file and the environment; raises `SettingsFault` with every fault.

    Relative paths are those of the file's folder.
    """
    environment = os.environ if environment is None else environment
    source = str(file)
    document = _read_toml(file, source)
    problems = [
        *unknown_keys(document, Settings),
        *(
            f"{problem} (in the environment)"
            for problem in unknown_keys(_environment_keys(environment), Settings)
        ),
    ]
    settings = None
    try:
        merged = _merged(document, _environment_values(environment))
        settings = anchored(Settings(**merged), file.absolute().parent)
    except ValidationError as error:
        problems += in_words(error)
    except SettingsError as error:
        problems.append(f"the environment: {error}")
    if settings is not None:
        policy, found = _judged(settings)
        problems += found
        if not problems and policy is not None:
            return settings, policy
    raise SettingsFault(source, problems)


def read_policy_file(file: Path) -> Policy:
    """Read a policy file, or the policy of a configuration file; raises `SettingsFault`."""
    document = _read_toml(file, str(file))
    own = document.get("policy")
    table = document if own is None else {key: own[key] for key in own if key != "file"}
    try:
        return read_policy(table)
    except BadPolicy as error:
        raise SettingsFault(str(file), str(error).split("; ")) from error


def _read_toml(file: Path, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsFault(source, [f"the file cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsFault(source, ["the file is not UTF-8 text"]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsFault(source, [f"the file is not TOML: {error}"]) from error


def _environment_keys(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment names, as a document."""
    document: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.upper().startswith(ENV_PREFIX):
            continue
        *sections, key = name[len(ENV_PREFIX) :].lower().split(ENV_DELIMITER)
        table = document
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                break
        else:
            table[key] = value
    return document


def _environment_values(environment: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environment.items()}
    return source()


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(known, value)
        else:
            merged[key] = value
    return merged


def anchored(model: Model, folder: Path) -> Model:
    """Return the settings with every relative path taken from ``folder``."""
    changed: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            changed[name] = anchored(value, folder)
        elif isinstance(value, Path):
            changed[name] = folder / value.expanduser()
    if isinstance(model, DatabaseSettings):
        changed["url"] = _anchored_url(model.url, folder)
    # the set of given settings stays what it was: a default that was moved is still a default
    return type(model).model_construct(set(model.model_fields_set), **{**dict(model), **changed})


def _anchored_url(url: str, folder: Path) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError:
        return url
    if (
        parsed.get_backend_name() != "sqlite"
        or not parsed.database
        or parsed.database == ":memory:"
    ):
        return url
    path = folder / Path(parsed.database).expanduser()
    return parsed.set(database=str(path)).render_as_string(hide_password=False)


def _judged(settings: Settings) -> tuple[Policy | None, list[str]]:
    """Return the policy, and what is wrong beyond the form of single values."""
    problems = list(_unreadable(settings))
    problems += _bad_database(settings.database.url)
    try:
        return read_policy(settings.policy.table(_policy_file(settings.policy.file))), problems
    except SettingsFault as error:
        problems += [f"policy.file {problem}" for problem in error.problems]
    except BadPolicy as error:
        problems += [f"policy: {problem}" for problem in str(error).split("; ")]
    return None, problems


def _policy_file(file: Path | None) -> dict[str, Any]:
    return {} if file is None else _read_toml(file, str(file))


def _unreadable(settings: Settings) -> Iterator[str]:
    for section_name in type(settings).model_fields:
        section = getattr(settings, section_name)
        for name in type(section).model_fields:
            # key and anchor are made by init, the policy is read below
            if section_name in {"key", "audit", "policy"}:
                continue
            file = getattr(section, name)
            if not isinstance(file, Path):
                continue
            try:
                # a folder of templates is read when a message is put into words
                _ = list(file.iterdir()) if name == "templates" else file.read_bytes()
            except OSError as error:
                yield f"{section_name}.{name} = {str(file)!r} cannot be read: {error.strerror}"
        if isinstance(section, SecretSettings):
            yield from _secrets_given_twice(section_name, section)


def _secrets_given_twice(section_name: str, section: SecretSettings) -> Iterator[str]:
    for name in type(section).model_fields:
        file = f"{name}_file"
        if file in type(section).model_fields and getattr(section, name) and getattr(section, file):
            yield f"{section_name}.{name} and {section_name}.{file} are both set; keep one"


def _bad_database(url: str) -> Iterator[str]:
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        backend = ""
    if backend not in {"sqlite", "postgresql"}:
        yield "database.url names neither sqlite:///FILE nor postgresql://HOST/NAME"
    elif backend == "sqlite" and make_url(url).database in {None, "", ":memory:"}:
        yield "database.url names no file; write sqlite:///calwarden.db"
