"""The example configuration and its schema, made from the model."""

import json
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from calwarden.settings.faults import section_of
from calwarden.settings.model import Settings

WIDTH = 88

_HEAD = """\
# The configuration of calwarden. Every setting is here with its default; to change one, remove the
# "#" before it. Relative paths start at the folder of this file. Every setting can also be given
# in the environment: CALWARDEN__SMTP__HOST is smtp.host. What is no setting is refused.
"""


def example() -> str:
    """Return a configuration file that explains every setting and changes none."""
    sections = [
        "\n".join(_section(name, section))
        for name, field in Settings.model_fields.items()
        if (section := section_of(field.annotation)) is not None
    ]
    return "\n".join([_HEAD, *sections])


def schema() -> str:
    """Return the JSON schema of the configuration file, for editors."""
    return json.dumps(Settings.model_json_schema(), indent=2, sort_keys=True) + "\n"


def write_example(path: Path) -> None:
    """Write the example for its owner only; raises ``FileExistsError`` and never overwrites."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        opened.write(example())


def _section(name: str, section: type[BaseModel]) -> Iterator[str]:
    yield from _comment(f"--- {section.__doc__}".splitlines()[0].rstrip(".") + " ---")
    for key, field in section.model_fields.items():
        yield ""
        yield from _comment(field.description or "")
        yield f"#{name}.{key} = {_toml(field.default)}"
    yield ""


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")


def _toml(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    # a TOML basic string is spelled as a JSON one (https://toml.io/en/v1.0.0#string)
    return json.dumps(str(value))
