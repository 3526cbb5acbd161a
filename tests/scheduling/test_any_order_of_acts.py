"""Whatever people and clocks do, in whatever order: laws that hold after every act."""

import shutil
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from calwarden.domain.appointment import Status
from calwarden.domain.ask import AskStatus
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import after, instant, local_text
from calwarden.store import appointments, asks, claims, outbox
from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import ManualClock

DAYS = st.integers(0, 40)
TIMES = st.sampled_from(("09:00", "09:30", "10:00", "13:00", "15:30"))
WAITS = st.sampled_from(
    (timedelta(minutes=9), timedelta(hours=1), timedelta(hours=23), timedelta(days=4))
)


class Practice(RuleBasedStateMachine):
    """One provider, two clients, a series and a few appointments, and everything they can do."""

    template: Path
    opening = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="calwarden-acts-"))
        shutil.copy2(self.template, self.folder / "calwarden.db")
        database = Database.open(f"sqlite:///{self.folder / 'calwarden.db'}")
        self.office = self.opening(database, ManualClock())
        self.begun = {}

    def teardown(self) -> None:
        self.office.database.close()
        shutil.rmtree(self.folder)

    @initialize(count=st.sampled_from((5, None)))
    def stock(self, count):
        self.office.series("s-1", "2026-12-02T10:00", count)
        self.office.book("a-1", "2026-12-01T09:00", client="c-2")
        self.office.book("a-2", "2026-12-08T15:30")
        for number, ref in enumerate(("a-1", "a-2", "s-1#2", "s-1#3")):
            self.office.claim(f"cl-{number}", ref)
        self.expected = Counter(self._numbers())
        self._remember()

    def _all(self):
        return self.office.read(appointments.search)

    def _numbers(self):
        return [one.ref for one in self._all()]

    def _ref(self, pick):
        found = [one.ref for one in self._all()]
        return found[pick % min(len(found), 9)]

    def _day(self, day, time):
        date = (self.office.now + timedelta(days=day)).date()
        return f"{date}T{time}"

    def _try(self, act, *arguments, **named):
        """Act; a refusal must have changed nothing."""
        before = self._snapshot()
        try:
            act(*arguments, **named)
        except Refused:
            assert self._snapshot() == before

    def _snapshot(self):
        mail = self.office.read(outbox.search)
        claims_ = self.office.read(claims.search)
        return self._all(), self.office.read(asks.search), len(mail), claims_

    @rule(pick=st.integers(0, 50), day=DAYS, time=TIMES)
    def reschedule(self, pick, day, time):
        self._try(self.office.move, self._ref(pick), self._day(day, time))

    @rule(number=st.integers(1, 5), day=DAYS, time=TIMES, every=st.sampled_from((None, None, 1, 2)))
    def reschedule_following(self, number, day, time, every):
        act = self.office.move_following
        self._try(act, f"s-1#{number}", self._day(day, time), every_weeks=every)

    @rule(pick=st.integers(0, 50), block=st.booleans())
    def ask(self, pick, block):
        self._try(self.office.ask, self._ref(pick), block=block)

    @rule(pick=st.integers(0, 50), slot=st.integers(0, 200))
    def client_picks(self, pick, slot):
        def act():
            ref = self._ref(pick)
            slots = self.office.page(ref)["slots"]
            if slots:
                self.office.pick(ref, slots[slot % len(slots)]["start"])

        self._try(act)

    @rule(pick=st.integers(0, 50), by_client=st.booleans(), fee=st.booleans())
    def cancel(self, pick, by_client, fee):
        ref = self._ref(pick)
        if by_client:
            self._try(self.office.client_cancels, ref)
        else:
            self._try(self.office.cancel, ref, late_fee=fee)

    @rule(pick=st.integers(0, 50), came=st.booleans())
    def close(self, pick, came):
        self._try(self.office.complete if came else self.office.no_show, self._ref(pick))

    @rule(pick=st.integers(0, 50), hours=st.integers(-30, 30))
    def correct(self, pick, hours):
        ref = self._ref(pick)
        moved = after(self.office.get(ref).start, timedelta(hours=hours))
        self._try(self.office.correct, ref, local_text(moved))
        self._remember()

    @precondition(lambda self: any(s == "overdue" for s in self.office.asks().values()))
    @rule()
    def confirm(self):
        number = next(n for n, status in self.office.asks().items() if status == "overdue")
        self.office.confirm(number)
        self._remember()

    @precondition(lambda self: bool(self.office.asks()))
    @rule(pick=st.integers(0, 50))
    def withdraw(self, pick):
        numbers = sorted(self.office.asks())
        self._try(self.office.withdraw, numbers[pick % len(numbers)])

    @rule(wait=WAITS, trusted=st.booleans())
    def time_passes(self, wait, trusted):
        self._remember()
        self.office.clock.advance(wait)
        self.office.tick(trusted=trusted)
        self._remember()

    @rule()
    def nothing_is_late(self):
        """The timers run at the very deadline of the next ask."""
        due = [one.deadline for one in self.office.read(asks.search, statuses=[AskStatus.OPEN])]
        if due and min(due) > self.office.now:
            self.office.clock.advance(min(due) - self.office.now)
            self.office.tick()
            self._remember()

    def _remember(self):
        """Note the times of what has started."""
        for one in self._all():
            if instant(one.start) <= self.office.now:
                self.begun[one.ref] = (one.start, one.minutes)

    @invariant()
    def what_has_started_changes_only_by_a_correction(self):
        for one in self._all():
            if one.ref in self.begun:
                assert (one.start, one.minutes) == self.begun[one.ref], one.ref

    @invariant()
    def no_two_standing_appointments_overlap(self):
        # a correction tells what was, overlap or not
        standing = [one for one in self._all() if one.status.stands and one.scheduled_start is None]
        ordered = sorted(standing, key=lambda one: instant(one.start))
        for one, following in pairwise(ordered):
            assert instant(one.end) <= instant(following.start), (one.ref, following.ref)

    @invariant()
    def no_appointment_is_lost_or_made_by_the_way(self):
        refs = Counter(self._numbers())
        assert not self.expected - refs
        assert set(refs.values()) <= {1}
        slots = [(one.series, one.slot) for one in self._all() if one.slot is not None]
        assert len(slots) == len(set(slots))

    @invariant()
    def dates_of_service_follow(self):
        known = {one.ref: one for one in self._all()}
        for claim in self.office.read(claims.search):
            document = self.office.claim_document(claim.ref)
            start = known[claim.appointment].start
            assert document["date_of_service"] == start.date().isoformat()

    @invariant()
    def an_ask_stands_exactly_where_an_appointment_waits_for_its_answer(self):
        waiting = {one.ref for one in self._all() if one.status is Status.RESCHEDULE_REQUESTED}
        standing = self.office.read(asks.search, statuses=asks.STANDING)
        assert waiting == {one.appointment for one in standing}

    @invariant()
    def the_audit_log_holds(self):
        assert self.office.audit_holds()


@pytest.mark.parametrize("examples", [8, pytest.param(300, marks=pytest.mark.slow)])
def test_laws_of_the_practice_hold_in_any_order_of_acts(sqlite_template, opening, examples):
    """Nothing started changes but by correction, counts are kept, nothing overlaps, DOS follows."""
    Practice.template, Practice.opening = sqlite_template, staticmethod(opening)
    run_state_machine_as_test(
        Practice,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            # an act takes a transaction: explaining a failure would take longer than its limit
            phases=set(Phase) - {Phase.explain},
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
