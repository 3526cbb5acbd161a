"""The configuration: one model, read once from a TOML file and the environment."""

from calwarden.settings.example import example, schema, write_example
from calwarden.settings.faults import SettingsFault
from calwarden.settings.loading import find_file, load, read_policy_file
from calwarden.settings.model import (
    FeatureSettings,
    PolicySettings,
    SecretSettings,
    Settings,
)

__all__ = [
    "FeatureSettings",
    "PolicySettings",
    "SecretSettings",
    "Settings",
    "SettingsFault",
    "example",
    "find_file",
    "load",
    "read_policy_file",
    "schema",
    "write_example",
]
