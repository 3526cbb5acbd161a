"""Seeded histories: whatever people, faults and Graph's unproved rules do, the laws hold at rest.

``CALWARDEN_SEEDS`` says how many are lived through (10 where it is not set), from
``CALWARDEN_FIRST_SEED`` on.
"""

import os
import random  # noqa: TID251 - seeded: a history is told by its number
from contextlib import suppress
from datetime import timedelta

import pytest

from calwarden.domain.appointment import Status
from calwarden.domain.drift import DriftStatus
from calwarden.domain.wall_time import instant
from calwarden.store import appointments
from calwarden.testing.emulators import graph_times
from calwarden.testing.emulators.graph_errors import ApiError
from calwarden.testing.emulators.graph_shape import Preferred
from calwarden.testing.emulators.graph_state import event_id

pytestmark = pytest.mark.simulation

SEEDS = int(os.environ.get("CALWARDEN_SEEDS", "10"))
FIRST = int(os.environ.get("CALWARDEN_FIRST_SEED", "0"))
SWITCHES = {
    "if_match": [{"PATCH", "DELETE"}, {"PATCH"}, set()],
    "series_change": ["drop", "keep", "drop_moved"],
    "redelete": ["404", "400"],
    "dedupe": ["existing", "conflict"],
    "dedupe_deleted": [False, True],
    "container": ["checked", "ignored"],
    "zone_names": ["asked", "windows"],
    "all_day": ["floating", "fixed"],
    "deleted_series": ["master", "all"],
    "split_series": [False, True],
    "outside": [True, False],
    "cursor_death": ["location", "syncStateNotFound", "resyncRequired"],
    "original_start": ["get", "always"],
    "empty_pages": [False, True],
    "page_limit": [None, 1, 3],
    "shuffled": [False, True],
    "late_change": [False, True],
    "inherits": [True, False],
    "generations": [1, 4],
}
FAULTS = [
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "error", "status": 503},
    {"kind": "error", "status": 504},
    {"kind": "error", "status": 412, "code": "ErrorIrresolvableConflict"},
    {"kind": "error_after", "status": 503, "code": "ConcurrentItemSave"},
    {"kind": "error_after", "status": 500, "code": "ErrorInternalServerError"},
    {"kind": "truncate"},
    {"kind": "expire_access"},
    {"kind": "expire_cursor"},
]
METHODS = ["events.create", "events.update", "events.delete", "events.get", "view.delta", "events"]
SINGLES = ("a-1", "a-2", "a-3")
SLOTS = [f"2026-12-{day}T10:00:00" for day in ("09", "16", "23")]
PASSES = 6


def on_single(house, dice) -> None:
    """What somebody does to one appointment."""
    ref = dice.choice(SINGLES)
    page, key = house.person, house.remote(ref)
    dice.choice(
        [
            lambda: page.drag(key, dice.choice([30, 60, 24 * 60, 400 * 24 * 60])),
            lambda: page.resize(key, 25),
            lambda: page.delete(key),
            lambda: page.retitle(key, "Mine"),
            lambda: page.publish(key),
            lambda: page.show_as(key, dice.choice(["free", "workingElsewhere"])),
            lambda: page.relocate(key, "Cafe"),
            lambda: page.make_all_day(key),
            lambda: page.change_zone(key, "Europe/Berlin", keep_wall=dice.random() < 0.5),
            lambda: page.adorn(key),
        ]
    )()


def on_series(house, dice) -> None:
    """What somebody does to a series."""
    page, key, slot = house.person, house.remote("s-1"), dice.choice(SLOTS)
    dice.choice(
        [
            lambda: page.drag(key, dice.choice([30, 24 * 60])),
            lambda: page.drag_occurrence(key, slot, dice.choice([30, 60, 24 * 60])),
            lambda: page.drag_occurrence(key, slot, 30),
            lambda: page.delete_occurrence(key, slot),
            lambda: page.change_occurrence(key, slot, subject="Mine"),
            lambda: page.split(key, slot, 60, properties=dice.random() < 0.5),
            lambda: page.end_before(key, slot),
            lambda: page.resize(key, 25),
            lambda: page.retitle(key, "Mine"),
            lambda: page.change_rule(key, "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE;COUNT=3"),
            lambda: page.delete(key),
        ]
    )()


