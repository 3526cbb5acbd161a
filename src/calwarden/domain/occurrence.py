"""Occurrences of a series: which appointments it has, by number, slot and start."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from calwarden.domain.appointment import Appointment, Series
from calwarden.domain.wall_time import instant, parse_local, slot_of, zone_name

HORIZON = timedelta(weeks=26)
"""How far ahead of now an endless series has appointments."""


def numbered(series: Series) -> Iterator[tuple[int, datetime]]:
    """Yield the number and the original start of every slot, in order; endless if the series is."""
    return enumerate(series.cadence.starts(series.start), start=series.first_number)


def occurrence(
    series: Series, number: int, start: datetime, *, root: str, dos_zone: str
) -> Appointment:
    """Return the appointment of one slot, as it is when it comes to be."""
    return Appointment(
        ref=f"{root}#{number}",
        provider=series.provider,
        client=series.client,
        start=start,
        minutes=series.minutes,
        type=series.type,
        place=series.place,
        series=series.ref,
        slot=slot_of(start),
        number=number,
        dos_zone=dos_zone,
    )


def occurrence_of(ref: str) -> tuple[str, int] | None:
    """Take ``s-1#3`` apart into the series' first ref and the number; None for another ref."""
    root, mark, number = ref.rpartition("#")
    if not mark or not root or not (number.isascii() and number.isdigit()) or number[0] == "0":
        return None
    return root, int(number)


def stands_at_slot(one: Appointment, series: Series) -> bool:
    """Tell whether an appointment stands at its slot: nobody moved it on purpose."""
    return one.slot is not None and one.zone == series.zone and one.slot == slot_of(one.start)


def wall_shift(before: datetime, after: datetime) -> timedelta:
    """Return by how much wall time moved, told in the zone of ``before``."""
    there = after if zone_name(after) == zone_name(before) else after.astimezone(before.tzinfo)
    return there.replace(tzinfo=None) - before.replace(tzinfo=None)


def shifted(moment: datetime, shift: timedelta) -> datetime:
    """Return the wall time ``shift`` later in the same zone, whatever the clocks do between."""
    wall = moment.replace(tzinfo=None, fold=0) + shift
    return parse_local(wall.isoformat(), zone_name(moment))


def first_ahead(series: Series, now: datetime) -> tuple[int, datetime] | None:
    """Return the first slot that has not started, with its number; None where all have."""
    for number, start in numbered(series):
        if instant(start) > instant(now):
            return number, start
    return None


def cut_before(series: Series, number: int) -> Series:
    """Return the series as it ends before the slot ``number``."""
    cadence = replace(series.cadence, count=number - series.first_number, until=None)
    return replace(series, cadence=cadence)


def meetings_from(series: Series, number: int) -> int | None:
    """Return how many slots there are from ``number`` on; None if endless."""
    total = series.cadence.meetings(series.start)
    return None if total is None else total - (number - series.first_number)
