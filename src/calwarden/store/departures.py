"""Departures: each time that an appointment was given up, and by which path."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from calwarden.store.asks_tables import departures


class Path(StrEnum):
    """How an appointment came to leave its time."""

    ASK = "ask"
    RESCHEDULE = "reschedule"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """An appointment that left the time at which it would have started, decided at ``at``."""

    path: Path
    appointment: str
    start: datetime
    at: datetime


def insert_one(connection: Connection, one: Departure) -> None:
    """Store a departure."""
    connection.execute(
        insert(departures).values(
            path=one.path.value, appointment=one.appointment, start=one.start, at=one.at
        )
    )


def search(
    connection: Connection, *, since: datetime | None = None, until: datetime | None = None
) -> list[Departure]:
    """Return the departures from ``since`` to before ``until``, oldest first."""
    query = select(departures).order_by(departures.c.id)
    if since is not None:
        query = query.where(departures.c.at >= since)
    if until is not None:
        query = query.where(departures.c.at < until)
    return [
        Departure(
            path=Path(row["path"]),
            appointment=row["appointment"],
            start=row["start"],
            at=row["at"],
        )
        for row in connection.execute(query).mappings()
    ]
