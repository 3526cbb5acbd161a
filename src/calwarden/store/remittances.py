"""Answers of payers that were taken in, so that none is taken in twice."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select

from calwarden.store.claims_tables import remittances

Answered = tuple[str, str, str, str]
"""Claim, trace number of the payment, claim status code, payer's claim number."""

_COLUMNS = ("claim", "trace", "status_code", "control_number")


def taken_in(connection: Connection, claims: Iterable[str]) -> set[Answered]:
    """Return the answers about claims that were taken in before."""
    query = select(*(remittances.c[name] for name in _COLUMNS))
    found = connection.execute(query.where(remittances.c.claim.in_(list(claims))))
    return {(row.claim, row.trace, row.status_code, row.control_number) for row in found}


def insert_one(connection: Connection, answered: Answered, *, now: datetime) -> None:
    """Store an answer that is taken in now."""
    values = dict(zip(_COLUMNS, answered, strict=True))
    connection.execute(insert(remittances).values(**values, applied_at=now))
