"""Subscriptions by which services tell us of changes, and the mark that a notice leaves."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, exists, insert, select, update

from calwarden.store.push_tables import subscriptions
from calwarden.store.tables import calendars

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSubscription:
    """One subscription as stored. ``heard_at``: when its first notice came."""

    name: str
    calendar_id: int
    secret_hash: str
    address: str
    resource: str
    opened_at: datetime
    renew_at: datetime
    expires_at: datetime
    heard_at: datetime | None = None


def secret_hash(secret: str) -> str:
    """Return what is kept of a secret. It is long and random: a plain hash of it tells nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def save(connection: Connection, one: StoredSubscription) -> None:
    """Store a new subscription."""
    values = {column.name: getattr(one, column.name) for column in subscriptions.columns}
    connection.execute(insert(subscriptions).values(**values))


def confirm(connection: Connection, name: str, one: StoredSubscription) -> None:
    """Store what the service granted; what was heard meanwhile stays."""
    values = {column.name: getattr(one, column.name) for column in subscriptions.columns}
    if one.heard_at is None:
        del values["heard_at"]
    connection.execute(update(subscriptions).where(subscriptions.c.name == name).values(**values))


def extend(connection: Connection, name: str, *, renew_at: datetime, expires_at: datetime) -> None:
    """Store that a subscription goes on."""
    changed = update(subscriptions).where(subscriptions.c.name == name)
    connection.execute(changed.values(renew_at=renew_at, expires_at=expires_at))


def hear(connection: Connection, name: str, *, now: datetime) -> None:
    """Store that the service has reached us."""
    first = (subscriptions.c.name == name) & subscriptions.c.heard_at.is_(None)
    connection.execute(update(subscriptions).where(first).values(heard_at=now))


def make_due(connection: Connection, name: str, *, now: datetime, ended: bool) -> None:
    """Have a subscription renewed at the next round; ``ended``: opened again, for it is over."""
    changed = update(subscriptions).where(subscriptions.c.name == name)
    values = {"renew_at": now, "expires_at": now} if ended else {"renew_at": now}
    connection.execute(changed.values(**values))


def remove(connection: Connection, name: str) -> None:
    """Forget a subscription: its notices are nobody's from now on."""
    connection.execute(delete(subscriptions).where(subscriptions.c.name == name))


def remove_all(connection: Connection, calendar_id: int) -> None:
    """Forget the subscriptions of a calendar."""
    connection.execute(delete(subscriptions).where(subscriptions.c.calendar_id == calendar_id))


def find(connection: Connection, connector: str, name: str) -> StoredSubscription | None:
    """Return a connector's subscription; None where it has none of that name."""
    query = (
        select(subscriptions)
        .join(calendars, calendars.c.id == subscriptions.c.calendar_id)
        .where(subscriptions.c.name == name, calendars.c.connector == connector)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _stored(row)


def search(connection: Connection, *, calendar_id: int | None = None) -> list[StoredSubscription]:
    """Return the subscriptions (of one calendar), the oldest first."""
    query = select(subscriptions).order_by(subscriptions.c.opened_at, subscriptions.c.name)
    if calendar_id is not None:
        query = query.where(subscriptions.c.calendar_id == calendar_id)
    return [_stored(row) for row in connection.execute(query).mappings()]


def tells(connection: Connection, calendar_id: int, *, now: datetime) -> bool:
    """Tell whether a calendar's service tells us of changes, and has shown that it can."""
    query = select(
        exists().where(
            subscriptions.c.calendar_id == calendar_id,
            subscriptions.c.expires_at > now,
            subscriptions.c.heard_at.is_not(None),
        )
    )
    return bool(connection.execute(query).scalar_one())


def mark(connection: Connection, calendar_id: int, *, now: datetime) -> None:
    """Have a calendar looked at now. Each mark is later than the last, whatever the clocks say."""
    last = select(calendars.c.pushed_at).where(calendars.c.id == calendar_id)
    stood: datetime | None = connection.execute(last).scalar_one_or_none()
    value = now if stood is None or stood < now else stood + TICK
    connection.execute(
        update(calendars).where(calendars.c.id == calendar_id).values(pushed_at=value)
    )


def marked(connection: Connection, since: datetime) -> list[tuple[int, datetime]]:
    """Return the calendars marked after a moment, and when they were."""
    query = select(calendars.c.id, calendars.c.pushed_at).where(calendars.c.pushed_at > since)
    return [(row[0], row[1]) for row in connection.execute(query)]


def _stored(row: RowMapping) -> StoredSubscription:
    names = (column.name for column in subscriptions.columns)
    return StoredSubscription(**{name: row[name] for name in names})
