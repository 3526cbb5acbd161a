"""A remote calendar to test against: the connector looks at it, and a person edits it elsewhere.

A connector package offers a `World` per kind of calendar it can reach (an emulator, a real server
on this machine); `calwarden.testing.contract` states the laws. Nothing here knows a vendor:
resources are named by the connector's own ``remote_id`` and occurrences by their slot.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from calwarden.domain.event import (
    EventBody,
    EventResource,
    EventText,
    Fingerprint,
    ManagedEvent,
    Observed,
    Recurrence,
    Subject,
    SubjectKind,
)
from calwarden.domain.identity import keyed_fingerprint, resource_uid
from calwarden.domain.wall_time import Slot, after, instant, local_text, parse_local, zone_name
from calwarden.sdk.connector import Connector, Cursor, Delta, Verb, Window, Write

ZONE = "America/New_York"
"""The provider's zone; give it to the connector as `Context.zone`."""

NOW = parse_local("2027-01-04T07:00", ZONE)
"""The moment of every test; give it to the connector as `Context.now`."""

WINDOW = Window(start=NOW - timedelta(days=45), end=NOW + timedelta(days=366))

FINGERPRINT: Fingerprint = keyed_fingerprint(b"contract suite, not a secret key")
"""Give it to the connector as `Context.fingerprint`."""

TITLE = "Session"
PLACE = "Office"


class Person(Protocol):
    """Someone at the same calendar with another program: never the connector under test.

    Every act is one that ordinary calendar programs offer and ends before the method returns. A
    time is shifted in wall time, and the length stays. What a vendor has no way to do is named in
    `World.lacks`.
    """

    def add(self, *, title: str, start: datetime, end: datetime, rule: str | None = None) -> str:
        """Make an event of their own (``rule``.

        RRULE value of a series) and return its remote id.
        """
        ...

    def move(self, remote_id: str, by: timedelta) -> None:
        """Shift an event, or a whole series with its exceptions."""
        ...

    def resize(self, remote_id: str, minutes: int) -> None:
        """Give an event, or every regular occurrence of a series, another length."""
        ...

    def retitle(self, remote_id: str, title: str) -> None:
        """Type another title."""
        ...

    def relocate(self, remote_id: str, location: str) -> None:
        """Type another location."""
        ...

    def describe(self, remote_id: str, text: str) -> None:
        """Type a description."""
        ...

    def expose(self, remote_id: str) -> None:
        """Make it public."""
        ...

    def free(self, remote_id: str) -> None:
        """Show the time as free."""
        ...

    def cancel(self, remote_id: str) -> None:
        """Mark as cancelled what stays in the calendar."""
        ...

    def invite(self, remote_id: str, address: str) -> None:
        """Add an attendee."""
        ...

    def make_all_day(self, remote_id: str) -> None:
        """Turn an event into an all-day event on the local date of its start."""
        ...

    def change_rule(self, remote_id: str, rule: str) -> None:
        """Give a series another rule (RRULE value)."""
        ...

    def delete(self, remote_id: str) -> None:
        """Delete an event or a whole series."""
        ...

    def copy(self, remote_id: str, by: timedelta) -> str:
        """Copy an event to another time, hidden properties included.

        Return the copy's remote id.
        """
        ...

    def move_occurrence(self, remote_id: str, slot: Slot, by: timedelta) -> None:
        """Shift one regular occurrence."""
        ...

    def delete_occurrence(self, remote_id: str, slot: Slot) -> None:
        """Delete one occurrence."""
        ...

    def split(self, remote_id: str, slot: Slot, by: timedelta) -> str:
        """Shift "this and following" from ``slot`` on: end the series there, start another.

        Its remote id.
        """
        ...

    def adorn(self, remote_id: str) -> None:
        """Add what people and their programs add.

        A reminder, a colour, a note, properties of their own.
        """
        ...

    def adornments(self, remote_id: str) -> Mapping[str, str]:
        """Return what is left of `adorn`: a name and the exact value for each."""
        ...


class World(Protocol):
    """One empty remote calendar of its own, with a connector and a person for it.

    ``lacks`` names acts of `Person` that the vendor does not have: laws about them are skipped.
    """

    lacks: frozenset[str]

    @property
    def person(self) -> Person:
        """Who edits the calendar elsewhere."""
        ...

    def connector(self) -> Connector:
        """Open a connector of its own on the calendar, with `ZONE`, `NOW` and `FINGERPRINT`."""
        ...

    def raw(self) -> Mapping[str, bytes]:
        """Return what stands as the server tells a third party: remote id → exact bytes."""
        ...

    def stale_cursor(self) -> Cursor:
        """Return a cursor in the connector's form that the server does not accept any more."""
        ...


