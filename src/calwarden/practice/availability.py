"""Which times of a provider clients are offered, from everything that the store knows is taken."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from calwarden.domain.availability import Hours, Taken, free_starts
from calwarden.domain.practice import Provider
from calwarden.domain.rules import Rules
from calwarden.domain.view import Span
from calwarden.domain.wall_time import after, in_zone, instant, zone_name
from calwarden.ical.expansion import busy_spans
from calwarden.practice.appointments import demand_minutes
from calwarden.practice.conflicts import unborn
from calwarden.sdk.connector import Window
from calwarden.store import appointments, observations, out_of_office, people

NEAR = timedelta(days=2)
"""How far outside of a window something may lie and still matter: buffers, and a day's hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A meeting that looks for a time.

    ``zone`` is where the times are told, ``kept_in`` the zone in which the appointment is kept;
    both are the provider's where None. ``ignoring`` are refs of appointments that would move away.
    """

    provider: str
    minutes: int
    zone: str | None = None
    kept_in: str | None = None
    ignoring: Collection[str] = ()


def starts(
    connection: Connection, wanted: Wanted, *, rules: Rules, now: datetime
) -> list[datetime]:
    """Return the starts that a client is offered now, as wall time in the zone they are told in.

    Raises `NotFound` (provider), `Refused`, `UnknownZone`.
    """
    provider = people.get_provider(connection, wanted.provider)
    demand_minutes(wanted.minutes)
    notice = timedelta(hours=provider.notice_hours)
    window = Span(start=instant(now) + notice, end=instant(now) + rules.offered)
    if window.end <= window.start:
        return []
    hours = Hours(
        zone=provider.timezone,
        working=provider.working_hours,
        buffer=timedelta(minutes=provider.buffer_minutes),
    )
    free = free_starts(
        hours,
        _taken(connection, provider, window, wanted.ignoring),
        timedelta(minutes=wanted.minutes),
        window,
    )
    kept_in = wanted.kept_in or provider.timezone
    told_in = wanted.zone or provider.timezone
    return [in_zone(start, told_in) for start in free if not in_zone(start, kept_in).fold]


def slots(
    connection: Connection, wanted: Wanted, *, rules: Rules, now: datetime
) -> list[dict[str, str]]:
    """Return what `starts` does as documents, each with its end and zone."""
    length = timedelta(minutes=wanted.minutes)
    return [document(start, length) for start in starts(connection, wanted, rules=rules, now=now)]


def document(start: datetime, length: timedelta) -> dict[str, str]:
    """Return a time that is offered as JSON values."""
    return {
        "start": start.isoformat(),
        "end": after(start, length).isoformat(),
        "timezone": zone_name(start),
    }


def _taken(
    connection: Connection, provider: Provider, window: Span, ignoring: Collection[str]
) -> Taken:
    begin, end = window.start - NEAR, window.end + NEAR
    blocks = out_of_office.search(
        connection, provider=provider.ref, ends_after=begin, starts_before=end
    )
    return Taken(
        meetings=(
            *_appointments(connection, provider.ref, begin, end, ignoring),
            *_personal(connection, provider.ref, begin, end),
        ),
        absences=tuple(Span(start=block.start, end=block.end) for block in blocks),
    )


def _appointments(
    connection: Connection,
    provider: str,
    begin: datetime,
    end: datetime,
    ignoring: Collection[str],
) -> Iterator[Span]:
    found = appointments.spans(connection, provider, ends_after=begin, starts_before=end)
    for ref, starts_at, ends_at in found:
        if ref not in ignoring:
            yield Span(start=starts_at, end=ends_at)
    for one in unborn(connection, provider, end):
        yield Span(start=one.start, end=one.end)


def _personal(
    connection: Connection, provider: str, begin: datetime, end: datetime
) -> Iterator[Span]:
    window = Window(start=begin, end=end)
    for resource in observations.personal(connection, provider, ends_after=begin):
        for span in busy_spans(resource, window):
            yield Span(start=span.start, end=span.end)
