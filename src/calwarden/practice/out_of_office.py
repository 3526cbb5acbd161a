"""Out-of-office blocks: set, changed, listed and removed; they stop booking at once."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, OutOfOffice, Status
from calwarden.domain.event import Subject, SubjectKind
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant, local_text, parse_local, zone_name
from calwarden.practice.appointments import started
from calwarden.practice.conflicts import STANDING
from calwarden.practice.refs import demand_ref, unused_ref
from calwarden.store import appointments, audit, managed, out_of_office, people, tables
from calwarden.store.managed import ManagedResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """What is to be blocked: wall time in ``zone``, else in the provider's zone."""

    provider: str
    start: str
    end: str
    zone: str | None = None
    ref: str | None = None


def add(tx: Connection, wanted: Absence, *, now: datetime, actor: str) -> dict[str, Any]:
    """Set a block; returns its document with the appointments under it, which stay as they are.

    Raises `Refused`, `NotFound` (provider), `BadLocalTime`, `UnknownZone`.
    """
    provider = people.get_provider(tx, wanted.provider)
    zone = wanted.zone or provider.timezone
    start, end = parse_local(wanted.start, zone), parse_local(wanted.end, zone)
    _demand_span(start, end, now)
    ref = demand_ref(wanted.ref) if wanted.ref else unused_ref(tx, tables.out_of_office, "o")
    if out_of_office.find(tx, ref) is not None:
        raise Refused(f"out-of-office block {ref} exists already", next_step="choose another ref")
    block = OutOfOffice(ref=ref, provider=provider.ref, start=start, end=end)
    store(tx, block, now=now, actor=actor)
    return _with_appointments(tx, block, now)


def change(
    tx: Connection, ref: str, start: str | None, end: str | None, *, now: datetime, actor: str
) -> dict[str, Any]:
    """Give a block another start or end, wall time in its zone; returns what `add` does.

    Raises `Refused`, `NotFound`, `BadLocalTime`.
    """
    before = out_of_office.get(tx, ref)
    zone = zone_name(before.start)
    after = replace(
        before,
        start=before.start if start is None else parse_local(start, zone),
        end=before.end if end is None else parse_local(end, zone),
    )
    _demand_span(after.start, after.end, now)
    if after != before:
        store(tx, after, now=now, actor=actor)
    return _with_appointments(tx, after, now)


def to_ask(connection: Connection, ref: str, *, now: datetime) -> list[str]:
    """Return the appointments under a block whose clients can be asked to reschedule, by start.

    Those that have been asked are left out. Raises `NotFound`.
    """
    block = out_of_office.get(connection, ref)
    under = appointments_under(connection, block)
    return [one.ref for one in under if one.status is Status.SCHEDULED and not started(one, now)]


def store(tx: Connection, block: OutOfOffice, *, now: datetime, actor: str) -> None:
    """Store a new or changed block as it is: an import may tell of one in the past."""
    out_of_office.save(tx, block, now=now)
    detail = {"provider": block.provider, "start": local_text(block.start)}
    detail |= {"end": local_text(block.end), "timezone": zone_name(block.start)}
    audit.append(
        tx,
        at=now,
        actor=actor,
        action="out_of_office.set",
        subject=f"out_of_office:{block.ref}",
        detail=detail,
    )


def listing(connection: Connection, *, provider: str | None = None) -> list[dict[str, Any]]:
    """Return the blocks that stand, by start, and as what each shows in which calendar."""
    return [
        {**document(block), "calendars": _shown(connection, block)}
        for block in out_of_office.search(connection, provider=provider)
    ]


def _shown(connection: Connection, block: OutOfOffice) -> list[dict[str, Any]]:
    """Return the form that each calendar took the block in.

    ``event`` is a real out-of-office event, ``busy`` an ordinary one in its place.
    """
    subject = Subject(kind=SubjectKind.OUT_OF_OFFICE, ref=block.ref)
    return [
        {
            "id": calendar.id,
            "form": "event" if holds_absence(calendar, resource) else "busy",
        }
        for calendar, resource in managed.standing_of(connection, subject)
        if resource.applied is not None
    ]


def holds_absence(calendar: LinkedCalendar, resource: ManagedResource) -> bool:
    """Tell whether what was read back after our write is a real out-of-office event.

    A hint beside an ordinary event is none: only a calendar that holds real ones tells.
    """
    real = calendar.capabilities.get("out_of_office") == "event"
    return real and resource.applied is not None and resource.applied.body.out_of_office


def remove(tx: Connection, ref: str, *, now: datetime, actor: str) -> dict[str, Any]:
    """Take a block away; raises `NotFound`."""
    block = out_of_office.remove(tx, ref, now=now)
    detail = {"provider": block.provider}
    audit.append(
        tx,
        at=now,
        actor=actor,
        action="out_of_office.removed",
        subject=f"out_of_office:{ref}",
        detail=detail,
    )
    return document(block)


def appointments_under(connection: Connection, block: OutOfOffice) -> list[Appointment]:
    """Return the provider's standing appointments that overlap a block, by start."""
    return appointments.search(
        connection,
        provider=block.provider,
        statuses=STANDING,
        ends_after=instant(block.start),
        starts_before=instant(block.end),
    )


def _demand_span(start: datetime, end: datetime, now: datetime) -> None:
    if instant(end) <= instant(start):
        raise Refused("an out-of-office block ends after it begins", next_step="give a later end")
    if instant(end) <= instant(now):
        raise Refused("the block lies in the past", next_step="give an end that is still to come")


def _with_appointments(tx: Connection, block: OutOfOffice, now: datetime) -> dict[str, Any]:
    under = [one for one in appointments_under(tx, block) if not started(one, now)]
    return {**document(block), "appointments": [one.ref for one in under]}


def document(block: OutOfOffice) -> dict[str, Any]:
    """Return a block as JSON values."""
    return {
        "id": block.ref,
        "provider": block.provider,
        "start": block.start.isoformat(),
        "end": block.end.isoformat(),
        "timezone": zone_name(block.start),
    }
