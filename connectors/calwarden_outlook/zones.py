"""Zones as Exchange names them: IANA names, or Windows names by CLDR's mapping (wire rule M17)."""

from collections.abc import Iterable
from functools import lru_cache
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win

from calwarden.ical.zones import known_zone

CUSTOM = "tzone://Microsoft/Custom"
NAMELESS = {"tzone://microsoft/utc": "UTC"}


def zone_called(name: str, preferred: Iterable[ZoneInfo] = ()) -> ZoneInfo | None:
    """Return the zone of a name; None for one that nobody knows.

    One Windows name stands for several IANA zones: the first of ``preferred`` that it stands for
    is meant, so that a zone keeps its name through an edit in Outlook.
    """
    for zone in preferred:
        if name and windows_name(zone.key) == name:
            return zone
    return known_zone(NAMELESS.get(name.lower(), name)) if name else None


@lru_cache(maxsize=512)
def windows_name(key: str) -> str | None:
    """Return the Windows name that an IANA zone goes by."""
    found: str | None = tz_win.get(key)
    return found
