"""Somebody with an ordinary calendar app: sees events by their time and edits them.

Knows nothing of calwarden: speaks CalDAV itself, over its own connection and account.
"""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import icalendar
from caldav.davclient import DAVClient

from calwarden.domain.wall_time import same_instant


class NotSeen(Exception):
    """No event stands at that time in the person's calendar."""


class Person:
    """One person at one calendar."""

    def __init__(self, url: str, *, name: str, password: str) -> None:
        """Get ready to sign in at the server ``url``."""
        # the library declares its synchronous results as "or a coroutine"
        self._client: Any = DAVClient(url, username=name, password=password)
        # the server is on this machine: a proxy of the environment could not reach it
        self._client.session.trust_env = False
        self._calendar: Any = None

    @property
    def url(self) -> str:
        """Address of the person's calendar."""
        return str(self._mine().url)

    def make_calendar(self, name: str) -> str:
        """Make a calendar, use it from now on, and return its address."""
        self._calendar = self._client.principal().make_calendar(name=name)
        return self.url

    def events(self) -> list[Any]:
        """Return everything in the calendar, as the server keeps it."""
        return list(self._mine().get_events())

    def close(self) -> None:
        """Put the calendar app away."""
        self._client.close()

    def drag(self, start: datetime, to: datetime) -> None:
        """Move the event at ``start`` to another time."""
        self._edit(start, lambda event: _set_times(event, to, to + _length(event)))

    def shorten(self, start: datetime, minutes: int) -> None:
        """Pull up the lower edge of the event at ``start``."""
        length = timedelta(minutes=minutes)
        self._edit(start, lambda event: _set_times(event, event.start, event.start + length))

    def make_public(self, start: datetime) -> None:
        """Let everybody see the event at ``start``."""

        def show(event: Any) -> None:
            event.pop("CLASS", None)
            event.add("CLASS", "PUBLIC")

        self._edit(start, show)

    def delete(self, start: datetime) -> None:
        """Delete the event at ``start``, a series as a whole."""
        self._find(start).delete()

    def drag_occurrence(self, first: datetime, slot: datetime, to: datetime) -> None:
        """Move the meeting at ``slot`` of the series that begins at ``first``, and only that."""
        found = self._find(first)
        calendar = _read(found)
        master = _master(calendar)
        exception: Any = icalendar.Event.from_ical(master.to_ical())
        for name in ("RRULE", "EXDATE"):
            exception.pop(name, None)
        exception.add("RECURRENCE-ID", slot)
        _set_times(exception, to, to + _length(master))
        calendar.add_component(exception)
        _save(found, calendar)

    def delete_occurrence(self, first: datetime, slot: datetime) -> None:
        """Delete the meeting at ``slot`` of the series that begins at ``first``, and only that."""
        found = self._find(first)
        calendar = _read(found)
        _master(calendar).add("EXDATE", slot)
        _save(found, calendar)

    def copy(self, start: datetime, to: datetime) -> None:
        """Copy the event at ``start`` and paste it at ``to``, with everything that hangs on it."""
        calendar = _read(self._find(start))
        event = _master(calendar)
        event.pop("UID")
        event.add("UID", str(uuid.uuid4()))
        _set_times(event, to, to + _length(event))
        self._mine().add_event(calendar.to_ical().decode())

    def add(self, title: str, start: datetime, minutes: int) -> None:
        """Add an event of their own."""
        event = icalendar.Event.new(
            uid=str(uuid.uuid4()),
            summary=title,
            start=start,
            end=start + timedelta(minutes=minutes),
        )
        calendar = icalendar.Calendar.new(prodid="-//A calendar app//EN")
        calendar.add_component(event)
        self._mine().add_event(calendar.to_ical().decode())

    def sees(self, start: datetime) -> bool:
        """Whether an event, or a series' first meeting, begins at ``start``."""
        try:
            self._find(start)
        except NotSeen:
            return False
        return True

    def _mine(self) -> Any:
        if self._calendar is None:
            self._calendar = self._client.principal().calendars()[0]
        return self._calendar

    def _find(self, start: datetime) -> Any:
        for found in self.events():
            begins = _master(_read(found)).start
            if isinstance(begins, datetime) and same_instant(begins, start):
                return found
        raise NotSeen(f"no event begins at {start.isoformat()}")

    def _edit(self, start: datetime, change: Callable[[Any], None]) -> None:
        found = self._find(start)
        calendar = _read(found)
        change(_master(calendar))
        _save(found, calendar)


def _read(found: Any) -> icalendar.Calendar:
    calendar = icalendar.Calendar.from_ical(found.data)
    if not isinstance(calendar, icalendar.Calendar):
        raise TypeError("a calendar object is a VCALENDAR")
    return calendar


def _master(calendar: icalendar.Calendar) -> icalendar.Event:
    return next(event for event in calendar.events if "RECURRENCE-ID" not in event)


def _save(found: Any, calendar: icalendar.Calendar) -> None:
    found.data = calendar.to_ical().decode()
    found.save(increase_seqno=False)


def _length(event: icalendar.Event) -> timedelta:
    return event.end - event.start


def _set_times(event: Any, start: date, end: date) -> None:
    for name in ("DTSTART", "DTEND", "DURATION"):
        event.pop(name, None)
    event.add("DTSTART", start)
    event.add("DTEND", end)
    sequence = int(event.pop("SEQUENCE", 0))
    event.add("SEQUENCE", sequence + 1)
