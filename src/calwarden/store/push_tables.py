"""The table of subscriptions: services' promises to tell us of changes."""

from sqlalchemy import Column, ForeignKey, Table, Text

from calwarden.store.columns import Instant
from calwarden.store.tables import metadata

subscriptions = Table(
    "subscriptions",
    metadata,
    # what notices call it
    Column("name", Text, primary_key=True),
    Column("calendar_id", ForeignKey("calendars.id"), nullable=False, index=True),
    # of the secret only its SHA-256 is kept: who reads the database cannot make a notice up
    Column("secret_hash", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("resource", Text, nullable=False, server_default=""),
    Column("opened_at", Instant, nullable=False),
    Column("renew_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    # the first notice, which proves that the service reaches us
    Column("heard_at", Instant),
)
