"""The .ics attachment: appointments of one reader, to be added to a calendar of their own.

METHOD:PUBLISH (RFC 5546 section 3.2.1): one VEVENT for each appointment under a UID that never
changes, so that a later file with a higher SEQUENCE takes the place of an earlier one.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from calwarden.domain.wall_time import in_zone, instant
from calwarden.ical.zone_definitions import zone_definition

PRODUCT = "-//calwarden//messages//EN"
MOST_EVENTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One appointment as the file shows it; ``facts`` are those of its message."""

    facts: Mapping[str, Any]
    title: str
    place: str
    description: str
    busy: bool = True


def calendar_file(
    entries: Iterable[Entry], *, zone: str, organizer: tuple[str, str], home: str, at: datetime
) -> bytes:
    """Return the file. ``organizer`` is the practice's name and address, ``home`` its own name.

    ``at`` is when the news was made.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    shown = list(entries)[:MOST_EVENTS]
    if zone != "UTC":
        year = min(in_zone(_start(one), zone).year for one in shown)
        calendar.add_component(Timezone.from_ical(zone_definition(zone, year).bytes()))
    for entry in shown:
        calendar.add_component(_event(entry, zone=zone, organizer=organizer, home=home, at=at))
    return bytes(calendar.to_ical())


def uid_of(ref: str, home: str) -> str:
    """Return the UID of an appointment in these files; another than in any linked calendar."""
    digest = hashlib.sha256(f"mail\0{home}\0{ref}".encode()).hexdigest()[:40]
    return f"{digest}@{home}.calwarden"


def _event(
    entry: Entry, *, zone: str, organizer: tuple[str, str], home: str, at: datetime
) -> Event:
    facts = entry.facts
    event = Event()
    event.add("uid", uid_of(facts["ref"], home))
    event.add("dtstamp", instant(at))
    event.add("last-modified", instant(at))
    event.add("sequence", facts["sequence"])
    event.add("dtstart", _told(_start(entry), zone))
    event.add("dtend", _told(datetime.fromisoformat(facts["end"]), zone))
    event.add("summary", entry.title)
    event.add("location", entry.place)
    event.add("description", entry.description)
    event.add("class", "PRIVATE")
    event.add("status", "CANCELLED" if facts["cancelled"] else "CONFIRMED")
    event.add("transp", "OPAQUE" if entry.busy and not facts["cancelled"] else "TRANSPARENT")
    name, address = organizer
    owner = vCalAddress(f"mailto:{address}")
    owner.params["CN"] = vText(name)
    event["organizer"] = owner
    return event


def _told(moment: datetime, zone: str) -> datetime:
    """Return a moment in ``zone``; in UTC where the clock shows that time for the second time.

    A local time that comes twice means the first (RFC 5545 section 3.3.5).
    """
    local = in_zone(moment, zone)
    first = local.replace(fold=0)
    return local if local.utcoffset() == first.utcoffset() else instant(moment)


def _start(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.facts["start"])
