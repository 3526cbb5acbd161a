"""The laws: what must hold after every record, at every write, and at rest.

They are stated over what the practice's tables and the servers hold, by code of their own: what an
appointment should look like outside is worked out here once more, not asked of the daemon.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from calwarden.domain.drift import CASES, UNWRITTEN, Aspect, DriftKind, DriftStatus
from calwarden.domain.event import EventResource
from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.engine.observe import RECONCILE_EVERY
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.practice import drift_review
from calwarden.store import (
    appointments,
    audit,
    calendars,
    drifts,
    series,
)
from calwarden.store.drifts import DriftRow
from calwarden.store.managed import ResourceStatus
from calwarden.testing.clock import START
from simulation.claim_laws import claims_held, claims_true, known_cases
from simulation.picture import (
    ALL_AHEAD,
    BACK,
    NOT_OF_ONE_EVENT,
    STAND_FOR_AN_EDIT,
    Picture,
    Place,
    about,
    differs,
    in_case,
    picture,
    shown,
)
from simulation.world import CANARY, TYPED, Frame, Violation, World, dump, ledger_since, told

NEVER_REVERTED = {Aspect.DETAILS, Aspect.RESPONSE}
"""What stands among the changes of a drift and is left as it is by the default policy."""


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
        fresh = {
            uid: ledger_since(connection, world.first_told[calendar, uid, frame.told[uid][0]])
            for uid in news
        }
    every = rows
    for uid, resource in news.items():
        rows = [
            row
            for row in every
            if row.status in STAND_FOR_AN_EDIT
            or row.id in fresh[uid]
            or _repeats(row, resource, now)
        ]
        if uid not in live or (resource is None and server.ours[uid] is None):
            continue
        there, ours = shown(resource, now), shown(server.ours[uid], now)
        for slot in {*there, *ours}:
            changed = differs(ours.get(slot), there.get(slot))
            against = differs(seen.wanted.get((uid, slot)), there.get(slot))
            if not changed or not against or (uid, slot) not in {*seen.wanted, *seen.refs}:
                continue
            told_of = any(_tells(row, uid, slot, seen) for row in rows)
            if not told_of and not _shown_by_its_series(world, uid, seen):
                raise Violation(
                    "I3", f"an edit of {uid[:8]} {slot} was seen and is not in the ledger"
                )


def _shown_by_its_series(world: World, uid: str, seen: Picture) -> bool:
    """Tell whether a single event is to go, because its series has an end and stands as one now."""
    if world.setting.expresses != "finite":
        return False
    with world.database.read() as connection:
        finite = {one.ref for one in series.search(connection) if not one.cadence.endless}
        single = {one.ref for one in appointments.search(connection) if one.series in finite}
    return any(one.uid == uid and one.subject.ref in single for one in seen.resources)


def _repeats(row: DriftRow, resource: EventResource | None, now: datetime) -> bool:
    """Tell whether this is the edit again that the store overruled, and has not overwritten yet."""
    if row.status is not DriftStatus.SUPERSEDED or row.decision != UNWRITTEN:
        return False
    if row.after is None:
        return resource is None
    told = datetime.fromisoformat(row.after["start"])
    return any(told == one.start for one in shown(resource, now).values())


def _tells(row: DriftRow, uid: str, slot: str | None, seen: Picture) -> bool:
    if row.kind in CASES:
        return in_case(row, (uid, slot))
    return about(row, (uid, slot), seen)


# at rest


def at_rest(world: World) -> None:
    """Raise `Violation` where anything is wrong though all faults are over."""
    if not world.judged:
        return
    found = known_cases(world)
    statuses = world.statuses()
    for calendar in world.servers:
        seen = picture(world, calendar)
        # a held calendar waits as it is, the store's own changes too, until its case is decided
        if statuses[calendar] is not CalendarStatus.HELD:
            _one_true_copy(world, calendar, seen)
            claims_held(world, seen, found)
        _no_idle_drift(world, calendar, seen)
        _each_edit_once(world, calendar)
    claims_true(world, found)
    _foreign_untouched(world)
    _chain(world)
    _secrets(world)


def _one_true_copy(world: World, calendar: int, seen: Picture) -> None:
    for place in {*seen.wanted, *seen.there}:
        if place[0] in seen.over:
            continue
        differing = differs(seen.wanted.get(place), seen.there.get(place))
        if _beyond(seen, place):
            continue
        unexcused = differing - seen.excuses(place)
        if unexcused:
            raise Violation(
                "I1",
                f"calendar {calendar}, {seen.refs.get(place, place)} slot {place[1]}: "
                f"{sorted(unexcused)} wanted {seen.wanted.get(place)} "
                f"there {seen.there.get(place)}",
            )
    _copies(world, calendar, seen)


def _beyond(seen: Picture, place: Place) -> bool:
    """Tell whether an endless series goes on there beyond the appointments that exist."""
    if place in seen.wanted or place in seen.refs:
        return False
    return seen.there[place].start > _known_until(seen)


def _known_until(seen: Picture) -> datetime:
    return max(
        (one.start for one in seen.wanted.values()),
        default=datetime.max.replace(tzinfo=UTC),
    )


def _copies(world: World, calendar: int, seen: Picture) -> None:
    ours = {one.uid for one in seen.resources}
    named = {row.uid for row in seen.rows}
    split = {row.uid for row in seen.rows if row.kind is DriftKind.SERIES_SPLIT}
    for item in world.servers[calendar].resources().values():
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
    return any(row.kind in CASES and in_case(row, (marker or "", None)) for row in seen.rows)


def _no_idle_drift(world: World, calendar: int, seen: Picture) -> None:
    """Every standing drift is about something that still differs, and none waits to be reverted."""
    status = world.statuses()[calendar]
    server = world.servers[calendar]
    uids = {item.resource.uid for item in server.items.values()}
    # single events are watched that far back, and changed as far ahead as appointments reach
    whole = picture(world, calendar, back=BACK, ahead=ALL_AHEAD) if seen.rows else seen
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
        if row.kind not in NOT_OF_ONE_EVENT and not _still_differs(whole, row):
            raise Violation("life", f"drift {row.id} ({row.kind}) stands and nothing differs")


def _still_differs(seen: Picture, row: DriftRow) -> bool:
    if row.kind is DriftKind.SERIES_SPLIT and seen.halves.get(row.uid):
        return True  # the second half stands, though the store may want none of its meetings
    places = {place for place in {*seen.wanted, *seen.there} if place[0] == row.uid}
    return any(
        differs(seen.wanted.get(place), seen.there.get(place))
        for place in places
        if not _beyond(seen, place)
    )


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
    # a row that was reverted for its kind may tell of another change that was left, contested
    contested = {
        (row.uid, row.slot, aspect) for row in rows if row.contested for aspect in row.changes
    }
    reverts = Counter(
        (row.uid, row.slot, aspect)
        for row in rows
        if row.status is DriftStatus.REVERTED and row.decision is None
        for aspect in row.changes
        if aspect not in NEVER_REVERTED
        if row.changes[aspect] == row.kind or (row.uid, row.slot, aspect) not in contested
        if row.closed_at is not None and row.closed_at > world.clock.now() - timedelta(hours=24)
    )
    for (uid, slot, aspect), number in reverts.items():
        if number > 2 and uid:
            raise Violation(
                "contest", f"{uid[:8]} {slot} {aspect} was reverted {number} times a day"
            )


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
    if late:
        _due_completely(world)
    _relink(world)
    for _ in range(2):
        for calendar in world.servers:
            _pass(world, calendar)
    at_rest(world)
    _third_pass(world)
    if _decide_cases(world):
        for _ in range(2):
            for calendar in world.servers:
                _pass(world, calendar)
        at_rest(world)
        _third_pass(world)


def _third_pass(world: World) -> None:
    before = [server.writes for server in world.servers.values()], _ledger(world)
    reports = [_pass(world, calendar) for calendar in world.servers]
    if any(report.steps for report in reports) or before[0] != [
        one.writes for one in world.servers.values()
    ]:
        raise Violation("I7", f"a further pass writes: {[report.steps for report in reports]}")
    if before[1] != _ledger(world):
        raise Violation("I7", "a further pass changes the ledger")
    at_rest(world)


def _decide_cases(world: World) -> bool:
    """Have a person put everything back that holds a calendar; tell whether there was anything."""
    with world.database.write() as tx:
        cases = [row for row in drifts.search(tx, statuses=drifts.STANDING) if row.kind in CASES]
        for row in cases:
            drift_review.resolve(
                tx,
                row.id,
                drift_review.Decision.REVERT,
                reason="seen",
                revision=row.revision,
                now=world.clock.now(),
                actor="simulation",
            )
    world.log += [f"at rest, a person has case {row.id} ({row.kind}) put back" for row in cases]
    return bool(cases)


def _due_completely(world: World) -> None:
    """Let a complete look be due, though the clock went back: it alone tells what a lie hid."""
    with world.database.read() as connection:
        looks = [one.complete_at for one in calendars.search(connection)]
    due = max((one for one in looks if one is not None), default=START) + RECONCILE_EVERY
    if due > world.clock.now():
        world.clock.advance(due - world.clock.now())


def _relink(world: World) -> None:
    with world.database.write() as tx:
        for calendar in calendars.search(tx):
            if calendar.status is CalendarStatus.NEEDS_RELINK:
                calendars.set_status(tx, calendar.id, CalendarStatus.ACTIVE)
            if calendar.not_before is not None and calendar.not_before > world.clock.now():
                world.clock.jump(calendar.not_before)


def _pass(world: World, calendar: int) -> PollReport:
    report = world.poll(calendar, worker=9)
    said = report if isinstance(report, str) else told(report)
    world.log.append(f"at rest, calendar {calendar}: {said}")
    if isinstance(report, str) or report.outcome not in {PollOutcome.DONE, PollOutcome.HELD}:
        raise Violation("rest", f"a pass without faults ends as {report}")
    return report


def _ledger(world: World) -> list[str]:
    with world.database.read() as connection:
        return [row for row in dump(connection) if row.startswith(("drifts ", "drift_history "))]
