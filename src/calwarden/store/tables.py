"""Every table.

Wall times are ``*_local`` text (ISO 8601, no offset) beside a ``timezone``; instants are UTC.

Refs are the practice's own names of things and primary keys; numbers are ours.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from calwarden.store.columns import Document, Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

installation = Table(
    "installation",
    metadata,
    Column("id", Text, primary_key=True),
)

practice = Table(
    "practice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("telehealth_date_of_service", Text, nullable=False, server_default="provider"),
    Column("details", Document, nullable=False),
)

payers = Table(
    "payers",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("filing_limit_days", Integer, nullable=False),
    Column("correction", Text, nullable=False, server_default="replace"),
    # whose zone dates its telehealth claims; None: as the practice says
    Column("telehealth_date_of_service", Text),
    Column("details", Document, nullable=False),
)

providers = Table(
    "providers",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("timezone", Text, nullable=False),
    Column("place_of_service_timezone", Text, nullable=False),
    Column("late_cancellation_fee", Text),
    Column("buffer_minutes", Integer, nullable=False, server_default="0"),
    Column("notice_hours", Integer, nullable=False, server_default="0"),
    Column("working_hours", Document, nullable=False),
    Column("details", Document, nullable=False),
    # raised by every change of what this provider's calendars should show: a quiet poll
    # compares nothing else
    Column("schedule_revision", Integer, nullable=False, server_default="1"),
)

clients = Table(
    "clients",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("timezone", Text, nullable=False),
    Column("details", Document, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("ref", Text, primary_key=True),
    # the series whose ref its appointments carry (s-1 for s-1#3), however often it was split since
    Column("root", Text, nullable=False, index=True),
    Column("provider", ForeignKey("providers.ref"), nullable=False, index=True),
    Column("client", ForeignKey("clients.ref"), nullable=False),
    Column("type", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("start_local", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("cadence", Document, nullable=False),
    Column("first_number", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
)

appointments = Table(
    "appointments",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("provider", ForeignKey("providers.ref"), nullable=False),
    Column("client", ForeignKey("clients.ref"), nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="scheduled"),
    Column("start_local", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("series", ForeignKey("series.ref"), index=True),
    Column("slot", Text),
    Column("number", Integer),
    Column("scheduled_start_local", Text),
    Column("scheduled_minutes", Integer),
    Column("late_fee", Text),
    Column("dos_timezone", Text, nullable=False),
    Column("reason", Text),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("series", "slot"),
    CheckConstraint("minutes > 0", name="minutes_positive"),
    Index("ix_appointments_provider_starts_at", "provider", "starts_at"),
)

out_of_office = Table(
    "out_of_office",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("provider", ForeignKey("providers.ref"), nullable=False, index=True),
    Column("start_local", Text, nullable=False),
    Column("end_local", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant),
)

import_baseline = Table(
    "import_baseline",
    metadata,
    # the value last imported of every field: a re-import tells its own old value from a change
    Column("kind", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("fields", Document, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

calendars = Table(
    "calendars",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", ForeignKey("providers.ref"), nullable=False, index=True),
    Column("connector", Text, nullable=False),
    Column("role", Text, nullable=False, server_default="managed"),
    Column("remote_id", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("account", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default="active"),
    Column("status_reason", Text),
    Column("credential_id", ForeignKey("credentials.id")),
    Column("capabilities", Document, nullable=False),
    Column("probe", Document, nullable=False),
    Column("limitations", Document, nullable=False),
    Column("keep_events", Boolean, nullable=False, server_default=text("false")),
    Column("cursor", Text),
    Column("cursor_at", Instant),
    Column("complete_at", Instant),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    # the provider's schedule_revision that the last plan was made for; 0 asks for a new plan
    Column("planned_revision", Integer, nullable=False, server_default="0"),
    # earliest moment at which a plan may differ though nothing changed: grace, retry, boundary
    Column("wake_at", Instant),
    Column("not_before", Instant),
    Column("failures", Integer, nullable=False, server_default="0"),
    # when the first of these failures was
    Column("failing_since", Instant),
    Column("due_at", Instant),
    Column("checked_at", Instant),
    Column("answered_at", Instant),
    # the last notice of a change; each one is later than the one before, so a new one shows
    Column("pushed_at", Instant, index=True),
    Column("push_problem", Text),
    Column("push_retry_at", Instant),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("role IN ('managed', 'busy')", name="role_known"),
    # one link per remote calendar; an unlinked row stays as history under another key
    Index(
        "uq_calendars_linked_remote",
        "connector",
        "remote_id",
        unique=True,
        sqlite_where=text("status != 'unlinked'"),
        postgresql_where=text("status != 'unlinked'"),
    ),
)

resources = Table(
    "resources",
    metadata,
    Column("calendar_id", ForeignKey("calendars.id"), primary_key=True),
    Column("uid", Text, primary_key=True),
    Column("subject_kind", Text, nullable=False),
    Column("subject_ref", Text, nullable=False),
    Column("generation", Integer, nullable=False, server_default="0"),
    # what we wrote last (projection) and what was read back then, as content documents
    Column("written", Document),
    Column("applied", Document),
    Column("remote_id", Text),
    Column("revision", Text),
    Column("status", Text, nullable=False, server_default="planned"),
    Column("reread", Boolean, nullable=False, server_default=text("false")),
    # made since the stored cursor: changes since there need not tell of it once it is deleted
    Column("unconfirmed", Boolean, nullable=False, server_default=text("false")),
    Column("retry_at", Instant),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("problem", Text),
    Index("ix_resources_subject", "calendar_id", "subject_kind", "subject_ref"),
)

observed = Table(
    "observed",
    metadata,
    Column("calendar_id", ForeignKey("calendars.id"), primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("marker", Text),
    Column("revision", Text, nullable=False),
    Column("content", Text, nullable=False),
    # times and fingerprints only, never a text; None where it could not be read
    Column("resource", Document),
    Column("problem", Text),
    Column("parts", Document, nullable=False),
    # when the last time it takes ends; None where it takes none
    Column("busy_until", Instant),
    Column("seen_at", Instant, nullable=False),
    Index("ix_observed_uid", "calendar_id", "uid"),
)

intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("calendar_id", ForeignKey("calendars.id"), nullable=False),
    Column("uid", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("step", Document, nullable=False),
    Column("expected", Document, nullable=False),
    Column("calls_done", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("cause", Text),
    Column("fence", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Index("ix_intents_open", "calendar_id", "status"),
)

drifts = Table(
    "drifts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("calendar_id", ForeignKey("calendars.id"), nullable=False),
    Column("provider", ForeignKey("providers.ref"), nullable=False),
    Column("uid", Text, nullable=False),
    Column("slot", Text),
    # the slot to show: of a split the first changed one
    Column("occurrence", Text),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("kind", Text, nullable=False),
    Column("changes", Document, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("contested", Boolean, nullable=False, server_default=text("false")),
    Column("decision", Text),
    Column("reason", Text),
    Column("cause", Text),
    Column("subject_kind", Text),
    Column("subject_ref", Text),
    Column("appointment", Text),
    Column("appointments", Document, nullable=False),
    # appointments whose date of service would differ or cease
    Column("redated", Document, nullable=False),
    # of a case: item → digest of what was seen of it
    Column("items", Document),
    Column("before", Document),
    Column("after", Document),
    # digest of the observed values; a dismissal binds to it
    Column("seen", Text, nullable=False),
    Column("proposal", Text),
    # the revision that its provider was last told of
    Column("proposed_revision", Integer, nullable=False, server_default="0"),
    Column("detected_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Index("ix_drifts_status", "status"),
    Index("ix_drifts_key", "calendar_id", "uid"),
    Index(
        "ix_drifts_unproposed",
        "provider",
        sqlite_where=text("proposed_revision < revision"),
        postgresql_where=text("proposed_revision < revision"),
    ),
    # one open drift per (calendar, event, slot or none)
    Index(
        "uq_drifts_open_slot",
        "calendar_id",
        "uid",
        "slot",
        unique=True,
        sqlite_where=text("status IN ('open', 'reverting')"),
        postgresql_where=text("status IN ('open', 'reverting')"),
    ),
    Index(
        "uq_drifts_open_event",
        "calendar_id",
        "uid",
        unique=True,
        sqlite_where=text("slot IS NULL AND status IN ('open', 'reverting')"),
        postgresql_where=text("slot IS NULL AND status IN ('open', 'reverting')"),
    ),
)

drift_history = Table(
    "drift_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("drift_id", ForeignKey("drifts.id"), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Document, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("appointment", Text, nullable=False, index=True),
    Column("payer", ForeignKey("payers.ref"), nullable=False),
    Column("status", Text, nullable=False, server_default="draft"),
    Column("date_of_service", Text, nullable=False),
    Column("dos_timezone", Text, nullable=False),
    Column("filed_date_of_service", Text),
    # while a replacement is on its way: the date of the processed claim that it replaces
    Column("processed_date_of_service", Text),
    # the appointment's length when the claim was made, or when its time was last confirmed
    Column("scheduled_minutes", Integer),
    Column("control_number", Text),
    Column("procedure_code", Text),
    Column("documented_minutes", Integer),
    Column("details", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Document, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
