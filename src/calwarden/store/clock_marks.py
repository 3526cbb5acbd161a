"""What is remembered about the clock: when the timers last ran, and since when it is doubted."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from calwarden.store.asks_tables import clock_marks

ONLY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMark:
    """The last run of the timers by the clock, and since when the clock is doubted, if it is."""

    ticked_at: datetime
    doubted_since: datetime | None = None


def find(connection: Connection) -> ClockMark | None:
    """Return the mark; None before the timers have run."""
    row = connection.execute(select(clock_marks)).mappings().first()
    if row is None:
        return None
    return ClockMark(ticked_at=row["ticked_at"], doubted_since=row["doubted_since"])


def save(connection: Connection, mark: ClockMark) -> None:
    """Store the mark, the only one."""
    values = {"ticked_at": mark.ticked_at, "doubted_since": mark.doubted_since}
    if not connection.execute(update(clock_marks).values(**values)).rowcount:
        connection.execute(insert(clock_marks).values(id=ONLY, **values))
