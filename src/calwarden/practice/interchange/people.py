"""Importing the practice, payers, providers and clients."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from calwarden.domain.appointment import Appointment
from calwarden.domain.claim import ClaimStatus, date_of_service
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
from calwarden.practice import work_items
from calwarden.practice.appointments import zone_of_claim, zone_that_dates
from calwarden.practice.interchange.reading import Kind
from calwarden.practice.interchange.session import RowRefused, Session, Values
from calwarden.store import appointments, claims, people

FILING_LIMIT_DAYS = 90
"""For a payer whose limit is not given: short, so that no deadline is thought far that is near."""

PRACTICE = "practice"
TELEHEALTH = "telehealth_date_of_service"


def put_practice(session: Session, _ref: str, values: Values) -> None:
    """Add or change the practice."""
    known = people.practice(session.tx)
    if known is None:
        _demand(values, "name", "timezone")
        new = _practice(Practice(name=values["name"], timezone=values["timezone"]), values)
        people.save_practice(session.tx, new)
        session.add(Kind.PRACTICE, PRACTICE, _practice_fields(new))
        session.log("practice.added", "practice", {"fields": sorted(values)})
        return

    def apply(changes: Values) -> None:
        people.save_practice(session.tx, _practice(known, changes))
        session.log("practice.changed", "practice", {"fields": sorted(changes)})
        if "telehealth_date_of_service" in changes:
            _touch(session, appointments.search(session.tx))

    session.change(Kind.PRACTICE, PRACTICE, _practice_fields(known), values, apply)


def put_payer(session: Session, ref: str, values: Values) -> None:
    """Add or change a payer."""
    known = people.find_payer(session.tx, ref)
    if known is None:
        _demand(values, "name")
        blank = Payer(ref=ref, name="", filing_limit_days=FILING_LIMIT_DAYS)
        new = _payer(blank, values)
        people.save_payer(session.tx, new)
        session.add(Kind.PAYER, ref, _payer_fields(new))
        session.log("payer.added", f"payer:{ref}", {"fields": sorted(values)})
        return

    def apply(changes: Values) -> None:
        people.save_payer(session.tx, _payer(known, changes))
        session.log("payer.changed", f"payer:{ref}", {"fields": sorted(changes)})
        if TELEHEALTH in changes:
            _touch_payer(session, ref)
        if "correction" in changes:
            work_items.follow_payer(session.tx, ref, now=session.now, actor=session.actor)

    session.change(Kind.PAYER, ref, _payer_fields(known), values, apply)


def put_provider(session: Session, ref: str, values: Values) -> None:
    """Add or change a provider. A changed zone re-dates nothing: it lists the claims it might."""
    known = people.find_provider(session.tx, ref)
    if known is None:
        _demand(values, "name")
        zone = values.get("timezone") or _practice_zone(session)
        blank = Provider(ref=ref, name="", timezone=zone, place_of_service_timezone=zone)
        new = _provider(blank, values)
        people.save_provider(session.tx, new)
        session.add(Kind.PROVIDER, ref, _provider_fields(new))
        session.log("provider.added", f"provider:{ref}", {"fields": sorted(values)})
        return

    def apply(changes: Values) -> None:
        people.save_provider(session.tx, _provider(known, changes))
        session.log("provider.changed", f"provider:{ref}", {"fields": sorted(changes)})
        if {"timezone", "place_of_service_timezone"} & set(changes):
            _touch(session, appointments.search(session.tx, provider=ref))

    session.change(Kind.PROVIDER, ref, _provider_fields(known), values, apply)


def put_client(session: Session, ref: str, values: Values) -> None:
    """Add or change a client. The audit entry names the fields, never what they hold."""
    known = people.find_client(session.tx, ref)
    if known is None:
        _demand(values, "name")
        zone = values.get("timezone") or _practice_zone(session)
        new = replace(Client(ref=ref, name="", timezone=zone), **values)
        people.save_client(session.tx, new)
        session.add(Kind.CLIENT, ref, _client_fields(new))
        session.log("client.added", f"client:{ref}", {"fields": sorted(values)})
        return

    def apply(changes: Values) -> None:
        people.save_client(session.tx, replace(known, **changes))
        session.log("client.changed", f"client:{ref}", {"fields": sorted(changes)})
        if "timezone" in changes:
            _touch(session, appointments.search(session.tx, client=ref))

    session.change(Kind.CLIENT, ref, _client_fields(known), values, apply)


def _touch_payer(session: Session, ref: str) -> None:
    """List the payer's claims that its rule would date by another zone than theirs."""
    for row in claims.search(session.tx, payer=ref):
        one = appointments.get(session.tx, row.appointment)
        zone = zone_of_claim(session.tx, one, ref)
        if row.status is not ClaimStatus.VOID and date_of_service(one.start, zone) != (
            row.date_of_service
        ):
            session.touched.add(row.ref)


def _touch(session: Session, affected: Iterable[Appointment]) -> None:
    """List the claims that would have another date if they were dated by today's settings."""
    by_ref = {one.ref: one for one in affected}
    for row in claims.search(session.tx, appointments=sorted(by_ref)):
        if row.status is ClaimStatus.VOID:
            continue
        one = by_ref[row.appointment]
        if date_of_service(one.start, zone_that_dates(session.tx, one)) != row.date_of_service:
            session.touched.add(row.ref)


def _demand(values: Values, *names: str) -> None:
    for name in names:
        if name not in values:
            raise RowRefused(f"the {name} is missing", field=name)


def _practice_zone(session: Session) -> str:
    practice = people.practice(session.tx)
    if practice is None:
        raise RowRefused(
            "the timezone is missing, and there is no practice to take it from", field="timezone"
        )
    return practice.timezone


def _practice(before: Practice, values: Values) -> Practice:
    typed = dict(values)
    if "telehealth_date_of_service" in typed:
        typed["telehealth_date_of_service"] = ZoneOfService(typed["telehealth_date_of_service"])
    return replace(before, **typed)


def _practice_fields(one: Practice) -> dict[str, Any]:
    return {
        "name": one.name,
        "timezone": one.timezone,
        "telehealth_date_of_service": one.telehealth_date_of_service.value,
    }


def _payer(before: Payer, values: Values) -> Payer:
    typed = dict(values)
    if "correction" in typed:
        typed["correction"] = Correction(typed["correction"])
    if typed.get(TELEHEALTH) is not None:
        typed[TELEHEALTH] = ZoneOfService(typed[TELEHEALTH])
    return replace(before, **typed)


def _payer_fields(one: Payer) -> dict[str, Any]:
    return {
        "name": one.name,
        "filing_limit_days": one.filing_limit_days,
        "correction": one.correction.value,
        TELEHEALTH: one.telehealth_date_of_service,
    }


def _provider(before: Provider, values: Values) -> Provider:
    typed = dict(values)
    if "working_hours" in typed:
        typed["working_hours"] = parse_working_hours(typed["working_hours"])
    return replace(before, **typed)


def _provider_fields(one: Provider) -> dict[str, Any]:
    return {
        "name": one.name,
        "email": one.email,
        "timezone": one.timezone,
        "place_of_service_timezone": one.place_of_service_timezone,
        "late_cancellation_fee": one.late_cancellation_fee,
        "buffer_minutes": one.buffer_minutes,
        "notice_hours": one.notice_hours,
        "working_hours": working_hours_document(one.working_hours),
    }


def _client_fields(one: Client) -> dict[str, Any]:
    return {"name": one.name, "email": one.email, "timezone": one.timezone}
