"""Someone at a calendar in memory: every act of `calwarden.testing.world.Person`, done at once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

from calwarden.domain.event import EventBody, EventResource, Recurrence
from calwarden.domain.wall_time import Slot, after, slot_of, slot_start
from calwarden.ical.expansion import regular, slots
from calwarden.ical.recurrence import read_recurrence
from calwarden.sdk.connector import Cursor
from calwarden.testing.memory import Item, MemoryCalendar, MemoryConnector, Text
from calwarden.testing.world import FINGERPRINT

ADORNMENTS = {"reminder": "15 minutes before", "colour": "tomato", "mood": "bring the blue folder"}


class MemoryPerson:
    """Edits a `MemoryCalendar` as a person with another program would."""

    def __init__(self, calendar: MemoryCalendar) -> None:
        self._calendar = calendar
        self._made = 0

    def add(self, *, title: str, start: datetime, end: datetime, rule: str | None = None) -> str:
        """Make an event of their own."""
        resource = EventResource(
            uid=self._uid(),
            body=EventBody(start=start, end=end, private=False),
            recurrence=None if rule is None else read_recurrence([rule], start),
        )
        return self._keep(resource, {None: Text(title=title)})

    def move(self, remote_id: str, by: timedelta) -> None:
        """Shift an event, or a whole series with its exceptions."""

        def shift(resource: EventResource) -> EventResource:
            def moved(slot: Slot) -> Slot:
                return slot_of(slot_start(slot, resource.zone) + by)

            return replace(
                resource,
                body=_shifted(resource.body, by),
                overrides={
                    moved(slot): _shifted(body, by) for slot, body in resource.overrides.items()
                },
                excluded=frozenset(moved(slot) for slot in resource.excluded),
            )

        self._edit(remote_id, shift)

    def resize(self, remote_id: str, minutes: int) -> None:
        """Give an event, or every regular occurrence of a series, another length."""
        self._edit_body(
            remote_id, lambda body: replace(body, end=after(body.start, timedelta(minutes=minutes)))
        )

    def retitle(self, remote_id: str, title: str) -> None:
        """Type another title."""
        self._edit_text(remote_id, lambda text: replace(text, title=title))

    def relocate(self, remote_id: str, location: str) -> None:
        """Type another location."""
        self._edit_text(remote_id, lambda text: replace(text, location=location))

    def describe(self, remote_id: str, text: str) -> None:
        """Type a description."""
        self._edit_text(remote_id, lambda kept: replace(kept, description=text))

    def expose(self, remote_id: str) -> None:
        """Make it public."""
        self._edit_body(remote_id, lambda body: replace(body, private=False))

    def free(self, remote_id: str) -> None:
        """Show the time as free."""
        self._edit_body(remote_id, lambda body: replace(body, busy=False))

    def cancel(self, remote_id: str) -> None:
        """Mark as cancelled what stays in the calendar."""
        self._edit_body(remote_id, lambda body: replace(body, cancelled=True))

    def decline(self, remote_id: str) -> None:
        """Decline the invitation."""
        self._edit_body(remote_id, lambda body: replace(body, declined=True))

    def invite(self, remote_id: str, address: str) -> None:
        """Add an attendee."""
        self._edit_text(remote_id, lambda text: replace(text, attendees=(*text.attendees, address)))

    def make_all_day(self, remote_id: str) -> None:
        """Turn an event into an all-day event on the local date of its start."""

        def spread(body: EventBody) -> EventBody:
            midnight = body.start.replace(hour=0, minute=0, second=0)
            return replace(body, start=midnight, end=midnight + timedelta(days=1), all_day=True)

        self._edit_body(remote_id, spread)

    def change_rule(self, remote_id: str, rule: str) -> None:
        """Give a series another rule (RRULE value)."""
        self._edit(
            remote_id,
            lambda resource: replace(
                resource, recurrence=read_recurrence([rule], resource.body.start)
            ),
        )

    def delete(self, remote_id: str) -> None:
        """Delete an event or a whole series."""
        self._calendar.remove(remote_id)

    def copy(self, remote_id: str, by: timedelta) -> str:
        """Copy an event to another time, hidden properties included."""
        item = self._calendar.items[remote_id]
        resource = replace(item.resource, uid=self._uid(), body=_shifted(item.resource.body, by))
        return self._keep(resource, item.texts, like=item)

    def move_occurrence(self, remote_id: str, slot: Slot, by: timedelta) -> None:
        """Shift one regular occurrence."""
        self._edit(
            remote_id,
            lambda resource: resource.with_override(slot, _shifted(regular(resource, slot), by)),
        )

    def delete_occurrence(self, remote_id: str, slot: Slot) -> None:
        """Delete one occurrence."""
        self._edit(remote_id, lambda resource: resource.with_exclusion(slot))

    def split(self, remote_id: str, slot: Slot, by: timedelta) -> str:
        """Shift "this and following": end the series before ``slot`` and start another."""
        item = self._calendar.items[remote_id]
        whole = replace(item.resource, overrides={}, excluded=frozenset())
        recurrence = whole.recurrence
        if recurrence is None:
            raise ValueError("a single event cannot be split")
        ahead = sum(1 for _ in takewhile(lambda each: each < slot, slots(whole)))
        rest = None if recurrence.count is None else recurrence.count - ahead
        following = replace(
            whole,
            uid=self._uid(),
            body=_shifted(regular(whole, slot), by),
            recurrence=Recurrence(rule=recurrence.rule, count=rest),
        )
        self._edit(
            remote_id,
            lambda resource: replace(
                resource,
                recurrence=Recurrence(rule=recurrence.rule, count=ahead),
                overrides={key: body for key, body in resource.overrides.items() if key < slot},
                excluded=frozenset(key for key in resource.excluded if key < slot),
            ),
        )
        return self._keep(following, {None: item.text(None)}, like=item)

    def adorn(self, remote_id: str) -> None:
        """Add what people and their programs add."""
        item = self._calendar.items[remote_id]
        self._calendar.put(replace(item, extras={**item.extras, **ADORNMENTS}))

    def adornments(self, remote_id: str) -> Mapping[str, str]:
        """Return what is left of `adorn`."""
        return self._calendar.items[remote_id].extras

    def _uid(self) -> str:
        self._made += 1
        return f"person-{self._made}@memory"

    def _keep(
        self,
        resource: EventResource,
        texts: Mapping[Slot | None, Text],
        like: Item | None = None,
    ) -> str:
        item = Item(
            remote_id=f"item/{resource.uid}",
            resource=resource,
            texts=texts,
            marker=like.marker if like else None,
            extras=like.extras if like else {},
        )
        return self._calendar.put(item).remote_id

    def _edit(self, remote_id: str, change: Callable[[EventResource], EventResource]) -> None:
        item = self._calendar.items[remote_id]
        self._calendar.put(replace(item, resource=change(item.resource)))

    def _edit_body(self, remote_id: str, change: Callable[[EventBody], EventBody]) -> None:
        self._edit(remote_id, lambda resource: replace(resource, body=change(resource.body)))

    def _edit_text(self, remote_id: str, change: Callable[[Text], Text]) -> None:
        item = self._calendar.items[remote_id]
        texts = {**item.texts, None: change(item.text(None))}
        self._calendar.put(replace(item, texts=texts))


class MemoryWorld:
    """A calendar in memory as a `calwarden.testing.world.World`."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, calendar: MemoryCalendar | None = None) -> None:
        self.calendar = calendar or MemoryCalendar()
        self.person = MemoryPerson(self.calendar)

    def connector(self) -> MemoryConnector:
        """Open a connector of its own on the calendar."""
        return MemoryConnector(self.calendar, FINGERPRINT)

    def raw(self) -> Mapping[str, bytes]:
        """Return what stands, remote id → exact representation."""
        return {key: repr(item).encode() for key, item in self.calendar.items.items()}

    def stale_cursor(self) -> Cursor:
        """Return a cursor that the calendar does not accept any more."""
        cursor = self.calendar.cursor()
        self.calendar.forget()
        return cursor


def _shifted(body: EventBody, by: timedelta) -> EventBody:
    start = body.start + by
    if body.all_day:
        return replace(body, start=start, end=body.end + by)
    return replace(body, start=start, end=after(start, body.length))