class Watcher:
    """Looks again and again and keeps what it saw, as the reconciler does.

    A `Known` for the connector.
    """

    def __init__(self, connector: Connector, window: Window = WINDOW) -> None:
        self.connector = connector
        self.window = window
        self.cursor: Cursor | None = None
        self.seen: dict[str, Observed] = {}

    def look(self) -> Delta:
        """Observe once and fold the delta into ``seen``."""
        delta = self.connector.observe(self.cursor, self, self.window)
        for observed in delta.changed:
            self.seen[observed.remote_id] = observed
        for remote_id in delta.removed:
            self.seen.pop(remote_id, None)
        if delta.present is not None:
            self.seen = {key: seen for key, seen in self.seen.items() if key in delta.present}
        self.cursor = delta.cursor
        return delta

    def revisions(self) -> Mapping[str, str]:
        """Return remote id → revision of everything seen."""
        return {key: observed.revision for key, observed in self.seen.items()}

    def observed(self, remote_id: str) -> Observed | None:
        """Return a resource as last seen."""
        return self.seen.get(remote_id)


def event(  # noqa: PLR0913 - a test names only what it is about
    ref: str,
    start: str,
    *,
    minutes: int = 50,
    zone: str = ZONE,
    rule: str | None = None,
    count: int | None = None,
    title: str | None = TITLE,
    place: str | None = PLACE,
    out_of_office: bool = False,
) -> ManagedEvent:
    """Return an appointment, a series (``rule``) or an out-of-office block as it should stand."""
    begins = parse_local(start, zone)
    kind = SubjectKind.SERIES if rule else SubjectKind.APPOINTMENT
    subject = Subject(kind=SubjectKind.OUT_OF_OFFICE if out_of_office else kind, ref=ref)
    body = EventBody(
        start=begins,
        end=after(begins, timedelta(minutes=minutes)),
        title=FINGERPRINT(title or ""),
        location=FINGERPRINT(place or ""),
        out_of_office=out_of_office,
    )
    return ManagedEvent(
        subject=subject,
        generation=0,
        resource=EventResource(
            uid=resource_uid("contract", "calendar", subject, 0),
            body=body,
            recurrence=None if rule is None else Recurrence(rule=rule, count=count),
        ),
        text=EventText(title=title, location=place),
        refs={None: ref},
    )


def create(connector: Connector, wanted: ManagedEvent) -> Observed:
    """Create ``wanted``, call by call, and return what was read back last."""
    return standing(send(connector, Write(verb=Verb.CREATE, uid=wanted.uid, event=wanted)))


def update(connector: Connector, seen: Observed, wanted: ManagedEvent) -> Observed:
    """Bring what was ``seen`` to ``wanted`` and return what was read back last."""
    return standing(send(connector, updating(seen, wanted)))


def delete(connector: Connector, seen: Observed) -> None:
    """Remove what was ``seen``."""
    assert send(connector, deleting(seen)) is None


def updating(seen: Observed, wanted: ManagedEvent) -> Write:
    """Return the write that brings what was ``seen`` to ``wanted``."""
    return Write(
        verb=Verb.UPDATE,
        uid=wanted.uid,
        event=wanted,
        remote_id=seen.remote_id,
        revision=seen.revision,
        base=seen.resource,
    )


def deleting(seen: Observed) -> Write:
    """Return the write that removes what was ``seen``."""
    return Write(
        verb=Verb.DELETE,
        uid=seen.uid,
        remote_id=seen.remote_id,
        revision=seen.revision,
        base=seen.resource,
    )


def send(connector: Connector, write: Write) -> Observed | None:
    """Perform every call of a write in order and return what the last one read back."""
    observed: Observed | None = None
    for call in connector.calls(write):
        observed = connector.perform(write, call)
    return observed


def standing(observed: Observed | None) -> Observed:
    """Return ``observed``, which must be there and readable."""
    assert observed is not None, "nothing stands there"
    assert observed.resource is not None, f"not readable: {observed.problem}"
    return observed


def content(observed: Observed | None) -> EventResource:
    """Return the content of a resource, which must be there and readable."""
    resource = standing(observed).resource
    assert resource is not None
    return resource


def told(resource: EventResource | None) -> object:
    """Return the managed fields in a form in which ``==`` compares wall times and zones."""
    if resource is None:
        return None
    return (
        _told(resource.body),
        resource.recurrence,
        {slot: _told(body) for slot, body in sorted(resource.overrides.items())},
        sorted(resource.excluded),
    )


def _told(body: EventBody) -> tuple[object, ...]:
    return (
        local_text(body.start),
        zone_name(body.start),
        instant(body.end),
        body.all_day,
        body.floating,
        body.title,
        body.location,
        body.private,
        body.busy,
        body.cancelled,
        body.attendees,
        body.out_of_office,
    )
