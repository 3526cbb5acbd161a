"""Writes the example configuration and its schema: ``python -m calwarden.settings FOLDER``."""

import sys
from pathlib import Path

from calwarden.settings import example, schema
from calwarden.settings.policy_example import policy_example

folder = Path(sys.argv[1])
(folder / "calwarden.example.toml").write_text(example(), encoding="utf-8")
(folder / "policy.example.toml").write_text(policy_example(), encoding="utf-8")
(folder / "calwarden.schema.json").write_text(schema(), encoding="utf-8")
