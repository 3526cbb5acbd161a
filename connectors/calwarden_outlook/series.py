"""Rows of one resource, folded.

A single event; or a master with its exceptions and with the single events that stand in for
occurrences of it which Exchange cannot hold: a deleted one never comes back in place, and a moved
one may not cross its neighbour (wire rule M20). A stand-in counts where its slot is deleted in the
series itself.

A revision is the master's etag; behind a space and ``+`` follows a digest of the exceptions' etags
and deleted dates, with ``!`` in place of ``+`` where there are stand-ins.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from calwarden.domain.document import digest, resource_document
from calwarden.domain.event import EventBody, EventResource, Observed
from calwarden.domain.wall_time import Slot
from calwarden.ical.comparison import alike, within_rule
from calwarden.ical.expansion import regular
from calwarden_outlook.mapping import Reader, Row, Unreadable, marker, origin

STAND_INS = "!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one resource as the server told them."""

    master: Row
    stand_ins: Sequence[Row] = ()

    @property
    def id(self) -> str:
        """The remote id of the resource."""
        return str(self.master["id"])

    @property
    def etag(self) -> str:
        """The etag of the master, or of the single event."""
        return etag_of(self.master)

    @property
    def exceptions(self) -> Sequence[Row]:
        """The changed occurrences that the series itself holds."""
        return self.master.get("exceptionOccurrences") or ()

    @property
    def revision(self) -> str:
        """The revision that these rows make, known without reading them."""
        exceptions = sorted(handle_of(row) for row in self.exceptions)
        deleted = sorted(map(str, self.master.get("cancelledOccurrences") or ()))
        stand_ins = sorted(handle_of(row) for row in self.stand_ins)
        if not (exceptions or deleted or stand_ins):
            return self.etag
        joint = STAND_INS if stand_ins else "+"
        return f"{self.etag} {joint}{_short([*exceptions, *deleted, *stand_ins])}"


def etag_of(row: Row) -> str:
    """Return the etag of a row."""
    return str(row.get("@odata.etag") or "")


def master_etag(revision: str) -> str:
    """Return the etag of the master, or the single event, in a revision."""
    return revision.partition(" ")[0]


def has_stand_ins(revision: str) -> bool:
    """Tell whether a revision is of a series with stand-ins."""
    return revision.partition(" ")[2].startswith(STAND_INS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a series itself holds: its regular course, its exceptions, its deleted slots."""

    body: EventBody
    exceptions: Mapping[Slot, Row]
    deleted: frozenset[Slot]
    stand_ins: Mapping[Slot, Row]
    surplus: Sequence[Row]


def frame(rows: Rows, reader: Reader, like: ZoneInfo | None = None) -> Frame:
    """Return what rows say slot by slot; raises `Unreadable`.

    ``surplus`` are stand-ins of slots that stand in the series all the same, or twice.
    """
    body = reader.body(rows.master, like)
    deleted = reader.cancelled(rows.master, body)
    stand_ins: dict[Slot, Row] = {}
    surplus: list[Row] = []
    for row in sorted(rows.stand_ins, key=lambda row: str(row.get("createdDateTime"))):
        made = origin(row)
        if made is None or made.slot is None or made.slot in stand_ins or made.slot not in deleted:
            surplus.append(row)
        else:
            stand_ins[made.slot] = row
    return Frame(
        body=body,
        exceptions={reader.slot(row, body): row for row in rows.exceptions},
        deleted=deleted,
        stand_ins=stand_ins,
        surplus=surplus,
    )


def folded(
    rows: Rows, reader: Reader, like: Observed | None = None, named: str | None = None
) -> Observed:
    """Return the resource that rows tell; what cannot be read comes with its problem.

    ``like`` is how it was seen before, ``named`` a marker that is known though no row tells it.
    """
    made = origin(rows.master)
    own = made is not None and made.slot is None
    uid = made.uid if made is not None and own else rows.id
    seen = Observed(
        remote_id=rows.id,
        revision=rows.revision,
        content=_short([repr(sorted(rows.master.items(), key=str))]),
        uid=uid,
        marker=(made.uid if made is not None and own else None) or marker(rows.master) or named,
    )
    zone = None if like is None or like.resource is None else like.resource.body.start.tzinfo
    known = zone if isinstance(zone, ZoneInfo) else None
    try:
        found = frame(rows, reader, known)
        resource = EventResource(
            uid=uid,
            body=found.body,
            recurrence=reader.recurrence(rows.master, found.body),
            excluded=found.deleted,
        )
        if resource.recurrence is None:
            resource = replace(resource, excluded=frozenset())
        told = {**found.exceptions, **found.stand_ins}
        for slot, row in told.items():
            resource = _with(resource, slot, reader.body(row, found.body.start.tzinfo))  # type: ignore[arg-type] # a reader's zones are ZoneInfo
    except Unreadable as error:
        return replace(seen, problem=str(error))
    resource = within_rule(resource)
    return replace(
        seen,
        content=digest(resource_document(resource))[:32],
        resource=resource,
        parts={slot: handle_of(row) for slot, row in told.items()},
    )


def _with(resource: EventResource, slot: Slot, body: EventBody) -> EventResource:
    if alike(body, regular(resource, slot)):
        return resource.with_regular(slot)
    return resource.with_override(slot, body)


def handle_of(row: Row) -> str:
    """Return the handle of an exception or stand-in: its id and etag."""
    return f"{row['id']} {etag_of(row)}"


def _short(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
