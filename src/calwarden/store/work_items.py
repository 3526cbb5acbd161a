"""Work items as rows, with their notes; what they are for is decided in the practice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from calwarden.domain.work import WorkKind
from calwarden.store.batches import batches
from calwarden.store.claims_tables import work_items, work_notes
from calwarden.store.errors import NotFound
from calwarden.store.searching import Search, value, values

_FIND = Search(select(work_items), number=work_items.c.id == value("number"))
_SEARCH = Search(
    select(work_items).order_by(work_items.c.id),
    claims=work_items.c.claim.in_(values("claims")),
    matters=work_items.c.matter.in_(values("matters")),
    statuses=work_items.c.status.in_(values("statuses")),
)


class WorkStatus(StrEnum):
    """Life of a work item.

    ``settled``: a person closed it, and it stays closed while the facts are the same. ``closed``:
    its cause is gone.
    """

    OPEN = "open"
    SETTLED = "settled"
    CLOSED = "closed"


LIVE = (WorkStatus.OPEN, WorkStatus.SETTLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One work item. ``outcome`` says why or with what it was closed."""

    id: int
    claim: str
    matter: str
    kind: WorkKind
    frequency_code: str | None
    message: str
    basis: str
    status: WorkStatus
    assignee: str | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkNote:
    """What a person wrote on a work item."""

    work_item: int
    at: datetime
    actor: str
    text: str


def get(connection: Connection, number: int) -> WorkItem:
    """Return the work item; raises `NotFound`."""
    row = _FIND.first(connection, number=number)
    if row is None:
        raise NotFound("work item", number)
    return _item(row)


def search(
    connection: Connection,
    *,
    claims: Iterable[str] | None = None,
    matters: Iterable[str] | None = None,
    statuses: Iterable[WorkStatus] | None = None,
) -> list[WorkItem]:
    """Return the work items that fit every given condition, by number."""
    about = None if matters is None else list(matters)
    wanted = None if statuses is None else [status.value for status in statuses]
    found: list[WorkItem] = []
    for some in batches(claims):
        rows = _SEARCH.rows(connection, claims=some, matters=about, statuses=wanted)
        found += [_item(row) for row in rows]
    return sorted(found, key=lambda item: item.id)


def insert_one(connection: Connection, *, now: datetime, **values: Any) -> int:
    """Store a new, open work item and return its number."""
    new = insert(work_items).values(
        status=WorkStatus.OPEN.value, opened_at=now, updated_at=now, **values
    )
    return int(connection.execute(new.returning(work_items.c.id)).scalar_one())


def save(connection: Connection, number: int, **values: Any) -> None:
    """Store some columns of a work item; raises `NotFound`."""
    changed = update(work_items).where(work_items.c.id == number).values(**values)
    if not connection.execute(changed).rowcount:
        raise NotFound("work item", number)


def insert_note(connection: Connection, note: WorkNote) -> None:
    """Store a note."""
    connection.execute(
        insert(work_notes).values(
            work_item=note.work_item, at=note.at, actor=note.actor, text=note.text
        )
    )


def notes(connection: Connection, numbers: Iterable[int]) -> Mapping[int, list[WorkNote]]:
    """Return the notes of work items, oldest first."""
    query = select(work_notes).where(work_notes.c.work_item.in_(list(numbers)))
    found: dict[int, list[WorkNote]] = {}
    for row in connection.execute(query.order_by(work_notes.c.id)).mappings():
        note = WorkNote(
            work_item=row["work_item"], at=row["at"], actor=row["actor"], text=row["text"]
        )
        found.setdefault(note.work_item, []).append(note)
    return found


def _item(row: RowMapping) -> WorkItem:
    return WorkItem(**{**row, "kind": WorkKind(row["kind"]), "status": WorkStatus(row["status"])})
