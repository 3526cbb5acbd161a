"""A calendar at one moment as one sees it who knows everything: wanted, shown, and the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import CASES, Aspect, DriftKind, DriftStatus
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.wall_time import instant
from calwarden.ical.expansion import occurrences
from calwarden.sdk.connector import Window
from calwarden.store import (
    appointments,
    drifts,
    managed,
    out_of_office,
)
from calwarden.store.drifts import DriftRow
from calwarden.store.managed import ManagedResource, ResourceStatus
from simulation.server import FINGERPRINT, Server
from simulation.world import World

AHEAD = timedelta(weeks=8)
BACK = timedelta(days=44)
ALL_AHEAD = timedelta(weeks=40)
"""Beyond the last appointment of any endless series, wherever a history moves the clock."""

OURS_TO_UNDO = frozenset({DriftStatus.OPEN, DriftStatus.REVERTING})
STAND_FOR_AN_EDIT = OURS_TO_UNDO | {DriftStatus.DISMISSED}
NOT_OF_ONE_EVENT = CASES | {DriftKind.COPIED, DriftKind.OVERLAP, DriftKind.CALENDAR_GONE}

Place = tuple[str, str | None]
"""A uid and the slot of one occurrence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What somebody who looks at the calendar sees of one meeting."""

    start: datetime
    end: datetime
    all_day: bool = False
    private: bool = True
    busy: bool = True
    declined: bool = False
    title: str = ""
    location: str = ""
    attendees: tuple[str, ...] = ()

    def aspects(self, other: "Shown | None") -> set[Aspect]:
        """Return what differs."""
        if other is None:
            return {Aspect.EXISTENCE}
        groups = {
            Aspect.TIME: ("start", "end", "all_day"),
            Aspect.PRIVACY: ("private",),
            Aspect.BUSY: ("busy",),
            Aspect.RESPONSE: ("declined",),
            Aspect.TITLE: ("title",),
            Aspect.LOCATION: ("location",),
            Aspect.ATTENDEES: ("attendees",),
        }
        return {
            aspect
            for aspect, names in groups.items()
            if any(getattr(self, name) != getattr(other, name) for name in names)
        }


def shown(
    resource: EventResource | None, now: datetime, ahead: timedelta = AHEAD
) -> dict[str | None, Shown]:
    """Return what a resource shows of the weeks from ``now`` on, by slot."""
    if resource is None or resource.body.cancelled:
        return {}
    window = Window(start=now, end=now + ahead)
    return {
        one.slot: _shown(one.body)
        for one in occurrences(resource, window)
        if not one.body.cancelled
    }


def _shown(body: EventBody) -> Shown:
    names = {item.name for item in fields(Shown)} - {"start", "end"}
    values: dict[str, Any] = {name: getattr(body, name) for name in names}
    return Shown(start=instant(body.start), end=instant(body.end), **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One calendar at one moment: what should be shown, what is, and the ledger of it.

    ``halves`` are the meetings of what stands beside an event of ours with its marker: of a split
    the second half. ``over`` are the uids of blocks that are over: nothing is said of them.
    """

    wanted: Mapping[Place, Shown]
    there: Mapping[Place, Shown]
    refs: Mapping[Place, str]
    halves: Mapping[str, tuple[Shown, ...]]
    over: frozenset[str]
    rows: tuple[DriftRow, ...]
    resources: tuple[ManagedResource, ...]

    def excuses(self, place: Place) -> set[Aspect]:
        """Return the aspects in which a meeting may differ: open, or left so by a person."""
        found: set[Aspect] = set()
        for row in self.rows:
            if row.kind in CASES and in_case(row, place):
                found |= set(Aspect)
            elif about(row, place, self):
                changes = {Aspect(name) for name in row.changes}
                if row.slot is None and {Aspect.TIME, Aspect.EXISTENCE} & changes:
                    changes |= set(Aspect)
                elif {Aspect.TIME, Aspect.EXISTENCE} & changes:
                    changes |= {Aspect.TIME, Aspect.EXISTENCE}
                found |= changes
        return found


