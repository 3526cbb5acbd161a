"""iCalendar objects read into resources: normalised, texts as fingerprints, bounded.

A bad object gives a `Reading` with a problem in words that quote nothing of it; it never raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice, takewhile

from calwarden.domain.event import EventBody, EventResource, Fingerprint, Recurrence
from calwarden.domain.wall_time import Slot, UnknownZone, slot_start
from calwarden.ical.expansion import FARTHEST, slots
from calwarden.ical.lines import LONGEST_LINE, BadObject, Component, Line, parse
from calwarden.ical.recurrence import read_recurrence, unsupported
from calwarden.ical.times import Clock, Moment, end_of, slot_at
from calwarden.ical.zones import Zones

MARKER = "X-CALWARDEN-ID"
"""Property that names the uid under which we made an event."""

MOST_EXCEPTIONS = 2_000
MOST_ATTENDEES = 1_000

DETAILS = ("DESCRIPTION", "X-ALT-DESC", "URL", "COMMENT", "CONTACT", "ATTACH", "CONFERENCE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an object holds under one UID. ``resource`` and ``problem`` as in `Observed`."""

    uid: str
    marker: str | None = None
    resource: EventResource | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads objects of one calendar.

    ``zone`` is that of floating times and dates. ``owner`` holds the calendar owner's addresses,
    lower case without ``mailto:``; without any, a single attendee is taken for the owner.
    """

    zone: str
    fingerprint: Fingerprint
    owner: frozenset[str] = frozenset()

    def read(self, data: bytes) -> tuple[Reading, ...]:
        """Return what ``data`` holds, by UID; empty where it holds no event."""
        try:
            return tuple(self._readings(parse(data)))
        except BadObject as error:
            return (Reading(uid="", problem=str(error)),)

    def clock(self, calendar: Component) -> Clock:
        """Return how the times of ``calendar`` are read."""
        return Clock(zones=Zones(calendar.inner("VTIMEZONE"), self.zone), zone=self.zone)

    def _readings(self, calendar: Component) -> Iterator[Reading]:
        by_uid: dict[str, list[Component]] = {}
        for event in calendar.inner("VEVENT"):
            by_uid.setdefault(event.text("UID"), []).append(event)
        clock = self.clock(calendar)
        for uid, events in by_uid.items():
            try:
                yield self._reading(uid, events, clock)
            except (BadObject, UnknownZone) as error:
                yield Reading(uid=uid, marker=_marker(events[0]), problem=str(error))
            except OverflowError:
                yield Reading(uid=uid, problem="a date lies outside of the calendar")

    def _reading(self, uid: str, events: list[Component], clock: Clock) -> Reading:
        if not uid:
            raise BadObject("an event has no UID")
        if len(events) > MOST_EXCEPTIONS:
            raise BadObject(f"a series has more than {MOST_EXCEPTIONS} exceptions")
        masters = [event for event in events if event.first("RECURRENCE-ID") is None]
        exceptions = [event for event in events if event.first("RECURRENCE-ID") is not None]
        if len(masters) > 1:
            raise BadObject("an object holds two events of one UID")
        if not masters:
            return Reading(
                uid=uid, marker=_marker(events[0]), resource=self._parted(uid, exceptions, clock)
            )
        return Reading(
            uid=uid,
            marker=_marker(masters[0]),
            resource=self._resource(uid, masters[0], exceptions, clock),
        )

    def _resource(
        self, uid: str, master: Component, exceptions: list[Component], clock: Clock
    ) -> EventResource:
        start = start_of(master, clock)
        recurrence = recurrence_of(master, start, clock)
        resource = EventResource(uid=uid, body=self._body(master, clock), recurrence=recurrence)
        if recurrence is None:
            return resource
        for exception in exceptions:
            resource = self._with_exception(resource, exception, start, clock)
        named = set(_slots_named(master, "EXDATE", start, clock))
        excluded = resource.excluded | _true_slots(resource, named - set(resource.overrides))
        return replace(resource, excluded=excluded)

    def _with_exception(
        self, resource: EventResource, exception: Component, start: Moment, clock: Clock
    ) -> EventResource:
        line = exception.first("RECURRENCE-ID")
        if line is None:
            return resource
        slot = slot_at(clock.moment(line), start)
        if (line.parameter("RANGE") or "").upper() == "THISANDFUTURE":
            # valid still (RFC 5545 3.2.13), and no override can say it: told as a rule of its own
            return replace(resource, recurrence=unsupported([line.raw]))
        body = self._body(exception, clock)
        return (
            resource.with_exclusion(slot) if body.cancelled else resource.with_override(slot, body)
        )

    def _parted(self, uid: str, exceptions: list[Component], clock: Clock) -> EventResource:
        """Return occurrences without their series, as an invitation to some of them arrives."""
        bodies = sorted(
            (self._body(each, clock) for each in exceptions),
            key=lambda body: body.start.timestamp(),
        )
        first = EventResource(uid=uid, body=bodies[0])
        if len(bodies) == 1:
            return first
        start = Moment(at=bodies[0].start, is_date=bodies[0].all_day)
        later = {
            slot_at(Moment(at=body.start, is_date=body.all_day), start): body for body in bodies[1:]
        }
        extra = tuple(sorted(later))
        return replace(first, recurrence=Recurrence(rule="", count=1, extra=extra), overrides=later)

    def _body(self, event: Component, clock: Clock) -> EventBody:
        start = start_of(event, clock)
        invited = event.all("ATTENDEE")
        if len(invited) > MOST_ATTENDEES:
            raise BadObject(f"an event has more than {MOST_ATTENDEES} attendees")
        attendees = [(address_of(line), line) for line in invited]
        return EventBody(
            start=start.at,
            end=end_of(event, start, clock),
            all_day=start.is_date,
            floating=start.floating,
            title=self.fingerprint(event.text("SUMMARY")),
            location=self.fingerprint(event.text("LOCATION")),
            details=self._details(event),
            private=event.value("CLASS") not in {"", "PUBLIC"},
            busy=is_busy(event),
            cancelled=event.value("STATUS") == "CANCELLED",
            declined=self._declined(attendees),
            attendees=tuple(sorted(self.fingerprint(address) for address, _ in attendees)),
            out_of_office=event.value("X-MICROSOFT-CDO-BUSYSTATUS") == "OOF" and is_busy(event),
        )

    def _details(self, event: Component) -> str:
        lines = [(name, line) for name in DETAILS for line in event.all(name)]
        told = [f"{name}:{text}" for name, line in lines if (text := _typed(line))]
        return self.fingerprint("\n".join(told))

    def _declined(self, attendees: list[tuple[str, Line]]) -> bool:
        own = [line for address, line in attendees if self._is_owner(address)]
        if not self.owner and len(attendees) == 1:
            own = [attendees[0][1]]
        return any((line.parameter("PARTSTAT") or "").upper() == "DECLINED" for line in own)

    def _is_owner(self, address: str) -> bool:
        return address in self.owner or address.partition("@")[0] in self.owner


def _typed(line: Line) -> str:
    """Return a text as it is compared: one of a book's length as it is spelled."""
    return line.text if len(line.raw) <= LONGEST_LINE else line.raw


