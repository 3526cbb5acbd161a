"""Tables of asks to reschedule, of charges to clients, and of what became of given-up times."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

from calwarden.store.columns import Instant
from calwarden.store.tables import metadata

asks = Table(
    "asks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("appointment", ForeignKey("appointments.ref"), nullable=False, index=True),
    Column("status", Text, nullable=False, server_default="open"),
    # for the people in the appointment only
    Column("reason", Text, nullable=False),
    Column("note", Text),
    Column("asked_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("remind_at", Instant, nullable=False),
    Column("reminded_at", Instant),
    Column("start", Instant, nullable=False),
    Column("block", ForeignKey("out_of_office.ref")),
    Column("closed_at", Instant),
    Index("ix_asks_status", "status", "deadline"),
    Index(
        "uq_asks_standing",
        "appointment",
        unique=True,
        sqlite_where=text("status IN ('open', 'overdue')"),
        postgresql_where=text("status IN ('open', 'overdue')"),
    ),
)

charges = Table(
    "charges",
    metadata,
    # what a client owes the practice; never part of a claim
    Column("id", Integer, primary_key=True),
    Column("appointment", ForeignKey("appointments.ref"), nullable=False, unique=True),
    Column("client", ForeignKey("clients.ref"), nullable=False, index=True),
    Column("provider", ForeignKey("providers.ref"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("charged_at", Instant, nullable=False),
)

departures = Table(
    "departures",
    metadata,
    # one row for each time that an appointment was given up: asked away, rescheduled or cancelled
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("appointment", ForeignKey("appointments.ref"), nullable=False, index=True),
    Column("start", Instant, nullable=False),
    Column("at", Instant, nullable=False),
)

clock_marks = Table(
    "clock_marks",
    metadata,
    # when timers last ran, and since when the clock is doubted: it jumped
    Column("id", Integer, primary_key=True),
    Column("ticked_at", Instant, nullable=False),
    Column("doubted_since", Instant),
)
