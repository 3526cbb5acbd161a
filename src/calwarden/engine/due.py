"""Which calendars may be due, and how soon each is looked at again: a query for all of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, exists, select

from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.practice.appointments import LONGEST_MINUTES
from calwarden.store.batches import batches
from calwarden.store.push_tables import subscriptions
from calwarden.store.tables import appointments, providers
from calwarden.store.tables import calendars as calendar_table

POLLED = (CalendarStatus.ACTIVE, CalendarStatus.HELD, CalendarStatus.UNLINKING)
NEAR_AHEAD = timedelta(hours=12)
NEAR_BEHIND = timedelta(hours=4)
LONGEST = timedelta(minutes=LONGEST_MINUTES)


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


class Prospect(NamedTuple):
    """What decides when a calendar is looked at again.

    ``near``: an appointment is. ``told``: its service tells of changes, and has shown that it can.
    """

    id: int
    near: bool
    told: bool


_ID = calendar_table.c.id
_CANDIDATES = (
    select(
        _ID,
        calendar_table.c.status,
        calendar_table.c.failures,
        calendar_table.c.not_before,
        calendar_table.c.due_at,
        calendar_table.c.wake_at,
        calendar_table.c.checked_at,
        calendar_table.c.pushed_at,
        (providers.c.schedule_revision != calendar_table.c.planned_revision).label("news"),
    )
    .join(providers, providers.c.ref == calendar_table.c.provider)
    .where(calendar_table.c.status.in_([status.value for status in POLLED]))
    .order_by(_ID)
)
_PROSPECTS = select(
    _ID,
    exists()
    .where(
        appointments.c.provider == calendar_table.c.provider,
        # by the index; what ends later than this began no earlier
        appointments.c.starts_at.between(bindparam("begun"), bindparam("soon")),
        appointments.c.ends_at > bindparam("lately"),
    )
    .label("near"),
    exists()
    .where(
        subscriptions.c.calendar_id == _ID,
        subscriptions.c.expires_at > bindparam("now"),
        subscriptions.c.heard_at.is_not(None),
    )
    .label("told"),
).where(_ID.in_(bindparam("ids", expanding=True)))


def members(connection: Connection, number: int, of: int) -> list[Candidate]:
    """Return the candidates of a shard, by id."""
    return _candidates(connection, _ID % of == number)


def member(connection: Connection, calendar_id: int) -> Candidate | None:
    """Return one candidate; None where there is none, or it is not polled."""
    return next(iter(_candidates(connection, _ID.in_([calendar_id]))), None)


def prospects(connection: Connection, ids: Iterable[int], *, now: datetime) -> dict[int, Prospect]:
    """Return what decides on the next look at each of some calendars."""
    times = {
        "soon": now + NEAR_AHEAD,
        "lately": now - NEAR_BEHIND,
        "begun": now - NEAR_BEHIND - LONGEST,
        "now": now,
    }
    return {
        row.id: Prospect(*row)
        for part in batches(ids)
        for row in connection.execute(_PROSPECTS, {**times, "ids": part})
    }


def _candidates(connection: Connection, which: ColumnElement[bool]) -> list[Candidate]:
    return [Candidate(*row) for row in connection.execute(_CANDIDATES.where(which))]
