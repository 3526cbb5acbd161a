"""A shard: some of the calendars, whoever calls.

It picks those that are due, polls them, and notes when they are next.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, bindparam, exists, func, or_, select, update

from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.engine.cycle import poll
from calwarden.engine.lease import LeaseLost
from calwarden.engine.pacing import Pacer, pace_key
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.engine.services import Services
from calwarden.store import calendars, subscriptions
from calwarden.store.errors import DatabaseBusy
from calwarden.store.tables import appointments, providers
from calwarden.store.tables import calendars as calendar_table

POLLED = (CalendarStatus.ACTIVE, CalendarStatus.HELD, CalendarStatus.UNLINKING)
NEAR_AHEAD = timedelta(hours=12)
NEAR_BEHIND = timedelta(hours=4)
STORED_EVERY = timedelta(minutes=1)
STUCK_AGAIN = timedelta(minutes=1)

log = structlog.get_logger("calwarden.shard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Time between looks: ``near`` an appointment, ``far`` from one.

    ``told``: where the calendar's service tells us of changes, the backstop for lost notices.
    """

    near: timedelta = timedelta(seconds=120)
    far: timedelta = timedelta(seconds=900)
    told: timedelta = timedelta(seconds=3600)


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

    def make_due(self, calendar_id: int) -> None:
        """Have a calendar polled at the next tick."""
        self._due[calendar_id] = self._services.clock.now()

    def run(self, now: datetime) -> list[PollReport]:
        """Poll what is due in a thread pool; a failure of one calendar stops no other."""
        with self._services.database.read() as connection:
            due = [one for one in self._members(connection) if self._is_due(connection, one, now)]
        if not due:
            self._store(now)
            return []
        if len(due) == 1:
            reports = [self._poll(due[0])]
        else:
            with ThreadPoolExecutor(min(self._concurrency, len(due))) as pool:
                reports = list(pool.map(self._poll, due))
        self._done(zip(due, reports, strict=True), now)
        self._store(now)
        return [report for report in reports if report is not None]

    def look(self, calendar_id: int) -> PollReport | None:
        """Poll one calendar now, as a notice asks for, unless it stopped or has to wait."""
        now = self._services.clock.now()
        with self._services.database.read() as connection:
            calendar = calendars.find(connection, calendar_id)
            if calendar is None or calendar.status not in POLLED:
                return None
            if not self._is_due(connection, calendar, now):
                return None
        report = self._poll(calendar)
        self._done([(calendar, report)], now)
        return report

    def has_heard(self, calendar_id: int, marked_at: datetime) -> bool:
        """Tell whether a look began after that mark was seen."""
        return self._heard.get(calendar_id) == marked_at

    def _done(
        self, polled: Iterable[tuple[LinkedCalendar, PollReport | None]], now: datetime
    ) -> None:
        with self._services.database.read() as connection:
            for calendar, report in polled:
                if report is None:
                    self._due[calendar.id] = now + STUCK_AGAIN
                    continue
                self._due[calendar.id] = now + self._interval(connection, calendar, now)
                self._checked[calendar.id] = now

    def _members(self, connection: Connection) -> list[LinkedCalendar]:
        found = calendars.search(connection, statuses=POLLED)
        return [one for one in found if one.id % self.of == self.number]

    def _is_due(self, connection: Connection, calendar: LinkedCalendar, now: datetime) -> bool:
        if calendar.not_before is not None and calendar.not_before > now:
            return False
        own = self._due.get(calendar.id)
        waits = calendar.failures and calendar.due_at is not None and calendar.due_at > now
        if waits:
            return False
        if calendar.status is CalendarStatus.UNLINKING:
            return True
        if calendar.wake_at is not None and calendar.wake_at <= now:
            return True
        if self._was_marked(calendar) or self._has_news(connection, calendar):
            return True
        due = own if own is not None else calendar.due_at
        return due is None or due <= now

    def _was_marked(self, calendar: LinkedCalendar) -> bool:
        """Tell whether a notice came that no look has followed.

        What an earlier process has heard is not known: then its last look counts.
        """
        if calendar.pushed_at is None or self.has_heard(calendar.id, calendar.pushed_at):
            return False
        first = calendar.id not in self._heard
        looked = calendar.checked_at if first else None
        return looked is None or calendar.pushed_at > looked

    @staticmethod
    def _has_news(connection: Connection, calendar: LinkedCalendar) -> bool:
        query = select(providers.c.schedule_revision).where(providers.c.ref == calendar.provider)
        return bool(connection.execute(query).scalar_one() != calendar.planned_revision)

    def _poll(self, calendar: LinkedCalendar) -> PollReport | None:
        clock = self._services.lease_clock
        began = clock.monotonic()
        heard = self._heard.get(calendar.id)
        if calendar.pushed_at is not None:
            self._heard[calendar.id] = calendar.pushed_at
        try:
            with self._pacer.place(pace_key(calendar)):
                report = poll(self._services, calendar.id)
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

    def _forget(self, calendar_id: int, heard: datetime | None) -> None:
        """Take back that a mark was heard: the look did not count."""
        if heard is None:
            self._heard.pop(calendar_id, None)
        else:
            self._heard[calendar_id] = heard

    def _interval(
        self, connection: Connection, calendar: LinkedCalendar, now: datetime
    ) -> timedelta:
        if subscriptions.tells(connection, calendar.id, now=now):
            return self._intervals.told
        query = select(
            exists().where(
                appointments.c.provider == calendar.provider,
                appointments.c.starts_at < now + NEAR_AHEAD,
                appointments.c.ends_at > now - NEAR_BEHIND,
            )
        )
        near = bool(connection.execute(query).scalar_one())
        return self._intervals.near if near else self._intervals.far

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
