"""Managed resources of a linked calendar: what we wrote last and what was read back then."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from calwarden.domain.document import resource_document, resource_from
from calwarden.domain.event import EventResource, Subject, SubjectKind
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.store import calendars
from calwarden.store.searching import Search, value
from calwarden.store.tables import resources

_IN_CALENDAR = resources.c.calendar_id == value("of_calendar")
_ALL = Search(select(resources).order_by(resources.c.uid), of_calendar=_IN_CALENDAR)
_REREADS = select(resources.c.uid, resources.c.remote_id).where(_IN_CALENDAR, resources.c.reread)
_UNCONFIRMED = select(resources.c.uid, resources.c.remote_id).where(
    _IN_CALENDAR, resources.c.unconfirmed
)
_CONFIRM = update(resources).where(_IN_CALENDAR, resources.c.unconfirmed).values(unconfirmed=False)
_KNOWN = select(resources.c.uid).where(_IN_CALENDAR, resources.c.uid == value("of_uid"))
_PLAN = insert(resources)
_SAVE = update(resources).where(_IN_CALENDAR, resources.c.uid == value("of_uid"))


class ResourceStatus(StrEnum):
    """Life of a managed resource: about to be made, standing, or taken away; its uid stays ours."""

    PLANNED = "planned"
    LIVE = "live"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedResource:
    """One managed resource as stored. ``reread``: the next look reads it by its id."""

    uid: str
    subject: Subject
    generation: int
    status: ResourceStatus
    written: EventResource | None
    applied: EventResource | None
    remote_id: str | None
    revision: str | None
    reread: bool
    retry_at: datetime | None
    attempts: int
    problem: str | None


def all_of(connection: Connection, calendar_id: int) -> list[ManagedResource]:
    """Return every managed resource of a calendar, removed ones too, by uid."""
    return [_resource(row) for row in _ALL.rows(connection, of_calendar=calendar_id)]


def standing_of(
    connection: Connection, subject: Subject
) -> list[tuple[LinkedCalendar, ManagedResource]]:
    """Return where something stands: each linked calendar with the resource in it, by calendar."""
    query = select(resources).where(
        resources.c.subject_kind == subject.kind.value,
        resources.c.subject_ref == subject.ref,
        resources.c.status == ResourceStatus.LIVE.value,
    )
    rows = connection.execute(query.order_by(resources.c.calendar_id)).mappings().all()
    return [(calendars.get(connection, row["calendar_id"]), _resource(row)) for row in rows]


def rereads(connection: Connection, calendar_id: int) -> list[tuple[str, str | None]]:
    """Return (uid, remote id) of what the next look has to read by its id."""
    rows = connection.execute(_REREADS, {"of_calendar": calendar_id})
    return [(uid, remote_id) for uid, remote_id in rows]


def unconfirmed(connection: Connection, calendar_id: int) -> list[tuple[str, str | None]]:
    """Return (uid, remote id) of what was made and of which no look has told yet."""
    rows = connection.execute(_UNCONFIRMED, {"of_calendar": calendar_id})
    return [(uid, remote_id) for uid, remote_id in rows]


def confirm(connection: Connection, calendar_id: int) -> None:
    """Note that a look has told of everything that was made."""
    connection.execute(_CONFIRM, {"of_calendar": calendar_id})


def plan(
    connection: Connection, calendar_id: int, uid: str, subject: Subject, generation: int
) -> None:
    """Note a resource that is about to be made; one that is known is left as it is."""
    known = connection.execute(_KNOWN, {"of_calendar": calendar_id, "of_uid": uid})
    if known.first() is None:
        planned = {
            "calendar_id": calendar_id,
            "uid": uid,
            "subject_kind": subject.kind.value,
            "subject_ref": subject.ref,
            "generation": generation,
            "status": ResourceStatus.PLANNED.value,
        }
        connection.execute(_PLAN, planned)


def settle(
    connection: Connection,
    calendar_id: int,
    uid: str,
    *,
    written: EventResource | None,
    applied: EventResource | None,
    remote_id: str | None,
    revision: str | None,
) -> None:
    """Store what stands now as applied; the resource is live and owes nothing."""
    save(
        connection,
        calendar_id,
        uid,
        written=None if written is None else resource_document(written),
        applied=None if applied is None else resource_document(applied),
        remote_id=remote_id,
        revision=revision,
        status=ResourceStatus.LIVE.value,
        reread=False,
        retry_at=None,
        attempts=0,
        problem=None,
    )


def remove(connection: Connection, calendar_id: int, uid: str) -> None:
    """Note that a resource stands no more and is not to stand; its uid stays known as ours."""
    save(
        connection,
        calendar_id,
        uid,
        written=None,
        applied=None,
        status=ResourceStatus.REMOVED.value,
        reread=False,
        retry_at=None,
        attempts=0,
        problem=None,
    )


def retire(connection: Connection, calendar_id: int, old: ManagedResource, uid: str) -> None:
    """Give a subject its next generation, because the old id can't be used again."""
    remove(connection, calendar_id, old.uid)
    plan(connection, calendar_id, uid, old.subject, old.generation + 1)


def save(connection: Connection, calendar_id: int, uid: str, **columns: Any) -> None:
    """Store some columns of a resource."""
    connection.execute(_SAVE, {"of_calendar": calendar_id, "of_uid": uid, **columns})


def clear_rereads(connection: Connection, calendar_id: int, uids: Iterable[str]) -> None:
    """Note that resources were read again."""
    for uid in uids:
        save(connection, calendar_id, uid, reread=False)


def _resource(row: RowMapping) -> ManagedResource:
    return ManagedResource(
        uid=row["uid"],
        subject=Subject(kind=SubjectKind(row["subject_kind"]), ref=row["subject_ref"]),
        generation=row["generation"],
        status=ResourceStatus(row["status"]),
        written=None if row["written"] is None else resource_from(row["written"]),
        applied=None if row["applied"] is None else resource_from(row["applied"]),
        remote_id=row["remote_id"],
        revision=row["revision"],
        reread=bool(row["reread"]),
        retry_at=row["retry_at"],
        attempts=row["attempts"],
        problem=row["problem"],
    )
