"""Charges: what a client owes the practice itself. No claim ever contains one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from calwarden.store.asks_tables import charges

LATE_CANCELLATION = "late_cancellation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One amount, such as ``75.00``, charged to a client for an appointment."""

    appointment: str
    client: str
    provider: str
    amount: str
    charged_at: datetime
    kind: str = LATE_CANCELLATION


def insert_one(connection: Connection, charge: Charge) -> None:
    """Store a charge; an appointment has one at most."""
    values = {name: getattr(charge, name) for name in _FIELDS}
    connection.execute(insert(charges).values(**values))


def search(connection: Connection, *, client: str | None = None) -> list[Charge]:
    """Return every charge, or those to a client, oldest first."""
    query = select(charges).order_by(charges.c.id)
    if client is not None:
        query = query.where(charges.c.client == client)
    rows = connection.execute(query).mappings()
    return [Charge(**{name: row[name] for name in _FIELDS}) for row in rows]


_FIELDS = ("appointment", "client", "provider", "amount", "charged_at", "kind")
