"""Alembic's environment: migrates the connection it is given; new migrations start from nothing."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, StaticPool, create_engine

from calwarden.store import asks_tables, claims_tables, messages_tables, push_tables, tables
from calwarden.store.columns import Document, Instant

DECLARING = (tables, asks_tables, claims_tables, messages_tables, push_tables)
"""Every module that declares tables."""


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Spell our own column types by their names."""
    name = "Instant()" if isinstance(item, Instant) else "Document" if item is Document else None
    if kind != "type" or name is None:
        return False
    autogen.imports.add(f"from calwarden.store.columns import {name.removesuffix('()')}")
    return name


def run(connection: Connection) -> None:
    """Run what was asked for on ``connection``."""
    context.configure(
        connection=connection,
        target_metadata=DECLARING[0].metadata,
        render_item=render_item,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine("sqlite://", poolclass=StaticPool).connect() as empty:
        run(empty)
