"""Portal messages: one thread for each provider and client, kept in the store only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from calwarden.domain.message import Reader
from calwarden.store.messages_tables import thread_messages, threads


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """One message of a thread, for the two people in it only."""

    id: int
    thread_id: int
    author: Reader
    body: str
    appointment: str | None
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The conversation of a provider and a client."""

    id: int
    provider: str
    client: str
    created_at: datetime


def between(connection: Connection, provider: str, client: str) -> Thread | None:
    """Return the thread of two people; None where neither has written yet."""
    query = select(threads).where(threads.c.provider == provider, threads.c.client == client)
    row = connection.execute(query).mappings().first()
    return None if row is None else Thread(**row)


def search(
    connection: Connection, *, provider: str | None = None, client: str | None = None
) -> list[Thread]:
    """Return the threads of a provider or a client, by id."""
    query = select(threads).order_by(threads.c.id)
    if provider is not None:
        query = query.where(threads.c.provider == provider)
    if client is not None:
        query = query.where(threads.c.client == client)
    return [Thread(**row) for row in connection.execute(query).mappings()]


def messages(connection: Connection, thread_id: int) -> list[ThreadMessage]:
    """Return what was written in a thread, oldest first."""
    query = select(thread_messages).where(thread_messages.c.thread_id == thread_id)
    rows = connection.execute(query.order_by(thread_messages.c.id)).mappings()
    return [ThreadMessage(**{**row, "author": Reader(row["author"])}) for row in rows]


def insert_one(connection: Connection, provider: str, client: str, *, now: datetime) -> int:
    """Begin a thread and return its id."""
    new = insert(threads).values(provider=provider, client=client, created_at=now)
    return int(connection.execute(new.returning(threads.c.id)).scalar_one())


def append(
    connection: Connection,
    thread_id: int,
    *,
    author: Reader,
    body: str,
    appointment: str | None,
    now: datetime,
) -> int:
    """Add a message to a thread and return its id."""
    new = insert(thread_messages).values(
        thread_id=thread_id, author=author.value, body=body, appointment=appointment, at=now
    )
    return int(connection.execute(new.returning(thread_messages.c.id)).scalar_one())


def mark_read(connection: Connection, thread_id: int, reader: Reader, *, now: datetime) -> None:
    """Say that ``reader`` has read what the other one wrote."""
    connection.execute(
        update(thread_messages)
        .where(
            thread_messages.c.thread_id == thread_id,
            thread_messages.c.author != reader.value,
            thread_messages.c.read_at.is_(None),
        )
        .values(read_at=now)
    )
