"""Linked calendars: linking, pausing, unlinking. What the calendar needs, the engine does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.drift import DriftStatus
from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar, Role
from calwarden.domain.refusal import Refused
from calwarden.sdk.connector import Credential
from calwarden.store import audit, calendars, drifts, observations, people, subscriptions
from calwarden.store.calendars import NewCalendar
from calwarden.store.vault import Vault


def link(
    tx: Connection,
    new: NewCalendar,
    credential: Credential,
    *,
    vault: Vault,
    now: datetime,
    actor: str,
) -> int:
    """Store a link and return its id; the same provider's existing link is renewed and keeps it.

    ``new`` is what signing in and probing found out; its ``credential_id`` is made here.

    Raises `Refused` where another provider has linked the calendar, `NotFound` (provider).
    """
    known = demand_linkable(tx, new.provider, new.connector, new.link.remote_id, new.role)
    if known is None:
        return _store(tx, _sealed(tx, new, credential, vault, now), now=now, actor=actor)
    calendars.destroy_credential(tx, known.id)
    return _renew(tx, known, _sealed(tx, new, credential, vault, now), now=now, actor=actor)


def demand_linkable(
    connection: Connection, provider: str, connector: str, remote_id: str, role: Role
) -> LinkedCalendar | None:
    """Return the link that linking would renew, if there is one: asked before a calendar is tried.

    Raises `Refused` where the calendar is somebody else's already, `NotFound` (provider).
    """
    people.get_provider(connection, provider)
    known = calendars.find_linked(connection, connector, remote_id)
    if known is None:
        return None
    if known.provider != provider:
        raise Refused(
            f"this calendar is linked already, as number {known.id}, by another provider",
            next_step=f"unlink it there first: calwarden calendars unlink {known.id}",
        )
    if known.role is Role.MANAGED and role is Role.BUSY:
        raise Refused(
            f"calendar {known.id} holds our events, and a busy calendar is only read",
            next_step=f"unlink it first: calwarden calendars unlink {known.id}",
        )
    return known


def unlink(
    tx: Connection, calendar_id: int, *, keep_events: bool = False, now: datetime, actor: str
) -> LinkedCalendar:
    """Begin to unlink: the engine takes our events out, unless kept, and the credential."""
    found = calendars.get(tx, calendar_id)
    if found.status is CalendarStatus.UNLINKED:
        return found
    calendars.save(tx, calendar_id, keep_events=keep_events, due_at=now, wake_at=None)
    detail = {"keep_events": keep_events}
    return _set(tx, found, CalendarStatus.UNLINKING, detail, now=now, actor=actor)


def pause(tx: Connection, calendar_id: int, *, now: datetime, actor: str) -> LinkedCalendar:
    """Stop looking at a calendar and writing to it until it is resumed; raises `Refused`."""
    found = calendars.get(tx, calendar_id)
    if found.status is CalendarStatus.PAUSED:
        return found
    if found.status is not CalendarStatus.ACTIVE:
        raise Refused(
            f"calendar {calendar_id} is {found.status}, and only an active one can be paused",
            next_step=_next_step(tx, found),
        )
    return _set(tx, found, CalendarStatus.PAUSED, {}, now=now, actor=actor)


def resume(tx: Connection, calendar_id: int, *, now: datetime, actor: str) -> LinkedCalendar:
    """Look at a paused calendar again; raises `Refused` where something else keeps it still."""
    found = calendars.get(tx, calendar_id)
    if found.status is CalendarStatus.ACTIVE:
        return found
    if found.status is not CalendarStatus.PAUSED:
        raise Refused(f"calendar {calendar_id} is {found.status}", next_step=_next_step(tx, found))
    calendars.save(tx, calendar_id, due_at=now)
    return _set(tx, found, CalendarStatus.ACTIVE, {}, now=now, actor=actor)


def listing(connection: Connection, *, provider: str | None = None) -> list[dict[str, Any]]:
    """Return every link that was not ended, by id."""
    found = calendars.search(connection, provider=provider)
    return [_summary(connection, one) for one in found if one.status is not CalendarStatus.UNLINKED]


def show(connection: Connection, calendar_id: int) -> dict[str, Any]:
    """Return one link with what it can do; raises `NotFound`."""
    found = calendars.get(connection, calendar_id)
    limitations = found.limitations
    return {
        **_summary(connection, found),
        "capabilities": dict(found.capabilities),
        "limitations": dict(limitations) if isinstance(limitations, Mapping) else list(limitations),
        "probe": {name: value for name, value in found.probe.items() if name != "told"},
        "found": dict(found.probe.get("told") or {}),
        "unreadable": [
            {"remote_id": remote_id, "problem": problem}
            for remote_id, problem in observations.unreadable(connection, calendar_id)
        ],
        "keep_events": found.keep_events,
        "failures": found.failures,
        "linked_at": _time(found.created_at),
        "not_before": _time(found.not_before),
        "push": _push(connection, found),
    }


def _push(connection: Connection, found: LinkedCalendar) -> dict[str, Any]:
    """Return whether the calendar's service tells us of changes, and why not where it was asked."""
    standing = subscriptions.search(connection, calendar_id=found.id)
    newest = standing[-1] if standing else None
    return {
        "until": None if newest is None else _time(newest.expires_at),
        "heard_at": _time(min((one.heard_at for one in standing if one.heard_at), default=None)),
        "last_at": _time(found.pushed_at),
        "problem": found.push_problem,
    }


