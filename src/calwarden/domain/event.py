"""What stands, or should stand, in a linked calendar: one resource per appointment, series, block.

Texts that people type outside may be sensitive, so a body never holds one: ``title``, ``location``,
``details`` and ``attendees`` are fingerprints (keyed HMACs made at the connector's border). The
same fingerprint of our own text says that the text is ours. An empty text has the empty
fingerprint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from calwarden.domain.wall_time import BadLocalTime, Slot, instant, zone_name

Fingerprint = Callable[[str], str]
"""Keyed one-way digest of a text; the empty text maps to the empty string."""


class SubjectKind(StrEnum):
    """What in the appointment store a resource stands for."""

    APPOINTMENT = "appointment"
    SERIES = "series"
    OUT_OF_OFFICE = "out_of_office"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """The appointment, series or out-of-office block behind a resource."""

    kind: SubjectKind
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBody:
    """Managed fields of one event or occurrence, normalised.

    ``start`` and ``end`` are aware; wall time and zone as written. All-day events run from local
    midnight to local midnight (end exclusive). Floating times stand in the reader's zone and are
    flagged.
    """

    start: datetime
    end: datetime
    all_day: bool = False
    floating: bool = False
    title: str = ""
    location: str = ""
    details: str = ""
    private: bool = True
    busy: bool = True
    cancelled: bool = False
    declined: bool = False
    attendees: tuple[str, ...] = ()
    out_of_office: bool = False

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise BadLocalTime("an event's start and end need a zone")

    @property
    def length(self) -> timedelta:
        """Elapsed time between start and end."""
        return instant(self.end) - instant(self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A recurrence rule in canonical spelling.

    ``rule`` has FREQ, INTERVAL when not 1 and the BY parts that the start does not imply, in a
    fixed order; COUNT and UNTIL are taken out into ``count`` (occurrences in all, exclusions
    included; None: endless). ``extra`` holds RDATE starts. A rule that cannot be read or bounded
    has ``supported`` False and a digest in ``rule``.
    """

    rule: str
    count: int | None = None
    extra: tuple[Slot, ...] = ()
    supported: bool = True


def _no_overrides() -> Mapping[Slot, EventBody]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResource:
    """One resource: a single event, or a series as start, length and rule plus a slot map.

    ``overrides`` and ``excluded`` are keyed by slot in the zone of ``body.start``. A slot in
    neither is regular: it follows the master.
    """

    uid: str
    body: EventBody
    recurrence: Recurrence | None = None
    overrides: Mapping[Slot, EventBody] = field(default_factory=_no_overrides)
    excluded: frozenset[Slot] = frozenset()

    @property
    def zone(self) -> str:
        """IANA name of the zone in which the slots are told."""
        return zone_name(self.body.start)

    def with_override(self, slot: Slot, body: EventBody) -> "EventResource":
        """Return the resource with ``slot`` overridden."""
        return replace(
            self, overrides={**self.overrides, slot: body}, excluded=self.excluded - {slot}
        )

    def with_exclusion(self, slot: Slot) -> "EventResource":
        """Return the resource without an occurrence at ``slot``."""
        kept = {key: body for key, body in self.overrides.items() if key != slot}
        return replace(self, overrides=kept, excluded=self.excluded | {slot})

    def with_regular(self, slot: Slot) -> "EventResource":
        """Return the resource with ``slot`` following the master."""
        kept = {key: body for key, body in self.overrides.items() if key != slot}
        return replace(self, overrides=kept, excluded=self.excluded - {slot})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventText:
    """Plain texts that we write, never a client's identity. None: leave what stands there."""

    title: str | None
    location: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedEvent:
    """A resource as it should stand: content, plain texts to write, and what it stands for.

    ``refs`` maps a slot to the appointment ref of that occurrence; a single event has its ref
    under None. ``dos_zones`` maps an appointment ref to the zone that decides its date of service.
    """

    subject: Subject
    generation: int
    resource: EventResource
    text: EventText
    refs: Mapping[Slot | None, str] = field(default_factory=dict)
    dos_zones: Mapping[str, str] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """Deterministic id of the resource in its calendar."""
        return self.resource.uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A resource as a look saw it.

    ``remote_id`` is the server's handle (href, event id), ``revision`` its etag or change key,
    ``content`` a digest of the raw representation. ``marker`` is the uid that our own property on
    the resource names, if it carries one: a copy keeps the marker of its original (wire rule A4).
    ``parts`` holds, where a resource is several remote items, the connector's own handle of each
    exception. ``resource`` is None where the content cannot be read; ``problem`` then says why,
    without quoting it.
    """

    remote_id: str
    revision: str
    content: str
    uid: str
    marker: str | None = None
    resource: EventResource | None = None
    problem: str | None = None
    parts: Mapping[Slot, str] = field(default_factory=dict)
