"""What time does to asks: reminders, expiry, and what is overdue until a person confirms it."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Status
from calwarden.domain.ask import Ask, AskStatus, status_at
from calwarden.domain.refusal import Refused
from calwarden.domain.rules import Rules
from calwarden.domain.wall_time import instant
from calwarden.practice import messages, standing_asks
from calwarden.practice.cancelling import end
from calwarden.store import appointments, asks, clock_marks

TIMER = "calwarden"
NO_ANSWER = "no answer to the ask for another time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """How many asks expired, became overdue, and were reminded of."""

    expired: int = 0
    overdue: int = 0
    reminded: int = 0


def pass_time(tx: Connection, *, rules: Rules, now: datetime, trusted: bool = True) -> Passed:
    """Do what is due now. By a clock that is not ``trusted``, nothing irreversible happens."""
    expired = overdue = 0
    for one in asks.due(tx, now):
        if trusted and status_at(one, now, rules.patience) is not AskStatus.OVERDUE:
            _expire(tx, one, now=now, actor=TIMER)
            expired += 1
        else:
            standing_asks.settle(tx, one, AskStatus.OVERDUE, now=now, actor=TIMER)
            overdue += 1
    waiting = asks.to_remind(tx, now)
    for one in waiting:
        asks.save(tx, one.id, reminded_at=now)
        messages.ask_reminder(tx, standing_asks.notice(tx, one), now=now)
    return Passed(expired=expired, overdue=overdue, reminded=len(waiting))


def confirm(tx: Connection, number: int, *, rules: Rules, now: datetime, actor: str) -> Ask:
    """Confirm that nobody answered an overdue ask: the appointment is cancelled without a fee.

    Whoever confirms it has looked at the clock: it is trusted again. Raises `Refused`, `NotFound`.
    """
    found = asks.get(tx, number)
    status = status_at(found, now, rules.patience)
    if status is not AskStatus.OVERDUE:
        waits = found.status is AskStatus.OPEN
        raise Refused(
            f"ask {number} is {found.status}, and only an overdue one is confirmed",
            next_step=f"it expires by itself at {instant(found.deadline):%Y-%m-%d %H:%M} UTC"
            if waits
            else "there is nothing to do",
        )
    mark = clock_marks.find(tx)
    if mark is not None and mark.doubted_since is not None:
        clock_marks.save(tx, replace(mark, doubted_since=None))
    return _expire(tx, found, now=now, actor=actor)


def _expire(tx: Connection, found: Ask, *, now: datetime, actor: str) -> Ask:
    before = appointments.get(tx, found.appointment)
    if before.status is not Status.RESCHEDULE_REQUESTED:
        return standing_asks.settle(tx, found, AskStatus.WITHDRAWN, now=now, actor=actor)
    after = replace(before, status=Status.CANCELLED)
    end(tx, before, after, NO_ANSWER, now=now, actor=actor)
    expired = standing_asks.settle(tx, found, AskStatus.EXPIRED, now=now, actor=actor)
    messages.ask_expired(tx, standing_asks.notice(tx, expired), now=now)
    return expired
