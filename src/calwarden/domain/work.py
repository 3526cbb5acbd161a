"""Work items: what a claim asks of a person, derived from the facts about it.

Each is about one matter of one claim: the date in the payer's books, an open drift, or the length
of the session. While the matter lasts it is one item, whatever its kind becomes.
"""

from dataclasses import dataclass
from enum import StrEnum

from calwarden.domain import procedure
from calwarden.domain.claim import ClaimState, ClaimStatus, Frequency


class WorkKind(StrEnum):
    """What there is to do about a claim."""

    WAIT_FOR_PROCESSING = "wait_for_processing"
    REPLACE = "replace"
    VOID = "void"
    NO_SERVICE = "no_service"
    DRIFT_AFTER_SUBMISSION = "drift_after_submission"
    CONFIRM_DOCUMENTED_TIME = "confirm_documented_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCause:
    """An open drift that puts the date of service in doubt; ``revision`` is the one it is at."""

    drift: int
    revision: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """The scheduled length now and when the code was chosen (None: not known), and the code."""

    minutes: int
    chosen_for: int | None
    code: str | None
    documented: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something to do. ``basis`` names the facts: it changes when there is something new to do."""

    matter: str
    kind: WorkKind
    message: str
    basis: str
    frequency_code: Frequency | None = None


def needs(
    ref: str, state: ClaimState, *, causes: tuple[OpenCause, ...], length: Length
) -> tuple[Need, ...]:
    """Return everything that the claim called ``ref`` asks of a person, one for each matter."""
    if state.status is ClaimStatus.VOID and state.due is None:
        return ()
    found = [_about_date(ref, state), _about_length(ref, length)]
    if state.status.on_file:
        found += [_about_drift(ref, state, cause) for cause in causes]
    return tuple(need for need in found if need is not None)


def _about_date(ref: str, state: ClaimState) -> Need | None:
    kind = _date_kind(state)
    if kind is None:
        return None
    again = kind is not WorkKind.NO_SERVICE
    return Need(
        matter="date",
        kind=kind,
        message=_DATE_MESSAGES[kind](ref, state),
        basis=f"{kind} {state.status} {state.payer_has} {state.true_date} {state.appointment}"
        if state.took_place
        else f"{kind} {state.status} {state.appointment}",
        frequency_code=state.due if again else None,
    )


def _date_kind(state: ClaimState) -> WorkKind | None:
    if state.status.on_file and not state.status.adjudicated:
        return None if state.due is None else WorkKind.WAIT_FOR_PROCESSING
    if state.due is Frequency.REPLACEMENT:
        return WorkKind.REPLACE
    if state.due is Frequency.VOID or state.status is ClaimStatus.VOID:
        return WorkKind.VOID
    return None if state.took_place else WorkKind.NO_SERVICE


def _fault(ref: str, state: ClaimState) -> str:
    if not state.took_place:
        return (
            f"claim {ref} is for a service that did not take place: the appointment is "
            f"{told(state.appointment)}"
        )
    return (
        f"the payer has claim {ref} with the date of service {state.payer_has}, "
        f"but the date of its appointment is {state.true_date}"
    )


def _wait(ref: str, state: ClaimState) -> str:
    then = {
        Frequency.REPLACEMENT: "send a replacement (frequency code 7)",
        Frequency.VOID: "void it (frequency code 8)",
    }
    return (
        f"{_sentence(_fault(ref, state))} Nothing can be corrected until the payer has processed "
        f"the claim: wait for its answer, then {then[state.due or Frequency.REPLACEMENT]}."
    )


def _replace(ref: str, state: ClaimState) -> str:
    return (
        f"{_sentence(_fault(ref, state))} Send a replacement (frequency code 7) with all service "
        f"lines, the date {state.true_date} and {_number(ref, state)} in REF*F8."
    )


def _void(ref: str, state: ClaimState) -> str:
    if state.status is ClaimStatus.VOID:
        return (
            f"Claim {ref} was voided. Send it again as a new original (frequency code 1) with the "
            f"date of service {state.true_date}."
        )
    after = (
        f" Then send it as a new original (frequency code 1) with the date {state.true_date}."
        if state.took_place
        else ""
    )
    return (
        f"{_sentence(_fault(ref, state))} Void the claim (frequency code 8) with the date on file, "
        f"{state.payer_has}, and {_number(ref, state)} in REF*F8.{after}"
    )


def _no_service(ref: str, state: ClaimState) -> str:
    return (
        f"{_sentence(_fault(ref, state))} Do not send it: "
        f"calwarden claims set-status {ref} void ends it."
    )


_DATE_MESSAGES = {
    WorkKind.WAIT_FOR_PROCESSING: _wait,
    WorkKind.REPLACE: _replace,
    WorkKind.VOID: _void,
    WorkKind.NO_SERVICE: _no_service,
}


def _about_drift(ref: str, state: ClaimState, cause: OpenCause) -> Need:
    return Need(
        matter=f"drift:{cause.drift}",
        kind=WorkKind.DRIFT_AFTER_SUBMISSION,
        message=(
            f"Claim {ref} is on file with the date of service {state.payer_has}, and since then "
            f"somebody changed its appointment in the calendar: {cause.reason}. Find out what is "
            f"true and decide the drift: calwarden drift show {cause.drift}."
        ),
        basis=f"revision {cause.revision}",
    )


def _about_length(ref: str, length: Length) -> Need | None:
    changed = length.chosen_for is not None and length.minutes != length.chosen_for
    if not changed or not procedure.at_odds(length.code, length.minutes):
        return None
    other = procedure.suggested(length.minutes)
    suggests = (
        f"suggests {other}"
        if other is not None
        else "is too short for any time-based psychotherapy code"
    )
    return Need(
        matter="length",
        kind=WorkKind.CONFIRM_DOCUMENTED_TIME,
        message=(
            f"The appointment of claim {ref} now lasts {length.minutes} minutes (it was "
            f"{length.chosen_for}), and that {suggests}, while the claim has {length.code}. The "
            "code was not changed: confirm the documented time."
        ),
        basis=f"{length.code} {length.minutes} {length.documented}",
    )


def _number(ref: str, state: ClaimState) -> str:
    if state.control_number:
        return f"the payer's claim number {state.control_number}"
    return (
        "the payer's claim number, which is not on record yet (calwarden claims set-status "
        f"{ref} {state.status} --control-number N),"
    )


def told(status: str) -> str:
    """Return a status in words: ``no_show`` is ``no show``."""
    return status.replace("_", " ")


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."
