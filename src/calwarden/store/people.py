"""The practice, its payers, providers and clients."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Table, insert, select, update

from calwarden.domain.practice import (
    Client,
    Correction,
    Payer,
    Practice,
    Provider,
    ZoneOfService,
    parse_working_hours,
    working_hours_document,
)
from calwarden.store import tables
from calwarden.store.errors import NotFound
from calwarden.store.searching import Search, value

PRACTICE_ID = 1

_PRACTICE = Search(select(tables.practice))
_PAYERS = Search(
    select(tables.payers).order_by(tables.payers.c.ref), ref=tables.payers.c.ref == value("ref")
)
_PROVIDERS = Search(
    select(tables.providers).order_by(tables.providers.c.ref),
    ref=tables.providers.c.ref == value("ref"),
)
_CLIENTS = Search(
    select(tables.clients).order_by(tables.clients.c.ref), ref=tables.clients.c.ref == value("ref")
)
_TOUCH = (
    update(tables.providers)
    .where(tables.providers.c.ref == value("provider"))
    .values(schedule_revision=tables.providers.c.schedule_revision + 1)
    .returning(tables.providers.c.schedule_revision)
)
_REVISION = select(tables.providers.c.schedule_revision).where(
    tables.providers.c.ref == value("provider")
)

T = TypeVar("T")


def practice(connection: Connection) -> Practice | None:
    """Return the practice; None before it was imported."""
    row = _PRACTICE.first(connection)
    if row is None:
        return None
    return Practice(
        name=row["name"],
        timezone=row["timezone"],
        telehealth_date_of_service=ZoneOfService(row["telehealth_date_of_service"]),
        details=row["details"],
    )


def save_practice(connection: Connection, value: Practice) -> None:
    """Store the practice, the only one."""
    _save(
        connection,
        tables.practice,
        {"id": PRACTICE_ID},
        {
            "name": value.name,
            "timezone": value.timezone,
            "telehealth_date_of_service": value.telehealth_date_of_service.value,
            "details": dict(value.details),
        },
    )


def payers(connection: Connection) -> list[Payer]:
    """Return every payer, by ref."""
    return [_payer(row) for row in _PAYERS.rows(connection)]


def find_payer(connection: Connection, ref: str) -> Payer | None:
    """Return the payer; None where there is none."""
    row = _PAYERS.first(connection, ref=ref)
    return None if row is None else _payer(row)


def get_payer(connection: Connection, ref: str) -> Payer:
    """Return the payer; raises `NotFound`."""
    return _known("payer", ref, find_payer(connection, ref))


def save_payer(connection: Connection, value: Payer) -> None:
    """Insert or update a payer."""
    _save(
        connection,
        tables.payers,
        {"ref": value.ref},
        {
            "name": value.name,
            "filing_limit_days": value.filing_limit_days,
            "correction": value.correction.value,
            "telehealth_date_of_service": value.telehealth_date_of_service,
            "details": dict(value.details),
        },
    )


def providers(connection: Connection) -> list[Provider]:
    """Return every provider, by ref."""
    return [_provider(row) for row in _PROVIDERS.rows(connection)]


def find_provider(connection: Connection, ref: str) -> Provider | None:
    """Return the provider; None where there is none."""
    row = _PROVIDERS.first(connection, ref=ref)
    return None if row is None else _provider(row)


def get_provider(connection: Connection, ref: str) -> Provider:
    """Return the provider; raises `NotFound`."""
    return _known("provider", ref, find_provider(connection, ref))


def save_provider(connection: Connection, value: Provider) -> None:
    """Insert or update a provider; ``schedule_revision`` only ever moves by `touch`."""
    _save(
        connection,
        tables.providers,
        {"ref": value.ref},
        {
            "name": value.name,
            "email": value.email,
            "timezone": value.timezone,
            "place_of_service_timezone": value.place_of_service_timezone,
            "late_cancellation_fee": value.late_cancellation_fee,
            "buffer_minutes": value.buffer_minutes,
            "notice_hours": value.notice_hours,
            "working_hours": working_hours_document(value.working_hours),
            "details": dict(value.details),
        },
    )


def clients(connection: Connection) -> list[Client]:
    """Return every client, by ref."""
    return [_client(row) for row in _CLIENTS.rows(connection)]


def find_client(connection: Connection, ref: str) -> Client | None:
    """Return the client; None where there is none."""
    row = _CLIENTS.first(connection, ref=ref)
    return None if row is None else _client(row)


def get_client(connection: Connection, ref: str) -> Client:
    """Return the client; raises `NotFound`."""
    return _known("client", ref, find_client(connection, ref))


def save_client(connection: Connection, value: Client) -> None:
    """Insert or update a client."""
    _save(
        connection,
        tables.clients,
        {"ref": value.ref},
        {
            "name": value.name,
            "email": value.email,
            "timezone": value.timezone,
            "details": dict(value.details),
        },
    )


def touch(connection: Connection, provider: str) -> int:
    """Say that the provider's calendars should show something else; returns the new revision."""
    revision = connection.execute(_TOUCH, {"provider": provider}).scalar()
    return int(_known("provider", provider, revision))


def schedule_revision(connection: Connection, provider: str) -> int:
    """Return the provider's schedule revision; raises `NotFound`."""
    revision = connection.execute(_REVISION, {"provider": provider}).scalar()
    return int(_known("provider", provider, revision))


def _known(kind: str, ref: str, value: T | None) -> T:
    if value is None:
        raise NotFound(kind, ref)
    return value


def _save(
    connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    where = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(update(table).where(*where).values(**values)).rowcount:
        connection.execute(insert(table).values(**key, **values))


def _payer(row: RowMapping) -> Payer:
    zone = row["telehealth_date_of_service"]
    return Payer(
        **{
            **row,
            "correction": Correction(row["correction"]),
            "telehealth_date_of_service": None if zone is None else ZoneOfService(zone),
        }
    )


def _provider(row: RowMapping) -> Provider:
    return Provider(**{**row, "working_hours": parse_working_hours(row["working_hours"])})


def _client(row: RowMapping) -> Client:
    return Client(**row)
