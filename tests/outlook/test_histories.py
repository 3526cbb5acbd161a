"""Seeded histories: people, the practice and faults take turns, and at rest all is as it should."""

import contextlib
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same history every time

import pytest

from calwarden.domain.drift import DriftStatus
from calwarden.engine import load
from calwarden.store import calendars
from calwarden.testing.emulators.graph_errors import ApiError
from calwarden.testing.emulators.graph_state import event_id
from calwarden.testing.world import told
from calwarden_outlook.mapping import origin

SEEDS = range(8)
STEPS = 14
SETTINGS = {
    "if_match": [frozenset(), {"PATCH", "DELETE"}, {"PATCH"}],
    "series_change": ["drop", "keep", "drop_moved"],
    "deleted_occurrence": ["absent", "removed"],
    "series_rows": ["whole", "changed"],
    "container": ["checked", "ignored"],
    "redelete": ["404", "400"],
    "inherits": [True, False],
    "late_change": [True, False],
    "zone_names": ["asked", "windows"],
    "outside": [True, False],
}
SERIES = ("s-1", "s-2")
SINGLES = ("a-1", "a-2", "a-3")
FAULTS = (
    ("error_after", "events.create", {"status": 503, "code": "ConcurrentItemSave"}),
    ("error_after", "events.update", {"status": 503, "code": "x"}),
    ("drop_after", "events.update", {}),
    ("drop_after", "events.delete", {}),
    ("drop_before", "events.create", {}),
    ("truncate", "view.delta", {}),
    ("expire_cursor", "view.delta", {}),
    ("expire_access", "events", {}),
    ("error", "events", {"status": 429, "code": "x", "retry_after": 5}),
    ("error", "events", {"status": 412, "code": "ErrorIrresolvableConflict"}),
)

pytestmark = pytest.mark.simulation


class History:
    """One history: what happens is drawn from a seed."""

    def __init__(self, house, seed: int) -> None:
        self.house, self.random = house, Random(seed)
        self.told: list[str] = []
        for name, ways in SETTINGS.items():
            setattr(house.rules, name, self.random.choice(ways))
        self.other = house.world.server.state.add_calendar(house.world.calendar.owner, "Private")
        for day, ref in enumerate(SINGLES, start=2):
            house.book(ref, f"2027-02-{day:02d}T10:00")
        house.series("s-1", "2027-02-08T09:00", count=6)
        house.series("s-2", "2027-02-09T14:00", count=5)
        house.sync()

    def step(self) -> None:
        """Let one thing happen, and look."""
        act = self.random.choice([self.person, self.person, self.person, self.practice])
        if self.random.random() < 0.3:
            kind, method, about = self.random.choice(FAULTS)
            self.told.append(f"{kind} {method}")
            self.house.world.server.faults.add(kind, method, **about)
        with contextlib.suppress(ApiError):
            act()
        if self.random.random() < 0.7:
            self.house.sync()
        self.house.clock.advance(timedelta(hours=25))

    def person(self) -> None:
        """Let somebody edit one of our events in Outlook."""
        hand, draw = self.house.person, self.random
        items = [item for item in self.house.items() if item.transaction]
        if not items:
            return
        item = draw.choice(items)
        key = event_id(item, None, immutable=True)
        acts = [
            ("drag", lambda: hand.drag(key, draw.choice([-30, 60, 1440]))),
            ("resize", lambda: hand.resize(key, 30)),
            ("retitle", lambda: hand.retitle(key, "Lunch")),
            ("publish", lambda: hand.publish(key)),
            ("free", lambda: hand.show_as(key, "free")),
            ("delete", lambda: hand.delete(key)),
            ("cancel", lambda: hand.cancel(key)),
            ("move", lambda: hand.move_to(key, self.other.id)),
        ]
        if item.recurrence is not None:
            days = item.days()
            slot = f"{draw.choice(days)}T{item.start:%H:%M:%S}" if days else ""
            acts += [
                ("drag one", lambda: hand.drag_occurrence(key, slot, draw.choice([-60, 1440]))),
                ("delete one", lambda: hand.delete_occurrence(key, slot)),
                ("delete one", lambda: hand.delete_occurrence(key, slot)),
                ("split", lambda: hand.split(key, slot, 60)),
                ("end", lambda: hand.end_before(key, slot)),
                ("rule", lambda: hand.change_rule(key, "FREQ=WEEKLY;INTERVAL=2;COUNT=3")),
            ]
        name, act = draw.choice(acts)
        self.told.append(f"{name} {item.transaction[:6]}")
        act()

    def practice(self) -> None:
        """Let the practice move or cancel a meeting."""
        refs = [*SINGLES, *(f"{ref}#{number}" for ref in SERIES for number in range(1, 6))]
        ref = self.random.choice(refs)
        day, hour = self.random.randrange(1, 28), self.random.randrange(8, 18)
        with contextlib.suppress(Exception):
            if self.random.random() < 0.7:
                self.told.append(f"reschedule {ref}")
                self.house.reschedule(ref, f"2027-03-{day:02d}T{hour:02d}:00")
            else:
                self.told.append(f"cancel {ref}")
                self.house.cancel(ref)

    def rest(self) -> None:
        """Let faults end and people decide that everything is put back."""
        self.house.world.server.faults.clear()
        for _ in range(4):
            self.house.clock.advance(timedelta(hours=25))
            self.house.sync()
            for drift in self.house.drifts():
                if drift.status is DriftStatus.OPEN:
                    self.house.decide(drift.id, "revert")
        self.house.clock.advance(timedelta(hours=25))
        self.house.sync()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_one_true_copy_of_each_is_left(house, seed):
    """After any history: what should stand stands once, nothing else of ours does, all is quiet."""
    history = History(house, seed)
    for _ in range(STEPS):
        history.step()
    history.rest()
    connector = house.world.connector()
    with house.database.read() as connection:
        calendar = calendars.get(connection, house.calendar)
        stored = load.load(connection, house.services, calendar.id, connector)
    assert house.standing() == []
    for event in stored.events:
        seen = connector.find(event.uid)
        assert seen is not None, (event.subject, history.told)
        assert told(seen.resource) == told(event.resource), (event.subject, history.told)
    for item in house.items():
        made = origin({"transactionId": item.transaction})
        if made is not None and made.slot is not None:
            (series,) = (
                one
                for one in house.items()
                if one.recurrence and (one.transaction or "").startswith(made.uid)
            )
            assert datetime.fromisoformat(made.slot).date() in series.cancelled, history.told
    ours = {item.transaction[:52] for item in house.items() if item.transaction}
    assert ours == {event.uid for event in stored.events}, history.told
    house.quiet()
