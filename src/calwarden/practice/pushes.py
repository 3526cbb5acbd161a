"""Notices from calendar services: proven to be theirs, then turned into marks in the store.

Whoever polls reads the marks. Nothing here looks at a calendar, and what a notice says is never
believed: it is only a reason to look.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from calwarden.sdk.push import Notice, Notified
from calwarden.store import subscriptions
from calwarden.store.subscriptions import StoredSubscription
from calwarden.store.unit_of_work import Database

NOBODY = subscriptions.secret_hash("")
"""Compared with where no subscription has that name: it takes as long."""


def take(database: Database, connector: str, notices: Iterable[Notice], *, now: datetime) -> int:
    """Mark what the notices name and return how many were proven to come from the service.

    A forged or late one changes nothing, not even a lock. Raises the store's own errors.
    """
    with database.read() as connection:
        proven = [
            (one, found)
            for one in notices
            if (found := _proven(connection, connector, one, now)) is not None
        ]
    telling = [
        (one, found)
        for one, found in proven
        if one.asks is not Notified.REACHED or found.heard_at is None
    ]
    if telling:
        with database.write() as tx:
            for one, found in telling:
                _mark(tx, one.asks, found, now)
    return len(proven)


def _proven(
    connection: Connection, connector: str, notice: Notice, now: datetime
) -> StoredSubscription | None:
    found = subscriptions.find(connection, connector, notice.subscription)
    shown = subscriptions.secret_hash(notice.secret)
    kept = NOBODY if found is None else found.secret_hash
    same = hmac.compare_digest(shown, kept)
    return found if found is not None and same and found.expires_at > now else None


def _mark(tx: Connection, asks: Notified, found: StoredSubscription, now: datetime) -> None:
    if found.heard_at is None:
        subscriptions.hear(tx, found.name, now=now)
    if asks in {Notified.EXTEND, Notified.REOPEN}:
        subscriptions.make_due(tx, found.name, now=now, ended=asks is Notified.REOPEN)
    if asks in {Notified.LOOK, Notified.REOPEN}:
        subscriptions.mark(tx, found.calendar_id, now=now)
