"""Instants follow the wall times they are derived from when the rules of a time zone change."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from calwarden.domain.wall_time import instant, parse_local
from calwarden.store import appointments, out_of_office
from calwarden.store.people import touch
from calwarden.store.tables import appointments as appointment_rows
from calwarden.store.tables import out_of_office as block_rows


def derive_again(connection: Connection, *, ends_after: datetime) -> list[str]:
    """Derive the instants of what ends after that moment anew; return the refs that have moved.

    For a write transaction when the process starts: time zone data comes with an update.
    """
    moved: list[str] = []
    providers: set[str] = set()
    query = select(appointment_rows.c.ref, appointment_rows.c.starts_at, appointment_rows.c.ends_at)
    kept = {
        row.ref: (row.starts_at, row.ends_at)
        for row in connection.execute(query.where(appointment_rows.c.ends_at > ends_after))
    }
    for one in appointments.search(connection, ends_after=ends_after):
        true = instant(one.start), instant(one.end)
        if kept[one.ref] != true:
            changed = update(appointment_rows).where(appointment_rows.c.ref == one.ref)
            connection.execute(changed.values(starts_at=true[0], ends_at=true[1]))
            moved.append(one.ref)
            providers.add(one.provider)
    for block in out_of_office.search(connection, ends_after=ends_after):
        row = connection.execute(select(block_rows).where(block_rows.c.ref == block.ref)).one()
        start = instant(parse_local(row.start_local, row.timezone))
        end = instant(parse_local(row.end_local, row.timezone))
        if (row.starts_at, row.ends_at) != (start, end):
            changed = update(block_rows).where(block_rows.c.ref == block.ref)
            connection.execute(changed.values(starts_at=start, ends_at=end))
            moved.append(block.ref)
            providers.add(block.provider)
    for provider in sorted(providers):
        touch(connection, provider)
    return moved
