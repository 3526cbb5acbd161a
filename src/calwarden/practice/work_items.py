"""Work items: opened, changed and closed in the transaction of what causes them.

What should stand is derived from the claim each time, so following twice changes nothing. An item
that a person closed stays closed until the facts that it stood for change.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.hold import NEAR
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import local_date
from calwarden.domain.work import Need
from calwarden.practice.claim_cases import Case, Surroundings, cases
from calwarden.practice.holds import concerned
from calwarden.store import audit, claims, drifts, people, work_items
from calwarden.store.work_items import LIVE, WorkItem, WorkNote, WorkStatus

ENGINE = "engine"
DRIFT = "drift"


def listing(
    connection: Connection, *, now: datetime, near: timedelta = NEAR
) -> list[dict[str, Any]]:
    """Return what is to be done about claims, the least time left to the filing limit first."""
    items = work_items.search(connection, statuses=[WorkStatus.OPEN])
    rows = claims.search(connection, refs=sorted({item.claim for item in items}))
    by_ref = {case.row.ref: case for case in cases(connection, rows, now, near)}
    notes = work_items.notes(connection, [item.id for item in items])
    zone = practice_zone(connection)
    found = [
        _document(item, by_ref[item.claim], notes.get(item.id, []), now=now, zone=zone)
        for item in items
    ]
    return sorted(found, key=_urgency)


def follow(
    tx: Connection,
    refs: Iterable[str],
    *,
    now: datetime,
    actor: str,
    near: timedelta = NEAR,
) -> None:
    """Bring the work items of claims after what is true of them now."""
    wanted = sorted(set(refs))
    if not wanted:
        return
    rows = claims.search(tx, refs=wanted)
    live: dict[str, list[WorkItem]] = {}
    for item in work_items.search(tx, claims=wanted, statuses=LIVE):
        live.setdefault(item.claim, []).append(item)
    for case in cases(tx, rows, now, near):
        _settle(tx, case, live.get(case.row.ref, []), now=now, actor=actor)


def follow_drifts(
    tx: Connection,
    numbers: Iterable[int],
    *,
    now: datetime,
    actor: str = ENGINE,
    near: timedelta = NEAR,
) -> None:
    """Bring the work items of the claims that drifts are about, or were about, after them."""
    wanted = sorted(set(numbers))
    if not wanted:
        return
    appointments = {ref for number in wanted for ref in concerned(drifts.get(tx, number))}
    refs = {row.ref for row in claims.search(tx, appointments=sorted(appointments))}
    matters = [f"{DRIFT}:{number}" for number in wanted]
    refs |= {item.claim for item in work_items.search(tx, matters=matters, statuses=LIVE)}
    follow(tx, refs, now=now, actor=actor, near=near)


def sweep(tx: Connection, *, now: datetime, near: timedelta = NEAR) -> None:
    """Follow what time alone changes: an open drift comes near the start of its appointment."""
    standing = [row.id for row in drifts.search(tx, statuses=drifts.STANDING)]
    follow_drifts(tx, standing, now=now, near=near)


def lagging(connection: Connection, *, now: datetime, near: timedelta = NEAR) -> bool:
    """Tell whether time alone has changed what there is to do, or why."""
    standing = drifts.search(connection, statuses=drifts.STANDING)
    appointments = {ref for row in standing for ref in concerned(row)}
    rows = claims.search(connection, appointments=sorted(appointments))
    refs = [row.ref for row in rows]
    live: dict[str, dict[str, WorkItem]] = {}
    for item in work_items.search(connection, claims=refs, statuses=LIVE):
        live.setdefault(item.claim, {})[item.matter] = item
    return any(
        _behind(case.needs, live.get(case.row.ref, {}))
        for case in cases(connection, rows, now, near)
    )


def _behind(wanted: Sequence[Need], live: Mapping[str, WorkItem]) -> bool:
    if {need.matter for need in wanted} != set(live):
        return True
    told = ((need, live[need.matter]) for need in wanted)
    return any(
        item.message != need.message if item.status is WorkStatus.OPEN else item.basis != need.basis
        for need, item in told
    )


def follow_payer(tx: Connection, payer: str, *, now: datetime, actor: str) -> None:
    """Follow another way in which a payer wants its claims corrected."""
    follow(tx, [row.ref for row in claims.search(tx, payer=payer)], now=now, actor=actor)


def close(tx: Connection, number: int, note: str, *, now: datetime, actor: str) -> None:
    """Close an item by hand, with what was done; raises `Refused`, `NotFound`."""
    item = _demand_open(tx, number)
    if not note.strip():
        raise Refused(
            f"work item {number} is closed with a note of what was done",
            next_step="give it with --note",
        )
    work_items.insert_note(tx, WorkNote(work_item=number, at=now, actor=actor, text=note.strip()))
    _end(tx, item, WorkStatus.SETTLED, "closed by a person", now=now, actor=actor)


def assign(tx: Connection, number: int, name: str, *, now: datetime, actor: str) -> None:
    """Give an item to somebody; an empty name gives it back. Raises `Refused`, `NotFound`."""
    item = _demand_open(tx, number)
    work_items.save(tx, number, assignee=name.strip() or None, updated_at=now)
    detail = {"before": item.assignee, "after": name.strip() or None}
    _log(tx, item, "assigned", detail, now=now, actor=actor)


def write_note(tx: Connection, number: int, text: str, *, now: datetime, actor: str) -> None:
    """Write a note on an item, open or closed; raises `Refused`, `NotFound`."""
    item = work_items.get(tx, number)
    if not text.strip():
        raise Refused("a note needs a text", next_step="write what should be known")
    work_items.insert_note(tx, WorkNote(work_item=number, at=now, actor=actor, text=text.strip()))
    _log(tx, item, "noted", {}, now=now, actor=actor)


def show(
    connection: Connection, number: int, *, now: datetime, near: timedelta = NEAR
) -> dict[str, Any]:
    """Return one item, open or closed, with its notes; raises `NotFound`."""
    item = work_items.get(connection, number)
    row = claims.get(connection, item.claim)
    around = Surroundings.at(connection, now, near=near)
    case = next(cases(connection, [row], now, near, around=around))
    notes = work_items.notes(connection, [number]).get(number, [])
    return _document(item, case, notes, now=now, zone=practice_zone(connection))


def practice_zone(connection: Connection) -> str:
    """Return the practice's own zone; UTC before there is a practice."""
    found = people.practice(connection)
    return found.timezone if found else "UTC"


