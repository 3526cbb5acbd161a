"""Days whose digest was made, so that each has one."""

from datetime import date, datetime

from sqlalchemy import Connection, insert, select

from calwarden.store.messages_tables import digests


def made(connection: Connection, day: date) -> bool:
    """Tell whether the digest of a day was made."""
    query = select(digests.c.day).where(digests.c.day == day.isoformat())
    return connection.execute(query).first() is not None


def insert_one(connection: Connection, day: date, *, queued: int, now: datetime) -> None:
    """Note that the digest of a day was made, and how many messages that queued."""
    connection.execute(insert(digests).values(day=day.isoformat(), made_at=now, queued=queued))
