"""The laws: what must hold after every record, at every write, and at rest.

They are stated over what the practice's tables and the servers hold, by code of their own: what an
appointment should look like outside is worked out here once more, not asked of the daemon.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from calwarden.domain.appointment import Appointment
from calwarden.domain.claim import date_of_service
from calwarden.domain.drift import CASES, Aspect, DriftKind, DriftStatus
from calwarden.domain.event import EventBody, EventResource
from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.domain.wall_time import instant, local_date
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.ical.expansion import occurrences
from calwarden.practice import claims as claim_use
from calwarden.sdk.connector import Window
from calwarden.store import appointments, audit, calendars, drifts, managed, out_of_office
from calwarden.store.drifts import DriftRow
from calwarden.store.managed import ManagedResource, ResourceStatus
from calwarden.testing.world import FINGERPRINT
from simulation.server import Server
from simulation.world import CANARY, TYPED, Frame, Violation, World, dump, ledger_since

AHEAD = timedelta(weeks=8)
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


def shown(resource: EventResource | None, now: datetime) -> dict[str | None, Shown]:
    """Return what a resource shows of the weeks from ``now`` on, by slot."""
    if resource is None or resource.body.cancelled:
        return {}
    window = Window(start=now, end=now + AHEAD)
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
    """One calendar at one moment: what should be shown, what is, and the ledger of it."""

    wanted: Mapping[Place, Shown]
    there: Mapping[Place, Shown]
    refs: Mapping[Place, str]
    rows: tuple[DriftRow, ...]
    resources: tuple[ManagedResource, ...]

    def excuses(self, place: Place) -> set[Aspect]:
        """Return the aspects in which a meeting may differ: open, or left so by a person."""
        found: set[Aspect] = set()
        for row in self.rows:
            if row.kind in CASES and _in_case(row, place):
                found |= set(Aspect)
            elif _about(row, place, self):
                changes = {Aspect(name) for name in row.changes}
                if row.slot is None and {Aspect.TIME, Aspect.EXISTENCE} & changes:
                    changes |= set(Aspect)
                elif {Aspect.TIME, Aspect.EXISTENCE} & changes:
                    changes |= {Aspect.TIME, Aspect.EXISTENCE}
                found |= changes
        return found


def _about(row: DriftRow, place: Place, seen: Picture) -> bool:
    """Tell whether a drift speaks of a meeting; overrides with one common shift are one drift."""
    if row.uid != place[0]:
        return False
    return row.slot in {None, place[1]} or seen.refs.get(place) in row.appointments


def _in_case(row: DriftRow, place: Place) -> bool:
    return any(name.partition("/")[0] == place[0] for name in row.items or ())


def picture(world: World, calendar: int, back: timedelta = timedelta(0)) -> Picture:
    """Look at a calendar as one who knows everything, at what is ahead and ``back`` from now."""
    now, server = world.clock.now() - back, world.servers[calendar]
    with world.database.read() as connection:
        resources = tuple(managed.all_of(connection, calendar))
        standing = appointments.search(connection, ends_after=now, starts_before=now + AHEAD)
        blocks = out_of_office.search(connection, ends_after=now, starts_before=now + AHEAD)
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
        for slot, one in shown(resource, now).items()
    }
    return Picture(wanted=wanted, there=there, refs=refs, rows=rows, resources=resources)


def _wanted(one: Appointment) -> Shown:
    place = "Telehealth" if one.place == "telehealth" else "Office"
    return Shown(
        start=instant(one.start),
        end=instant(one.end),
        title=FINGERPRINT("Session"),
        location=FINGERPRINT(place),
    )


def _standing(server: Server) -> Iterator[tuple[str, EventResource]]:
    for item in server.items.values():
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


# after every record


def recorded(world: World, frame: Frame) -> None:
    """Nothing that a look was told is lost: once recorded, an edit stands in the ledger."""
    calendar, server = frame.calendar, world.servers[frame.calendar]
    now = world.clock.now()
    news = {
        uid: resource
        for uid, (count, resource) in frame.told.items()
        if count > world.recorded[calendar, uid] and uid in server.ours
    }
    for uid, (count, _) in frame.told.items():
        world.recorded[calendar, uid] = max(count, world.recorded[calendar, uid])
    if not news:
        return
    seen = picture(world, calendar)
    live = {one.uid for one in seen.resources if one.status is not ResourceStatus.REMOVED}
    with world.database.read() as connection:
        rows = drifts.search(connection, calendar_id=calendar)
        fresh = ledger_since(connection, frame.history)
    rows = [row for row in rows if row.status in STAND_FOR_AN_EDIT or row.id in fresh]
    for uid, resource in news.items():
        if uid not in live or (resource is None and server.ours[uid] is None):
            continue
        there, ours = shown(resource, now), shown(server.ours[uid], now)
        for slot in {*there, *ours}:
            changed = _differs(ours.get(slot), there.get(slot))
            against = _differs(seen.wanted.get((uid, slot)), there.get(slot))
            if not changed or not against or (uid, slot) not in {*seen.wanted, *seen.refs}:
                continue
            if not any(_tells(row, uid, slot, seen) for row in rows):
                raise Violation(
                    "I3", f"an edit of {uid[:8]} {slot} was seen and is not in the ledger"
                )


def _differs(one: Shown | None, other: Shown | None) -> set[Aspect]:
    if one is None or other is None:
        return set() if one is other else {Aspect.EXISTENCE}
    return one.aspects(other)


def _tells(row: DriftRow, uid: str, slot: str | None, seen: Picture) -> bool:
    if row.kind in CASES:
        return _in_case(row, (uid, slot))
    return _about(row, (uid, slot), seen)


# at rest


def at_rest(world: World) -> None:
    """Raise `Violation` where anything is wrong though all faults are over."""
    for calendar in world.servers:
        seen = picture(world, calendar)
        _one_true_copy(world, calendar, seen)
        _no_idle_drift(world, calendar, seen)
        _each_edit_once(world, calendar)
        _claims(world, seen)
    _foreign_untouched(world)
    _chain(world)
    _secrets(world)


def _one_true_copy(world: World, calendar: int, seen: Picture) -> None:
    for place in {*seen.wanted, *seen.there}:
        differs = _differs(seen.wanted.get(place), seen.there.get(place))
        if (
            place not in seen.wanted
            and place not in seen.refs
            and seen.there[place].start > _known_until(seen)
        ):
            continue  # an endless series goes on beyond the appointments that exist
        unexcused = differs - seen.excuses(place)
        if unexcused:
            raise Violation(
                "I1",
                f"calendar {calendar}, {seen.refs.get(place, place)} slot {place[1]}: "
                f"{sorted(unexcused)} wanted {seen.wanted.get(place)} "
                f"there {seen.there.get(place)}",
            )
    _copies(world, calendar, seen)


def _known_until(seen: Picture) -> datetime:
    return max(
        (one.start for one in seen.wanted.values()),
        default=datetime.max.replace(tzinfo=UTC),
    )


def _copies(world: World, calendar: int, seen: Picture) -> None:
    ours = {one.uid for one in seen.resources}
    named = {row.uid for row in seen.rows}
    split = {row.uid for row in seen.rows if row.kind is DriftKind.SERIES_SPLIT}
    for item in world.servers[calendar].items.values():
        uid = item.resource.uid
        if (
            item.marker in ours
            and uid not in ours
            and uid not in named
            and item.marker not in split
        ):
            if _in_marked_case(seen, item.marker):
                continue
            raise Violation("I1", f"calendar {calendar}: a copy {uid} stands without a drift")


def _in_marked_case(seen: Picture, marker: str | None) -> bool:
    return any(row.kind in CASES and _in_case(row, (marker or "", None)) for row in seen.rows)


def _no_idle_drift(world: World, calendar: int, seen: Picture) -> None:
    """Every standing drift is about something that still differs, and none waits to be reverted."""
    status = world.statuses()[calendar]
    server = world.servers[calendar]
    uids = {item.resource.uid for item in server.items.values()}
    for row in seen.rows:
        if row.status is DriftStatus.DISMISSED:
            continue
        if row.status is DriftStatus.REVERTING and row.cause is None:
            raise Violation("life", f"drift {row.id} ({row.kind}) is still being reverted")
        if row.decision == "revert" and row.cause is None:
            raise Violation("life", f"drift {row.id} ({row.kind}) was decided and not carried out")
        waits = row.verdict == "revert" and row.cause is None and status is CalendarStatus.ACTIVE
        if waits:
            raise Violation("life", f"drift {row.id} ({row.kind}) was never reverted")
        if row.kind in {DriftKind.COPIED, DriftKind.OVERLAP} and row.uid not in uids:
            raise Violation("life", f"drift {row.id} ({row.kind}) outlives its event")
        if row.kind not in NOT_OF_ONE_EVENT and not _still_differs(world, calendar, row):
            raise Violation("life", f"drift {row.id} ({row.kind}) stands and nothing differs")


def _still_differs(world: World, calendar: int, row: DriftRow) -> bool:
    seen = picture(world, calendar, back=timedelta(days=44))
    places = {place for place in {*seen.wanted, *seen.there} if place[0] == row.uid}
    return any(_differs(seen.wanted.get(place), seen.there.get(place)) for place in places)


def _each_edit_once(world: World, calendar: int) -> None:
    """One act of a person makes at most one row."""
    server = world.servers[calendar]
    with world.database.read() as connection:
        rows = drifts.search(connection, calendar_id=calendar)
    counted = Counter(
        row.uid for row in rows if row.kind not in NOT_OF_ONE_EVENT and row.uid in server.ours
    )
    for uid, number in counted.items():
        if number > server.edits[uid] + server.blinded:
            raise Violation(
                "I3", f"{number} drifts of {uid[:8]} after {server.edits[uid]} edits by people"
            )
    reverts = Counter(
        (row.uid, row.slot, aspect)
        for row in rows
        if row.status is DriftStatus.REVERTED and row.decision is None
        for aspect in row.changes
        if row.closed_at is not None and row.closed_at > world.clock.now() - timedelta(hours=24)
    )
    for (uid, slot, aspect), number in reverts.items():
        if number > 2 and uid:
            raise Violation(
                "contest", f"{uid[:8]} {slot} {aspect} was reverted {number} times a day"
            )


def _claims(world: World, seen: Picture) -> None:
    now = world.clock.now()
    with world.database.read() as connection:
        known = {one.ref: one for one in appointments.search(connection)}
        found = claim_use.cases(connection, _rows(connection), now)
        for case in found:
            one = known[case.row.appointment]
            rule = date_of_service(one.start, case.row.dos_timezone)
            if case.row.status.correctable and case.row.date_of_service != rule:
                raise Violation(
                    "I4", f"{case.row.ref} is dated {case.row.date_of_service}, not {rule}"
                )
            place = next((place for place, ref in seen.refs.items() if ref == one.ref), None)
            if place is None or place not in seen.wanted or not case.state.holdable or case.holds:
                continue
            # a series moved as a whole has other slots: any of its meetings may be this one
            outside = [
                local_date(one.start, case.row.dos_timezone)
                for (uid, slot), one in seen.there.items()
                if uid == place[0] and (slot == place[1] or place not in seen.there)
            ]
            if rule not in outside and not _dismissed(seen, place):
                raise Violation(
                    "I4", f"{case.row.ref} is not held though the calendar says {outside}"
                )


def _rows(connection: Any) -> Any:
    from calwarden.store import claims  # noqa: PLC0415 - one name for two rooms

    return claims.search(connection)


def _dismissed(seen: Picture, place: Place) -> bool:
    rows = tuple(row for row in seen.rows if row.status is DriftStatus.DISMISSED)
    return bool(replace(seen, rows=rows).excuses(place))


def _foreign_untouched(world: World) -> None:
    for server in world.servers.values():
        for remote_id, item in server.foreign.items():
            if server.items.get(remote_id) != item:
                raise Violation("I2", f"{remote_id} is not ours and was touched")


def _chain(world: World) -> None:
    with world.database.read() as connection:
        verdict = audit.verify(connection)
    if not verdict.ok:
        raise Violation("I5", f"the audit chain breaks at {verdict.first_bad}: {verdict.reason}")


def _secrets(world: World) -> None:
    with world.database.read() as connection:
        rows = dump(connection)
    for row in rows:
        if TYPED in row or (CANARY in row and not row.startswith("clients ")):
            raise Violation("I6", f"a secret stands in the table {row.split()[0]}")
    for server in world.servers.values():
        if any(CANARY in repr(item) for item in server.items.values()):
            raise Violation("I6", "the client's name stands in a calendar")


def silent(logs: str) -> None:
    """Raise `Violation` where logs tell what they may not."""
    if CANARY in logs or TYPED in logs:
        raise Violation("I6", "a secret stands in the logs")


def converge(world: World) -> None:
    """End all faults, make two passes, and demand every law; a third pass does nothing."""
    world.frames.clear()
    for server in world.servers.values():
        server.bots.clear()
    late = world.setting.late or world.upset
    world.clock.advance(timedelta(hours=25) if late else timedelta(minutes=2))
    _relink(world)
    for _ in range(2):
        for calendar in world.servers:
            _pass(world, calendar)
    at_rest(world)
    before = [server.writes for server in world.servers.values()], _ledger(world)
    reports = [_pass(world, calendar) for calendar in world.servers]
    if any(report.steps for report in reports) or before[0] != [
        one.writes for one in world.servers.values()
    ]:
        raise Violation("I7", f"a further pass writes: {[report.steps for report in reports]}")
    if before[1] != _ledger(world):
        raise Violation("I7", "a further pass changes the ledger")
    at_rest(world)


def _relink(world: World) -> None:
    with world.database.write() as tx:
        for calendar in calendars.search(tx):
            if calendar.status is CalendarStatus.NEEDS_RELINK:
                calendars.set_status(tx, calendar.id, CalendarStatus.ACTIVE)
            if calendar.not_before is not None and calendar.not_before > world.clock.now():
                world.clock.jump(calendar.not_before)


def _pass(world: World, calendar: int) -> PollReport:
    report = world.poll(calendar, worker=9)
    world.log.append(f"at rest, calendar {calendar}: {report}")
    if isinstance(report, str) or report.outcome not in {PollOutcome.DONE, PollOutcome.HELD}:
        raise Violation("rest", f"a pass without faults ends as {report}")
    return report


def _ledger(world: World) -> list[str]:
    with world.database.read() as connection:
        return [row for row in dump(connection) if row.startswith(("drifts ", "drift_history "))]
