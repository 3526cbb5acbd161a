"""The import: every row of a file, in the order in which rows build on each other."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.cadence import BadCadence
from calwarden.domain.refusal import Refused
from calwarden.practice.interchange import blocks, filings, meetings, people
from calwarden.practice.interchange.fields import read_fields
from calwarden.practice.interchange.reading import Kind, Row, read
from calwarden.practice.interchange.session import RowRefused, Session, Values
from calwarden.store.errors import NotFound

Put = Callable[[Session, str, Values], None]

PLAIN: Mapping[Kind, Put] = {
    Kind.PRACTICE: people.put_practice,
    Kind.PAYER: people.put_payer,
    Kind.PROVIDER: people.put_provider,
    Kind.CLIENT: people.put_client,
    Kind.OUT_OF_OFFICE: blocks.put_block,
    Kind.CLAIM: filings.put_claim,
}


def import_file(
    tx: Connection, content: bytes, *, name: str = "the file", now: datetime, actor: str
) -> dict[str, Any]:
    """Import a file and return what became of it; ``name`` is the file's own.

    ``added`` and ``updated`` are numbers of rows. ``refused`` lists rows as ``{"kind", "ref",
    "path", "line", "reason"}``, ``conflicts`` fields as ``{"kind", "ref", "field", "kept",
    "imported"}``, ``resolved`` starts in a gap or fold of their zone, ``claims_touched`` the refs
    of claims that were re-dated, or that a changed zone might re-date. Raises `Unreadable`: nothing
    was written.
    """
    rows = read(content, name)
    session = Session(tx=tx, now=now, actor=actor)
    seen: set[tuple[Kind, str | None]] = set()
    for kind in Kind:
        for row in rows:
            if row.kind is kind:
                _take(session, row, seen)
    report = {
        "added": session.added,
        "updated": session.updated,
        "refused": session.refused,
        "conflicts": session.conflicts,
        "claims_touched": sorted(session.touched),
        "resolved": session.resolved,
    }
    if session.added or session.updated:
        detail = {"added": session.added, "updated": session.updated}
        detail |= {"refused": len(session.refused), "conflicts": len(session.conflicts)}
        session.log("import.done", "import", detail)
    return report


def _take(session: Session, row: Row, seen: set[tuple[Kind, str | None]]) -> None:
    ref, values, problems = read_fields(row)
    if problems:
        reasons = [f"{field}: {why}" if field else why for field, why in problems]
        at = problems[0][0] if len(problems) == 1 else ""
        session.refuse(row, ref, "; ".join(reasons), at)
        return
    if (row.kind, ref) in seen:
        # the first one stands, so what builds on this ref is not turned away
        session.refuse(row, None, f"the ref {ref} stands twice in this file", "ref")
        session.refused[-1]["ref"] = ref
        return
    seen.add((row.kind, ref))
    try:
        if row.kind is Kind.APPOINTMENT:
            meetings.put_appointment(session, ref or "", values, row)
        else:
            PLAIN[row.kind](session, ref or "", values)
    except RowRefused as error:
        session.refuse(row, ref, error.reason, error.field)
    except (Refused, NotFound, BadCadence) as error:
        session.refuse(row, ref, str(error))
