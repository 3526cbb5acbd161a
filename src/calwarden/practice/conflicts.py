"""Conflicts in a provider's time: overlapping appointments, out-of-office blocks in the way."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, OutOfOffice, Series, Status
from calwarden.domain.occurrence import numbered, occurrence
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant, zone_name
from calwarden.store import appointments, out_of_office, series

STANDING = tuple(status for status in Status if status.stands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a provider's time, as instants, and what takes it; the end is exclusive."""

    start: datetime
    end: datetime
    taken_by: Appointment | OutOfOffice

    @property
    def told(self) -> str:
        """Its name and wall time, for people."""
        one = self.taken_by
        zone = zone_name(one.start)
        return f"{one.ref} ({one.start:%Y-%m-%d %H:%M} to {one.end:%H:%M} {zone})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Two spans that overlap: one that is wanted, one that stands."""

    wanted: Span
    standing: Span


def clash(wanted: Iterable[Span], standing: Iterable[Span]) -> Clash | None:
    """Return the first pair that overlaps; spans that only touch do not."""
    events = sorted(
        [(span.start, 0, span) for span in standing] + [(span.start, 1, span) for span in wanted],
        key=lambda event: (event[0], event[1], event[2].taken_by.ref),
    )
    latest: dict[int, Span] = {}
    for start, side, span in events:
        other = latest.get(1 - side)
        if other is not None and other.end > start:
            pair = (span, other) if side else (other, span)
            return Clash(wanted=pair[0], standing=pair[1])
        if side not in latest or latest[side].end < span.end:
            latest[side] = span
    return None


def appointment_clash(
    connection: Connection,
    wanted: Sequence[Appointment],
    *,
    ignoring: Collection[str] = (),
    leaving: str | None = None,
) -> Clash | None:
    """Return the first wanted appointment that overlaps a standing one of the same provider.

    ``ignoring`` names appointments that do not count: those that are being moved. What an endless
    series has beyond the appointments that exist counts too, unless it is the one ``leaving`` its
    course.
    """
    if not wanted:
        return None
    start = min(instant(one.start) for one in wanted)
    end = max(instant(one.end) for one in wanted)
    provider = wanted[0].provider
    found = appointments.search(
        connection, provider=provider, statuses=STANDING, ends_after=start, starts_before=end
    )
    beyond = (one for one in unborn(connection, provider, end) if one.series != leaving)
    standing = [_span(one) for one in (*found, *beyond) if one.ref not in ignoring]
    return clash(map(_span, wanted), standing)


def demand_free(
    connection: Connection,
    wanted: Sequence[Appointment],
    *,
    ignoring: Collection[str] = (),
    leaving: str | None = None,
) -> None:
    """Raise `Refused` where an appointment or an out-of-office block is in the way."""
    found = appointment_clash(connection, wanted, ignoring=ignoring, leaving=leaving)
    if found is not None:
        raise Refused(overlap_text(found), next_step="choose a time that is free")
    away = block_clash(connection, wanted)
    if away is not None:
        raise Refused(
            f"{away.wanted.told} lies in the out-of-office block {away.standing.told}",
            next_step="choose another time, or remove the block first",
        )


def block_clash(connection: Connection, wanted: Sequence[Appointment]) -> Clash | None:
    """Return the first wanted appointment that lies in an out-of-office block of its provider."""
    if not wanted:
        return None
    blocks = out_of_office.search(
        connection,
        provider=wanted[0].provider,
        ends_after=min(instant(one.start) for one in wanted),
        starts_before=max(instant(one.end) for one in wanted),
    )
    return clash(map(_span, wanted), map(_span, blocks))


def overlap_text(found: Clash) -> str:
    """Say which two appointments overlap."""
    return f"{found.wanted.told} would overlap {found.standing.told}"


def unborn(connection: Connection, provider: str, end: datetime) -> Iterator[Appointment]:
    """Yield what the provider's endless series have beyond the appointments that exist."""
    endless = [one for one in series.search(connection, provider=provider) if one.cadence.endless]
    if not endless:
        return
    newest = series.last_numbers(connection)
    for one in endless:
        root = series.root(connection, one.ref)
        yield from _behind(one, root, after=newest.get(one.ref, 0), until=end)


def _span(one: Appointment | OutOfOffice) -> Span:
    return Span(start=instant(one.start), end=instant(one.end), taken_by=one)


def _behind(one: Series, root: str, *, after: int, until: datetime) -> Iterator[Appointment]:
    for number, start in numbered(one):
        if instant(start) >= until:
            return
        if number > after:
            yield occurrence(one, number, start, root=root, dos_zone=one.zone)
