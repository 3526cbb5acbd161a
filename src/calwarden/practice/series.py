"""Series: the appointments they have, and the lookup that lets a named one come to be.

The appointments of a series are ``S#1``, ``S#2``, … in the order of their slots, without gaps up to
the newest that exists: a missing number below it would read as an occurrence that was taken out.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import takewhile

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Series
from calwarden.domain.occurrence import HORIZON, numbered, occurrence, occurrence_of
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant
from calwarden.practice.appointments import demand_minutes, zone_that_dates
from calwarden.practice.conflicts import demand_free
from calwarden.store import appointments, audit, series
from calwarden.store.errors import NotFound

MOST_MEETINGS = 1000
LOOKED_AHEAD = 4 * HORIZON
"""How far a new endless series is compared with what stands: its pattern shows within that time."""


def create(
    tx: Connection, new: Series, *, now: datetime, actor: str, force: bool = False
) -> list[Appointment]:
    """Store a series and its appointments: all of them, or 26 weeks ahead if it is endless.

    With ``force`` it may begin in the past and overlap. Raises `Refused`, `NotFound`.
    """
    demand_minutes(new.minutes)
    if series.find(tx, new.ref) is not None or appointments.find(tx, new.ref) is not None:
        raise Refused(f"{new.ref} exists already", next_step="choose another ref")
    zone = _zone_of(tx, new)
    wanted = _wanted(new, zone, now)
    if not force:
        _demand_ahead(wanted[0], now)
        demand_free(tx, wanted)
    ahead = [one for one in wanted if not _beyond(one, new, now)] or wanted[:1]
    series.insert_one(tx, new, now=now)
    appointments.insert_all(tx, [(one, zone) for one in ahead], now=now)
    detail = {
        "start": new.start.isoformat(),
        "timezone": new.zone,
        "minutes": new.minutes,
        "rule": new.cadence.rule(new.start),
        "meetings": new.cadence.meetings(new.start),
    }
    audit.append(
        tx, at=now, actor=actor, action="series.booked", subject=f"series:{new.ref}", detail=detail
    )
    return ahead


def planned(tx: Connection, new: Series, *, now: datetime) -> list[Appointment]:
    """Return the appointments that a new series asks time for; raises `Refused`, `NotFound`.

    An endless one asks for two years: what it would overlap later is not known yet.
    """
    return _wanted(new, _zone_of(tx, new), now)


def extend(tx: Connection, *, now: datetime) -> int:
    """Give every endless series its appointments 26 weeks ahead; return how many came to be."""
    newest = series.last_numbers(tx)
    born = 0
    for one in series.search(tx):
        if one.cadence.endless:
            limit = instant(now) + HORIZON
            born += len(_bear(tx, one, newest.get(one.ref, 0), _until(limit), now=now))
    return born


def due(tx: Connection, one: Series, root: str, newest: int, now: datetime) -> list[Appointment]:
    """Return the appointments behind number ``newest`` that a series should have by now."""
    slots: Iterator[tuple[int, datetime]] = numbered(one)
    if one.cadence.endless:
        slots = takewhile(_until(instant(now) + HORIZON), slots)
    return _occurrences(tx, one, root, [item for item in slots if item[0] > newest])


def resolve(tx: Connection, ref: str, *, now: datetime) -> Appointment:
    """Return the appointment called ``ref``; raises `NotFound`.

    ``S#N`` of an endless series comes to be when it is named, with those before it.
    """
    found = appointments.find(tx, ref)
    if found is not None:
        return found
    parts = occurrence_of(ref)
    if parts is not None:
        root, number = parts
        for one in series.search(tx, root=root):
            if one.cadence.endless and number >= one.first_number:
                return _named(tx, one, ref, number, now)
    raise NotFound("appointment", ref)


def _named(tx: Connection, one: Series, ref: str, number: int, now: datetime) -> Appointment:
    if number - one.first_number >= MOST_MEETINGS:
        raise Refused(
            f"{ref} lies more than {MOST_MEETINGS} meetings ahead",
            next_step="name a meeting that is closer",
        )
    newest = series.last_numbers(tx).get(one.ref, 0)
    return _bear(tx, one, newest, lambda item: item[0] <= number, now=now)[-1]


def _bear(
    tx: Connection,
    one: Series,
    newest: int,
    wanted: Callable[[tuple[int, datetime]], bool],
    *,
    now: datetime,
) -> list[Appointment]:
    root = series.root(tx, one.ref)
    missing = [item for item in takewhile(wanted, numbered(one)) if item[0] > newest]
    born = _occurrences(tx, one, root, missing)
    if not born:
        return []
    appointments.insert_all(tx, [(each, each.dos_zone) for each in born], now=now)
    detail = {"from": born[0].ref, "to": born[-1].ref}
    audit.append(
        tx,
        at=now,
        actor="calwarden",
        action="series.extended",
        subject=f"series:{one.ref}",
        detail=detail,
    )
    return born


def _occurrences(
    tx: Connection, one: Series, root: str, slots: list[tuple[int, datetime]]
) -> list[Appointment]:
    if not slots:
        return []
    zone = _zone_of(tx, one)
    return [occurrence(one, number, start, root=root, dos_zone=zone) for number, start in slots]


def _wanted(new: Series, zone: str, now: datetime) -> list[Appointment]:
    limit = max(instant(now), instant(new.start)) + LOOKED_AHEAD
    slots: Iterator[tuple[int, datetime]] = numbered(new)
    if new.cadence.endless:
        slots = takewhile(_until(limit), slots)
    wanted: list[Appointment] = []
    for number, start in slots:
        if len(wanted) == MOST_MEETINGS:
            raise Refused(
                f"series {new.ref} has more than {MOST_MEETINGS} meetings",
                next_step="end it sooner, or leave its end open",
            )
        wanted.append(occurrence(new, number, start, root=new.ref, dos_zone=zone))
    if not wanted:
        raise Refused(
            f"series {new.ref} ends before its first meeting", next_step="give a later end"
        )
    return wanted


def _until(limit: datetime) -> Callable[[tuple[int, datetime]], bool]:
    return lambda item: instant(item[1]) <= limit


def _beyond(one: Appointment, new: Series, now: datetime) -> bool:
    return new.cadence.endless and instant(one.start) > instant(now) + HORIZON


def _demand_ahead(first: Appointment, now: datetime) -> None:
    if instant(first.start) < instant(now):
        raise Refused(
            f"{first.ref} would begin in the past", next_step="choose a start that is still to come"
        )


def _zone_of(tx: Connection, one: Series) -> str:
    return zone_that_dates(
        tx, occurrence(one, one.first_number, one.start, root=one.ref, dos_zone="")
    )
