"""Looking at a collection: what a listing names is read, bounded, and told as what a look saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from calwarden.domain.event import Observed
from calwarden.ical.lines import LARGEST_OBJECT
from calwarden.ical.reading import Reader
from calwarden.sdk.connector import Cursor, Delta, Known
from calwarden.sdk.errors import Rejected, Transient
from calwarden_caldav.errors import Oversized
from calwarden_caldav.habits import Habits
from calwarden_caldav.listing import LONGEST_ADDRESS, Lister
from calwarden_caldav.multistatus import CALDAV, Row, multiget
from calwarden_caldav.session import Reply, Session

BATCH = 100
"""Objects asked for in one multiget."""

BATCH_BYTES = 2_000_000
"""Bytes of objects asked for in one multiget, as far as the server tells their sizes."""

DATA = f"{CALDAV}calendar-data"
END = b"END:VCALENDAR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A calendar collection at ``path``. ``incremental``: its server has sync tokens."""

    session: Session
    path: str
    reader: Reader
    incremental: bool
    habits: Habits

    def observe(self, cursor: Cursor | None, known: Known) -> Delta:
        """Return what changed since ``cursor``; one request where nothing did."""
        lister = Lister(
            session=self.session,
            path=self.path,
            incremental=self.incremental,
            suspicious=self.habits.lists_for_bad_token,
            trusts_ctag=self.habits.trusts_ctag,
        )
        listing = lister.listing(cursor)
        revisions = known.revisions() if listing.members else {}
        wanted = [
            row
            for path, row in listing.members.items()
            if row.etag is None or revisions.get(path) != row.etag
        ]
        found = list(self._fetch(wanted))
        vanished = {row.path for row in wanted} - {each.remote_id for each in found}
        return Delta(
            changed=tuple(found),
            removed=tuple(sorted(listing.removed | vanished)),
            present=frozenset(listing.members) - vanished if listing.complete else None,
            cursor=listing.cursor,
            told=frozenset(listing.members),
        )

    def read(self, path: str) -> Observed | None:
        """Read one object; None where nothing stands."""
        try:
            reply = self.session.get(path)
        except Rejected as error:
            return self._quarantined(path, None, str(error))
        return None if reply is None else self.answered(path, reply)

    def answered(self, path: str, reply: Reply) -> Observed:
        """Return an answer to a GET as what a look saw; raises `Transient` where it is torn."""
        if not reply.whole and END not in reply.body[-100:].upper():
            raise Transient(f"{self.session.host} broke off an event; it is asked again later")
        return self.told(path, reply.etag, reply.body)

    def told(self, path: str, etag: str | None, data: bytes) -> Observed:
        """Return an object's representation as what a look saw."""
        content = self.reader.fingerprint(data.decode("utf-8", "replace"))
        readings = self.reader.read(data)
        first = readings[0] if readings else None
        several = "an object holds events of several UIDs" if len(readings) > 1 else None
        seen = Observed(
            remote_id=path,
            revision=etag or f"~{content}",
            content=content,
            uid="" if first is None else first.uid,
            marker=None if first is None or several else first.marker,
            resource=None if first is None or several else first.resource,
            problem=several or (None if first is None else first.problem),
        )
        return self.habits.marked(seen)

    def _fetch(self, wanted: Sequence[Row]) -> Iterator[Observed]:
        readable = []
        for row in wanted:
            if row.size > LARGEST_OBJECT:
                told = f"it is larger than {LARGEST_OBJECT // 1_000_000} MB"
                yield self._quarantined(row.path, row.etag, told)
            elif len(row.spelled) > LONGEST_ADDRESS:
                yield self._quarantined(row.path, row.etag, "its address is too long to be kept")
            else:
                readable.append(row)
        for batch in _batches(readable):
            yield from self._read_batch(batch)

    def _read_batch(self, batch: Sequence[Row]) -> Iterator[Observed]:
        told = self._multiget(batch) if len(batch) > 1 else {}
        if told is None:
            # one of them is too large: the others are found by halving
            middle = len(batch) // 2
            yield from self._read_batch(batch[:middle])
            yield from self._read_batch(batch[middle:])
            return
        for row in batch:
            seen = told.get(row.path) or self._single(row)
            if seen is not None:
                yield seen

    def _multiget(self, batch: Sequence[Row]) -> Mapping[str, Observed] | None:
        try:
            answer = self.session.report(self.path, multiget(row.spelled for row in batch))
        except Oversized:
            return None
        except Rejected:
            return {}
        told = {}
        for row in answer.rows:
            data = row.text(DATA)
            if data is not None:
                told[row.path] = self.told(row.path, row.etag, data.encode())
        return told

    def _single(self, row: Row) -> Observed | None:
        try:
            reply = self.session.get(row.spelled)
        except Rejected as error:
            return self._quarantined(row.path, row.etag, str(error))
        return None if reply is None else self.answered(row.path, reply)

    def _quarantined(self, path: str, etag: str | None, problem: str) -> Observed:
        """Return what stands there, as something that is not read."""
        return Observed(remote_id=path, revision=etag or "~", content="", uid="", problem=problem)


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == BATCH or size + row.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size
    if batch:
        yield batch
