"""Over any history of moves, drifts, verdicts and submissions no claim's date is silently wrong.

Every claim's date equals the rule, or a hold or a work item says why not, and no claim is ever both
held and cleared.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calwarden.domain.claim import ClaimStatus, Frequency, date_of_service
from calwarden.domain.drift import DriftKind, DriftStatus
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import after
from calwarden.practice import booking, claims, corrections, rescheduling, work_items
from calwarden.practice.claim_cases import Case, case_of, cases
from calwarden.store import claims as claim_rows
from calwarden.store import drifts
from calwarden.store import work_items as item_rows
from calwarden.store.unit_of_work import Database
from calwarden.store.work_items import LIVE, WorkStatus
from calwarden.testing.clock import ManualClock

REFS = {"cl-1": "ready", "cl-2": "submitted"}
LIFE = (  # the usual way first
    ClaimStatus.SUBMITTED,
    ClaimStatus.PAID,
    ClaimStatus.READY,
    ClaimStatus.ACCEPTED,
    ClaimStatus.DENIED,
    ClaimStatus.REJECTED,
    ClaimStatus.VOID,
)
MOVED, DELETED, RESIZED = DriftKind.MOVED, DriftKind.DELETED, DriftKind.RESIZED
shifts = st.sampled_from([-25, -2, -1, 1, 2, 14, 24, 49]).map(lambda hours: timedelta(hours=hours))

acts = st.one_of(
    st.tuples(st.just("move"), shifts, st.sampled_from([None, 30, 60])),
    st.tuples(st.just("correct"), shifts),
    st.tuples(st.just("close"), st.sampled_from([booking.complete, booking.no_show])),
    st.tuples(st.just("step"), st.sampled_from(list(REFS)), st.integers(0, 3)),
    st.tuples(st.just("step"), st.sampled_from(list(REFS)), st.just(0)),
    st.tuples(st.just("step"), st.sampled_from(list(REFS)), st.just(0)),
    st.tuples(st.just("drift"), st.integers(0, 1), st.sampled_from([MOVED, DELETED]), shifts),
    st.tuples(st.just("end"), st.sampled_from(["withdrawn", "reverted", "superseded"])),
    st.tuples(st.just("decide"), st.sampled_from(["accept", "dismiss", "revert"])),
    st.tuples(st.just("payer"), st.sampled_from(["replace", "void"])),
    st.tuples(st.just("settle")),
    st.tuples(st.just("pass"), st.sampled_from([1, 6, 30, 100])),
)


class History:
    """One appointment, two claims of it, two linked calendars, and what happens to them."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        desk.take_in({"payers": [{"ref": "ACME", "name": "Acme Health", "correction": "replace"}]})
        desk.book("2026-12-03T20:30", ref="a-1")
        for ref, status in REFS.items():
            desk.claim(ref, "a-1", status, procedure_code="90834", documented_minutes=50)
        self.calendars = [desk.calendar(f"https://dav.example/{n}") for n in (0, 1)]

    def act(self, name: str, *arguments: Any) -> None:
        doing: Callable[..., None] = getattr(self, f"_{name}")
        with suppress(Refused):
            doing(*arguments)

    def _move(self, by: timedelta, minutes: int | None) -> None:
        start = after(self.desk.get("a-1").start, by)
        self.desk.do(rescheduling.reschedule_one, "a-1", start, minutes)

    def _correct(self, by: timedelta) -> None:
        start = after(self.desk.get("a-1").start, by)
        truth = corrections.TrueTime(start=start, reason="the notes")
        self.desk.do(corrections.correct, "a-1", truth)

    def _close(self, how: Any) -> None:
        self.desk.do(how, "a-1")

    def _step(self, ref: str, way: int) -> None:
        case = self.desk.read(case_of, ref, now=self.desk.now)
        ways = [status for status in LIFE if case.state.may_become(status)]
        if ways:
            status = ways[way % len(ways)]
            self.desk.do(claims.set_status, ref, status, control_number="ICN-1")

    def _drift(self, calendar: int, kind: DriftKind, by: timedelta) -> None:
        if any(row.calendar_id == self.calendars[calendar] for row in self._open()):
            return
        one = self.desk.get("a-1")
        start = after(one.start, by)
        seen = {
            "start": start.isoformat(),
            "end": after(start, timedelta(minutes=one.minutes)).isoformat(),
            "timezone": one.zone,
            "all_day": False,
        }
        number = self.desk.drift(
            kind,
            "a-1",
            calendar_id=self.calendars[calendar],
            before={**seen, "start": one.start.isoformat(), "end": one.end.isoformat()},
            after=None if kind is DELETED else seen,
        )
        self._engine(number)

    def _end(self, status: str) -> None:
        for row in self._open()[:1]:
            self.desk.change_drift(row.id, status=DriftStatus(status).value)
            self._engine(row.id)

    def _decide(self, decision: str) -> None:
        for row in self._open()[:1]:
            self.desk.resolve(row.id, decision, reason="as agreed")

    def _payer(self, correction: str) -> None:
        row = {"ref": "ACME", "name": "Acme Health", "correction": correction}
        self.desk.take_in({"payers": [row]})

    def _settle(self) -> None:
        for item in self.desk.read(work_items.listing, now=self.desk.now)[:1]:
            self.desk.do(work_items.close, item["id"], "done by telephone")

    def _pass(self, hours: int) -> None:
        self.desk.clock.jump(self.desk.now + timedelta(hours=hours))
        with self.desk.database.write() as tx:
            work_items.sweep(tx, now=self.desk.now)
        assert not self.desk.read(work_items.lagging, now=self.desk.now)

    def _engine(self, number: int) -> None:
        with self.desk.database.write() as tx:
            work_items.follow_drifts(tx, [number], now=self.desk.now)

    def _open(self) -> list[drifts.DriftRow]:
        return list(self.desk.read(drifts.search, statuses=drifts.STANDING))

    def check(self) -> None:
        now = self.desk.now
        with self.desk.database.read() as connection:
            live = item_rows.search(connection, statuses=LIVE)
            for case in cases(connection, claim_rows.search(connection), now):
                own = {item.matter: item for item in live if item.claim == case.row.ref}
                assert len(own) == sum(item.claim == case.row.ref for item in live)
                _dated_or_explained(case, own)
                _held_or_work(case, own)
                _never_held_and_cleared(case, now)
                wanted = {need.matter for need in case.needs}
                assert {m for m, i in own.items() if i.status is WorkStatus.OPEN} <= wanted
                assert wanted <= set(own)


