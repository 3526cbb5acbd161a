"""Step 2: look at the calendar, without lease and without transaction, and fold what was seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calwarden.domain.event import EventResource, Observed
from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.wall_time import instant, slot_start
from calwarden.engine.services import Services
from calwarden.ical.expansion import slots
from calwarden.sdk.connector import Connector, Cursor, Delta, Window
from calwarden.sdk.errors import CursorExpired
from calwarden.store import observations
from calwarden.store.managed import ManagedResource

RECONCILE_EVERY = timedelta(hours=24)
CURSOR_KEPT = timedelta(hours=6)
BACK = timedelta(days=45)
AHEAD = timedelta(weeks=58)
ENDLESS = datetime(9999, 12, 31, tzinfo=UTC)
MOST_OVERRIDES = 1000


class StoredLooks:
    """What the connector may ask of earlier looks; reads the store only when asked."""

    def __init__(self, services: Services, calendar_id: int) -> None:
        self._services = services
        self._calendar_id = calendar_id

    def revisions(self) -> Mapping[str, str]:
        """Return remote id → revision of everything stored."""
        with self._services.database.read() as connection:
            return observations.revisions(connection, self._calendar_id)

    def observed(self, remote_id: str) -> Observed | None:
        """Return what was last seen under a remote id."""
        with self._services.database.read() as connection:
            return observations.find(connection, self._calendar_id, remote_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look, folded: what is new or changed by remote id, what is gone, and the new cursor.

    ``told`` is every remote id that was listed or named as gone. ``reread`` are the uids that were
    read by their id because the last pass could not settle them.
    """

    changed: Mapping[str, Observed]
    removed: frozenset[str]
    complete: bool
    cursor: str | None
    told: frozenset[str] = frozenset()
    reread: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether the look brought nothing that the store does not have."""
        return not (self.changed or self.removed or self.reread)


def look(services: Services, calendar: LinkedCalendar, connector: Connector) -> Look:
    """Observe since the stored cursor; completely without one, if it is dead or after a day."""
    now = services.clock.now()
    known = StoredLooks(services, calendar.id)
    window = Window(start=now - BACK, end=now + AHEAD)
    cursor = None if calendar.cursor is None else Cursor(calendar.cursor)
    last = calendar.complete_at
    # a look of the future tells that the clock went back since
    due = last is None or last > now or now - last >= RECONCILE_EVERY
    try:
        delta = connector.observe(None if due else cursor, known, window)
    except CursorExpired:
        delta = connector.observe(None, known, window)
    return _fold(services, calendar.id, delta, known)


def confirm(
    connector: Connector,
    found: Look,
    *,
    ours: Iterable[ManagedResource],
    unsettled: Iterable[tuple[str, str | None]],
) -> Look:
    """Read again what is unsettled, and confirm each deletion of ours by looking its id up again.

    A resource that came back under another href is joined by its uid before anything is judged.
    """
    changed, removed = dict(found.changed), set(found.removed)
    reread: set[str] = set()
    for uid, remote_id in unsettled:
        reread.add(uid)
        _read(connector, uid, remote_id, changed, removed)
    missed = [
        (one.uid, one.remote_id)
        for one in ours
        if one.remote_id in removed and one.applied is not None and one.uid not in reread
    ]
    for uid, remote_id in missed:
        if not any(one.uid == uid for one in changed.values()):
            _read(connector, uid, remote_id, changed, removed)
    return Look(
        changed=changed,
        removed=frozenset(removed),
        complete=found.complete,
        cursor=found.cursor,
        told=found.told,
        reread=frozenset(reread),
    )


def _read(
    connector: Connector,
    uid: str,
    remote_id: str | None,
    changed: dict[str, Observed],
    removed: set[str],
) -> None:
    there = connector.read(remote_id) if remote_id is not None else None
    if there is None and remote_id != uid:
        there = connector.find(uid)
    if there is not None:
        changed[there.remote_id] = there
        removed.discard(there.remote_id)
    if remote_id is not None and (there is None or there.remote_id != remote_id):
        changed.pop(remote_id, None)
        removed.add(remote_id)


def _fold(services: Services, calendar_id: int, delta: Delta, known: StoredLooks) -> Look:
    """Drop our own echo and what repeats stored revisions; tell absences of a complete listing."""
    if not (delta.changed or delta.removed or delta.complete):
        # nothing is news, so there is nothing to compare
        return Look(
            changed={},
            removed=frozenset(),
            complete=False,
            cursor=delta.cursor,
            told=delta.told,
        )
    with services.database.read() as connection:
        if delta.present is not None:
            stored = known.revisions()
        else:
            ids = [one.remote_id for one in delta.changed] + list(delta.removed)
            stored = observations.revisions_of(connection, calendar_id, ids)
    changed = {
        one.remote_id: one for one in delta.changed if stored.get(one.remote_id) != one.revision
    }
    gone = set(delta.removed)
    if delta.present is not None:
        gone |= set(stored) - delta.present
    return Look(
        changed=changed,
        removed=frozenset((gone & set(stored)) - set(changed)),
        complete=delta.complete,
        cursor=delta.cursor,
        told=delta.told.union(delta.removed, (one.remote_id for one in delta.changed)),
    )


def busy_until(one: Observed) -> datetime | None:
    """Return when the last time that an event takes is over; None where it takes none."""
    resource = one.resource
    if resource is None or not resource.body.busy or resource.body.cancelled:
        return None
    if resource.recurrence is None:
        return instant(resource.body.end)
    count = resource.recurrence.count
    if count is None or count > MOST_OVERRIDES:
        return ENDLESS
    return _last_end(resource)


def _last_end(resource: EventResource) -> datetime:
    ends = [instant(body.end) for body in resource.overrides.values()]
    last = max(slots(resource), default=None)
    if last is not None:
        ends.append(instant(slot_start(last, resource.zone)) + resource.body.length)
    return max(ends, default=instant(resource.body.end))
