"""Importing appointments and series, past ones included."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from calwarden.domain.appointment import Appointment, AppointmentType, Place, Series
from calwarden.domain.cadence import Cadence, Frequency, monthly_week
from calwarden.domain.wall_time import local_text, parse_local
from calwarden.practice import series as series_of
from calwarden.practice.appointments import demand_unstarted, started, zone_that_dates
from calwarden.practice.booking import Booking, book, demand_ahead
from calwarden.practice.conflicts import appointment_clash, overlap_text
from calwarden.practice.course_plan import Course
from calwarden.practice.interchange.reading import Kind, Row
from calwarden.practice.interchange.session import RowRefused, Session, Values
from calwarden.practice.rescheduling import change
from calwarden.practice.series_course import carry_on
from calwarden.store import appointments, claims, people, series

MINUTES = 50
FIXED = ("provider", "client")
"""Fields that never change: no appointment moves onto another client, or to another provider."""


def put_appointment(session: Session, ref: str, values: Values, row: Row) -> None:
    """Add or change a single appointment, or a series where the row repeats."""
    tx = session.tx
    repeated = series.find(tx, ref)
    single = None if repeated else appointments.find(tx, ref)
    for kind, field, found in (
        (Kind.PROVIDER, "provider", people.find_provider),
        (Kind.CLIENT, "client", people.find_client),
    ):
        if field in values:
            session.demand(kind, values[field], found(tx, values[field]), field=field)
    if repeated is not None:
        if values.get("repeat", {}) is None:
            raise RowRefused(f"{ref} is a series already", field="repeat")
        _change_series(session, repeated, values, row)
    elif single is not None:
        if values.get("repeat") is not None:
            raise RowRefused(f"{ref} is a single appointment already", field="repeat")
        plain = {key: value for key, value in values.items() if key != "repeat"}
        _change_single(session, single, plain, row)
    else:
        _add(session, ref, values, row)


def _add(session: Session, ref: str, values: Values, row: Row) -> None:
    for field in ("provider", "client", "start"):
        if field not in values:
            raise RowRefused(f"the {field} is missing", field=field)
    zone = values.get("timezone") or people.get_provider(session.tx, values["provider"]).timezone
    filled = {
        "type": AppointmentType.FOLLOW_UP.value,
        "place": Place.OFFICE.value,
        "minutes": MINUTES,
        **values,
        "timezone": zone,
    }
    if filled.get("repeat") is None:
        _add_single(session, ref, filled, row)
    else:
        _add_series(session, ref, filled, row)


def _add_single(session: Session, ref: str, filled: Values, row: Row) -> None:
    wanted = Booking(
        ref=ref,
        provider=filled["provider"],
        client=filled["client"],
        start=filled["start"],
        zone=filled["timezone"],
        minutes=filled["minutes"],
        type=AppointmentType(filled["type"]),
        place=Place(filled["place"]),
    )
    _demand_no_overlap(session, [wanted.as_appointment(ref, filled["timezone"])])
    new = book(session.tx, wanted, now=session.now, actor=session.actor, force=True)
    session.add(Kind.APPOINTMENT, ref, _single_fields(new))
    session.note_resolution(new, row)


def _add_series(session: Session, ref: str, filled: Values, row: Row) -> None:
    start = parse_local(filled["start"], filled["timezone"])
    new = Series(
        ref=ref,
        provider=filled["provider"],
        client=filled["client"],
        start=start,
        minutes=filled["minutes"],
        cadence=_cadence(filled["repeat"], start.date()),
        type=AppointmentType(filled["type"]),
        place=Place(filled["place"]),
    )
    _demand_no_overlap(session, series_of.planned(session.tx, new, now=session.now))
    born = series_of.create(session.tx, new, now=session.now, actor=session.actor, force=True)
    session.add(Kind.APPOINTMENT, ref, _series_fields(new))
    for one in born:
        session.note_resolution(one, row)


def _change_single(session: Session, known: Appointment, values: Values, row: Row) -> None:
    def apply(changes: Values) -> None:
        _demand_same_people(known.ref, changes)
        demand_unstarted(known, session.now)
        zone = changes.get("timezone", known.zone)
        after = replace(
            known,
            start=parse_local(changes.get("start", local_text(known.start)), zone),
            minutes=changes.get("minutes", known.minutes),
            type=AppointmentType(changes.get("type", known.type)),
            place=Place(changes.get("place", known.place)),
        )
        if after.place is not known.place:
            after = replace(after, dos_zone=zone_that_dates(session.tx, after))
        demand_ahead(after.start, session.now)
        _demand_no_overlap(session, [after])
        redated = change(session.tx, known, after, now=session.now, actor=session.actor)
        session.touched.update(redated)
        session.note_resolution(after, row)

    session.change(Kind.APPOINTMENT, known.ref, _single_fields(known), values, apply)


def _change_series(session: Session, known: Series, values: Values, row: Row) -> None:
    def apply(changes: Values) -> None:
        _demand_same_people(known.ref, changes)
        members = appointments.search(session.tx, series=known.ref)
        if any(started(one, session.now) for one in members):
            raise RowRefused(
                f"meetings of series {known.ref} have started; change those to come with: "
                f"calwarden appointments reschedule {known.ref}#N --scope following"
            )
        for field in ("type", "place"):
            if field in changes:
                raise RowRefused(f"the {field} of a series does not change", field=field)
        zone = changes.get("timezone", known.zone)
        start = parse_local(changes.get("start", local_text(known.start)), zone)
        repeat = changes.get("repeat")
        course = Course(
            number=known.first_number,
            start=start,
            minutes=changes.get("minutes", known.minutes),
            cadence=None if repeat is None else _cadence(repeat, start.date()),
        )
        before = _dates(session, members)
        moved = carry_on(session.tx, known, course, now=session.now, actor=session.actor)
        session.touched.update(
            ref for ref, day in _dates(session, members).items() if before[ref] != day
        )
        for one in moved:
            session.note_resolution(one, row)

    session.change(Kind.APPOINTMENT, known.ref, _series_fields(known), values, apply)


def _dates(session: Session, members: Sequence[Appointment]) -> dict[str, date]:
    rows = claims.search(session.tx, appointments=[one.ref for one in members])
    return {row.ref: row.date_of_service for row in rows}


def _demand_same_people(ref: str, changes: Values) -> None:
    for field in FIXED:
        if field in changes:
            raise RowRefused(
                f"{ref} does not move to another {field}; cancel it and book another", field=field
            )


def _demand_no_overlap(session: Session, wanted: Sequence[Appointment]) -> None:
    own = {one.ref for one in wanted}
    found = appointment_clash(session.tx, wanted, ignoring=own)
    if found is not None:
        raise RowRefused(overlap_text(found), field="start")


def _single_fields(one: Appointment) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "client": one.client,
        "type": one.type.value,
        "place": one.place.value,
        "start": local_text(one.scheduled_start or one.start),
        "timezone": one.zone,
        "minutes": one.scheduled_minutes or one.minutes,
    }


def _series_fields(one: Series) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "client": one.client,
        "type": one.type.value,
        "place": one.place.value,
        "start": local_text(one.start),
        "timezone": one.zone,
        "minutes": one.minutes,
        "repeat": _repeat(one.cadence),
    }


def _cadence(repeat: Values, start: date) -> Cadence:
    monthly = "every_months" in repeat
    until = repeat.get("until")
    return Cadence(
        frequency=Frequency.MONTHLY if monthly else Frequency.WEEKLY,
        every=repeat["every_months" if monthly else "every_weeks"],
        week=monthly_week(start) if monthly else None,
        count=repeat.get("count"),
        until=None if until is None else date.fromisoformat(until),
    )


def _repeat(cadence: Cadence) -> dict[str, Any]:
    unit = "every_months" if cadence.frequency is Frequency.MONTHLY else "every_weeks"
    found: dict[str, Any] = {unit: cadence.every}
    if cadence.count is not None:
        found["count"] = cadence.count
    if cadence.until is not None:
        found["until"] = cadence.until.isoformat()
    return found
