"""What looks saw, per linked calendar; durable, as a server may tell a change only once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Text,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from calwarden.domain.document import resource_document, resource_from
from calwarden.domain.event import EventResource, Observed, Subject, SubjectKind
from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.domain.wall_time import Slot
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import calendars, observed, resources

UNFOLLOWED = "it repeats in a way that is not followed; only its start and named dates count"

CHUNK = 400
"""Values in one IN list; SQLite and PostgreSQL both take far more, plans stay small."""

_IN_CALENDAR = observed.c.calendar_id == value("of_calendar")
_REVISIONS = Search(
    select(observed.c.remote_id, observed.c.revision),
    of_calendar=_IN_CALENDAR,
    remote_ids=observed.c.remote_id.in_(values("remote_ids")),
)
_FIND = Search(
    select(observed),
    of_calendar=_IN_CALENDAR,
    remote_id=observed.c.remote_id == value("remote_id"),
)
_OF_UIDS = select(observed).where(
    _IN_CALENDAR, observed.c.uid.in_(values("uids")) | observed.c.marker.in_(values("uids"))
)
_STRANGERS = select(observed).where(
    _IN_CALENDAR, observed.c.marker.is_not(None) | (observed.c.busy_until > value("now"))
)
_MARKS_ELSEWHERE = (
    select(
        resources.c.uid,
        resources.c.subject_kind,
        resources.c.subject_ref,
        resources.c.calendar_id,
        observed.c.remote_id,
    )
    .join(calendars, calendars.c.id == resources.c.calendar_id)
    .outerjoin(
        observed,
        (observed.c.calendar_id == resources.c.calendar_id)
        & (observed.c.remote_id == resources.c.remote_id),
    )
    .where(
        calendars.c.provider == value("provider"),
        resources.c.calendar_id != value("of_calendar"),
    )
)
_SHOWN_ELSEWHERE = (
    select(observed.c.marker, observed.c.uid)
    .join(calendars, calendars.c.id == observed.c.calendar_id)
    .where(
        calendars.c.provider == value("provider"),
        observed.c.calendar_id != value("of_calendar"),
        observed.c.marker.is_not(None),
    )
)
_STORE = insert(observed)
_FORGET = delete(observed).where(_IN_CALENDAR, observed.c.remote_id.in_(values("remote_ids")))


def revisions(connection: Connection, calendar_id: int) -> dict[str, str]:
    """Return remote id → revision of everything stored of a calendar."""
    rows = _REVISIONS.rows(connection, of_calendar=calendar_id)
    return {row["remote_id"]: row["revision"] for row in rows}


def revisions_of(
    connection: Connection, calendar_id: int, remote_ids: Iterable[str]
) -> dict[str, str]:
    """Return remote id → revision of those that are stored."""
    found: dict[str, str] = {}
    for some in _chunks(remote_ids):
        rows = _REVISIONS.rows(connection, of_calendar=calendar_id, remote_ids=some)
        found.update({row["remote_id"]: row["revision"] for row in rows})
    return found


def find(connection: Connection, calendar_id: int, remote_id: str) -> Observed | None:
    """Return what was last seen under a remote id."""
    row = _FIND.first(connection, of_calendar=calendar_id, remote_id=remote_id)
    return None if row is None else _observed(row)


def last_changes(connection: Connection) -> dict[int, datetime]:
    """Return for each calendar when something in it was last seen to be new or changed."""
    query = select(observed.c.calendar_id, func.max(observed.c.seen_at))
    rows = connection.execute(query.group_by(observed.c.calendar_id))
    return {number: moment for number, moment in rows if moment is not None}


def of_uids(connection: Connection, calendar_id: int, uids: Iterable[str]) -> list[Observed]:
    """Return what carries one of these uids, as its own or as its marker."""
    found: list[Observed] = []
    for some in _chunks(uids):
        rows = connection.execute(_OF_UIDS, {"of_calendar": calendar_id, "uids": some})
        found.extend(_observed(row) for row in rows.mappings())
    return found


def unreadable(connection: Connection, calendar_id: int) -> list[tuple[str, str]]:
    """Return what stands in a calendar and cannot be read or followed: remote id and why."""
    unfollowed = cast(observed.c.resource, Text).like('%"unsupported:%')
    query = (
        select(observed.c.remote_id, observed.c.problem)
        .where(
            observed.c.calendar_id == calendar_id,
            or_(observed.c.problem.is_not(None), unfollowed),
        )
        .order_by(observed.c.remote_id)
    )
    return [(row.remote_id, row.problem or UNFOLLOWED) for row in connection.execute(query)]


def strangers(connection: Connection, calendar_id: int, *, now: datetime) -> list[Observed]:
    """Return what carries a marker or takes time that is not over, managed resources included."""
    rows = connection.execute(_STRANGERS, {"of_calendar": calendar_id, "now": now})
    return [_observed(row) for row in rows.mappings()]


def personal(connection: Connection, provider: str, *, ends_after: datetime) -> list[EventResource]:
    """Return what takes time of a provider's own in any linked calendar, written by somebody else.

    What has the uid or the marker of a resource of ours is ours, or a copy of it, wherever it is.
    """
    ours = select(resources.c.uid)
    query = (
        select(observed.c.resource)
        .join(calendars, calendars.c.id == observed.c.calendar_id)
        .where(
            calendars.c.provider == provider,
            calendars.c.status.in_(_LOOKED_AT),
            observed.c.busy_until > ends_after,
            observed.c.uid.not_in(ours),
            observed.c.marker.is_(None) | observed.c.marker.not_in(ours),
        )
    )
    return [resource_from(row) for row in connection.execute(query).scalars() if row is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A managed resource of another linked calendar, and whether it stands at its place there."""

    subject: Subject
    stands: bool


