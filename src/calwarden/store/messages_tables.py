"""Tables of what people are told: the outbox of mail, and threads between client and provider."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from calwarden.store.columns import Document, Instant
from calwarden.store.tables import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    # made from what the message is about: the same news is queued once, and keeps its name
    Column("message_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("appointment", Text, index=True),
    # what it tells, as it was when it was queued; words, names and addresses come at delivery
    Column("facts", Document, nullable=False),
    Column("status", Text, nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Instant),
    Column("claimed_by", Text),
    Column("claimed_until", Instant),
    Column("problem", Text),
    Column("created_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Index("ix_outbox_due", "status", "next_attempt_at"),
)

digests = Table(
    "digests",
    metadata,
    # a day of the practice whose digest was made, be it that there was nothing to say
    Column("day", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("queued", Integer, nullable=False),
)

threads = Table(
    "threads",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", ForeignKey("providers.ref"), nullable=False),
    Column("client", ForeignKey("clients.ref"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Index("uq_threads_people", "provider", "client", unique=True),
)

thread_messages = Table(
    "thread_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("thread_id", ForeignKey("threads.id"), nullable=False, index=True),
    Column("author", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("appointment", Text),
    Column("at", Instant, nullable=False),
    Column("read_at", Instant),
)
