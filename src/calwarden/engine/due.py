"""Which calendars may be due: a query for all of a shard's."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.engine.remembered import Remembered, plain
from calwarden.store.batches import batches
from calwarden.store.tables import calendars as calendar_table
from calwarden.store.tables import providers

POLLED = (CalendarStatus.ACTIVE, CalendarStatus.HELD, CalendarStatus.UNLINKING)


class Candidate(NamedTuple):
    """A calendar that is polled at times. ``news``: its provider's schedule was changed."""

    id: int
    status: str
    failures: int
    not_before: datetime | None
    due_at: datetime | None
    wake_at: datetime | None
    checked_at: datetime | None
    pushed_at: datetime | None
    news: bool


_ID = calendar_table.c.id
_COLUMNS = (
    _ID,
    calendar_table.c.status,
    calendar_table.c.failures,
    calendar_table.c.not_before,
    calendar_table.c.due_at,
    calendar_table.c.wake_at,
    calendar_table.c.checked_at,
    calendar_table.c.pushed_at,
    providers.c.schedule_revision != calendar_table.c.planned_revision,
)


def _query(*columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns)
        .join_from(calendar_table, providers, providers.c.ref == calendar_table.c.provider)
        .where(calendar_table.c.status.in_([status.value for status in POLLED]))
        .order_by(_ID)
    )


_CANDIDATES = _query(*_COLUMNS).where(_ID.in_(bindparam("ids", expanding=True)))
_PLAIN = _query(*plain(_COLUMNS))


class Members:
    """The candidates of a shard. For one thread at a time."""

    def __init__(self, number: int, of: int) -> None:
        self._rows = _PLAIN.where(_ID % of == number)
        self._known: Remembered[Candidate] = Remembered()

    def read(self, connection: Connection) -> list[Candidate]:
        """Return the candidates as they are now, by id."""
        rows = [tuple(row) for row in connection.execute(self._rows)]
        found = self._known.of(rows, lambda others: _candidates(connection, others))
        return list(found.values())


def member(connection: Connection, calendar_id: int) -> Candidate | None:
    """Return one candidate; None where there is none, or it is not polled."""
    return _candidates(connection, [calendar_id]).get(calendar_id)


def _candidates(connection: Connection, ids: list[int]) -> dict[int, Candidate]:
    found: Iterator[Any] = (
        row for part in batches(ids) for row in connection.execute(_CANDIDATES, {"ids": part})
    )
    return {row[0]: Candidate(*row) for row in found}
