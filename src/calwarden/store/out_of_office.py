"""Out-of-office blocks. Every change raises the provider's schedule revision."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from calwarden.domain.appointment import OutOfOffice
from calwarden.domain.wall_time import instant, local_text, parse_local, zone_name
from calwarden.store.errors import NotFound
from calwarden.store.people import touch
from calwarden.store.searching import Search, value
from calwarden.store.tables import out_of_office

_SEARCH = Search(
    select(out_of_office)
    .where(out_of_office.c.removed_at.is_(None))
    .order_by(out_of_office.c.starts_at, out_of_office.c.ref),
    ref=out_of_office.c.ref == value("ref"),
    provider=out_of_office.c.provider == value("provider"),
    ends_after=out_of_office.c.ends_at > value("ends_after"),
    starts_before=out_of_office.c.starts_at < value("starts_before"),
)


def find(connection: Connection, ref: str) -> OutOfOffice | None:
    """Return the block, unless it was removed; None where there is none."""
    row = _SEARCH.first(connection, ref=ref)
    return None if row is None else _block(row)


def get(connection: Connection, ref: str) -> OutOfOffice:
    """Return the block; raises `NotFound`."""
    found = find(connection, ref)
    if found is None:
        raise NotFound("out-of-office block", ref)
    return found


def search(
    connection: Connection,
    *,
    provider: str | None = None,
    ends_after: datetime | None = None,
    starts_before: datetime | None = None,
) -> list[OutOfOffice]:
    """Return the standing blocks that fit, by start; the span's ends are exclusive."""
    rows = _SEARCH.rows(
        connection, provider=provider, ends_after=ends_after, starts_before=starts_before
    )
    return [_block(row) for row in rows]


def save(connection: Connection, block: OutOfOffice, *, now: datetime) -> None:
    """Insert or update a block; one that was removed stands again."""
    zone = zone_name(block.start)
    start, end = local_text(block.start), local_text(block.end.astimezone(block.start.tzinfo))
    values = {
        "provider": block.provider,
        "start_local": start,
        "end_local": end,
        "timezone": zone,
        "starts_at": instant(parse_local(start, zone)),
        "ends_at": instant(parse_local(end, zone)),
        "removed_at": None,
    }
    known = select(out_of_office.c.provider).where(out_of_office.c.ref == block.ref)
    before = connection.execute(known).scalar()
    if before is None:
        new = {"ref": block.ref, "created_at": now, **values}
        connection.execute(insert(out_of_office).values(**new))
    else:
        changed = update(out_of_office).where(out_of_office.c.ref == block.ref)
        connection.execute(changed.values(**values))
    for provider in sorted({block.provider, before or block.provider}):
        touch(connection, provider)


def remove(connection: Connection, ref: str, *, now: datetime) -> OutOfOffice:
    """Take a block away and return it; raises `NotFound`."""
    block = get(connection, ref)
    connection.execute(
        update(out_of_office).where(out_of_office.c.ref == ref).values(removed_at=now)
    )
    touch(connection, block.provider)
    return block


def _block(row: RowMapping) -> OutOfOffice:
    zone = row["timezone"]
    return OutOfOffice(
        ref=row["ref"],
        provider=row["provider"],
        start=parse_local(row["start_local"], zone),
        end=parse_local(row["end_local"], zone),
    )
