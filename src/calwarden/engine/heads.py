"""What tells a quiet poll from one that has something to do, read for many calendars at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, exists, or_, select

from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.store import calendars
from calwarden.store.batches import batches
from calwarden.store.errors import NotFound
from calwarden.store.tables import calendars as calendar_table
from calwarden.store.tables import credentials, intents, providers, resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A linked calendar with what a quiet poll has to know.

    ``unsettled``: something was begun and not finished. ``owed``: something is to be read by its
    id. ``opening`` is equal as long as an open connector of the calendar may be used again.
    """

    calendar: LinkedCalendar
    schedule_revision: int
    unsettled: bool
    owed: bool
    opening: tuple[Any, ...]


_COLUMNS = tuple(calendar_table.c.keys())
_HEADS = (
    select(
        calendar_table,
        providers.c.schedule_revision,
        providers.c.timezone,
        credentials.c.updated_at.label("credential_at"),
        exists()
        .where(intents.c.calendar_id == calendar_table.c.id, intents.c.status == "open")
        .label("unsettled"),
        exists()
        .where(
            resources.c.calendar_id == calendar_table.c.id,
            or_(resources.c.reread, resources.c.unconfirmed),
        )
        .label("owed"),
    )
    .join(providers, providers.c.ref == calendar_table.c.provider)
    .join(credentials, credentials.c.id == calendar_table.c.credential_id, isouter=True)
    .where(calendar_table.c.id.in_(bindparam("ids", expanding=True)))
)


def heads(connection: Connection, ids: Iterable[int]) -> dict[int, Head]:
    """Return the heads of calendars by id; what there is no calendar of is left out."""
    found = [
        _head(tuple(row))
        for part in batches(ids)
        for row in connection.execute(_HEADS, {"ids": part})
    ]
    return {one.calendar.id: one for one in found}


def head(connection: Connection, calendar_id: int) -> Head:
    """Return the head of one calendar; raises `NotFound`."""
    found = heads(connection, [calendar_id])
    if calendar_id not in found:
        raise NotFound("calendar", calendar_id)
    return found[calendar_id]


def _head(row: tuple[Any, ...]) -> Head:
    # by place: a mapping of each row costs more than the query
    calendar = calendars.from_row(dict(zip(_COLUMNS, row, strict=False)))
    revision, zone, credential_at, unsettled, owed = row[len(_COLUMNS) :]
    return Head(
        calendar=calendar,
        schedule_revision=revision,
        unsettled=bool(unsettled),
        owed=bool(owed),
        opening=(
            calendar.connector,
            calendar.remote_id,
            calendar.account,
            calendar.credential_id,
            credential_at,
            zone,
            calendar.capabilities,
            calendar.probe,
        ),
    )
