"""Writes the example configuration and its schema: ``python -m calwarden.settings FOLDER``."""

import sys
from pathlib import Path

from calwarden.settings import example, schema

folder = Path(sys.argv[1])
(folder / "calwarden.example.toml").write_text(example(), encoding="utf-8")
(folder / "calwarden.schema.json").write_text(schema(), encoding="utf-8")