def marks_elsewhere(connection: Connection, calendar_id: int, provider: str) -> dict[str, Mark]:
    """Return the managed resources of the provider's other linked calendars, by uid.

    One that has had its day stands where its subject does, under a later generation.
    """
    rows = connection.execute(
        _MARKS_ELSEWHERE, {"provider": provider, "of_calendar": calendar_id}
    ).all()
    standing = {(row.calendar_id, row.subject_kind, row.subject_ref) for row in rows if row[4]}
    return {
        row.uid: Mark(
            subject=Subject(kind=SubjectKind(row.subject_kind), ref=row.subject_ref),
            stands=(row.calendar_id, row.subject_kind, row.subject_ref) in standing,
        )
        for row in rows
    }


def shown_elsewhere(connection: Connection, calendar_id: int, provider: str) -> frozenset[str]:
    """Return the markers and uids that the provider's other linked calendars show."""
    rows = connection.execute(_SHOWN_ELSEWHERE, {"provider": provider, "of_calendar": calendar_id})
    return frozenset(value for row in rows for value in row if value is not None)


def store(
    connection: Connection,
    calendar_id: int,
    seen: Mapping[str, tuple[Observed, datetime | None]],
    *,
    now: datetime,
) -> None:
    """Store what was seen, by remote id, each with the end of the last time it takes."""
    forget(connection, calendar_id, seen)
    rows = [_row(calendar_id, one, busy_until, now) for one, busy_until in seen.values()]
    if rows:
        connection.execute(_STORE, rows)


def mark(connection: Connection, calendar_id: int, remote_id: str, marker: str) -> None:
    """Remember that what stands there is a copy of a resource of ours, though it may not say so."""
    connection.execute(
        update(observed)
        .where(observed.c.calendar_id == calendar_id, observed.c.remote_id == remote_id)
        .values(marker=marker)
    )


def forget(connection: Connection, calendar_id: int, remote_ids: Iterable[str]) -> None:
    """Remove what stands no more."""
    for some in _chunks(remote_ids):
        connection.execute(_FORGET, {"of_calendar": calendar_id, "remote_ids": some})


def forget_all(connection: Connection, calendar_id: int) -> None:
    """Remove everything stored of a calendar."""
    connection.execute(delete(observed).where(observed.c.calendar_id == calendar_id))


# what a link that is over or lost once saw may no longer be so
_LOOKED_AT = [
    status.value
    for status in CalendarStatus
    if status not in {CalendarStatus.UNLINKED, CalendarStatus.UNLINKING, CalendarStatus.GONE}
]


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    everything = list(values)
    return (everything[at : at + CHUNK] for at in range(0, len(everything), CHUNK))


def _row(
    calendar_id: int, one: Observed, busy_until: datetime | None, now: datetime
) -> dict[str, Any]:
    return {
        "calendar_id": calendar_id,
        "remote_id": one.remote_id,
        "uid": one.uid,
        "marker": one.marker,
        "revision": one.revision,
        "content": one.content,
        "resource": None if one.resource is None else resource_document(one.resource),
        "problem": one.problem,
        "parts": dict(one.parts),
        "busy_until": busy_until,
        "seen_at": now,
    }


def _observed(row: RowMapping) -> Observed:
    return Observed(
        remote_id=row["remote_id"],
        revision=row["revision"],
        content=row["content"],
        uid=row["uid"],
        marker=row["marker"],
        resource=None if row["resource"] is None else resource_from(row["resource"]),
        problem=row["problem"],
        parts={Slot(slot): part for slot, part in row["parts"].items()},
    )