def start_of(event: Component, clock: Clock) -> Moment:
    """Return when an event starts; raises `BadObject`, `UnknownZone`."""
    line = event.first("DTSTART")
    if line is None:
        raise BadObject("an event has no start")
    return clock.moment(line)


def recurrence_of(event: Component, start: Moment, clock: Clock) -> Recurrence | None:
    """Return how a master repeats; raises `BadObject`, `UnknownZone`."""
    rules = [line.value for line in event.all("RRULE")]
    extra = set(_slots_named(event, "RDATE", start, clock))
    extra.discard(slot_at(start, start))
    exceptions = [f"EXRULE:{line.value}" for line in event.all("EXRULE")]
    if exceptions:
        return unsupported([*rules, *exceptions], tuple(sorted(extra)))
    return read_recurrence(rules, start.at, tuple(extra))


def is_busy(event: Component) -> bool:
    """Tell whether an event takes its time: TRANSP, and where that is absent Outlook's hint."""
    transparency = event.value("TRANSP")
    if transparency:
        return transparency != "TRANSPARENT"
    return event.value("X-MICROSOFT-CDO-BUSYSTATUS") != "FREE"


def address_of(line: Line) -> str:
    """Return an attendee's address, lower case without ``mailto:``."""
    return line.value.lower().removeprefix("mailto:")


def _marker(event: Component) -> str | None:
    return event.text(MARKER) or None


def _slots_named(event: Component, name: str, start: Moment, clock: Clock) -> Iterator[Slot]:
    moments = (moment for line in event.all(name) for moment in clock.moments(line))
    for number, moment in enumerate(moments, start=1):
        if number > MOST_EXCEPTIONS:
            raise BadObject(f"a series names more than {MOST_EXCEPTIONS} dates")
        yield slot_at(moment, start)


def _true_slots(resource: EventResource, named: set[Slot]) -> frozenset[Slot]:
    """Return which of ``named`` are slots: an EXDATE beside every occurrence means nothing."""
    if not named or resource.recurrence is None or not resource.recurrence.supported:
        return frozenset(named)
    whole = replace(resource, overrides={}, excluded=frozenset())
    first, last = min(named), max(named)
    near = slot_start(first, resource.zone) - timedelta(days=1)
    reached = takewhile(lambda slot: slot <= last, slots(whole, begin=near))
    return frozenset(named.intersection(islice(reached, FARTHEST)))
