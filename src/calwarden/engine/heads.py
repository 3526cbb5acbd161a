"""What tells a quiet poll from one that has something to do, read for many calendars at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, or_, select

from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.engine.remembered import Remembered, plain
from calwarden.practice.appointments import LONGEST_MINUTES
from calwarden.store import calendars
from calwarden.store.batches import batches
from calwarden.store.errors import NotFound
from calwarden.store.push_tables import subscriptions
from calwarden.store.tables import appointments, credentials, intents, providers, resources
from calwarden.store.tables import calendars as calendar_table

NEAR_AHEAD = timedelta(hours=12)
NEAR_BEHIND = timedelta(hours=4)
LONGEST = timedelta(minutes=LONGEST_MINUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A linked calendar with what a quiet poll has to know.

    ``unsettled``: something was begun and not finished. ``owed``: something is to be read by its
    id. ``opening`` is equal as long as an open connector of the calendar may be used again.
    ``near``: an appointment is. ``told``: its service tells of changes, and has shown that it can.
    """

    calendar: LinkedCalendar
    schedule_revision: int
    unsettled: bool
    owed: bool
    opening: tuple[Any, ...]
    near: bool
    told: bool


_COLUMNS = tuple(calendar_table.c)
_NAMES = tuple(calendar_table.c.keys())
_BESIDES = (
    providers.c.schedule_revision,
    providers.c.timezone,
    credentials.c.updated_at,
    exists().where(intents.c.calendar_id == calendar_table.c.id, intents.c.status == "open"),
    exists().where(
        resources.c.calendar_id == calendar_table.c.id,
        or_(resources.c.reread, resources.c.unconfirmed),
    ),
    exists().where(
        appointments.c.provider == calendar_table.c.provider,
        # by the index; what ends later than this began no earlier
        appointments.c.starts_at.between(bindparam("begun"), bindparam("soon")),
        appointments.c.ends_at > bindparam("lately"),
    ),
    exists().where(
        subscriptions.c.calendar_id == calendar_table.c.id,
        subscriptions.c.expires_at > bindparam("now"),
        subscriptions.c.heard_at.is_not(None),
    ),
)


def _query(*columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(calendar_table)
        .join(providers, providers.c.ref == calendar_table.c.provider)
        .join(credentials, credentials.c.id == calendar_table.c.credential_id, isouter=True)
        .where(calendar_table.c.id.in_(bindparam("ids", expanding=True)))
    )


_HEADS = _query(*_COLUMNS, *_BESIDES)
_PLAIN = _query(*plain((*_COLUMNS, *_BESIDES)))


class KnownHeads:
    """Heads that are made again only where a row changed. For one thread at a time."""

    def __init__(self) -> None:
        self._known: Remembered[Head] = Remembered()

    def read(self, connection: Connection, ids: Iterable[int], *, now: datetime) -> dict[int, Head]:
        """Return what `heads` would."""
        rows = _rows(connection, _PLAIN, ids, now)
        return self._known.of(rows, lambda others: heads(connection, others, now=now))


def heads(connection: Connection, ids: Iterable[int], *, now: datetime) -> dict[int, Head]:
    """Return the heads of calendars by id; what there is no calendar of is left out."""
    found = [_head(row) for row in _rows(connection, _HEADS, ids, now)]
    return {one.calendar.id: one for one in found}


def head(connection: Connection, calendar_id: int, *, now: datetime) -> Head:
    """Return the head of one calendar; raises `NotFound`."""
    found = heads(connection, [calendar_id], now=now)
    if calendar_id not in found:
        raise NotFound("calendar", calendar_id)
    return found[calendar_id]


def _rows(
    connection: Connection, query: Select[Any], ids: Iterable[int], now: datetime
) -> list[tuple[Any, ...]]:
    times = {
        "now": now,
        "soon": now + NEAR_AHEAD,
        "lately": now - NEAR_BEHIND,
        "begun": now - NEAR_BEHIND - LONGEST,
    }
    return [
        tuple(row)
        for part in batches(ids)
        for row in connection.execute(query, {**times, "ids": part})
    ]


def _head(row: tuple[Any, ...]) -> Head:
    # by place: a mapping of each row costs more than the query
    calendar = calendars.from_row(dict(zip(_NAMES, row, strict=False)))
    revision, zone, credential_at, unsettled, owed, near, told = row[len(_COLUMNS) :]
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
        near=bool(near),
        told=bool(told),
    )
