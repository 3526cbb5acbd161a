"""A calendar on a real CalDAV server as a world of the contract suite.

The person edits with the icalendar library over a bare WebDAV connection: nothing of ours helps.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from icalendar import Alarm, Calendar, Event, vRecur

from calwarden.domain.wall_time import slot_start
from calwarden.sdk.connector import Context, Cursor, Link, RemoteCalendar
from calwarden.testing.world import FINGERPRINT, NOW, ZONE
from calwarden_caldav.connector import CalDAVConnector
from servers.dav import Dav, Server

TYPE = "text/calendar; charset=utf-8"
PROBED: dict[str, Link] = {}
TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID")


def context(server: Server, **changes) -> Context:
    """What the composition root would hand to the connector for this server."""
    settings = {} if server.ca_file is None else {"ca_file": str(server.ca_file)}
    values = {
        "fingerprint": FINGERPRINT,
        "zone": ZONE,
        "now": lambda: NOW,
        "settings": settings,
        "allow_private": True,
    }
    return Context(**{**values, **changes})


def credential(server: Server, **changes) -> dict[str, str]:
    """The account's credential."""
    return {"url": server.url, "username": server.user, "password": server.password, **changes}


class CalDAVPerson:
    """Edits objects of one collection as an ordinary calendar program does."""

    def __init__(self, dav: Dav, path: str) -> None:
        self._dav = dav
        self._path = path

    def add(self, *, title, start, end, rule=None):
        event = Event()
        event.add("UID", f"{uuid.uuid4()}@person.example")
        event.add("SUMMARY", title)
        event.add("DTSTAMP", NOW)
        event.add("DTSTART", start)
        event.add("DTEND", end)
        if rule is not None:
            event.add("RRULE", vRecur.from_ical(rule))
        calendar = Calendar()
        calendar.add("PRODID", "-//a person//EN")
        calendar.add("VERSION", "2.0")
        calendar.add_component(event)
        return self._store(f"{self._path}{uuid.uuid4()}.ics", calendar)

    def move(self, remote_id, by):
        def change(calendar):
            for event in calendar.events:
                _shift(event, by, names=TIMES)
                _shift_exclusions(event, by)

        self._edit(remote_id, change)

    def resize(self, remote_id, minutes):
        def change(event):
            _set(event, "DTEND", event.start + timedelta(minutes=minutes))

        self._edit_master(remote_id, change)

    def retitle(self, remote_id, title):
        self._edit_master(remote_id, lambda event: _set(event, "SUMMARY", title))

    def relocate(self, remote_id, location):
        self._edit_master(remote_id, lambda event: _set(event, "LOCATION", location))

    def describe(self, remote_id, text):
        self._edit_master(remote_id, lambda event: _set(event, "DESCRIPTION", text))

    def expose(self, remote_id):
        self._edit_master(remote_id, lambda event: event.pop("CLASS", None))

    def free(self, remote_id):
        self._edit_master(remote_id, lambda event: _set(event, "TRANSP", "TRANSPARENT"))

    def cancel(self, remote_id):
        self._edit_master(remote_id, lambda event: _set(event, "STATUS", "CANCELLED"))

    def invite(self, remote_id, address):
        def change(event):
            event.add("ORGANIZER", "mailto:someone@elsewhere.example")
            event.add("ATTENDEE", f"mailto:{address}", parameters={"PARTSTAT": "NEEDS-ACTION"})

        self._edit_master(remote_id, change)

    def make_all_day(self, remote_id):
        def change(event):
            day: date = event.start.date()
            _set(event, "DTSTART", day)
            _set(event, "DTEND", day + timedelta(days=1))

        self._edit_master(remote_id, change)

    def change_rule(self, remote_id, rule):
        def change(event):
            event.pop("RRULE", None)
            event.add("RRULE", vRecur.from_ical(rule))

        self._edit_master(remote_id, change)

    def delete(self, remote_id):
        answer = self._dav.send("DELETE", remote_id)
        assert answer.status < 300, answer

    def copy(self, remote_id, by):
        calendar, _ = self._load(remote_id)
        for event in calendar.events:
            _set(event, "UID", f"{uuid.uuid4()}@person.example")
            _shift(event, by, names=TIMES)
        return self._store(f"{self._path}{uuid.uuid4()}.ics", calendar)

    def move_occurrence(self, remote_id, slot, by):
        def change(calendar):
            master = _master(calendar)
            exception = Event.from_ical(master.to_ical())
            for name in ("RRULE", "EXDATE", "RDATE"):
                exception.pop(name, None)
            original = slot_start(slot, str(master.start.tzinfo))
            length = master.end - master.start
            _set(exception, "DTSTART", original + by)
            _set(exception, "DTEND", original + by + length)
            exception.add("RECURRENCE-ID", original)
            calendar.add_component(exception)

        self._edit(remote_id, change)

    def delete_occurrence(self, remote_id, slot):
        def change(event):
            event.add("EXDATE", slot_start(slot, str(event.start.tzinfo)))

        self._edit_master(remote_id, change)

    def split(self, remote_id, slot, by):
        calendar, _ = self._load(remote_id)
        master = _master(calendar)
        original = slot_start(slot, str(master.start.tzinfo))
        ahead = (original - master.start) // timedelta(weeks=1)
        count = master["RRULE"]["COUNT"][0]
        following = Calendar.from_ical(calendar.to_ical())
        later = _master(following)
        length = later.end - later.start
        _set(later, "UID", f"{uuid.uuid4()}@person.example")
        _set(later, "DTSTART", original + by)
        _set(later, "DTEND", original + by + length)
        later["RRULE"]["COUNT"] = [count - ahead]
        added = self._store(f"{self._path}{uuid.uuid4()}.ics", following)

        def shorten(event):
            del event["RRULE"]["COUNT"]
            event["RRULE"]["UNTIL"] = [(original - timedelta(seconds=1)).astimezone(_utc())]

        self._edit_master(remote_id, shorten)
        return added

    def adorn(self, remote_id):
        def change(event):
            alarm = Alarm()
            alarm.add("ACTION", "DISPLAY")
            alarm.add("DESCRIPTION", "Bring the blue folder")
            alarm.add("TRIGGER", timedelta(minutes=-15))
            event.add_component(alarm)
            event.add("COLOR", "tomato")
            event.add("DESCRIPTION", "Mind the step, it is high; the door sticks, so push")
            event.add("X-MOOD", "calm", parameters={"X-SINCE": "noon"})

        self._edit_master(remote_id, change)

    def adornments(self, remote_id):
        event = _master(self._load(remote_id)[0])
        told = {name: event[name].to_ical().decode() for name in ("COLOR", "DESCRIPTION", "X-MOOD")}
        told["X-MOOD since"] = event["X-MOOD"].params["X-SINCE"]
        told["alarm"] = event.subcomponents[0].to_ical().decode()
        return told

    def _load(self, remote_id) -> tuple[Calendar, str]:
        answer = self._dav.send("GET", remote_id)
        assert answer.status == 200, answer
        return Calendar.from_ical(answer.body), answer.headers["etag"]

    def _edit(self, remote_id, change: Callable[[Calendar], None]) -> None:
        calendar, etag = self._load(remote_id)
        change(calendar)
        for event in calendar.events:
            _set(event, "SEQUENCE", int(event.get("SEQUENCE", 0)) + 1)
        answer = self._dav.send(
            "PUT", remote_id, calendar.to_ical(), Content_Type=TYPE, If_Match=etag
        )
        assert answer.status < 300, answer

    def _edit_master(self, remote_id, change: Callable[[Event], object]) -> None:
        self._edit(remote_id, lambda calendar: change(_master(calendar)))

    def _store(self, path, calendar) -> str:
        calendar.add_missing_timezones(date(2026, 1, 1), date(2029, 1, 1))
        answer = self._dav.send(
            "PUT", path, calendar.to_ical(), Content_Type=TYPE, If_None_Match="*"
        )
        assert answer.status == 201, answer
        # some servers choose the address themselves
        return answer.headers.get("location", path)


