"""Tables of the work that claims ask of people, and of what payers answered."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from calwarden.store.columns import Instant
from calwarden.store.tables import metadata

work_items = Table(
    "work_items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("claim", ForeignKey("claims.ref"), nullable=False),
    # what it is about: the date, a drift, the length; it keeps its number while its kind changes
    Column("matter", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("frequency_code", Text),
    Column("message", Text, nullable=False),
    # the facts that it stands for; closed by a person it stays closed while they are the same
    Column("basis", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("assignee", Text),
    Column("opened_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_by", Text),
    Column("outcome", Text),
    Index("ix_work_items_status", "status"),
    Index(
        "uq_work_items_live",
        "claim",
        "matter",
        unique=True,
        sqlite_where=text("status IN ('open', 'settled')"),
        postgresql_where=text("status IN ('open', 'settled')"),
    ),
)

work_notes = Table(
    "work_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("work_item", ForeignKey("work_items.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("text", Text, nullable=False),
)

remittances = Table(
    "remittances",
    metadata,
    # one row for each answer of a payer that was taken in: taking it in again changes nothing
    Column("id", Integer, primary_key=True),
    Column("claim", ForeignKey("claims.ref"), nullable=False),
    Column("trace", Text, nullable=False),
    Column("status_code", Text, nullable=False),
    Column("control_number", Text, nullable=False),
    Column("applied_at", Instant, nullable=False),
    UniqueConstraint("claim", "trace", "status_code", "control_number"),
)
