"""Merging an import with what stands: a field changes only where nobody changed it here since.

"Here" means in the store: a field that does not hold the value last imported was changed on
purpose, is kept, and is reported as a conflict, whether or not the file has changed too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that was changed here since it was last imported; it keeps what it holds."""

    field: str
    kept: Any
    imported: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What an import does to one thing: fields to change, conflicts, and the next baseline."""

    changes: Mapping[str, Any]
    conflicts: tuple[Conflict, ...]
    baseline: Mapping[str, Any]


def merge(
    holds: Mapping[str, Any], imported: Mapping[str, Any], baseline: Mapping[str, Any]
) -> Merge:
    """Compare what is held with what is imported, field by field; fields left out stay."""
    changes: dict[str, Any] = {}
    conflicts = []
    after = dict(baseline)
    for field, value in imported.items():
        if holds[field] == value:
            after[field] = value
        elif field in baseline and holds[field] == baseline[field]:
            changes[field] = value
            after[field] = value
        else:
            conflicts.append(Conflict(field=field, kept=holds[field], imported=value))
    return Merge(changes=changes, conflicts=tuple(conflicts), baseline=after)
