"""Notes that an appointment left its time, for the report of what came of it."""

from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.wall_time import instant
from calwarden.store import departures
from calwarden.store.departures import Departure, Path


def note(tx: Connection, one: Appointment, path: Path, *, now: datetime) -> None:
    """Note that ``one``, as it was before, leaves its time by ``path``."""
    start = instant(one.start)
    departures.insert_one(tx, Departure(path=path, appointment=one.ref, start=start, at=now))
