"""When a government changes a zone's rules, ten o'clock stays ten o'clock and its instant moves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from calwarden.domain.appointment import Appointment, OutOfOffice
from calwarden.store import appointments, out_of_office, people, zone_data
from calwarden.store.tables import appointments as appointment_rows
from calwarden.store.tables import out_of_office as block_rows

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
START = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("America/New_York"))
HOUR = timedelta(hours=1)
APPOINTMENT = Appointment(ref="a-1", provider="dr-lee", client="c-1", start=START, minutes=50)


def test_instants_follow_the_wall_time(peopled):
    """What is to come is derived anew and shown anew; what has ended stays as it was."""
    past = replace(APPOINTMENT, ref="a-0", start=START - timedelta(days=30), provider="dr-may")
    block = OutOfOffice(ref="o-1", provider="dr-lee", start=START, end=START + HOUR)
    with peopled.write() as tx:
        for one in (APPOINTMENT, past):
            appointments.insert_one(tx, one, dos_timezone="UTC", now=NOW)
        out_of_office.save(tx, block, now=NOW)
        for table in (appointment_rows, block_rows):
            stale = {"starts_at": table.c.starts_at, "ends_at": table.c.ends_at}
            for row in tx.execute(select(table.c.ref, *stale.values())).all():
                tx.execute(
                    update(table)
                    .where(table.c.ref == row.ref)
                    .values(starts_at=row.starts_at + HOUR, ends_at=row.ends_at + HOUR)
                )
        before = [people.schedule_revision(tx, ref) for ref in ("dr-lee", "dr-may")]

    with peopled.write() as tx:
        assert zone_data.derive_again(tx, ends_after=NOW) == ["a-1", "o-1"]
        after = [people.schedule_revision(tx, ref) for ref in ("dr-lee", "dr-may")]
        kept = select(appointment_rows.c.starts_at).where(appointment_rows.c.ref == "a-1")
        assert tx.execute(kept).scalar() == START.astimezone(UTC)
        assert appointments.get(tx, "a-1").start == START
        assert zone_data.derive_again(tx, ends_after=NOW) == []
    assert after == [before[0] + 1, before[1]]