def _dated_or_explained(case: Case, own: dict[str, Any]) -> None:
    row, state = case.row, case.state
    rule = date_of_service(case.appointment.start, row.dos_timezone)
    if row.status.correctable:
        assert row.date_of_service == rule
    if state.payer_has not in {None, rule}:
        assert "date" in own
    if not state.took_place and row.status is not ClaimStatus.VOID:
        assert "date" in own


def _held_or_work(case: Case, own: dict[str, Any]) -> None:
    for cause in case.causes:
        if case.state.status.on_file:
            assert f"drift:{cause.drift}" in own
        elif case.state.status is not ClaimStatus.VOID:
            assert cause.reason in case.holds


def _never_held_and_cleared(case: Case, now: datetime) -> None:
    cleared = case.clearance(now)
    assert not (cleared.may_send and case.holds)
    if cleared.may_send and cleared.frequency_code is not Frequency.VOID:
        assert cleared.date_of_service == case.state.true_date <= case.today(now)
        assert case.state.took_place


@pytest.fixture
def histories(sqlite_template, tmp_path, settled_desk):
    """Give every history a database of its own."""
    opened: list[Database] = []

    def fresh() -> History:
        path = tmp_path / f"{len(opened)}.db"
        shutil.copy2(sqlite_template, path)
        opened.append(Database.open(f"sqlite:///{path}"))
        return History(settled_desk(opened[-1], ManualClock()))

    yield fresh
    for database in opened:
        database.close()


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happened=st.lists(acts, min_size=8, max_size=24))
def test_no_date_is_ever_silently_wrong(histories, happened):
    """Checked after every single act."""
    history = histories()
    for act in happened:
        history.act(*act)
        history.check()
    assert history.desk.audit_holds()