class CalDAVWorld:
    """One new calendar on a server."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, server: Server, *, person: Mapping[str, str] | None = None) -> None:
        self.server = server
        self._dav = server.client(headers=person)
        self.path = self._dav.make_calendar(uuid.uuid4().hex)
        self.person = CalDAVPerson(self._dav, self.path)
        self._kind = CalDAVConnector()
        self._calendar = RemoteCalendar(
            remote_id=f"{server.url.rstrip('/')}{self.path}", name="test", writable=True
        )
        self._opened = []

    def connector(self):
        opened = self._kind.open(
            self.link(), credential(self.server, auth="basic"), context(self.server)
        )
        self._opened.append(opened)
        return opened

    def link(self) -> Link:
        """The calendar's link; what the server honours is found out once per server."""
        if self.server.url not in PROBED:
            PROBED[self.server.url] = self._kind.probe(
                self._calendar, credential(self.server), context(self.server)
            )
        return replace(PROBED[self.server.url], remote_id=self._calendar.remote_id)

    def raw(self) -> Mapping[str, bytes]:
        listed = self._dav.send(
            "PROPFIND",
            self.path,
            b'<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>',
            Depth="1",
            Content_Type="application/xml; charset=utf-8",
        )
        paths = re.findall(rf"{re.escape(self.path)}[^<]+", listed.body.decode())
        return {path: self._dav.send("GET", path).body for path in paths}

    def stale_cursor(self) -> Cursor:
        return Cursor("sync:http://radicale.org/ns/sync/" + "0" * 64)

    def close(self) -> None:
        for opened in self._opened:
            opened.close()
        self._dav.send("DELETE", self.path)
        self._dav.close()


def _utc():
    return slot_start("2027-01-01T00:00:00", "UTC").tzinfo


def _master(calendar: Calendar) -> Event:
    return next(event for event in calendar.events if "RECURRENCE-ID" not in event)


def _set(event: Event, name: str, value: object) -> None:
    event.pop(name, None)
    event.add(name, value)


def _shift(event: Event, by: timedelta, *, names: tuple[str, ...]) -> None:
    for name in names:
        if name in event:
            moment: datetime = event[name].dt
            _set(event, name, moment + by)


def _shift_exclusions(event: Event, by: timedelta) -> None:
    dates = [each.dt for each in event.exdates] if "EXDATE" in event else []
    event.pop("EXDATE", None)
    for moment in dates:
        event.add("EXDATE", moment + by)
