"""Laws of claims at rest: every date is the rule's, or a hold or a work item says why not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from calwarden.domain.claim import Frequency, date_of_service
from calwarden.domain.drift import DriftStatus
from calwarden.domain.wall_time import local_date
from calwarden.practice import claim_cases
from calwarden.practice.claim_cases import Case
from calwarden.store import claims, work_items
from calwarden.store.work_items import LIVE
from simulation.picture import Picture, Place
from simulation.world import Violation, World


def known_cases(world: World) -> list[Case]:
    """Return every claim with what decides about it now."""
    with world.database.read() as connection:
        return list(claim_cases.cases(connection, claims.search(connection), world.clock.now()))


def claims_true(world: World, found: list[Case]) -> None:
    """Raise `Violation` where a claim would go out, or went, with a date that nobody answers for.

    A claim is dated by the true start where the service takes place; no claim is both held and
    cleared; what was filed with another date stands on the work list.
    """
    now = world.clock.now()
    with world.database.read() as connection:
        listed = {item.claim for item in work_items.search(connection, statuses=LIVE)}
    for case in found:
        row, rule = case.row, _rule(case)
        if row.status.correctable and row.date_of_service != rule:
            raise Violation("I4", f"{row.ref} is dated {row.date_of_service}, not {rule}")
        filed = row.filed_date_of_service
        if not row.status.correctable and filed not in {None, rule} and row.ref not in listed:
            raise Violation("I4", f"{row.ref} was filed with {filed}, not {rule}; no item says so")
        cleared = case.clearance(now)
        if not cleared.may_send:
            continue
        if case.holds:
            raise Violation("I4", f"{row.ref} is held ({'; '.join(case.holds)}) and cleared")
        if cleared.frequency_code is not Frequency.VOID and cleared.date_of_service != rule:
            said = cleared.date_of_service
            raise Violation("I4", f"{row.ref} is cleared with {said}, not {rule}")


def claims_held(world: World, seen: Picture, found: list[Case]) -> None:
    """Raise `Violation` where a calendar shows another day than an unheld claim, and no verdict."""
    now = world.clock.now()
    places = {ref: place for place, ref in seen.refs.items()}
    for case in found:
        place = places.get(case.row.appointment)
        if place is None or place not in seen.wanted or not case.state.holdable or case.holds:
            continue
        if place not in seen.there and place[1] is not None and case.appointment.start <= now:
            continue  # a change of the whole series holds no claim of meetings already held
        outside = set(_days(seen, place, case.row.dos_timezone))
        if _rule(case) not in outside and not _dismissed(seen, place):
            days = ", ".join(map(str, sorted(outside))) or "nothing"
            raise Violation("I4", f"{case.row.ref} is not held though the calendar says {days}")


def _rule(case: Case) -> date:
    return date_of_service(case.appointment.start, case.row.dos_timezone)


def _days(seen: Picture, place: Place, zone: str) -> Iterator[date]:
    """Yield the days that may show a meeting; of a series moved as a whole, or split, any may."""
    uid, slot = place
    lost = place not in seen.there
    for (each, other), one in seen.there.items():
        if each == uid and (lost or other == slot):
            yield local_date(one.start, zone)
    for half in seen.halves.get(uid, ()) if lost else ():
        yield local_date(half.start, zone)


def _dismissed(seen: Picture, place: Place) -> bool:
    rows = tuple(row for row in seen.rows if row.status is DriftStatus.DISMISSED)
    return bool(replace(seen, rows=rows).excuses(place))
