"""What vanished from one linked calendar and stands in another of the same provider has moved.

The other calendar's last look may be older than the move, so it is asked by id before anything is
called deleted.
"""

from collections.abc import Iterable
from contextlib import closing

from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.engine.load import Stored
from calwarden.engine.observe import Look
from calwarden.engine.services import Services
from calwarden.sdk.errors import RemoteError
from calwarden.store import calendars

MOST = 10
"""Beyond so many it is a mass change, whatever became of each."""

WATCHED = (CalendarStatus.ACTIVE, CalendarStatus.HELD)


def shown(services: Services, stored: Stored, look: Look) -> frozenset[str]:
    """Return the uids of what vanished here that stand in another calendar of the provider."""
    known = stored.elsewhere
    wanted = {event.uid for event in stored.events}
    vanished = {
        one.uid
        for one in stored.resources
        if one.applied is not None and one.remote_id in look.removed and one.uid in wanted
    }
    back = {one.uid for one in look.changed.values()}
    asked = sorted(vanished - back - known)
    if not asked or len(asked) > MOST:
        return known
    found = set(known)
    for other in _others(services, stored.calendar):
        found |= _standing(services, other, [uid for uid in asked if uid not in found])
    return frozenset(found)


def _others(services: Services, calendar: LinkedCalendar) -> list[LinkedCalendar]:
    now = services.clock.now()
    with services.database.read() as connection:
        linked = calendars.search(connection, provider=calendar.provider, statuses=WATCHED)
    return [
        one
        for one in linked
        if one.id != calendar.id
        and one.connector == calendar.connector
        and (one.not_before is None or one.not_before <= now)
    ]


def _standing(services: Services, calendar: LinkedCalendar, uids: Iterable[str]) -> set[str]:
    """Return which of ``uids`` stand in a calendar; what cannot be asked shows nothing."""
    try:
        with closing(services.connections.connect(calendar)) as connector:
            return {uid for uid in uids if connector.find(uid) is not None}
    except RemoteError:
        return set()  # its own look finds out what is wrong with it
