"""What tells a quiet poll from one that has something to do, read for many calendars at once."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

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
# as the driver gives them: putting thirty columns into values costs more than the query
_PLAIN = _query(*(type_coerce(each, NullType()) for each in (*_COLUMNS, *_BESIDES)))


class KnownHeads:
    """Heads that were read before, as long as their rows are the same to the letter.

    For one thread at a time. Holds at most ``most``, those that were asked for last.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._known: OrderedDict[int, tuple[tuple[Any, ...], Head]] = OrderedDict()

    def read(self, connection: Connection, ids: Iterable[int]) -> dict[int, Head]:
        """Return what `heads` would."""
        found = {
            row[0]: tuple(row)
            for part in batches(ids)
            for row in connection.execute(_PLAIN, {"ids": part})
        }
        kept = {number: known for number in found if (known := self._same(number, found[number]))}
        others = [number for number in found if number not in kept]
        fresh = heads(connection, others) if others else {}
        for number, one in fresh.items():
            self._known[number] = (found[number], one)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return kept | fresh

    def _same(self, number: int, row: tuple[Any, ...]) -> Head | None:
        known = self._known.pop(number, None)
        if known is None or known[0] != row:
            return None
        self._known[number] = known
        return known[1]


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
    calendar = calendars.from_row(dict(zip(_NAMES, row, strict=False)))
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
