"""What a provider does through the link of a proposal: properly what they did in a calendar.

The form is filled in with what the calendar showed. Whoever sends it uses the practice's ordinary
rules; the calendar follows at the next pass.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.ask import Ask
from calwarden.domain.practice import Client, Provider
from calwarden.domain.refusal import Refused
from calwarden.domain.rules import Rules
from calwarden.domain.wall_time import in_zone, instant
from calwarden.practice import asks as ask_use
from calwarden.practice import cancelling, rescheduling
from calwarden.practice.appointments import started
from calwarden.practice.asks import Request
from calwarden.practice.cancelling import Cancellation
from calwarden.practice.links import LinkEnded, Links
from calwarden.practice.series_course import reschedule_following
from calwarden.store import appointments, asks, drifts, people
from calwarden.store.drifts import DriftRow

ACTOR = "provider"
VALID = timedelta(days=30)
"""How long after it was detected a drift can be answered by its link."""

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """One drift in front of its provider.

    ``appointment`` is the one to change: of a whole series the first that it concerns and that is
    still to come; None where a drift concerns none. ``wanted`` and ``minutes`` are where the
    calendar showed it, or where it is. ``following``: the drift is about all that follow, too.
    """

    drift: DriftRow
    provider: Provider
    appointment: Appointment | None
    client: Client | None
    ask: Ask | None
    wanted: datetime | None
    minutes: int
    following: bool
    can_ask: bool
    started: bool

    @property
    def changeable(self) -> bool:
        """Whether the appointment can still be rescheduled."""
        one = self.appointment
        return one is not None and one.status.stands and not self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A new time as the form says it: wall time in the appointment's zone."""

    start: str
    minutes: int
    following: bool


def look(
    connection: Connection, token: str, *, links: Links, rules: Rules, now: datetime
) -> ProposalView:
    """Return the drift of a proposal's link; raises `BadLink`, `LinkEnded`."""
    row = drifts.get(connection, links.drift_of(token))
    if instant(now) > row.detected_at + VALID:
        raise LinkEnded(
            "this link has ended", next_step="change the appointment in the practice's books"
        )
    provider = people.get_provider(connection, row.provider)
    one = _concerned(connection, row, now)
    start, minutes = (None, 0) if one is None else _filled_in(row, one)
    return ProposalView(
        drift=row,
        provider=provider,
        appointment=one,
        client=None if one is None else people.get_client(connection, one.client),
        ask=None if one is None else asks.standing(connection, one.ref),
        wanted=start,
        minutes=minutes,
        following=one is not None and row.appointment != one.ref,
        can_ask=rules.ask_to_reschedule.includes(provider.ref, ask_use.FEATURE),
        started=one is not None and started(one, now),
    )


def reschedule(tx: Connection, view: ProposalView, wanted: Wanted, *, now: datetime) -> None:
    """Move the appointment, or it and all that follow; raises `Refused`, `BadLocalTime`."""
    one = _demand(view)
    start = rescheduling.wall_start(one, wanted.start)
    move = reschedule_following if wanted.following and one.series else rescheduling.reschedule_one
    move(tx, one.ref, start, wanted.minutes, now=now, actor=ACTOR)


def ask(
    tx: Connection, view: ProposalView, request: Request, *, rules: Rules, now: datetime
) -> None:
    """Ask the client to choose another time; raises `Refused`."""
    ask_use.ask(tx, [_demand(view).ref], request, rules=rules, now=now, actor=ACTOR)


def cancel(tx: Connection, view: ProposalView, reason: str, *, rules: Rules, now: datetime) -> None:
    """Cancel the appointment, without a fee; raises `Refused`."""
    wanted = Cancellation(reason=reason)
    cancelling.cancel(tx, _demand(view).ref, wanted, rules=rules, now=now, actor=ACTOR)


def _demand(view: ProposalView) -> Appointment:
    if view.appointment is None:
        raise Refused("there is no appointment to change", next_step="look at the books")
    return view.appointment


def _concerned(connection: Connection, row: DriftRow, now: datetime) -> Appointment | None:
    named = [row.appointment] if row.appointment is not None else []
    found = [appointments.find(connection, ref) for ref in (*named, *row.appointments)]
    known = [one for one in found if one is not None]
    ahead = (one for one in known if one.status.stands and not started(one, now))
    return next(ahead, known[0] if known else None)


def _filled_in(row: DriftRow, one: Appointment) -> tuple[datetime, int]:
    shown = row.after or {}
    if "start" not in shown or shown.get("all_day") or one.status is Status.CANCELLED:
        return one.start, one.minutes
    start = in_zone(datetime.fromisoformat(shown["start"]), one.zone)
    length = datetime.fromisoformat(shown["end"]) - datetime.fromisoformat(shown["start"])
    return start, max(1, length // MINUTE)
