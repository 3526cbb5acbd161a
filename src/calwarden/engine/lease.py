"""The lease of a calendar: taken by compare-and-set on its fence to record, never for a look."""

from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.engine.services import LEASE, Services
from calwarden.store.searching import value
from calwarden.store.tables import calendars

_HOLDER = select(calendars.c.lease_owner, calendars.c.fence).where(
    calendars.c.id == value("number")
)
_UNDER_FENCE = update(calendars).where(
    calendars.c.id == value("number"), calendars.c.fence == value("under")
)
_TAKE = _UNDER_FENCE.where(
    or_(calendars.c.lease_until.is_(None), calendars.c.lease_until <= value("now"))
)
_OWN = _UNDER_FENCE.where(calendars.c.lease_owner == value("owner"))


class LeaseLost(Exception):
    """Another worker recorded or holds this calendar; what was decided here counts for nothing."""


def take(
    connection: Connection, services: Services, calendar_id: int, fence: int
) -> tuple[int, datetime]:
    """Raise the fence that the decision was made under and hold the lease; raises `LeaseLost`.

    Returns the new fence and the end of the lease.
    """
    now = services.lease_clock.now()
    lease = {"fence": fence + 1, "lease_owner": services.owner, "lease_until": now + LEASE}
    changed = connection.execute(
        _TAKE, {"number": calendar_id, "under": fence, "now": now, **lease}
    )
    if changed.rowcount != 1:
        raise LeaseLost
    return fence + 1, now + LEASE


def renew(connection: Connection, services: Services, calendar_id: int, fence: int) -> datetime:
    """Hold the lease longer, in the transaction that settles a step; raises `LeaseLost`."""
    until = services.lease_clock.now() + LEASE
    mine = {"number": calendar_id, "under": fence, "owner": services.owner}
    changed = connection.execute(_OWN, {**mine, "lease_until": until})
    if changed.rowcount != 1:
        raise LeaseLost
    return until


def release(connection: Connection, services: Services, calendar_id: int, fence: int) -> None:
    """Let go of the lease; nothing happens if it was lost meanwhile."""
    mine = {"number": calendar_id, "under": fence, "owner": services.owner}
    connection.execute(_OWN, {**mine, "lease_owner": None, "lease_until": None})


def held(services: Services, calendar: LinkedCalendar) -> bool:
    """Tell whether a living worker holds the calendar, as it was just read."""
    owner, until = calendar.lease_owner, calendar.lease_until
    if owner is None or until is None or until <= services.lease_clock.now():
        return False
    return bool(services.alive(owner))


def break_dead(connection: Connection, services: Services, calendar_id: int) -> None:
    """End the lease of a process that does not run any more, so that nobody waits for it."""
    row = connection.execute(_HOLDER, {"number": calendar_id}).one()
    if row.lease_owner is not None and not services.alive(row.lease_owner):
        free = {"fence": row.fence + 1, "lease_owner": None, "lease_until": None}
        connection.execute(_UNDER_FENCE, {"number": calendar_id, "under": row.fence, **free})
