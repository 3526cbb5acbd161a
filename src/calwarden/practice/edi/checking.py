"""Checking an 837P file against the store before it is sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import Connection

from calwarden.domain.hold import NEAR
from calwarden.domain.wall_time import local_date
from calwarden.practice.claim_cases import Surroundings, cases
from calwarden.practice.edi.comparison import against, alone, changes, repeated
from calwarden.practice.edi.finding import Change, Finding
from calwarden.practice.edi.professional import FiledClaim, claims_in
from calwarden.practice.edi.segments import Kind, read
from calwarden.practice.edi.spool import Spool
from calwarden.practice.work_items import practice_zone
from calwarden.store import claims

TOGETHER = 500
"""Claims that are looked up at once; no more of a file than that is kept."""


@dataclass(slots=True)
class Checked:
    """What a check found, and what a corrected copy would change, in the order of the file."""

    claims: int = 0
    findings: Spool[Finding] = field(default_factory=lambda: Spool(Finding.of))
    changes: Spool[Change] = field(default_factory=lambda: Spool(Change))

    @property
    def may_send(self) -> bool:
        """Whether the file may go as it is."""
        return not self.findings

    def document(self) -> dict[str, Any]:
        """Return what was found as JSON values; the findings one by one, as they are asked for."""
        return {
            "claims": self.claims,
            "may_send": self.may_send,
            "findings": (one.document() for one in self.findings),
        }


def check(
    connection: Connection, stream: BinaryIO, *, now: datetime, near: timedelta = NEAR
) -> Checked:
    """Compare every claim of a file with the store, as of ``now``; nothing is changed.

    Raises `calwarden.practice.edi.segments.Broken`.
    """
    result = Checked()
    around = Surroundings.at(connection, now, near=near)
    today = local_date(now, practice_zone(connection))
    first: dict[str, int] = {}
    for batch in _batches(claims_in(read(stream, Kind.PROFESSIONAL))):
        rows = claims.search(connection, refs={filed.ref for filed in batch})
        known = {case.row.ref: case for case in cases(connection, rows, now, around=around)}
        for filed in batch:
            result.claims += 1
            if filed.ref in first:
                result.findings.append(repeated(filed, first[filed.ref]))
            first.setdefault(filed.ref, filed.segment)
            case = known.get(filed.ref)
            if case is None:
                result.findings.extend(alone(filed, today=today))
            else:
                found = against(filed, case, now=now)
                result.findings.extend(sorted(found, key=lambda one: one.segment))
                result.changes.extend(changes(filed, case, now=now))
    return result


def _batches(filed: Iterator[FiledClaim]) -> Iterator[list[FiledClaim]]:
    while batch := list(islice(filed, TOGETHER)):
        yield batch