def about(row: DriftRow, place: Place, seen: Picture) -> bool:
    """Tell whether a drift speaks of a meeting; overrides with one common shift are one drift."""
    if row.uid != place[0]:
        return False
    return row.slot in {None, place[1]} or seen.refs.get(place) in row.appointments


def in_case(row: DriftRow, place: Place) -> bool:
    return any(name.partition("/")[0] == place[0] for name in row.items or ())


def picture(
    world: World, calendar: int, *, back: timedelta = timedelta(0), ahead: timedelta = AHEAD
) -> Picture:
    """Look at a calendar as one who knows everything, from ``back`` to ``ahead`` of now."""
    now, server = world.clock.now() - back, world.servers[calendar]
    ahead += back
    with world.database.read() as connection:
        resources = tuple(managed.all_of(connection, calendar))
        standing = appointments.search(connection, ends_after=now, starts_before=now + ahead)
        blocks = out_of_office.search(connection, ends_after=now, starts_before=now + ahead)
        finished = {one.ref for one in out_of_office.search(connection) if instant(one.end) <= now}
        rows = tuple(
            drifts.search(connection, calendar_id=calendar, statuses=sorted(STAND_FOR_AN_EDIT))
        )
    live = {
        one.subject.ref: one.uid for one in resources if one.status is not ResourceStatus.REMOVED
    }
    wanted: dict[Place, Shown] = {}
    refs: dict[Place, str] = {}
    for one in standing:
        uid, slot = live.get(one.ref), None
        if uid is None and one.series in live:
            uid, slot = live[one.series], one.slot
        place = (uid or f"no event for {one.ref}", slot)
        refs[place] = one.ref
        if one.status.stands:
            wanted[place] = _wanted(one)
    for block in blocks:
        wanted[live.get(block.ref, f"no event for {block.ref}"), None] = Shown(
            start=instant(block.start), end=instant(block.end), title=FINGERPRINT("Out of office")
        )
    ours = {one.uid for one in resources}
    there = {
        (uid, slot): one
        for uid, resource in _standing(server)
        if uid in ours
        for slot, one in shown(resource, now, ahead).items()
    }
    halves: dict[str, tuple[Shown, ...]] = {}
    for item in server.resources().values():
        if item.marker in ours and item.resource.uid not in ours:
            meetings = tuple(shown(item.resource, now, ahead).values())
            halves[item.marker or ""] = (*halves.get(item.marker or "", ()), *meetings)
    return Picture(
        wanted=wanted,
        there=there,
        refs=refs,
        halves=halves,
        over=frozenset(live[ref] for ref in finished if ref in live),
        rows=rows,
        resources=resources,
    )


def _wanted(one: Appointment) -> Shown:
    place = "Telehealth" if one.place == "telehealth" else "Office"
    return Shown(
        start=instant(one.start),
        end=instant(one.end),
        title=FINGERPRINT("Session"),
        location=FINGERPRINT(place),
    )


def _standing(server: Server) -> Iterator[tuple[str, EventResource]]:
    for item in server.resources().values():
        text = item.text(None)
        bodies = {
            slot: replace(
                body,
                title=FINGERPRINT(item.text(slot).title),
                location=FINGERPRINT(item.text(slot).location),
                attendees=tuple(sorted(FINGERPRINT(one) for one in item.text(slot).attendees)),
            )
            for slot, body in item.resource.overrides.items()
        }
        master = replace(
            item.resource.body,
            title=FINGERPRINT(text.title),
            location=FINGERPRINT(text.location),
            attendees=tuple(sorted(FINGERPRINT(one) for one in text.attendees)),
        )
        yield item.resource.uid, replace(item.resource, body=master, overrides=bodies)


def differs(one: Shown | None, other: Shown | None) -> set[Aspect]:
    if one is None or other is None:
        return set() if one is other else {Aspect.EXISTENCE}
    return one.aspects(other)
