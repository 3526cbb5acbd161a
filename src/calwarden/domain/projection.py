"""Projection: what should stand in a linked calendar, from what the practice has in its store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from calwarden.domain.appointment import Appointment, AppointmentType, OutOfOffice, Place, Series
from calwarden.domain.event import (
    EventBody,
    EventResource,
    EventText,
    Fingerprint,
    ManagedEvent,
    Recurrence,
    Subject,
    SubjectKind,
)
from calwarden.domain.wall_time import Slot, instant, slot_of

PUBLISHED_FROM = timedelta(hours=24)
NAMED_AHEAD = timedelta(weeks=156)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What events say; ``title`` may use ``{type}`` and ``{place}``, never who the client is."""

    title: str = "Session"
    office: str = "Office"
    telehealth: str = "Telehealth"
    out_of_office: str = "Out of office"


@dataclass(frozen=True, slots=True, kw_only=True)
class Projector:
    """Turns appointments, series and blocks of one provider into resources for one calendar.

    ``uid`` gives the deterministic id of a subject's generation, ``generation`` the current one,
    ``published`` what already has an event there, and ``expresses`` whether the calendar can hold a
    rule exactly.
    """

    uid: Callable[[Subject, int], str]
    generation: Callable[[Subject], int]
    published: Callable[[Subject], bool]
    expresses: Callable[[Recurrence], bool]
    fingerprint: Fingerprint
    wording: Wording
    now: datetime

    def project(
        self,
        appointments: Sequence[Appointment],
        series: Iterable[Series],
        blocks: Iterable[OutOfOffice],
    ) -> tuple[ManagedEvent, ...]:
        """Return every resource that should stand, in order of its subject."""
        of_series: dict[str, list[Appointment]] = {}
        events: list[ManagedEvent] = []
        for one in appointments:
            if one.series is None:
                events.extend(self._single(one))
            else:
                of_series.setdefault(one.series, []).append(one)
        for each in series:
            events.extend(self._series(each, of_series.get(each.ref, [])))
        events.extend(event for block in blocks for event in self._block(block))
        return tuple(sorted(events, key=lambda event: event.subject))

    def _due(self, subject: Subject, end: datetime) -> bool:
        return self.published(subject) or instant(end) > instant(self.now) - PUBLISHED_FROM

    def _single(self, one: Appointment) -> Iterator[ManagedEvent]:
        subject = Subject(kind=SubjectKind.APPOINTMENT, ref=one.ref)
        if not one.status.stands or not self._due(subject, one.end):
            return
        yield self._event(
            subject,
            self._body(one.start, one.end, one.type, one.place),
            self._text(one.type, one.place),
            refs={None: one.ref},
            dos_zones={one.ref: one.dos_zone or one.zone},
        )

    def _series(
        self, series: Series, appointments: Sequence[Appointment]
    ) -> Iterator[ManagedEvent]:
        ordered = sorted(
            (one for one in appointments if one.slot is not None), key=lambda one: one.slot or ""
        )
        standing = [one for one in ordered if one.status.stands]
        if not standing and not series.cadence.endless:
            return
        recurrence = Recurrence(
            rule=series.cadence.rule(series.start), count=series.cadence.meetings(series.start)
        )
        if not self.expresses(recurrence):
            for one in standing:
                yield from self._single(one)
            return
        subject = Subject(kind=SubjectKind.SERIES, ref=series.ref)
        last = max((one.end for one in standing), key=instant, default=None)
        if not series.cadence.endless and last is not None and not self._due(subject, last):
            return
        yield self._recurring(subject, series, recurrence, ordered)

    def _recurring(
        self,
        subject: Subject,
        series: Series,
        recurrence: Recurrence,
        appointments: Sequence[Appointment],
    ) -> ManagedEvent:
        end = instant(series.start) + timedelta(minutes=series.minutes)
        master = self._body(
            series.start, end.astimezone(series.start.tzinfo), series.type, series.place
        )
        by_slot = {one.slot: one for one in appointments if one.slot is not None}
        newest = max(by_slot, default=None)
        overrides: dict[Slot, EventBody] = {}
        excluded: set[Slot] = set()
        refs: dict[Slot | None, str] = {}
        root = appointments[0].ref.rpartition("#")[0] if appointments else series.ref
        for number, moment in enumerate(self._named(series), start=series.first_number):
            slot = slot_of(moment)
            one = by_slot.get(slot)
            if one is None and newest is not None and slot <= newest:
                excluded.add(slot)
                continue
            refs[slot] = one.ref if one is not None else f"{root}#{number}"
            if one is None:
                continue
            if not one.status.stands:
                excluded.add(slot)
            else:
                body = self._body(one.start, one.end, one.type, one.place)
                regular = self._regular(master, moment, series.minutes)
                if body != regular:
                    overrides[slot] = body
        event = self._event(
            subject,
            master,
            self._text(series.type, series.place),
            refs=refs,
            dos_zones={one.ref: one.dos_zone or one.zone for one in appointments},
        )
        resource = replace(
            event.resource,
            recurrence=recurrence,
            overrides=overrides,
            excluded=frozenset(excluded),
        )
        return replace(event, resource=resource)

    def _named(self, series: Series) -> Iterator[datetime]:
        limit = instant(self.now) + NAMED_AHEAD
        for moment in series.cadence.starts(series.start):
            if series.cadence.endless and instant(moment) > limit:
                return
            yield moment

    @staticmethod
    def _regular(master: EventBody, moment: datetime, minutes: int) -> EventBody:
        end = (instant(moment) + timedelta(minutes=minutes)).astimezone(moment.tzinfo)
        return EventBody(
            start=moment,
            end=end,
            title=master.title,
            location=master.location,
            private=master.private,
            busy=master.busy,
        )

    def _block(self, block: OutOfOffice) -> Iterator[ManagedEvent]:
        subject = Subject(kind=SubjectKind.OUT_OF_OFFICE, ref=block.ref)
        if not self._due(subject, block.end):
            return
        text = EventText(title=self.wording.out_of_office, location="")
        body = EventBody(
            start=block.start,
            end=block.end,
            title=self.fingerprint(self.wording.out_of_office),
            out_of_office=True,
        )
        yield self._event(subject, body, text, refs={}, dos_zones={})

    def _text(self, kind: AppointmentType, place: Place) -> EventText:
        where = self.wording.telehealth if place is Place.TELEHEALTH else self.wording.office
        title = self.wording.title.replace("{type}", kind.replace("_", " ")).replace(
            "{place}", where
        )
        return EventText(title=title, location=where)

    def _body(
        self, start: datetime, end: datetime, kind: AppointmentType, place: Place
    ) -> EventBody:
        text = self._text(kind, place)
        return EventBody(
            start=start,
            end=end,
            title=self.fingerprint(text.title or ""),
            location=self.fingerprint(text.location or ""),
        )

    def _event(
        self,
        subject: Subject,
        body: EventBody,
        text: EventText,
        *,
        refs: Mapping[Slot | None, str],
        dos_zones: Mapping[str, str],
    ) -> ManagedEvent:
        generation = self.generation(subject)
        return ManagedEvent(
            subject=subject,
            generation=generation,
            resource=EventResource(uid=self.uid(subject, generation), body=body),
            text=text,
            refs=refs,
            dos_zones=dos_zones,
        )
