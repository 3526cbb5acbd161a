"""What one decision looks at: a calendar's managed resources, three ways, and the strangers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calwarden.domain.difference import differences, elements, occurrence
from calwarden.domain.drift import Aspect, KnownDrift
from calwarden.domain.event import EventBody, EventResource, ManagedEvent, Observed, Subject
from calwarden.domain.policy import Policy
from calwarden.domain.wall_time import Slot, instant

WATCHED_BACK = timedelta(days=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span of busy time."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceState:
    """One managed resource three ways: ``event`` desired, ``applied`` and ``observed``.

    ``written`` is the projection that was written last, ``applied`` what was read back then.
    ``pending`` holds what unsettled calls would leave behind (None: nothing). ``changed`` says that
    this look brought news of it. ``elsewhere`` says that another linked calendar of the provider
    shows it. ``successor`` is the event under its next generation, where the calendar does not
    take the id of a deleted event again.
    """

    uid: str
    subject: Subject
    event: ManagedEvent | None = None
    written: EventResource | None = None
    applied: EventResource | None = None
    remote_id: str | None = None
    observed: Observed | None = None
    pending: tuple[EventResource | None, ...] = ()
    changed: bool = False
    elsewhere: bool = False
    retry_at: datetime | None = None
    successor: ManagedEvent | None = None

    @property
    def seen(self) -> EventResource | None:
        """The observed content, if it stands there and could be read."""
        return None if self.observed is None else self.observed.resource

    @property
    def unreadable(self) -> bool:
        """Whether something stands there that could not be read."""
        return self.observed is not None and self.observed.resource is None

    def base(self) -> EventResource | None:
        """Return what our last write left.

        That is an unsettled call's result where the look agrees best with it.
        """
        if not self.pending:
            return self.applied
        seen = self.seen
        candidates = [self.applied, *self.pending]
        if seen is None:
            return None if self.pending and None in self.pending else self.applied
        there = [one for one in candidates if one is not None]
        if not there:
            return None
        return min(reversed(there), key=lambda one: len(elements(differences(one, seen))))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """Everything that one decision about one calendar depends on.

    ``strangers`` are observed resources that are not at a managed place; ``spans`` holds the busy
    times of those that may overlap, by remote id. ``retired`` maps uids of earlier generations to
    their subjects, ``marks_elsewhere`` those that stand in the provider's other linked calendars.
    ``reverts`` counts reverts of the last 24 hours by subject ref, slot and aspect.
    """

    provider: str
    now: datetime
    states: tuple[ResourceState, ...]
    policy: Policy
    grace: timedelta = timedelta(0)
    strangers: tuple[Observed, ...] = ()
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    retired: Mapping[str, Subject] = field(default_factory=dict)
    marks_elsewhere: Mapping[str, Subject] = field(default_factory=dict)
    known: tuple[KnownDrift, ...] = ()
    reverts: Mapping[tuple[str, Slot | None, Aspect], int] = field(default_factory=dict)
    silent_attendee_removal: bool = True
    restores_occurrences: bool = True


def bodies(event: ManagedEvent) -> list[tuple[Slot | None, str, EventBody]]:
    """Return (slot, appointment ref, body) of every occurrence that stands, in order of start."""
    found: list[tuple[Slot | None, str, EventBody]] = []
    for slot, ref in event.refs.items():
        body = event.resource.body if slot is None else occurrence(event.resource, slot)
        if body is not None:
            found.append((slot, ref, body))
    return sorted(found, key=lambda item: instant(item[2].start))


class Finished:
    """Tells of resources whether everything of them ended at least ``for_`` before ``now``."""

    def __init__(self, now: datetime, *, for_: timedelta = timedelta(0)) -> None:
        self._latest = instant(now) - for_
        # no zone is two days away: most of what lies ahead is told by its date alone
        self._ahead = (self._latest + timedelta(days=2)).date()

    def __call__(self, state: ResourceState) -> bool:
        """Tell it of one resource."""
        if state.event is not None:
            resource = state.event.resource
            if resource.recurrence is not None:
                return all(map(self._over, _ends(state.event)))
        elif state.applied is None or state.applied.recurrence is not None:
            return False
        else:
            resource = state.applied
        return self._over(resource.body.end)

    def _over(self, end: datetime) -> bool:
        return end.date() <= self._ahead and instant(end) <= self._latest


def _ends(event: ManagedEvent) -> Iterator[datetime]:
    """Yield the ends of what stands, the last slot first: it tells most of what is not over."""
    none = True
    for slot in reversed(list(event.refs)):
        body = event.resource.body if slot is None else occurrence(event.resource, slot)
        if body is not None:
            none = False
            yield body.end
    if none:
        yield event.resource.body.end
