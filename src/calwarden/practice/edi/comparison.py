"""One claim of a file beside what the practice knows of it."""

from collections.abc import Iterator
from datetime import date, datetime

from calwarden.domain import procedure
from calwarden.domain.claim import ClaimStatus, Clearance, Frequency
from calwarden.domain.work import told
from calwarden.practice.claim_cases import Case
from calwarden.practice.edi.finding import Change, Finding, FindingKind
from calwarden.practice.edi.professional import FiledClaim, ServiceDate

AGAIN = {Frequency.REPLACEMENT.value, Frequency.VOID.value}


def alone(filed: FiledClaim, *, today: date) -> Iterator[Finding]:
    """Yield what is wrong with a claim that the practice does not know."""
    yield Finding(
        kind=FindingKind.UNKNOWN_CLAIM,
        claim=filed.ref,
        segment=filed.segment,
        found=filed.ref,
        message=f"The practice has no claim {filed.ref}: take it out of the file, or import it.",
    )
    if filed.frequency in AGAIN and filed.reference is None:
        yield _missing(filed, None)
    yield from _future(filed, today, None)


def against(filed: FiledClaim, case: Case, *, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with a claim, as the practice knows it at a moment."""
    cleared = case.clearance(now)
    yield from _standing(filed, case, cleared)
    yield from _frequency(filed, case, cleared)
    yield from _reference(filed, case, cleared)
    yield from _dates(filed, case, cleared)
    expected = cleared.date_of_service
    if filed.frequency != Frequency.VOID:
        yield from _future(filed, case.today(now), expected)
    yield from _codes(filed, case)


def changes(filed: FiledClaim, case: Case, *, now: datetime) -> Iterator[Change]:
    """Yield the dates that a corrected copy has anew: none of a claim held, ended or on file."""
    state = case.state
    if state.status.on_file or not state.holdable or not state.took_place or case.holds:
        return
    day = case.clearance(now).date_of_service
    for line in filed.lines:
        for dated in line.dates:
            after = dated.rewritten(day)
            if after is not None and not _right(dated, day) and dated.plain:
                yield Change(claim=filed.ref, segment=dated.segment, before=dated.text, after=after)


def repeated(filed: FiledClaim, first: int) -> Finding:
    """Return the finding of a claim that the file has had already, in segment ``first``."""
    return Finding(
        kind=FindingKind.DUPLICATE,
        claim=filed.ref,
        segment=filed.segment,
        found=filed.ref,
        message=f"Claim {filed.ref} stands in this file twice, first in segment {first}: "
        "send it once.",
    )


def _standing(filed: FiledClaim, case: Case, cleared: Clearance) -> Iterator[Finding]:
    ref, state = filed.ref, case.state
    voids = cleared.frequency_code is Frequency.VOID and filed.frequency == Frequency.VOID
    if not state.took_place and not voids:
        yield Finding(
            kind=FindingKind.CANCELLED,
            claim=ref,
            segment=filed.segment,
            found=state.appointment.value,
            message=f"The appointment of claim {ref} is {told(state.appointment)}: there is no "
            "service to claim. Take it out of the file.",
        )
    why = list(case.holds)
    if state.status is ClaimStatus.DRAFT:
        why.append("it is a draft; set it ready first")
    if cleared.frequency_code and state.status.on_file and not state.status.adjudicated:
        why.append("it is on file, and the payer must process the original first")
    if why:
        yield Finding(
            kind=FindingKind.HELD,
            claim=ref,
            segment=filed.segment,
            message=f"Claim {ref} may not be sent yet: {'; '.join(why)}.",
        )


def _frequency(filed: FiledClaim, case: Case, cleared: Clearance) -> Iterator[Finding]:
    due = cleared.frequency_code
    if filed.frequency == due or (due is None and not case.state.took_place):
        return
    ref, code = filed.ref, filed.frequency or "none"
    if due is None:
        message = (
            f"Claim {ref} is {case.state.status} with this date already: there is nothing to "
            "send. Take it out of the file."
        )
    elif due is Frequency.ORIGINAL:
        message = (
            f"Claim {ref} has the frequency code {code}, but the payer has no claim to correct: "
            "send it as an original (frequency code 1)."
        )
    else:
        does = "a replacement" if due is Frequency.REPLACEMENT else "a void"
        message = (
            f"Claim {ref} has the frequency code {code}, but the payer has it on file: "
            f"correct it by {does} (frequency code {due})."
        )
    yield Finding(
        kind=FindingKind.WRONG_FREQUENCY_CODE,
        claim=ref,
        segment=filed.segment,
        found=filed.frequency or None,
        expected=None if due is None else due.value,
        message=message,
    )


def _reference(filed: FiledClaim, case: Case, cleared: Clearance) -> Iterator[Finding]:
    if filed.frequency not in AGAIN:
        return
    number = case.state.control_number
    if filed.reference is None:
        yield _missing(filed, number)
    elif cleared.frequency_code in AGAIN and filed.reference != number:
        known = (
            f"the payer's claim number is {number}"
            if number
            else "the payer's claim number is not on record: calwarden claims set-status "
            f"{filed.ref} {case.state.status} --control-number N"
        )
        yield Finding(
            kind=FindingKind.MISSING_ORIGINAL_REFERENCE,
            claim=filed.ref,
            segment=filed.segment,
            found=filed.reference,
            expected=number,
            message=f"Claim {filed.ref} refers to {filed.reference} in REF*F8, but {known}.",
        )


def _missing(filed: FiledClaim, number: str | None) -> Finding:
    what = f": {number}" if number else ""
    return Finding(
        kind=FindingKind.MISSING_ORIGINAL_REFERENCE,
        claim=filed.ref,
        segment=filed.segment,
        expected=number,
        message=f"Claim {filed.ref} has the frequency code {filed.frequency} but no REF*F8 with "
        f"the payer's claim number{what}.",
    )


def _dates(filed: FiledClaim, case: Case, cleared: Clearance) -> Iterator[Finding]:
    day = cleared.date_of_service
    whose = (
        "the date on file is"
        if cleared.frequency_code is not Frequency.ORIGINAL and case.state.payer_has == day
        else f"the date of appointment {case.row.appointment} is"
    )
    for number, line in enumerate(filed.lines, start=1):
        if not line.dates:
            yield _wrong(filed, line.segment, None, day, f"line {number} has no date of service")
        for dated in line.dates:
            if not _right(dated, day):
                text = _told(dated)
                yield _wrong(
                    filed,
                    dated.segment,
                    text,
                    day,
                    f"line {number} has the date {text}, but {whose} {day}",
                )


def _wrong(filed: FiledClaim, segment: int, found: str | None, day: date, what: str) -> Finding:
    return Finding(
        kind=FindingKind.WRONG_DATE,
        claim=filed.ref,
        segment=segment,
        found=found,
        expected=day.isoformat(),
        message=f"Claim {filed.ref}: {what}.",
    )


def _future(filed: FiledClaim, today: date, expected: date | None) -> Iterator[Finding]:
    for line in filed.lines:
        for dated in line.dates:
            last = max(dated.days or (date.min,))
            if last > today or (expected is not None and expected > today):
                day = last if last > today else expected
                yield Finding(
                    kind=FindingKind.FUTURE_DATE,
                    claim=filed.ref,
                    segment=dated.segment,
                    found=_told(dated),
                    message=f"Claim {filed.ref}: the date of service {day} is still to come; "
                    "send it after the appointment.",
                )
                return


def _codes(filed: FiledClaim, case: Case) -> Iterator[Finding]:
    minutes = case.row.documented_minutes
    for line in filed.lines:
        if minutes is None or not procedure.at_odds(line.code, minutes):
            continue
        other = procedure.suggested(minutes)
        fits = f"is billed as {other}" if other else "is too short for a time-based code"
        yield Finding(
            kind=FindingKind.CODE_TIME_MISMATCH,
            claim=filed.ref,
            segment=line.code_segment,
            found=line.code,
            expected=other,
            message=f"Claim {filed.ref} has the code {line.code}, but the documented time of "
            f"{minutes} minutes {fits}: confirm the documented time.",
        )


def _right(dated: ServiceDate, day: date) -> bool:
    return dated.days is not None and set(dated.days) == {day}


def _told(dated: ServiceDate) -> str:
    days = dated.days
    if days is None:
        return dated.text
    return "/".join(dict.fromkeys(day.isoformat() for day in days))
