"""The value last imported of every field, by which a re-import knows what was changed here."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from calwarden.store.tables import import_baseline


def fields(connection: Connection, kind: str, ref: str) -> dict[str, Any] | None:
    """Return the fields as last imported; None where that thing was never imported."""
    found = connection.execute(
        select(import_baseline.c.fields).where(
            import_baseline.c.kind == kind, import_baseline.c.ref == ref
        )
    ).scalar()
    return None if found is None else dict(found)


def fields_of_kind(connection: Connection, kind: str) -> dict[str, dict[str, Any]]:
    """Return ref → fields as last imported, for everything of that kind."""
    query = select(import_baseline.c.ref, import_baseline.c.fields)
    found = connection.execute(query.where(import_baseline.c.kind == kind))
    return {ref: dict(values) for ref, values in found}


def save(connection: Connection, kind: str, ref: str, values: Mapping[str, Any]) -> None:
    """Remember the fields just imported."""
    changed = connection.execute(
        update(import_baseline)
        .where(import_baseline.c.kind == kind, import_baseline.c.ref == ref)
        .values(fields=dict(values))
    )
    if not changed.rowcount:
        connection.execute(insert(import_baseline).values(kind=kind, ref=ref, fields=dict(values)))
