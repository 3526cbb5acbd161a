"""One import under way: what it changed, refused and kept, row by row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.wall_time import resolution
from calwarden.practice.interchange.merging import Merge, merge
from calwarden.practice.interchange.reading import Kind, Row
from calwarden.store import audit, baseline

WITHHELD = {(Kind.CLIENT, "name"), (Kind.CLIENT, "email")}
"""Fields that no report shows: who a client is stays in the store."""

Values = Mapping[str, Any]


class RowRefused(Exception):
    """This row cannot be imported; the rest can. ``field`` is the one at fault, if one is."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


def _baselines() -> dict[Kind, dict[str, dict[str, Any]]]:
    return {}


@dataclass(slots=True, kw_only=True)
class Session:
    """The import's transaction, and what there is to report of it."""

    tx: Connection
    now: datetime
    actor: str
    added: int = 0
    updated: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    resolved: list[dict[str, Any]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    turned_away: set[tuple[Kind, str]] = field(default_factory=set)
    _last: dict[Kind, dict[str, dict[str, Any]]] = field(default_factory=_baselines)

    def last_imported(self, kind: Kind, ref: str) -> dict[str, Any] | None:
        """Return the fields of a thing as last imported; None if it never was."""
        if kind not in self._last:
            self._last[kind] = baseline.fields_of_kind(self.tx, kind.value)
        return self._last[kind].get(ref)

    def remember(self, kind: Kind, ref: str, values: Values) -> None:
        """Remember the fields of a thing as imported now."""
        if self.last_imported(kind, ref) != values:
            baseline.save(self.tx, kind.value, ref, values)
            self._last[kind][ref] = dict(values)

    def add(self, kind: Kind, ref: str, values: Values) -> None:
        """Count a thing that was added, with every field it holds now."""
        self.added += 1
        self.remember(kind, ref, values)

    def change(
        self, kind: Kind, ref: str, holds: Values, values: Values, apply: Callable[[Values], None]
    ) -> None:
        """Merge a row into what stands: ``apply`` gets the changes, and may refuse the row."""
        merged = merge(holds, values, self.last_imported(kind, ref) or {})
        if merged.changes:
            apply(merged.changes)
            self.updated += 1
        self.remember(kind, ref, merged.baseline)
        self._report_conflicts(kind, ref, merged)

    def note_resolution(self, one: Appointment, row: Row) -> None:
        """Report a start that falls in a gap or a fold of its zone: it is accepted."""
        found = resolution(one.start)
        if found is not None:
            self.resolved.append(
                {
                    "ref": one.ref,
                    "start": one.start.isoformat(),
                    "timezone": one.zone,
                    "resolved": found,
                    "path": row.path,
                    "line": row.line,
                }
            )

    def refuse(self, row: Row, ref: str | None, reason: str, at: str = "") -> None:
        """Report a row that was not imported."""
        if ref is not None:
            self.turned_away.add((row.kind, ref))
        self.refused.append(
            {
                "kind": row.kind.value,
                "ref": ref,
                "path": f"{row.path}.{at}" if at else row.path,
                "line": row.line,
                "reason": reason,
            }
        )

    def demand(self, kind: Kind, ref: str, found: object, *, field: str) -> None:
        """Raise `RowRefused` where a row names something that is not there."""
        if found is not None:
            return
        word = kind.value.replace("_", " ")
        if (kind, ref) in self.turned_away:
            raise RowRefused(f"the {word} {ref} was refused itself", field=field)
        raise RowRefused(f"there is no {word} {ref}", field=field)

    def log(self, action: str, subject: str, detail: Values) -> None:
        """Leave an audit entry."""
        write = partial(audit.append, self.tx, at=self.now, actor=self.actor)
        write(action=action, subject=subject, detail=detail)

    def _report_conflicts(self, kind: Kind, ref: str, merged: Merge) -> None:
        for one in merged.conflicts:
            hidden = (kind, one.field) in WITHHELD
            self.conflicts.append(
                {
                    "kind": kind.value,
                    "ref": ref,
                    "field": one.field,
                    "kept": None if hidden else one.kept,
                    "imported": None if hidden else one.imported,
                }
            )
