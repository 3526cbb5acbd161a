"""A shard: some of the calendars, whoever calls.

It picks those that are due, polls them, and notes when they are next.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, func, or_, update

from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.engine import due, heads
from calwarden.engine.cycle import poll
from calwarden.engine.due import Candidate, Members
from calwarden.engine.heads import Head, KnownHeads
from calwarden.engine.lease import LeaseLost
from calwarden.engine.pacing import Pacer, pace_key
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.engine.services import Services
from calwarden.store.errors import DatabaseBusy
from calwarden.store.tables import calendars as calendar_table

STORED_EVERY = timedelta(minutes=1)
STUCK_AGAIN = timedelta(minutes=1)
FRESH = timedelta(seconds=2)
"""How long what was read of all that were due is taken for true when one's turn comes."""

log = structlog.get_logger("calwarden.shard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Time between looks: ``near`` an appointment, ``far`` from one.

    ``told``: where the calendar's service tells us of changes, the backstop for lost notices.
    """

    near: timedelta = timedelta(seconds=120)
    far: timedelta = timedelta(seconds=900)
    told: timedelta = timedelta(seconds=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picked:
    """A calendar that is due, and when it was read: by a clock, and by the pacer's news."""

    head: Head
    read_at: float
    news: int


class Shard:
    """Holds the due times of its calendars; stores them in one batch a minute."""

    def __init__(
        self,
        services: Services,
        pacer: Pacer,
        *,
        number: int = 0,
        of: int = 1,
        intervals: Intervals | None = None,
        concurrency: int = 8,
        told: Callable[[PollReport, float], None] = lambda _report, _seconds: None,
    ) -> None:
        self.number, self.of = number, of
        self._services, self._pacer = services, pacer
        self._intervals = intervals or Intervals()
        self._concurrency = concurrency
        self._told = told
        self._due: dict[int, datetime] = {}
        self._checked: dict[int, datetime] = {}
        self._heard: dict[int, datetime] = {}
        self._stored_at = services.clock.now()
        self._members = Members(number, of)
        self._known = KnownHeads()

    def make_due(self, calendar_id: int) -> None:
        """Have a calendar polled at the next tick."""
        self._due[calendar_id] = self._services.clock.now()

    def run(self, now: datetime) -> list[PollReport]:
        """Poll what is due in a thread pool; a failure of one calendar stops no other."""
        with self._services.database.read() as connection:
            ids = [one.id for one in self._members.read(connection) if self._is_due(one, now)]
            picked = self._picked(self._known.read(connection, ids, now=now) if ids else {})
        if not picked:
            self._store(now)
            return []
        reports = self._polled(picked)
        self._done(picked, reports, now)
        self._store(now)
        return [report for report in reports if report is not None]

    def _polled(self, picked: list[_Picked]) -> list[PollReport | None]:
        """Poll all of them, as many side by side as are allowed, and return their reports."""
        reports: list[PollReport | None] = [None] * len(picked)
        waiting = deque(enumerate(picked))

        def work() -> None:
            # each thread takes its next by itself: handing out and back costs as much as a look
            while waiting:
                try:
                    place, one = waiting.popleft()
                except IndexError:
                    return
                reports[place] = self._poll(one)

        threads = min(self._concurrency, len(picked))
        if threads == 1:
            work()
            return reports
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
        return reports

    def look(self, calendar_id: int) -> PollReport | None:
        """Poll one calendar now, as a notice asks for, unless it stopped or has to wait."""
        now = self._services.clock.now()
        with self._services.database.read() as connection:
            one = due.member(connection, calendar_id)
            if one is None or not self._is_due(one, now):
                return None
            picked = self._picked(heads.heads(connection, [calendar_id], now=now))
        reports = [self._poll(each) for each in picked]
        self._done(picked, reports, now)
        return reports[0] if reports else None

    def has_heard(self, calendar_id: int, marked_at: datetime) -> bool:
        """Tell whether a look began after that mark was seen."""
        return self._heard.get(calendar_id) == marked_at

    def _picked(self, found: dict[int, Head]) -> list[_Picked]:
        read_at, news = self._services.lease_clock.monotonic(), self._pacer.news
        return [_Picked(head=one, read_at=read_at, news=news) for one in found.values()]

    def _done(self, picked: list[_Picked], reports: list[PollReport | None], now: datetime) -> None:
        for one, report in zip(picked, reports, strict=True):
            number = one.head.calendar.id
            if report is None:
                self._due[number] = now + STUCK_AGAIN
            else:
                self._due[number] = now + self._interval(one.head)
                self._checked[number] = now

    def _is_due(self, one: Candidate, now: datetime) -> bool:
        if one.not_before is not None and one.not_before > now:
            return False
        own = self._due.get(one.id)
        waits = one.failures and one.due_at is not None and one.due_at > now
        if waits:
            return False
        if one.status == CalendarStatus.UNLINKING:
            return True
        if one.wake_at is not None and one.wake_at <= now:
            return True
        if one.news or self._was_marked(one):
            return True
        when = own if own is not None else one.due_at
        return when is None or when <= now

    def _was_marked(self, one: Candidate) -> bool:
        """Tell whether a notice came that no look has followed.

        What an earlier process has heard is not known: then its last look counts.
        """
        if one.pushed_at is None or self.has_heard(one.id, one.pushed_at):
            return False
        looked = one.checked_at if one.id not in self._heard else None
        return looked is None or one.pushed_at > looked

    def _poll(self, picked: _Picked) -> PollReport | None:
        clock = self._services.lease_clock
        calendar = picked.head.calendar
        began = clock.monotonic()
        heard = self._heard.get(calendar.id)
        if calendar.pushed_at is not None:
            self._heard[calendar.id] = calendar.pushed_at
        try:
            with self._pacer.place(pace_key(calendar)):
                report = poll(self._services, calendar.id, head=self._fresh(picked))
        except (LeaseLost, DatabaseBusy):
            self._forget(calendar.id, heard)
            return None
        except Exception as error:  # noqa: BLE001 - one calendar's fault must not stop the others
            kind = type(error).__name__
            log.error("poll_failed", calendar=calendar.id, kind=kind)  # noqa: TRY400 - tracebacks quote data
            return None
        seconds = clock.monotonic() - began
        self._told(report, seconds)
        if not report.quiet or report.outcome is not PollOutcome.DONE:
            self._pacer.tell()
            log.info(
                "polled",
                calendar=report.id,
                outcome=report.outcome.value,
                published=report.published,
                reverted=report.reverted,
                flagged=report.flagged,
                requests=report.requests,
                seconds=round(seconds, 3),
            )
        return report

    def _fresh(self, picked: _Picked) -> Head | None:
        """Return what was read for all that were due, unless it may have changed since."""
        aged = self._services.lease_clock.monotonic() - picked.read_at > FRESH.total_seconds()
        return None if aged or picked.news != self._pacer.news else picked.head

    def _forget(self, calendar_id: int, heard: datetime | None) -> None:
        """Take back that a mark was heard: the look did not count."""
        if heard is None:
            self._heard.pop(calendar_id, None)
        else:
            self._heard[calendar_id] = heard

    def _interval(self, head: Head) -> timedelta:
        if head.told:
            return self._intervals.told
        return self._intervals.near if head.near else self._intervals.far

    def _store(self, now: datetime) -> None:
        """Keep due and last-checked times: after a restart at most a minute is polled again."""
        if not self._checked or now - self._stored_at < STORED_EVERY:
            return
        kept = dict(self._checked)
        rows = [
            {"number": number, "due": self._due.get(number), "checked": checked}
            for number, checked in kept.items()
        ]
        statement = (
            update(calendar_table)
            .where(
                calendar_table.c.id == bindparam("number"),
                or_(
                    calendar_table.c.failures == 0,
                    func.coalesce(calendar_table.c.due_at, bindparam("due")) < bindparam("due"),
                ),
            )
            .values(due_at=bindparam("due"), checked_at=bindparam("checked"))
        )
        with self._services.database.write() as connection:
            connection.execute(statement, rows)
        for number, checked in kept.items():
            if self._checked.get(number) == checked:  # else looked at meanwhile
                del self._checked[number]
        self._stored_at = now


def run_shard(shard: Shard, now: datetime) -> list[PollReport]:
    """Pick the due calendars of a shard, poll them, complete them."""
    return shard.run(now)
