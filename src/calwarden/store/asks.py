"""Asks to reschedule as rows. One ask stands per appointment at most."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from calwarden.domain.ask import Ask, AskStatus
from calwarden.store.asks_tables import asks
from calwarden.store.errors import NotFound
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import appointments

STANDING = tuple(status for status in AskStatus if status.standing)

_SEARCH = Search(
    select(asks).order_by(asks.c.id),
    appointment=asks.c.appointment == value("appointment"),
    provider=asks.c.appointment.in_(
        select(appointments.c.ref).where(appointments.c.provider == value("provider"))
    ),
    statuses=asks.c.status.in_(values("statuses")),
)


def get(connection: Connection, number: int) -> Ask:
    """Return the ask; raises `NotFound`."""
    row = connection.execute(select(asks).where(asks.c.id == number)).mappings().first()
    if row is None:
        raise NotFound("ask", number)
    return _ask(row)


def standing(connection: Connection, appointment: str) -> Ask | None:
    """Return the ask that stands about an appointment; None where none does."""
    found = search(connection, appointment=appointment, statuses=STANDING)
    return found[0] if found else None


def search(
    connection: Connection,
    *,
    appointment: str | None = None,
    provider: str | None = None,
    statuses: Iterable[AskStatus] | None = None,
) -> list[Ask]:
    """Return the asks that fit every given condition, by number."""
    rows = _SEARCH.rows(
        connection,
        appointment=appointment,
        provider=provider,
        statuses=None if statuses is None else [status.value for status in statuses],
    )
    return [_ask(row) for row in rows]


def due(connection: Connection, now: datetime) -> list[Ask]:
    """Return the open asks whose deadline has come, the oldest deadline first."""
    query = select(asks).where(asks.c.status == AskStatus.OPEN.value, asks.c.deadline <= now)
    rows = connection.execute(query.order_by(asks.c.deadline, asks.c.id)).mappings()
    return [_ask(row) for row in rows]


def to_remind(connection: Connection, now: datetime) -> list[Ask]:
    """Return the open asks of which the client is to be reminded now."""
    query = select(asks).where(
        asks.c.status == AskStatus.OPEN.value,
        asks.c.reminded_at.is_(None),
        asks.c.remind_at <= now,
        asks.c.deadline > now,
    )
    return [_ask(row) for row in connection.execute(query.order_by(asks.c.id)).mappings()]


def insert_one(connection: Connection, new: Ask) -> Ask:
    """Store a new ask and return it with its number."""
    values = {name: getattr(new, name) for name in _COLUMNS if name != "id"}
    values["status"] = new.status.value
    number = connection.execute(insert(asks).values(**values).returning(asks.c.id)).scalar_one()
    return get(connection, int(number))


def save(connection: Connection, number: int, **values: Any) -> Ask:
    """Store some columns of an ask and return it; raises `NotFound`."""
    connection.execute(update(asks).where(asks.c.id == number).values(**values))
    return get(connection, number)


_COLUMNS = tuple(column.name for column in asks.columns)


def _ask(row: RowMapping) -> Ask:
    return Ask(**{**row, "status": AskStatus(row["status"])})
