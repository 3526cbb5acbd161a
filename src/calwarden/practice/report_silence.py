"""Linked calendars that say nothing: no answer, no access, or nothing new for days."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.domain.wall_time import in_zone, local_date
from calwarden.practice.report_tables import Sheet, Told
from calwarden.store import calendars, observations, people

DAYS = 7
COLUMNS = (
    "calendar",
    "provider",
    "provider_name",
    "connector",
    "name",
    "role",
    "status",
    "reason",
    "since",
    "days",
    "message",
)
HEADS = {
    "calendar": "Calendar",
    "provider_name": "Provider",
    "connector": "By",
    "name": "Name",
    "since": "Silent since",
    "days": "Days",
    "message": "What is known",
}


class Silence(StrEnum):
    """Why a linked calendar says nothing, the gravest first."""

    GONE = "gone"
    EXPIRED = "expired"
    NOT_ANSWERED = "not_answered"
    PAUSED = "paused"
    UNCHANGED = "unchanged"


MESSAGES: Mapping[Silence, str] = {
    Silence.GONE: "The calendar is not there any more. Link another one, or unlink it.",
    Silence.EXPIRED: "It no longer lets us in. Its provider has to link it again.",
    Silence.NOT_ANSWERED: "It gives no answer: edits made there are not noticed.",
    Silence.PAUSED: "It is paused: nothing is read or written there until it is resumed.",
    Silence.UNCHANGED: "It answers, but nothing in it was new. Is it still the calendar in use?",
}

LINKED = tuple(
    status
    for status in CalendarStatus
    if status not in {CalendarStatus.UNLINKING, CalendarStatus.UNLINKED}
)


def silence_sheet(
    connection: Connection,
    *,
    now: datetime,
    days: int = DAYS,
    heard_before: datetime | None = None,
    provider: str | None = None,
) -> Sheet:
    """Return the calendars that have said nothing for ``days``, or since ``heard_before``.

    Lost access, a calendar that is gone, and a pause are told at once, whenever they came.
    """
    providers = {one.ref: one for one in people.providers(connection)}
    changes = observations.last_changes(connection)
    limit = heard_before or now - timedelta(days=days)
    rows = []
    for one in calendars.search(connection, provider=provider, statuses=LINKED):
        silence, since = _silence(one, changes.get(one.id), limit)
        if silence is not None:
            owner = providers[one.provider]
            told = in_zone(since, owner.timezone)
            rows.append(_row(one, silence, told, owner.name, now))
    ranks = {silence: place for place, silence in enumerate(Silence)}
    ordered = sorted(rows, key=lambda row: (ranks[row["reason"]], row["since"], row["calendar"]))
    return Sheet(name="Silence", columns=COLUMNS, rows=ordered)


def told(practice: str, made_at: datetime) -> Told:
    """Return the words of the page."""
    return Told(
        title="Silent calendars",
        practice=practice,
        made_at=made_at,
        lead="What is not seen cannot be put back. Each of these linked calendars has given no "
        "answer, lost its access, or shown nothing new.",
        empty="Every linked calendar answers, and something in each was new lately.",
        heads=HEADS,
        tell=_tell,
    )


def last_answer(one: LinkedCalendar) -> datetime:
    """Return when a calendar last answered; linking it was an answer."""
    if one.failures and one.failing_since is not None:
        return one.failing_since
    heard = (one.answered_at, one.checked_at, one.created_at)
    return max(moment for moment in heard if moment is not None)


def _silence(
    one: LinkedCalendar, changed: datetime | None, limit: datetime
) -> tuple[Silence | None, datetime]:
    answered = last_answer(one)
    match one.status:
        case CalendarStatus.GONE:
            return Silence.GONE, answered
        case CalendarStatus.NEEDS_RELINK:
            return Silence.EXPIRED, answered
        case CalendarStatus.PAUSED:
            return Silence.PAUSED, answered
        case _:
            pass
    if answered <= limit:
        return Silence.NOT_ANSWERED, answered
    new = changed or one.created_at
    return (Silence.UNCHANGED if new <= limit else None), new


def _row(
    one: LinkedCalendar, silence: Silence, since: datetime, name: str, now: datetime
) -> dict[str, Any]:
    return {
        "calendar": one.id,
        "provider": one.provider,
        "provider_name": name,
        "connector": one.connector,
        "name": one.name,
        "role": one.role.value,
        "status": one.status.value,
        "reason": silence.value,
        "since": since,
        "days": (local_date(now, str(since.tzinfo)) - since.date()).days,
        "message": MESSAGES[silence],
    }


def _tell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%a %d %b %Y %H:%M} {value.tzinfo}"
    return "" if value is None else str(value)
