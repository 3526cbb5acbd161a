"""Rows of one resource, folded.

A single event, or a master with its exceptions (wire rules G5, G6, G20).

A revision is the master's etag, and behind ``+`` a digest of the exceptions' etags where there are
any. A part is the handle of one exception: its id, etag and digest. Content digests are made of the
same pieces, so that an exception that comes alone can be folded onto what was seen before.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from calwarden.domain.event import EventResource, Observed
from calwarden.domain.wall_time import Slot
from calwarden.ical.comparison import alike, same_frame, within_rule
from calwarden.ical.expansion import regular
from calwarden_google.mapping import DELETED, Reader, Row, Unreadable, digest, marker

JOINT = "+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one resource as the server told them."""

    master: Row
    exceptions: Sequence[Row] = ()

    @property
    def revision(self) -> str:
        """The revision that these rows make, known without reading them."""
        return revision_of(
            str(self.master.get("etag", "")), [_handle(row) for row in self.exceptions]
        )


def master_etag(revision: str) -> str:
    """Return the etag of the master, or the single event, in a revision."""
    return revision.partition(JOINT)[0]


def revision_of(etag: str, handles: Iterable[str]) -> str:
    """Return the revision of a master's etag and the handles of its exceptions."""
    parts = sorted(handle.rpartition(" ")[0] for handle in handles)
    return f"{etag}{JOINT}{_short(parts)}" if parts else etag


def folded(rows: Rows, reader: Reader) -> Observed:
    """Return the resource that rows tell; what cannot be read comes with its problem."""
    master = rows.master
    handles = [_handle(row) for row in rows.exceptions]
    content = _content(digest(master), handles)
    key = str(master["id"])
    seen = Observed(
        remote_id=key, revision=rows.revision, content=content, uid=key, marker=marker(master)
    )
    try:
        body = reader.body(master)
        repeats = reader.repetition(master, body)
        resource = EventResource(
            uid=key, body=body, recurrence=repeats.recurrence, excluded=repeats.excluded
        )
        told = {reader.slot(row, body): row for row in rows.exceptions}
        resource = _with_exceptions(resource, told, reader)
    except Unreadable as error:
        return replace(seen, problem=str(error))
    return replace(
        seen,
        resource=within_rule(resource),
        parts={slot: _handle(row) for slot, row in told.items()},
    )


def refolded(
    known: Observed, master: Row | None, exceptions: Sequence[Row], reader: Reader
) -> Observed | None:
    """Return what was ``known``, with a changed master or changed exceptions.

    None where that is not certain.
    """
    if known.resource is None or known.resource.recurrence is None:
        return None
    try:
        return _refolded(known, known.resource, master, exceptions, reader)
    except Unreadable:
        return None


def _refolded(
    known: Observed,
    resource: EventResource,
    master: Row | None,
    exceptions: Sequence[Row],
    reader: Reader,
) -> Observed | None:
    etag, content, named = (
        master_etag(known.revision),
        known.content.partition(JOINT)[0],
        known.marker,
    )
    if master is not None:
        moved = _under(resource, known.parts, master, reader)
        if moved is None:
            return None
        resource = moved
        etag, content, named = str(master.get("etag", "")), digest(master), marker(master)
    told = {reader.slot(row, resource.body): row for row in exceptions}
    parts = {**known.parts, **{slot: _handle(row) for slot, row in told.items()}}
    return Observed(
        remote_id=known.remote_id,
        revision=revision_of(etag, parts.values()),
        content=_content(content, list(parts.values())),
        uid=known.uid,
        marker=named,
        resource=within_rule(_with_exceptions(resource, told, reader)),
        parts=parts,
    )


def _under(
    known: EventResource, parts: Mapping[Slot, str], master: Row, reader: Reader
) -> EventResource | None:
    """Put known exceptions under a changed master; None where one may now mean something else.

    What becomes of exceptions when the times of their series change is Google's own affair, and one
    that looked regular may not any more: both have to be read again.
    """
    body = reader.body(master)
    repeats = reader.repetition(master, body)
    made = EventResource(
        uid=known.uid, body=body, recurrence=repeats.recurrence, excluded=repeats.excluded
    )
    hidden = set(parts) - set(known.overrides) - known.excluded
    if parts and (hidden or not same_frame(made, known)):
        return None
    apart = known.excluded & set(parts)
    return replace(made, overrides=known.overrides, excluded=made.excluded | apart)


def _with_exceptions(
    resource: EventResource, told: Mapping[Slot, Row], reader: Reader
) -> EventResource:
    for slot, row in told.items():
        if row.get("status") == DELETED:
            resource = resource.with_exclusion(slot)
            continue
        body = reader.body(row)
        plain = regular(resource, slot)
        resource = (
            resource.with_regular(slot)
            if alike(body, plain)
            else resource.with_override(slot, body)
        )
    return resource


def _handle(row: Row) -> str:
    return f"{row['id']} {row.get('etag', '')} {digest(row)}"


def _content(master: str, handles: list[str]) -> str:
    digests = sorted(handle.rpartition(" ")[2] for handle in handles)
    return f"{master}{JOINT}{_short(digests)}" if digests else master


def _short(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
