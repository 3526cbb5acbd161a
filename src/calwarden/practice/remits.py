"""Remittances: what payers answered becomes the status of the claims, once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import Connection

from calwarden.domain.claim import ClaimStatus, date_of_service
from calwarden.domain.hold import NEAR
from calwarden.practice import work_items
from calwarden.practice.edi.remittance import Answer, Outcome, answers_in
from calwarden.practice.edi.segments import Kind, read
from calwarden.store import appointments, audit, claims, remittances
from calwarden.store.claims import ClaimRow

TOGETHER = 500


def take_in(
    tx: Connection, stream: BinaryIO, *, now: datetime, actor: str, near: timedelta = NEAR
) -> dict[str, Any]:
    """Take in an 835 file and say how many claims it answered: ``{"applied", "unknown"}``.

    Nothing is changed unless the whole file is sound, and an answer that was taken in before
    changes nothing again. ``left`` names the claims whose status it could not change, and why.
    Raises `calwarden.practice.edi.segments.Broken`.
    """
    by_claim: dict[str, list[Answer]] = {}
    for answer in answers_in(read(stream, Kind.REMITTANCE)):
        by_claim.setdefault(answer.claim, []).append(answer)
    applied, unknown, left = 0, [], []
    for batch in _batches(by_claim):
        known = {row.ref: row for row in claims.search(tx, refs=batch)}
        before = remittances.taken_in(tx, batch)
        touched = []
        for ref, answers in batch.items():
            if ref not in known:
                unknown.append(ref)
                continue
            fresh = [one for one in answers if _identity(one) not in before]
            for identity in dict.fromkeys(_identity(one) for one in fresh):
                remittances.insert_one(tx, identity, now=now)
            if not fresh:
                continue
            problem = _apply(tx, known[ref], fresh, now=now, actor=actor)
            touched.append(ref)
            if problem is None:
                applied += 1
            else:
                left.append({"claim": ref, "message": problem})
        work_items.follow(tx, touched, now=now, actor=actor, near=near)
    return {"applied": applied, "unknown": sorted(unknown), "left": left}


def _batches(by_claim: Mapping[str, list[Answer]]) -> Iterator[dict[str, list[Answer]]]:
    items = iter(by_claim.items())
    while batch := dict(islice(items, TOGETHER)):
        yield batch


def _identity(one: Answer) -> remittances.Answered:
    return one.claim, one.trace, one.status_code, one.control_number


def _apply(
    tx: Connection, row: ClaimRow, answers: Sequence[Answer], *, now: datetime, actor: str
) -> str | None:
    """Store what the last answer says; return why not where it does not change the claim.

    A reversal is followed by the corrected answer; alone it leaves the claim without payment.
    """
    decided = [one for one in answers if one.outcome in {Outcome.PROCESSED, Outcome.DENIED}]
    if not decided:
        return _reverse(tx, row, answers[-1], now=now, actor=actor)
    last = decided[-1]
    if row.status is ClaimStatus.VOID:
        return f"claim {row.ref} is void; the answer was noted and its status left"
    status = ClaimStatus.PAID if last.outcome is Outcome.PROCESSED else ClaimStatus.DENIED
    filed = row.filed_date_of_service or row.processed_date_of_service
    if filed is None:  # nobody said that it was submitted, and yet the payer has it
        one = appointments.get(tx, row.appointment)
        filed = date_of_service(one.start, row.dos_timezone)
    changed = replace(
        row,
        status=status,
        filed_date_of_service=filed,
        processed_date_of_service=None,
        control_number=last.control_number or row.control_number,
    )
    _save(tx, row, changed, last, now=now, actor=actor)
    return None


def _reverse(
    tx: Connection, row: ClaimRow, answer: Answer, *, now: datetime, actor: str
) -> str | None:
    if answer.outcome is Outcome.NOTHING:
        return (
            f"the payer's status {answer.status_code} decides nothing about claim {row.ref}; "
            "the answer was noted"
        )
    if row.status is ClaimStatus.PAID:
        _save(tx, row, replace(row, status=ClaimStatus.DENIED), answer, now=now, actor=actor)
    return None


def _save(
    tx: Connection, row: ClaimRow, changed: ClaimRow, answer: Answer, *, now: datetime, actor: str
) -> None:
    if changed == row:
        return
    claims.save(tx, replace(changed, updated_at=now))
    detail = {
        "before": row.status.value,
        "after": changed.status.value,
        "status_code": answer.status_code,
        "control_number": changed.control_number,
        "trace": answer.trace,
    }
    subject = f"claim:{row.ref}"
    audit.append(tx, at=now, actor=actor, action="claim.remitted", subject=subject, detail=detail)
