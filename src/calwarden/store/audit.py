"""The audit log: a chain of entries, each holding the hash of the one before.

A changed, removed or reordered entry breaks the chain; one cut off at the end is missed by the
anchor, the chain's head kept in a file outside the database.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy import Connection, RowMapping, func, insert, select

from calwarden.store.tables import audit

_HEAD = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_APPEND = insert(audit)
_CHAIN = select(audit).order_by(audit.c.seq)

GENESIS = "0" * 64
"""What the first entry holds in the place of its predecessor's hash."""

NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""A NUL character as JSON spells it; PostgreSQL cannot hold one."""

HEAD = "calwarden_audit_head"
"""Where a connection keeps the head that its transaction has made."""


class BadAuditDetail(ValueError):
    """The detail of an entry would not come back from every database as it went in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The end of the chain; number 0 is the empty chain."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody did. ``actor`` is a role and ref, a job, or ``cli``; never a name."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerdict:
    """Whether the chain holds; ``first_bad`` is the first number at which it does not, and why."""

    ok: bool
    entries: int
    head: AuditHead
    first_bad: int | None = None
    reason: str | None = None


def append(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> AuditHead:
    """Add an entry in the caller's write transaction and return the new head.

    ``detail`` is JSON of texts, whole numbers, booleans and None; raises `BadAuditDetail`.
    """
    before = head(connection)
    values: dict[str, Any] = {
        "seq": before.seq + 1,
        "at": at.astimezone(UTC),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": _normal(detail or {}),
        "previous": before.hash,
    }
    new = AuditHead(seq=before.seq + 1, hash=_digest(values))
    connection.execute(_APPEND, {**values, "hash": new.hash})
    connection.info[HEAD] = new
    return new


def head(connection: Connection) -> AuditHead:
    """Return the end of the chain."""
    row = connection.execute(_HEAD).first()
    return AuditHead() if row is None else AuditHead(seq=row[0], hash=row[1])


def contains(connection: Connection, part: AuditHead) -> bool:
    """Tell whether the chain still has that entry where it was."""
    if part.seq == 0:
        return True
    found = connection.execute(select(audit.c.hash).where(audit.c.seq == part.seq)).scalar()
    return bool(found == part.hash)


def entries(
    connection: Connection, *, subject: str | None = None, limit: int | None = None
) -> list[AuditEntry]:
    """Return entries, newest first."""
    query = select(audit).order_by(audit.c.seq.desc())
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if limit is not None:
        query = query.limit(limit)
    return [AuditEntry(**row) for row in connection.execute(query).mappings()]


def first_numbers(connection: Connection, action: str) -> dict[str, int]:
    """Return the subjects of an action, each with the number of its first entry."""
    query = (
        select(audit.c.subject, func.min(audit.c.seq))
        .where(audit.c.action == action)
        .group_by(audit.c.subject)
    )
    return {subject: int(number) for subject, number in connection.execute(query)}


def verify(connection: Connection, anchor: AuditHead | None = None) -> AuditVerdict:
    """Recompute the whole chain, and see that it reaches ``anchor``."""
    reached = AuditHead()
    for row in connection.execute(_CHAIN).mappings():
        reason = _fault(row, reached)
        if reason is not None:
            bad = reached.seq + 1
            return AuditVerdict(
                ok=False, entries=reached.seq, head=reached, first_bad=bad, reason=reason
            )
        reached = AuditHead(seq=row["seq"], hash=row["hash"])
    if anchor is not None and not contains(connection, anchor):
        cut = anchor.seq > reached.seq
        return AuditVerdict(
            ok=False,
            entries=reached.seq,
            head=reached,
            first_bad=reached.seq + 1 if cut else anchor.seq,
            reason=f"the anchor holds entry {anchor.seq}, "
            + ("which is missing" if cut else "which is another one here"),
        )
    return AuditVerdict(ok=True, entries=reached.seq, head=reached)


def _fault(row: RowMapping, before: AuditHead) -> str | None:
    expected = before.seq + 1
    if row["seq"] != expected:
        return f"entry {expected} is missing"
    if row["previous"] != before.hash:
        return f"entry {expected} does not follow the one before it"
    if row["hash"] != _digest(dict(row)):
        return f"entry {expected} was changed"
    return None


def _digest(values: Mapping[str, Any]) -> str:
    names = ("seq", "actor", "action", "subject", "detail", "previous")
    document = {name: values[name] for name in names}
    document["at"] = values["at"].isoformat(timespec="microseconds")
    return hashlib.sha256(_canonical(document).encode()).hexdigest()


def _canonical(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _normal(detail: Mapping[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(dict(detail), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadAuditDetail("an audit entry's detail is plain JSON") from error
    if NUL.search(text):
        raise BadAuditDetail("an audit entry's detail holds no NUL character")
    normal: dict[str, Any] = json.loads(text, parse_float=_refuse_float)
    return normal


def _refuse_float(text: str) -> NoReturn:
    # JSONB gives 1e5 back as 100000: another text, another hash
    raise BadAuditDetail(f"an audit entry's detail holds whole numbers only, not {text}")
