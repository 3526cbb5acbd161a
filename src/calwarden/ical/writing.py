"""Managed events written as iCalendar objects: made whole, or laid over what stands.

A rewrite touches managed properties only. What people, their programs and servers added
(descriptions, alarms, colours, unknown properties, zone definitions) stays as it was spelled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from calwarden.domain.event import EventBody, EventResource, EventText, Fingerprint, ManagedEvent
from calwarden.domain.wall_time import Slot, UnknownZone, zone_name
from calwarden.ical.lines import BadObject, Component, Line, parse, text_line
from calwarden.ical.reading import MARKER, Reader, address_of, is_busy, recurrence_of, start_of
from calwarden.ical.recurrence import write_rule
from calwarden.ical.times import Clock, Moment, slot_at, slot_line, time_line
from calwarden.ical.zone_definitions import zone_definition

PRODUCT = "-//calwarden//calwarden//EN"

HINT = "X-MICROSOFT-CDO-BUSYSTATUS"

_OF_SERIES = {"RRULE", "RDATE", "EXDATE", "EXRULE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the events of one calendar. ``reader`` reads what stands.

    ``now`` stamps the object.
    """

    reader: Reader
    now: datetime

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of texts."""
        return self.reader.fingerprint

    def create(self, event: ManagedEvent) -> bytes:
        """Return a new object for ``event``."""
        calendar = Component(
            name="VCALENDAR", lines=[Line("VERSION:2.0"), Line(f"PRODID:{PRODUCT}")]
        )
        return self._written(calendar, event)

    def rewrite(self, data: bytes, event: ManagedEvent) -> bytes:
        """Return the object in ``data`` brought to ``event``.

        One that cannot be read is written anew, so that what a person broke is repaired.
        """
        try:
            calendar = parse(data)
            self._read_through(calendar, event.uid)
            calendar.put("METHOD", [])
            return self._written(calendar, event)
        except (BadObject, UnknownZone, OverflowError):
            return self.create(event)

    def _read_through(self, calendar: Component, uid: str) -> None:
        clock = self.reader.clock(calendar)
        masters = [each for each in _events(calendar, uid) if _is_master(each)]
        if len(masters) != 1:
            raise BadObject("the object holds no single event of that UID")
        start = start_of(masters[0], clock)
        recurrence_of(masters[0], start, clock)
        for _ in _by_slot(calendar, uid, start, clock):
            pass

    def _written(self, calendar: Component, event: ManagedEvent) -> bytes:
        clock = self.reader.clock(calendar)
        standing = _events(calendar, event.uid)
        stood = next((each for each in standing if _is_master(each)), None)
        exceptions: dict[Slot, Component] = {}
        if stood is not None:
            start = start_of(stood, clock)
            exceptions = dict(_by_slot(calendar, event.uid, start, clock))
        master = Component(name="VEVENT") if stood is None else stood.copied()
        sequence = max((_sequence(each) for each in standing), default=-1) + 1
        self._master(master, event, clock, sequence)
        made = [master]
        for slot, body in sorted(event.resource.overrides.items()):
            exception = exceptions.get(slot)
            component = _exception(master) if exception is None else exception.copied()
            texts = (exception, stood)
            self._override(component, event, slot, body, texts)
            self._stamp(component, event.uid, sequence)
            made.append(component)
        others = [each for each in calendar.children if each not in standing]
        calendar.children = [*_with_zones(others, event.resource), *made]
        return calendar.bytes()

    def _master(self, master: Component, event: ManagedEvent, clock: Clock, sequence: int) -> None:
        resource = event.resource
        body = resource.body
        start = Moment(at=body.start, is_date=body.all_day, floating=body.floating)
        # told from the start that it will have: what the old start implied may be spelled out
        stands = recurrence_of(master, start, clock)
        stood = master.copied()
        self._stamp(master, event.uid, sequence)
        self._body(master, body, event.text, (stood,))
        if resource.recurrence is None or stands != resource.recurrence:
            _put_recurrence(master, resource)
        _put_slots(master, "EXDATE", sorted(resource.excluded), resource)

    def _override(
        self,
        component: Component,
        event: ManagedEvent,
        slot: Slot,
        body: EventBody,
        texts: tuple[Component | None, ...],
    ) -> None:
        master = event.resource.body
        line = slot_line(
            "RECURRENCE-ID",
            slot,
            event.resource.zone,
            is_date=master.all_day,
            floating=master.floating,
        )
        component.put("RECURRENCE-ID", [line])
        self._body(component, body, event.text, texts)

    def _stamp(self, component: Component, uid: str, sequence: int) -> None:
        now = f"{self.now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        component.put("UID", [text_line("UID", uid)])
        component.put("DTSTAMP", [f"DTSTAMP:{now}"])
        component.put("LAST-MODIFIED", [f"LAST-MODIFIED:{now}"])
        component.put("SEQUENCE", [f"SEQUENCE:{sequence}"])
        component.put(MARKER, [text_line(MARKER, uid)])

    def _body(
        self,
        component: Component,
        body: EventBody,
        text: EventText,
        texts: tuple[Component | None, ...],
    ) -> None:
        _put_times(component, body)
        for name, given, wanted in (
            ("SUMMARY", text.title, body.title),
            ("LOCATION", text.location, body.location),
        ):
            self._put_text(component, name, given, wanted, texts)
        _put_flags(component, body)
        self._put_attendees(component, body)

    def _put_text(
        self,
        component: Component,
        name: str,
        given: str | None,
        wanted: str,
        texts: tuple[Component | None, ...],
    ) -> None:
        if self.fingerprint(component.text(name)) == wanted:
            return
        stood = [each.text(name) for each in texts if each is not None]
        known = [each for each in (given, *stood) if each is not None]
        fitting = next((each for each in known if self.fingerprint(each) == wanted), given)
        if fitting is not None:
            component.put(name, [text_line(name, fitting)] if fitting else [])

    def _put_attendees(self, component: Component, body: EventBody) -> None:
        invited = component.all("ATTENDEE")
        kept = [line for line in invited if self.fingerprint(address_of(line)) in body.attendees]
        if len(kept) < len(invited):
            component.put("ATTENDEE", [line.raw for line in kept])
        if not kept:
            component.put("ORGANIZER", [])


def _events(calendar: Component, uid: str) -> list[Component]:
    return [event for event in calendar.inner("VEVENT") if event.text("UID") == uid]


def _is_master(event: Component) -> bool:
    return event.first("RECURRENCE-ID") is None


def _by_slot(
    calendar: Component, uid: str, start: Moment, clock: Clock
) -> Iterator[tuple[Slot, Component]]:
    for event in _events(calendar, uid):
        line = event.first("RECURRENCE-ID")
        if line is not None:
            yield slot_at(clock.moment(line), start), event


def _exception(master: Component) -> Component:
    component = master.copied()
    component.lines = [line for line in component.lines if line.name not in _OF_SERIES]
    return component


def _sequence(event: Component) -> int:
    text = event.value("SEQUENCE")
    return int(text) if text.isdecimal() and len(text) < len("1000000000") else 0


def _put_times(component: Component, body: EventBody) -> None:
    flags = {"is_date": body.all_day, "floating": body.floating}
    component.put("DTSTART", [time_line("DTSTART", body.start, **flags)])
    component.put("DURATION", [])
    component.put("DTEND", [time_line("DTEND", body.end, **flags)])
    if component.first("X-MICROSOFT-CDO-ALLDAYEVENT") is not None:
        told = "TRUE" if body.all_day else "FALSE"
        component.put("X-MICROSOFT-CDO-ALLDAYEVENT", [f"X-MICROSOFT-CDO-ALLDAYEVENT:{told}"])


def _put_flags(component: Component, body: EventBody) -> None:
    if body.private != (component.value("CLASS") not in {"", "PUBLIC"}):
        component.put("CLASS", ["CLASS:PRIVATE" if body.private else "CLASS:PUBLIC"])
    if component.first("TRANSP") is None or body.busy != is_busy(component):
        component.put("TRANSP", ["TRANSP:OPAQUE" if body.busy else "TRANSP:TRANSPARENT"])
    if body.cancelled:
        component.put("STATUS", ["STATUS:CANCELLED"])
    elif component.value("STATUS") in {"", "CANCELLED"}:
        component.put("STATUS", ["STATUS:CONFIRMED"])
    hint = component.value(HINT)
    wanted = "OOF" if body.out_of_office else "BUSY" if body.busy else "FREE"
    if body.out_of_office or (hint and (hint == "OOF" or (hint == "FREE") == body.busy)):
        component.put(HINT, [f"{HINT}:{wanted}"])


def _put_recurrence(master: Component, resource: EventResource) -> None:
    recurrence = resource.recurrence
    rule = None if recurrence is None else write_rule(recurrence)
    master.put("EXRULE", [])
    master.put("RRULE", [] if rule is None else [f"RRULE:{rule}"])
    _put_slots(master, "RDATE", [] if recurrence is None else recurrence.extra, resource)


def _put_slots(
    master: Component, name: str, slots: list[Slot] | tuple[Slot, ...], resource: EventResource
) -> None:
    body = resource.body
    master.put(
        name,
        [
            slot_line(name, slot, resource.zone, is_date=body.all_day, floating=body.floating)
            for slot in slots
        ],
    )


def _with_zones(children: list[Component], resource: EventResource) -> Iterator[Component]:
    defined = {child.text("TZID") for child in children if child.name == "VTIMEZONE"}
    bodies = [body for body in (resource.body, *resource.overrides.values()) if not body.all_day]
    for zone in sorted({zone_name(body.start) for body in bodies if not body.floating} - {"UTC"}):
        if zone not in defined:
            year = min(body.start.year for body in bodies)
            yield zone_definition(zone, year)
    yield from children
