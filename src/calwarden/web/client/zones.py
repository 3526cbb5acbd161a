"""The time zones that a reader can choose from, in a plain list."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from calwarden.domain.wall_time import UnknownZone, zone_named

AMERICAN = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
)
REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGroup:
    """Zones under one heading: IANA names, and what is shown for each."""

    label: str
    zones: tuple[tuple[str, str], ...]


def known_zone(name: str | None) -> str | None:
    """Return the zone if it is one; None for anything else that an address may hold."""
    if not name:
        return None
    try:
        return zone_named(name).key
    except UnknownZone:
        return None


def choices(first: Iterable[str]) -> list[ZoneGroup]:
    """Return every zone that can be chosen, those of ``first`` on top."""
    top = tuple(dict.fromkeys(first))
    american = tuple(zone for zone in AMERICAN if zone not in top)
    return [
        ZoneGroup(label="Yours and ours", zones=_labelled(top)),
        ZoneGroup(label="United States", zones=_labelled(american)),
        *_by_region(),
    ]


@cache
def _by_region() -> tuple[ZoneGroup, ...]:
    named = sorted(available_timezones())
    return tuple(
        ZoneGroup(
            label=region,
            zones=_labelled(zone for zone in named if zone.startswith(f"{region}/")),
        )
        for region in REGIONS
    )


def _labelled(zones: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((zone, zone.replace("_", " ")) for zone in zones)
