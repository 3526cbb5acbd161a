"""Appointments. Every change raises the provider's schedule revision in the same transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, MappingResult, RowMapping, insert, select, update

from calwarden.domain.appointment import Appointment, AppointmentType, Place, Status
from calwarden.domain.wall_time import Slot, instant, local_text, parse_local
from calwarden.store.batches import batches
from calwarden.store.errors import NotFound
from calwarden.store.people import touch
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import appointments

_FIND = Search(select(appointments), ref=appointments.c.ref == value("ref"))
_SEARCH = Search(
    select(appointments).order_by(appointments.c.starts_at, appointments.c.ref),
    provider=appointments.c.provider == value("provider"),
    client=appointments.c.client == value("client"),
    series=appointments.c.series == value("series"),
    statuses=appointments.c.status.in_(values("statuses")),
    refs=appointments.c.ref.in_(values("refs")),
    ends_after=appointments.c.ends_at > value("ends_after"),
    starts_before=appointments.c.starts_at < value("starts_before"),
)
_SPANS = Search(
    select(appointments.c.ref, appointments.c.starts_at, appointments.c.ends_at),
    provider=appointments.c.provider == value("provider"),
    statuses=appointments.c.status.in_(values("statuses")),
    ends_after=appointments.c.ends_at > value("ends_after"),
    starts_before=appointments.c.starts_at < value("starts_before"),
)
_INSERT = insert(appointments)
_SAVE = (
    update(appointments)
    .where(appointments.c.ref == value("which"))
    .values(revision=appointments.c.revision + 1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRecord:
    """An appointment with what the store keeps beside it.

    ``reason`` is why it was cancelled or corrected, for the people in the appointment only.
    """

    appointment: Appointment
    reason: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


class Conditions(TypedDict, total=False):
    """What to look for; a condition that is missing or None holds for every appointment.

    ``ends_after`` and ``starts_before`` are exclusive: together they name a span to be overlapped.
    """

    provider: str | None
    client: str | None
    series: str | None
    statuses: Iterable[Status] | None
    refs: Iterable[str] | None
    ends_after: datetime | None
    starts_before: datetime | None


def find(connection: Connection, ref: str) -> Appointment | None:
    """Return the appointment; None where there is none."""
    row = _FIND.first(connection, ref=ref)
    return None if row is None else _appointment(row)


def get(connection: Connection, ref: str) -> Appointment:
    """Return the appointment; raises `NotFound`."""
    found = find(connection, ref)
    if found is None:
        raise NotFound("appointment", ref)
    return found


def get_record(connection: Connection, ref: str) -> AppointmentRecord:
    """Return the appointment and what is kept beside it; raises `NotFound`."""
    found = _FIND.first(connection, ref=ref)
    if found is None:
        raise NotFound("appointment", ref)
    return _record(found)


def search(connection: Connection, **conditions: Unpack[Conditions]) -> list[Appointment]:
    """Return the appointments that fit every given condition, in order of their starts."""
    found: list[Appointment] = []
    parts = batches(conditions.get("refs"))
    for part in parts:
        rows = _rows(connection, {**conditions, "refs": part})
        found += [_appointment(row) for row in rows]
    return found if len(parts) == 1 else sorted(found, key=_order)


def search_records(
    connection: Connection, **conditions: Unpack[Conditions]
) -> list[AppointmentRecord]:
    """As `search`, with what is kept beside each appointment."""
    return [_record(row) for row in _rows(connection, conditions)]


def spans(
    connection: Connection, provider: str, *, ends_after: datetime, starts_before: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Return ref, start and end of what stands of a provider within a span, as instants."""
    rows = _SPANS.rows(
        connection,
        provider=provider,
        statuses=[status.value for status in Status if status.stands],
        ends_after=ends_after,
        starts_before=starts_before,
    )
    return [(row["ref"], row["starts_at"], row["ends_at"]) for row in rows]


def insert_one(
    connection: Connection, appointment: Appointment, *, dos_timezone: str, now: datetime
) -> None:
    """Store a new appointment."""
    insert_all(connection, [(appointment, dos_timezone)], now=now)


def insert_all(
    connection: Connection, new: Iterable[tuple[Appointment, str]], *, now: datetime
) -> None:
    """Store new appointments, each with the zone that decides its date of service."""
    rows = [
        {
            "ref": appointment.ref,
            **_columns(appointment),
            "dos_timezone": dos_timezone,
            "created_at": now,
            "updated_at": now,
        }
        for appointment, dos_timezone in new
    ]
    if rows:
        connection.execute(_INSERT, rows)
    for provider in sorted({row["provider"] for row in rows}):
        touch(connection, provider)


def save(
    connection: Connection,
    appointment: Appointment,
    *,
    now: datetime,
    reason: str | None = None,
    dos_timezone: str | None = None,
) -> None:
    """Store a change; a reason or zone of service stays where none is said; raises `NotFound`."""
    before = get(connection, appointment.ref)
    columns = _columns(appointment)
    if reason is not None:
        columns["reason"] = reason
    if zone := dos_timezone or appointment.dos_zone:
        columns["dos_timezone"] = zone
    connection.execute(_SAVE, {"which": appointment.ref, **columns, "updated_at": now})
    for provider in sorted({before.provider, appointment.provider}):
        touch(connection, provider)


def _order(one: Appointment) -> tuple[datetime, str]:
    return instant(one.start), one.ref


def _rows(connection: Connection, conditions: Conditions) -> MappingResult:
    given: dict[str, Any] = {**conditions}
    if (statuses := conditions.get("statuses")) is not None:
        given["statuses"] = [status.value for status in statuses]
    if (refs := conditions.get("refs")) is not None:
        given["refs"] = list(refs)
    return _SEARCH.rows(connection, **given)


def _columns(appointment: Appointment) -> dict[str, Any]:
    scheduled, local = appointment.scheduled_start, local_text(appointment.start)
    # instants are derived from what is stored: wall time and zone, never a fold of its own
    stored = replace(appointment, start=parse_local(local, appointment.zone))
    return {
        "provider": appointment.provider,
        "client": appointment.client,
        "type": appointment.type.value,
        "place": appointment.place.value,
        "status": appointment.status.value,
        "start_local": local,
        "timezone": appointment.zone,
        "minutes": appointment.minutes,
        "starts_at": instant(stored.start),
        "ends_at": instant(stored.end),
        "series": appointment.series,
        "slot": appointment.slot,
        "number": appointment.number,
        "scheduled_start_local": None if scheduled is None else local_text(scheduled),
        "scheduled_minutes": appointment.scheduled_minutes,
        "late_fee": appointment.late_fee,
    }


def _appointment(row: RowMapping) -> Appointment:
    zone, scheduled = row["timezone"], row["scheduled_start_local"]
    return Appointment(
        ref=row["ref"],
        provider=row["provider"],
        client=row["client"],
        start=parse_local(row["start_local"], zone),
        minutes=row["minutes"],
        type=AppointmentType(row["type"]),
        place=Place(row["place"]),
        status=Status(row["status"]),
        series=row["series"],
        slot=None if row["slot"] is None else Slot(row["slot"]),
        number=row["number"],
        scheduled_start=None if scheduled is None else parse_local(scheduled, zone),
        scheduled_minutes=row["scheduled_minutes"],
        late_fee=row["late_fee"],
        dos_zone=row["dos_timezone"],
    )


def _record(row: RowMapping) -> AppointmentRecord:
    return AppointmentRecord(
        appointment=_appointment(row),
        reason=row["reason"],
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