def _settle(tx: Connection, case: Case, live: list[WorkItem], *, now: datetime, actor: str) -> None:
    wanted = {need.matter: need for need in case.needs}
    for item in live:
        need = wanted.get(item.matter)
        if need is None:
            _end(tx, item, WorkStatus.CLOSED, _gone(case), now=now, actor=actor)
        elif item.status is WorkStatus.OPEN:
            _change(tx, item, wanted.pop(item.matter), now=now, actor=actor)
        elif item.basis == need.basis:
            del wanted[item.matter]
        else:
            work_items.save(tx, item.id, status=WorkStatus.CLOSED.value, updated_at=now)
    for need in wanted.values():
        _open(tx, case, need, now=now, actor=actor)


def _open(tx: Connection, case: Case, need: Need, *, now: datetime, actor: str) -> None:
    values = {"claim": case.row.ref, "matter": need.matter, **_values(need)}
    item = work_items.get(tx, work_items.insert_one(tx, now=now, **values))
    _log(tx, item, "opened", {"kind": need.kind.value}, now=now, actor=actor)


def _change(tx: Connection, item: WorkItem, need: Need, *, now: datetime, actor: str) -> None:
    values = _values(need)
    if all(getattr(item, name) == value for name, value in values.items()):
        return
    work_items.save(tx, item.id, updated_at=now, **values)
    if item.basis != need.basis:
        detail = {"before": item.kind.value, "kind": need.kind.value}
        _log(tx, item, "changed", detail, now=now, actor=actor)


def _end(
    tx: Connection, item: WorkItem, status: WorkStatus, outcome: str, *, now: datetime, actor: str
) -> None:
    if item.status is WorkStatus.SETTLED:  # its outcome is what the person did
        work_items.save(tx, item.id, status=status.value, updated_at=now)
        return
    work_items.save(
        tx,
        item.id,
        status=status.value,
        updated_at=now,
        closed_at=now,
        closed_by=actor,
        outcome=outcome,
    )
    _log(tx, item, "closed", {"outcome": outcome}, now=now, actor=actor)


def _gone(case: Case) -> str:
    return f"its cause is gone: the claim is {case.state.status} with {case.state.shown_date}"


def _values(need: Need) -> dict[str, Any]:
    code = need.frequency_code
    return {
        "kind": need.kind.value,
        "frequency_code": None if code is None else code.value,
        "message": need.message,
        "basis": need.basis,
    }


def _demand_open(tx: Connection, number: int) -> WorkItem:
    item = work_items.get(tx, number)
    if item.status is not WorkStatus.OPEN:
        raise Refused(f"work item {number} is closed", next_step="there is nothing to do about it")
    return item


def _log(
    tx: Connection,
    item: WorkItem,
    event: str,
    detail: dict[str, Any],
    *,
    now: datetime,
    actor: str,
) -> None:
    audit.append(
        tx,
        at=now,
        actor=actor,
        action=f"work.{event}",
        subject=f"work:{item.id}",
        detail={"claim": item.claim, **detail},
    )


def _document(
    item: WorkItem, case: Case, notes: list[WorkNote], *, now: datetime, zone: str
) -> dict[str, Any]:
    today = local_date(now, zone)
    code = item.frequency_code
    return {
        "id": item.id,
        "claim": item.claim,
        "appointment": case.row.appointment,
        "kind": item.kind.value,
        "frequency_code": code,
        "original_reference": case.row.control_number if code in {"7", "8"} else None,
        "days_left": case.days_left(today),
        "message": item.message,
        "drift": _drift_of(item),
        "status": "open" if item.status is WorkStatus.OPEN else "closed",
        "assignee": item.assignee,
        "opened_at": item.opened_at.isoformat(),
        "age_days": (today - local_date(item.opened_at, zone)).days,
        "outcome": item.outcome,
        "notes": [
            {"at": note.at.isoformat(), "actor": note.actor, "text": note.text} for note in notes
        ],
    }


def _drift_of(item: WorkItem) -> int | None:
    """Return the number of the drift that an item is about; None where it is about no drift."""
    matter, _, number = item.matter.partition(":")
    return int(number) if matter == DRIFT else None


def _urgency(document: dict[str, Any]) -> tuple[bool, int, int]:
    left = document["days_left"]
    return left is None, left or 0, document["id"]