def _summary(connection: Connection, found: LinkedCalendar) -> dict[str, Any]:
    standing = drifts.search(connection, calendar_id=found.id, statuses=drifts.STANDING)
    return {
        "id": found.id,
        "provider": found.provider,
        "connector": found.connector,
        "role": found.role.value,
        "name": found.name,
        "account": found.account,
        "remote_id": found.remote_id,
        "status": found.status.value,
        "reason": found.status_reason,
        "checked_at": _time(found.checked_at),
        "answered_at": _time(found.answered_at),
        "open_drifts": len(standing),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _sealed(
    tx: Connection, new: NewCalendar, credential: Credential, vault: Vault, now: datetime
) -> NewCalendar:
    account = new.link.account
    sealed = vault.seal(credential, account=account)
    number = calendars.add_credential(tx, account=account, sealed=sealed, now=now)
    return replace(new, credential_id=number)


def _store(tx: Connection, new: NewCalendar, *, now: datetime, actor: str) -> int:
    calendar_id = calendars.insert_one(tx, new, now=now)
    calendars.save(tx, calendar_id, due_at=now)
    _log(tx, "calendar.linked", calendar_id, new, now=now, actor=actor)
    return calendar_id


def _renew(
    tx: Connection, known: LinkedCalendar, new: NewCalendar, *, now: datetime, actor: str
) -> int:
    calendars.save_link(tx, known.id, new.link)
    calendars.save(
        tx,
        known.id,
        credential_id=new.credential_id,
        name=new.name or known.name,
        role=new.role.value,
        keep_events=False,
        failures=0,
        due_at=now,
        wake_at=None,
        push_problem=None,
        push_retry_at=None,
    )
    # a case or a person's pause outlives a renewed sign-in
    stays = known.status in {CalendarStatus.HELD, CalendarStatus.PAUSED}
    status = known.status if stays else CalendarStatus.ACTIVE
    calendars.set_status(tx, known.id, status, known.status_reason if stays else None)
    _log(tx, "calendar.relinked", known.id, new, now=now, actor=actor)
    return known.id


def _log(
    tx: Connection, action: str, calendar_id: int, new: NewCalendar, *, now: datetime, actor: str
) -> None:
    detail = {"provider": new.provider, "connector": new.connector, "role": new.role.value}
    subject = f"calendar:{calendar_id}"
    audit.append(tx, at=now, actor=actor, action=action, subject=subject, detail=detail)


def _set(
    tx: Connection,
    found: LinkedCalendar,
    status: CalendarStatus,
    detail: Mapping[str, Any],
    *,
    now: datetime,
    actor: str,
) -> LinkedCalendar:
    calendars.set_status(tx, found.id, status)
    audit.append(
        tx,
        at=now,
        actor=actor,
        action=f"calendar.{status.value}",
        subject=f"calendar:{found.id}",
        detail={"before": found.status.value, **detail},
    )
    return calendars.get(tx, found.id)


def _next_step(tx: Connection, found: LinkedCalendar) -> str:
    if found.status is CalendarStatus.HELD:
        cases = drifts.search(tx, calendar_id=found.id, statuses=[DriftStatus.OPEN])
        numbers = ", ".join(str(one.id) for one in cases if one.appointment is None)
        return f"decide its case first: calwarden drift resolve {numbers or 'ID'} revert|dismiss"
    return f"link the calendar again: calwarden link {found.connector}"
