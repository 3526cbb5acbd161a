"""Follow-through: of the times that were given up, how many led to a kept appointment.

Kept is what was completed within `WITHIN` of the time that was given up: the same appointment at
its new time, or one that was booked for the same two people after it was given up.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from sqlalchemy import Connection

from calwarden.domain.appointment import AppointmentType, Status
from calwarden.domain.wall_time import instant
from calwarden.practice.report import Days
from calwarden.store import appointments, departures, people
from calwarden.store.appointments import AppointmentRecord
from calwarden.store.departures import Departure, Path

WITHIN = timedelta(days=30)
COLUMNS = ("path", "type", "total", "kept")
FALLBACK_ZONE = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowThroughRow:
    """How many times of one type were given up by one path, and how many were made good."""

    path: Path
    type: AppointmentType
    total: int
    kept: int

    def record(self) -> dict[str, Any]:
        """Return the row by column name."""
        return {
            "path": self.path.value,
            "type": self.type.value,
            "total": self.total,
            "kept": self.kept,
        }


def follow_through(connection: Connection, days: Days) -> list[FollowThroughRow]:
    """Return a row for each path and type that occurred on ``days``, intakes apart.

    A time counts once: asked away, it counts as an ask however that ended. So does a rescheduled
    series.
    """
    found = departures.search(connection, since=days.start(), until=days.end())
    known = {one.appointment.ref: one for one in appointments.search_records(connection)}
    total: Counter[tuple[Path, AppointmentType]] = Counter()
    kept: Counter[tuple[Path, AppointmentType]] = Counter()
    completed = [one for one in known.values() if one.appointment.status is Status.COMPLETED]
    for one in found:
        key = (one.path, known[one.appointment].appointment.type)
        total[key] += 1
        kept[key] += _led_to_one(one, known[one.appointment], completed)
    return [
        FollowThroughRow(path=path, type=kind, total=total[path, kind], kept=kept[path, kind])
        for path in Path
        for kind in AppointmentType
        if total[path, kind]
    ]


def days_of(connection: Connection, since: date | None, until: date | None) -> Days:
    """Return local days of the practice, both inclusive."""
    practice = people.practice(connection)
    zone = practice.timezone if practice else FALLBACK_ZONE
    return Days(zone=zone, since=since, until=until)


def document(rows: Sequence[FollowThroughRow]) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {"rows": [row.record() for row in rows]}


def spreadsheet(rows: Sequence[FollowThroughRow]) -> str:
    """Return the report as CSV (RFC 4180)."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(row.record() for row in rows)
    return text.getvalue()


def page(rows: Sequence[FollowThroughRow]) -> str:
    """Return the report as one HTML page without script or outside reference."""
    return _template().render(rows=rows, days=WITHIN.days)


def _led_to_one(
    gone: Departure, record: AppointmentRecord, completed: Iterable[AppointmentRecord]
) -> bool:
    given_up = record.appointment
    for each in completed:
        one = each.appointment
        same = one.ref == given_up.ref
        people_are = (one.provider, one.client) == (given_up.provider, given_up.client)
        instead = people_are and each.created_at >= gone.at
        if (same or instead) and instant(one.start) <= gone.start + WITHIN:
            return True
    return False


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("calwarden.practice", "templates/report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("follow_through.html")
