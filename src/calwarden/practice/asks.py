"""Asking to reschedule: a provider asks for other times, and takes an ask back again."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, OutOfOffice, Status
from calwarden.domain.ask import Ask, AskStatus, deadline, half_way, status_at
from calwarden.domain.refusal import Refused
from calwarden.domain.rules import Rules
from calwarden.domain.wall_time import in_zone, instant
from calwarden.practice import departures, drift_endings, messages, out_of_office, standing_asks
from calwarden.practice.appointments import demand_unstarted
from calwarden.practice.refs import unused_ref
from calwarden.practice.series import resolve
from calwarden.store import appointments, asks, audit, tables
from calwarden.store import out_of_office as blocks
from calwarden.store.departures import Path

FEATURE = "ask_to_reschedule"
LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Why clients are asked to choose another time; ``block`` sets a block over each old time."""

    reason: str
    note: str | None = None
    block: bool = False


def ask(
    tx: Connection,
    refs: list[str],
    request: Request,
    *,
    rules: Rules,
    now: datetime,
    actor: str,
) -> list[Ask]:
    """Ask the clients of all these appointments, or of none, to choose other times.

    Each appointment keeps its time, its event and its claim's hold until the client answers or the
    deadline comes. Raises `Refused`, `NotFound`.
    """
    _demand_words(request)
    return [
        _ask_one(tx, ref, request, rules=rules, now=now, actor=actor) for ref in dict.fromkeys(refs)
    ]


def ask_under(
    tx: Connection, block: str, request: Request, *, rules: Rules, now: datetime, actor: str
) -> list[Ask]:
    """Ask about everything under an out-of-office block, in one step; raises as `ask` does."""
    refs = out_of_office.to_ask(tx, block, now=now)
    return ask(tx, refs, request, rules=rules, now=now, actor=actor)


def withdraw(tx: Connection, number: int, *, now: datetime, actor: str) -> Ask:
    """Take an ask back: the appointment takes place as it was, and the client is told.

    A block that came with it stays until it is removed. Raises `Refused`, `NotFound`.
    """
    found = asks.get(tx, number)
    if not found.status.standing:
        raise Refused(f"ask {number} is {found.status} already", next_step="there is nothing to do")
    one = appointments.get(tx, found.appointment)
    appointments.save(tx, replace(one, status=Status.SCHEDULED), now=now)
    withdrawn = standing_asks.settle(tx, found, AskStatus.WITHDRAWN, now=now, actor=actor)
    messages.ask_withdrawn(tx, standing_asks.notice(tx, withdrawn), now=now)
    return withdrawn


def listing(
    connection: Connection, *, rules: Rules, now: datetime, provider: str | None = None
) -> list[dict[str, Any]]:
    """Return every ask, or those of a provider, by number, as they stand now."""
    found = asks.search(connection, provider=provider)
    return [document(connection, one, rules=rules, now=now) for one in found]


def document(connection: Connection, one: Ask, *, rules: Rules, now: datetime) -> dict[str, Any]:
    """Return an ask as JSON values.

    One whose deadline has just come is still open: the next tick lets it expire.
    """
    appointment = appointments.get(connection, one.appointment)
    zone = appointment.zone
    status = status_at(one, now, rules.patience)
    return {
        "id": one.id,
        "appointment": one.appointment,
        "provider": appointment.provider,
        "status": status.value if status is AskStatus.OVERDUE else one.status.value,
        "deadline": in_zone(one.deadline, zone).isoformat(),
        "timezone": zone,
        "reason": one.reason,
        "note": one.note,
        "asked_at": in_zone(one.asked_at, zone).isoformat(),
        "out_of_office": one.block,
    }


def _demand_words(request: Request) -> None:
    if not request.reason.strip():
        raise Refused(
            "an ask to reschedule needs a reason: it is what the client reads",
            next_step="give it with --reason",
        )
    if max(len(request.reason), len(request.note or "")) > LONGEST_TEXT:
        raise Refused(
            f"a reason and a note have at most {LONGEST_TEXT} characters",
            next_step="say it shorter",
        )


def _ask_one(
    tx: Connection, ref: str, request: Request, *, rules: Rules, now: datetime, actor: str
) -> Ask:
    one = resolve(tx, ref, now=now)
    _demand_askable(tx, one, rules, now)
    until = deadline(now, one.start, rules.answer)
    new = Ask(
        id=0,
        appointment=one.ref,
        reason=request.reason.strip(),
        note=(request.note or "").strip() or None,
        asked_at=instant(now),
        deadline=until,
        remind_at=half_way(now, until),
        start=instant(one.start),
        block=_block(tx, one, now=now, actor=actor) if request.block else None,
    )
    appointments.save(tx, replace(one, status=Status.RESCHEDULE_REQUESTED), now=now)
    made = asks.insert_one(tx, new)
    audit.append(
        tx,
        at=now,
        actor=actor,
        action="ask.open",
        subject=f"ask:{made.id}",
        detail={"appointment": one.ref, "deadline": until.isoformat(), "block": made.block},
    )
    departures.note(tx, one, Path.ASK, now=now)
    drift_endings.after_asking(tx, one, now=now, actor=actor)
    messages.asked(tx, standing_asks.notice(tx, made), now=now)
    return made


def _demand_askable(tx: Connection, one: Appointment, rules: Rules, now: datetime) -> None:
    if not rules.ask_to_reschedule.includes(one.provider, FEATURE):
        raise Refused(
            f"asking to reschedule is not rolled out to provider {one.provider} yet",
            next_step="agree on a new time with the client: "
            f"calwarden appointments reschedule {one.ref} --start LOCAL",
        )
    demand_unstarted(one, now)
    standing = asks.standing(tx, one.ref)
    if standing is not None:
        raise Refused(
            f"the client of appointment {one.ref} has been asked already (ask {standing.id})",
            next_step=f"wait for the answer, or: calwarden asks withdraw {standing.id}",
        )


def _block(tx: Connection, one: Appointment, *, now: datetime, actor: str) -> str:
    """Set a block over the time of an appointment and return its ref, or that of one there is."""
    there = blocks.search(
        tx,
        provider=one.provider,
        ends_after=instant(one.start),
        starts_before=instant(one.end),
    )
    for block in there:
        covers = instant(block.start) <= instant(one.start)
        if covers and instant(block.end) >= instant(one.end):
            return block.ref
    ref = unused_ref(tx, tables.out_of_office, "o")
    new = OutOfOffice(ref=ref, provider=one.provider, start=one.start, end=one.end)
    out_of_office.store(tx, new, now=now, actor=actor)
    return ref
