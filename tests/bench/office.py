"""The practice that the benchmark publishes, and what a person does to it in the calendar."""

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event, vRecur
from lxml import etree

from servers.dav import Dav, Server

ZONE = ZoneInfo("America/New_York")
SERIES, MEETINGS = int(os.environ.get("CALWARDEN_BENCH_SERIES", "200")), 10
EDITED = SERIES * MEETINGS // 100
"""One in a hundred appointments is moved, and as many are deleted."""

HALF_HOURS_A_DAY = 40
MINUTES = 25
TYPE = "text/calendar; charset=utf-8"
NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
Starts = Counter[datetime]


def first_starts(monday: datetime) -> Iterator[datetime]:
    """Yield the first meeting of each series, wall time in the practice's zone."""
    for number in range(SERIES):
        day, half = divmod(number, HALF_HOURS_A_DAY)
        yield monday + timedelta(days=day, hours=3, minutes=30 * half)


def truth(monday: datetime) -> Starts:
    """Return the starts of all appointments."""
    weeks = [timedelta(weeks=week) for week in range(MEETINGS)]
    return Counter(start + week for start in first_starts(monday) for week in weeks)


def practice_file(monday: datetime) -> dict[str, object]:
    """Return the practice as `calwarden import` takes it."""
    return {
        "practice": {"name": "Harbor Practice", "timezone": ZONE.key},
        "providers": [{"ref": "dr-lee", "name": "Dana Lee", "timezone": ZONE.key}],
        "clients": [{"ref": "c-1", "name": "Sam Rivera", "timezone": ZONE.key}],
        "appointments": [
            {
                "ref": f"s-{number}",
                "provider": "dr-lee",
                "client": "c-1",
                "start": f"{start:%Y-%m-%dT%H:%M}",
                "timezone": ZONE.key,
                "minutes": MINUTES,
                "repeat": {"every_weeks": 1, "count": MEETINGS},
            }
            for number, start in enumerate(first_starts(monday))
        ],
    }


def event(name: str, start: datetime, *, count: int = 1) -> bytes:
    """Return one event (in UTC), or one weekly series with its zone, as an object of its own."""
    if count == 1:
        start = start.astimezone(UTC)
    made = Event()
    made.add("UID", str(uuid.uuid5(NAMESPACE, name)))
    made.add("DTSTAMP", datetime(2026, 1, 1, tzinfo=UTC))
    made.add("DTSTART", start)
    made.add("DTEND", start + timedelta(minutes=MINUTES))
    made.add("SUMMARY", "Session")
    if count > 1:
        made.add("RRULE", vRecur.from_ical(f"FREQ=WEEKLY;COUNT={count}"))
    calendar = Calendar()
    calendar.add("PRODID", "-//bench//EN")
    calendar.add("VERSION", "2.0")
    calendar.add_component(made)
    if count > 1:
        calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def standing(objects: Iterator[bytes], monday: datetime) -> Starts:
    """Return the starts of every occurrence in some objects, as a calendar program shows them."""
    window = monday - timedelta(weeks=1), monday + timedelta(weeks=MEETINGS + 2)
    found: Starts = Counter()
    for data in objects:
        for one in recurring_ical_events.of(Calendar.from_ical(data)).between(*window):
            found[one.start.astimezone(ZONE)] += 1
    return found


def wrong(found: Starts, expected: Starts) -> int:
    """Return how many starts are missing or too many."""
    return (found - expected).total() + (expected - found).total()


class Person:
    """Somebody with another program: moves some meetings by a day, deletes others."""

    def __init__(self, server: Server, path: str) -> None:
        self.dav: Dav = server.client()
        self.path = path

    def objects(self) -> dict[str, bytes]:
        """Return every object by its path."""
        body = (
            b'<?xml version="1.0"?><c:calendar-query xmlns:d="DAV:" '
            b'xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><c:calendar-data/></d:prop>'
            b'<c:filter><c:comp-filter name="VCALENDAR"/></c:filter></c:calendar-query>'
        )
        listed = self.dav.send("REPORT", self.path, body, Depth="1", Content_Type="text/xml")
        assert listed.status == 207, listed
        rows = etree.fromstring(listed.body).iterfind("{DAV:}response")
        found = {row.findtext("{DAV:}href"): row.findtext(f".//{DATA}") for row in rows}
        return {str(path): data.encode() for path, data in sorted(found.items()) if data}

    def edit(self) -> None:
        """Move one in a hundred appointments by a day and delete as many, in different objects."""
        objects = list(self.objects().items())
        step = len(objects) // (2 * EDITED)
        for number, (path, data) in enumerate(objects[:: max(step, 1)][: 2 * EDITED]):
            if number % 2:
                self._delete(path, data)
            else:
                self._move(path, data)

    def _move(self, path: str, data: bytes) -> None:
        calendar = Calendar.from_ical(data)
        (master,) = calendar.events
        if "RRULE" not in master:
            for name in ("DTSTART", "DTEND"):
                moved = master[name].dt + timedelta(days=1)
                del master[name]
                master.add(name, moved)
        else:
            slot = master.start + timedelta(weeks=3)
            other = Event()
            for name in ("UID", "DTSTAMP", "SUMMARY", "CLASS", "TRANSP"):
                if name in master:
                    other[name] = master[name]
            other.add("RECURRENCE-ID", slot)
            other.add("DTSTART", slot + timedelta(days=1))
            other.add("DTEND", slot + timedelta(days=1, minutes=MINUTES))
            calendar.add_component(other)
        self._put(path, calendar)

    def _delete(self, path: str, data: bytes) -> None:
        calendar = Calendar.from_ical(data)
        (master,) = calendar.events
        if "RRULE" not in master:
            assert self.dav.send("DELETE", path).status < 300
            return
        master.add("EXDATE", master.start + timedelta(weeks=4))
        self._put(path, calendar)

    def _put(self, path: str, calendar: Calendar) -> None:
        answer = self.dav.send("PUT", path, bytes(calendar.to_ical()), Content_Type=TYPE)
        assert answer.status < 300, answer
