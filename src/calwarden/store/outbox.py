"""The outbox: messages queued in the transaction that makes them true, claimed one by one."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, insert, or_, select, update

from calwarden.domain.message import MessageKind, MessageStatus, Reader, Recipient
from calwarden.store.errors import NotFound
from calwarden.store.messages_tables import outbox
from calwarden.store.tables import installation


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A message of the outbox. ``problem`` says why it was not delivered, never to whom."""

    id: int
    message_id: str
    kind: MessageKind
    recipient: Recipient
    appointment: str | None
    facts: Mapping[str, Any]
    status: MessageStatus
    attempts: int
    next_attempt_at: datetime | None
    problem: str | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message about to be queued; ``key`` names the news within its kind and recipient."""

    kind: MessageKind
    to: Recipient
    key: str
    facts: Mapping[str, Any]
    appointment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How the outbox stands: ``failing`` messages wait after a failed delivery."""

    waiting: int
    failing: int
    dead: int
    oldest: datetime | None


def add(connection: Connection, new: NewMessage, *, now: datetime) -> int | None:
    """Queue a message and return its number; None where the same news is queued already."""
    home = connection.execute(select(installation.c.id)).scalar_one()
    parts = [home, new.kind.value, new.to.reader.value, new.to.ref, new.key]
    name = "\0".join(parts)
    digest = hashlib.sha256(name.encode()).hexdigest()[:40]
    message_id = f"<{digest}@{home}.calwarden>"
    known = select(outbox.c.id).where(outbox.c.message_id == message_id)
    if connection.execute(known).first() is not None:
        return None
    row = insert(outbox).values(
        message_id=message_id,
        kind=new.kind.value,
        reader=new.to.reader.value,
        recipient=new.to.ref,
        appointment=new.appointment,
        facts=dict(new.facts),
        next_attempt_at=now,
        created_at=now,
    )
    return int(connection.execute(row.returning(outbox.c.id)).scalar_one())


def get(connection: Connection, number: int) -> OutboxMessage:
    """Return the message; raises `NotFound`."""
    row = connection.execute(select(outbox).where(outbox.c.id == number)).mappings().first()
    if row is None:
        raise NotFound("message", number)
    return _message(row)


def search(
    connection: Connection,
    *,
    status: MessageStatus | None = None,
    kind: MessageKind | None = None,
    recipient: Recipient | None = None,
    appointment: str | None = None,
) -> list[OutboxMessage]:
    """Return the messages that fit every given condition, oldest first."""
    query = select(outbox).order_by(outbox.c.id)
    if status is not None:
        query = query.where(outbox.c.status == status.value)
    if kind is not None:
        query = query.where(outbox.c.kind == kind.value)
    if recipient is not None:
        query = query.where(
            outbox.c.reader == recipient.reader.value, outbox.c.recipient == recipient.ref
        )
    if appointment is not None:
        query = query.where(outbox.c.appointment == appointment)
    return [_message(row) for row in connection.execute(query).mappings()]


def queue(connection: Connection) -> Queue:
    """Return how many messages wait, fail and are dead."""
    undelivered = outbox.c.status.in_([MessageStatus.WAITING.value, MessageStatus.SENDING.value])
    count = func.count
    row = connection.execute(
        select(
            count().filter(undelivered),
            count().filter(and_(undelivered, outbox.c.problem.is_not(None))),
            count().filter(outbox.c.status == MessageStatus.DEAD.value),
            func.min(outbox.c.created_at).filter(undelivered),
        ).where(outbox.c.status != MessageStatus.SENT.value)
    ).one()
    return Queue(waiting=row[0], failing=row[1], dead=row[2], oldest=row[3])


def any_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether a message waits to be sent now, or may have been left by a dead sender."""
    open_claim = outbox.c.status == MessageStatus.SENDING.value
    query = select(outbox.c.id).where(or_(_due(now), open_claim)).limit(1)
    return connection.execute(query).first() is not None


def release_abandoned(
    connection: Connection, *, alive: Callable[[str], bool], real: datetime
) -> None:
    """Let go of messages whose sender is gone or took too long: they may be sent again."""
    claims = select(outbox.c.id, outbox.c.claimed_by, outbox.c.claimed_until).where(
        outbox.c.status == MessageStatus.SENDING.value
    )
    for number, owner, until in connection.execute(claims).all():
        if until <= real or not alive(owner):
            _save(connection, number, status=MessageStatus.WAITING.value, claimed_by=None)


def claim(
    connection: Connection, *, owner: str, now: datetime, until: datetime
) -> OutboxMessage | None:
    """Take the message that has been due longest; None where none is due.

    What one person is told of one appointment goes out in its order.
    """
    earlier = outbox.alias()
    before = (
        select(earlier.c.id)
        .where(
            earlier.c.appointment == outbox.c.appointment,
            earlier.c.reader == outbox.c.reader,
            earlier.c.recipient == outbox.c.recipient,
            earlier.c.id < outbox.c.id,
            earlier.c.status.in_([MessageStatus.WAITING.value, MessageStatus.SENDING.value]),
        )
        .exists()
    )
    query = select(outbox).where(_due(now), ~before)
    query = query.order_by(outbox.c.next_attempt_at, outbox.c.id)
    row = connection.execute(query.limit(1)).mappings().first()
    if row is None:
        return None
    values = {
        "status": MessageStatus.SENDING.value,
        "attempts": row["attempts"] + 1,
        "claimed_by": owner,
        "claimed_until": until,
    }
    _save(connection, row["id"], **values)
    return _message({**row, **values})


def settle_sent(connection: Connection, number: int, *, now: datetime) -> None:
    """Record a delivery."""
    _save(
        connection,
        number,
        status=MessageStatus.SENT.value,
        next_attempt_at=None,
        claimed_by=None,
        claimed_until=None,
        problem=None,
        sent_at=now,
    )


def settle_failed(
    connection: Connection, message: OutboxMessage, *, problem: str, at: datetime | None
) -> None:
    """Record a failed delivery: due again ``at``, or dead where that is None."""
    _save(
        connection,
        message.id,
        status=(MessageStatus.DEAD if at is None else MessageStatus.WAITING).value,
        next_attempt_at=at,
        claimed_by=None,
        claimed_until=None,
        problem=problem,
    )


def revive(connection: Connection, number: int, *, now: datetime) -> None:
    """Make a dead message due again, as if it had never been tried; raises `NotFound`."""
    _save(
        connection,
        number,
        status=MessageStatus.WAITING.value,
        attempts=0,
        next_attempt_at=now,
        problem=None,
    )


def _due(now: datetime) -> Any:
    return and_(outbox.c.status == MessageStatus.WAITING.value, outbox.c.next_attempt_at <= now)


def _save(connection: Connection, number: int, **values: Any) -> None:
    changed = update(outbox).where(outbox.c.id == number).values(**values)
    if not connection.execute(changed).rowcount:
        raise NotFound("message", number)


def _message(row: RowMapping | Mapping[str, Any]) -> OutboxMessage:
    return OutboxMessage(
        id=row["id"],
        message_id=row["message_id"],
        kind=MessageKind(row["kind"]),
        recipient=Recipient(reader=Reader(row["reader"]), ref=row["recipient"]),
        appointment=row["appointment"],
        facts=row["facts"],
        status=MessageStatus(row["status"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        problem=row["problem"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
    )