def in_store(house, dice) -> None:
    """What the practice does."""
    ref = dice.choice(SINGLES)
    with house.database.read() as connection:
        one = appointments.get(connection, ref)
    if one.status is Status.SCHEDULED:
        day = dice.randint(1, 9)
        dice.choice(
            [
                lambda: house.reschedule(ref, f"2027-01-1{day}T1{day % 6}:30"),
                lambda: house.cancel(ref) if dice.random() < 0.3 else None,
            ]
        )()


def rows(house) -> dict[str, object]:
    """Everything in the calendar, by id, as a reader in UTC sees it, without its etag."""
    shape = house.world.server.api.shape
    told = {}
    for item in house.items():
        row = shape.row(item, None, Preferred(immutable=True))
        moving = {"@odata.etag", "changeKey", "lastModifiedDateTime"}
        told[row["id"]] = {name: value for name, value in row.items() if name not in moving}
    return told


def shown(house, apart) -> list[tuple]:
    """When events that are not apart begin and end, as the view shows them, in order."""
    found = []
    for item in house.items():
        if event_id(item, None, immutable=True) in apart:
            continue
        if item.value("subject") != "Session" and not item.properties:
            continue  # another name and no mark of ours: somebody's own, cut off a series of ours
        for day in [None] if item.recurrence is None else item.days():
            times = [graph_times.instant(local, item.zone) for local in item.times(day)]
            change = item.changes.get(day) if day else None
            shape = house.world.server.api.shape
            looks = [shape.field(item, change, name) for name in ("subject", "sensitivity")]
            found.append((*times, *looks, shape.field(item, change, "showAs")))
    return sorted(found)


def expected(house) -> list[tuple]:
    """When the practice's appointments begin and end, and how they must look."""
    with house.database.read() as connection:
        booked = appointments.search(connection, statuses=[Status.SCHEDULED])
    return sorted(
        (
            instant(one.start),
            instant(one.start) + timedelta(minutes=one.minutes),
            "Session",
            "private",
            "busy",
        )
        for one in booked
    )


def live(house, dice) -> None:
    """Let people, the practice and the network do something, and the daemon look."""
    server = house.world.server
    for act in dice.sample([on_single, on_series, in_store], dice.randint(1, 2)):
        # it may not be there any more, and Outlook may refuse
        with suppress(ApiError, StopIteration):
            act(house, dice)
    for _ in range(dice.randint(0, 2)):
        server.faults.add(method=dice.choice(METHODS), **dice.choice(FAULTS))
    house.sync()
    house.clock.advance(timedelta(minutes=dice.choice([5, 90])))


def come_to_rest(house) -> None:
    """Let the daemon look until it writes nothing any more."""
    server = house.world.server
    server.faults.clear()
    for _ in range(PASSES):
        house.clock.advance(timedelta(hours=3))
        writes = server.writes
        house.sync()
        if server.writes == writes:
            return


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_at_rest_the_calendar_shows_the_appointments(house, seed):
    """Exactly once each; nobody mailed; others' events untouched; another pass writes nothing."""
    dice = random.Random(seed)
    server = house.world.server
    for name, values in SWITCHES.items():
        setattr(server.rules, name, dice.choice(values))
    for number, ref in enumerate(SINGLES):
        house.book(ref, f"2026-12-0{number + 3}T1{number}:00")
    house.series("s-1", "2026-12-02T10:00", 5)
    house.sync()
    theirs = house.person.add("Dentist", "2026-12-05T18:00", "2026-12-05T19:00")
    before = rows(house)[theirs]

    for _ in range(dice.randint(1, 4)):
        live(house, dice)
    come_to_rest(house)

    house.quiet()
    assert server.violations == []
    assert server.state.mails == []
    assert rows(house)[theirs] == before
    if not any(drift.status is DriftStatus.OPEN for drift in house.drifts()):
        assert shown(house, {theirs}) == expected(house)
