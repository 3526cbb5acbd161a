"""Series. Every change raises the provider's schedule revision in the same transaction."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from calwarden.domain.appointment import AppointmentType, Place, Series
from calwarden.domain.cadence import Cadence, Frequency
from calwarden.domain.wall_time import local_text, parse_local
from calwarden.store.errors import NotFound
from calwarden.store.people import touch
from calwarden.store.searching import Search, value
from calwarden.store.tables import appointments, series

_SEARCH = Search(
    select(series).order_by(series.c.root, series.c.first_number, series.c.ref),
    ref=series.c.ref == value("ref"),
    provider=series.c.provider == value("provider"),
    root=series.c.root == value("root"),
)
_INSERT = insert(series)


def find(connection: Connection, ref: str) -> Series | None:
    """Return the series; None where there is none."""
    row = _SEARCH.first(connection, ref=ref)
    return None if row is None else _series(row)


def get(connection: Connection, ref: str) -> Series:
    """Return the series; raises `NotFound`."""
    found = find(connection, ref)
    if found is None:
        raise NotFound("series", ref)
    return found


def root(connection: Connection, ref: str) -> str:
    """Return the ref of the first series behind ``ref``, which its appointments carry."""
    found = connection.execute(select(series.c.root).where(series.c.ref == ref)).scalar()
    if found is None:
        raise NotFound("series", ref)
    return str(found)


def search(
    connection: Connection, *, provider: str | None = None, root: str | None = None
) -> list[Series]:
    """Return the series that fit, those of one root in order of their slots."""
    return [_series(row) for row in _SEARCH.rows(connection, provider=provider, root=root)]


def last_numbers(connection: Connection) -> dict[str, int]:
    """Return series ref → highest number of an appointment that exists in it."""
    query = (
        select(appointments.c.series, func.max(appointments.c.number))
        .where(appointments.c.series.is_not(None))
        .group_by(appointments.c.series)
    )
    return {ref: number for ref, number in connection.execute(query) if number is not None}


def insert_one(
    connection: Connection, new: Series, *, now: datetime, root: str | None = None
) -> None:
    """Store a new series; ``root`` names the first series it was split from, if it was."""
    values = {"ref": new.ref, "root": root or new.ref, "created_at": now, **_values(new)}
    connection.execute(_INSERT, values)
    touch(connection, new.provider)


def save(connection: Connection, changed: Series) -> None:
    """Store a change; raises `NotFound`."""
    before = get(connection, changed.ref)
    connection.execute(update(series).where(series.c.ref == changed.ref).values(**_values(changed)))
    for provider in sorted({before.provider, changed.provider}):
        touch(connection, provider)


def _values(value: Series) -> dict[str, Any]:
    return {
        "provider": value.provider,
        "client": value.client,
        "type": value.type.value,
        "place": value.place.value,
        "start_local": local_text(value.start),
        "timezone": value.zone,
        "minutes": value.minutes,
        "cadence": _cadence_document(value.cadence),
        "first_number": value.first_number,
    }


def _series(row: RowMapping) -> Series:
    return Series(
        ref=row["ref"],
        provider=row["provider"],
        client=row["client"],
        start=parse_local(row["start_local"], row["timezone"]),
        minutes=row["minutes"],
        cadence=_cadence(row["cadence"]),
        type=AppointmentType(row["type"]),
        place=Place(row["place"]),
        first_number=row["first_number"],
    )


def _cadence_document(cadence: Cadence) -> dict[str, Any]:
    return {
        "frequency": cadence.frequency.value,
        "every": cadence.every,
        "week": cadence.week,
        "count": cadence.count,
        "until": None if cadence.until is None else cadence.until.isoformat(),
    }


def _cadence(document: dict[str, Any]) -> Cadence:
    until = document["until"]
    return Cadence(
        frequency=Frequency(document["frequency"]),
        every=document["every"],
        week=document["week"],
        count=document["count"],
        until=None if until is None else date.fromisoformat(until),
    )
