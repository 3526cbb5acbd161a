"""What the kinds, states and changes of drift are called in front of people."""

from calendar import day_name
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from calwarden.domain.cadence import WEEKDAYS
from calwarden.domain.drift import CASES, DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.hold import HOLDING
from calwarden.domain.wall_time import instant
from calwarden.practice.drift_acceptance import ACCEPTABLE
from calwarden.practice.drift_courses import COURSES
from calwarden.practice.drift_review import NOT_OURS, Decision
from calwarden.practice.report import ClaimLine, ReportRow, moment_of

HAPPENED: dict[DriftKind, str] = {
    DriftKind.CALENDAR_GONE: "The calendar itself is gone",
    DriftKind.CALENDAR_EMPTIED: "Every appointment vanished at once",
    DriftKind.MASS_CHANGE: "Many appointments changed at once",
    DriftKind.DELETED: "Deleted",
    DriftKind.MOVED_CALENDAR: "Moved to another calendar",
    DriftKind.OUT_OF_OFFICE_REMOVED: "Out-of-office block removed or moved",
    DriftKind.CANCELLED: "Cancelled",
    DriftKind.OCCURRENCE_DELETED: "One meeting of a series deleted",
    DriftKind.SERIES_SPLIT: "This and all following meetings changed",
    DriftKind.RECURRENCE_CHANGED: "The way a series repeats was changed",
    DriftKind.MOVED: "Moved to another time",
    DriftKind.OCCURRENCE_MOVED: "One meeting of a series moved",
    DriftKind.ALL_DAY: "Made an all-day event",
    DriftKind.RESIZED: "Made shorter or longer",
    DriftKind.DECLINED: "Declined",
    DriftKind.ATTENDEES_CHANGED: "Attendees changed",
    DriftKind.EXPOSED: "Made public",
    DriftKind.RETITLED: "Title changed",
    DriftKind.COPIED: "Copied",
    DriftKind.OVERLAP: "A personal event lies over it",
    DriftKind.FREED: "No longer blocks the time",
    DriftKind.LOCATION_CHANGED: "Location changed",
    DriftKind.ZONE_CHANGED: "Time zone changed",
    DriftKind.DETAILS_EDITED: "Details edited",
}

STATE: dict[DriftStatus, str] = {
    DriftStatus.OPEN: "waits for a person",
    DriftStatus.REVERTING: "is being put back",
    DriftStatus.REVERTED: "put back",
    DriftStatus.ACCEPTED: "accepted",
    DriftStatus.DISMISSED: "dismissed",
    DriftStatus.WITHDRAWN: "undone outside",
    DriftStatus.SUPERSEDED: "overtaken by a newer decision in the practice",
}

MATTERS: dict[Severity, str] = {
    Severity.CLAIM: "a claim's date",
    Severity.SCHEDULE: "the schedule",
    Severity.PRIVACY: "privacy",
    Severity.COSMETIC: "looks only",
}

UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth", "-1": "last"}
DAYS = dict(zip(WEEKDAYS, day_name, strict=True))

ENDED = frozenset(
    {
        DriftKind.DELETED,
        DriftKind.CANCELLED,
        DriftKind.DECLINED,
        DriftKind.OCCURRENCE_DELETED,
        DriftKind.MOVED_CALENDAR,
    }
)
"""Kinds that cannot be taken over with one decision: the appointment itself is at stake."""

NOTHING = "nothing stands there"


def happened(row: ReportRow) -> str:
    """Say what somebody did outside, in a few words."""
    return HAPPENED[row.kind]


def state(row: ReportRow) -> str:
    """Say where the drift stands."""
    if row.status is DriftStatus.OPEN and row.verdict is Verdict.REVERT:
        return "will be put back"
    if row.contested and row.open:
        return "waits for a person: it was put back twice and changed again"
    return STATE[row.status]


def times(row: ReportRow, document_name: str) -> str:
    """Say when the event stood (``before``) or stands (``after``), in the appointment's zone."""
    document = row.before if document_name == "before" else row.after
    start = moment_of(document, "start", row.timezone)
    end = moment_of(document, "end", row.timezone)
    if document is None or start is None or end is None:
        return NOTHING if document_name == "after" else ""
    if document.get("all_day"):
        return f"{start:%a %d %b %Y}, all day"
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %d %b %Y %H:%M}"
    return f"{start:%a %d %b %Y %H:%M}\N{EN DASH}{last}"


def before(row: ReportRow) -> str:
    """Say how it should stand."""
    words = {DriftKind.EXPOSED: "private", DriftKind.FREED: "busy"}.get(row.kind)
    return _joined(times(row, "before"), words or repeats(row.before))


def after(row: ReportRow) -> str:
    """Say how it stood outside when it was seen."""
    if row.kind in CASES:
        return f"{len(row.appointments)} items"
    words = {
        DriftKind.EXPOSED: "public",
        DriftKind.FREED: "free",
        DriftKind.RETITLED: "another title",
        DriftKind.LOCATION_CHANGED: "another location",
        DriftKind.ATTENDEES_CHANGED: "other attendees",
    }.get(row.kind)
    return _joined(times(row, "after"), words or repeats(row.after))


def repeats(document: Mapping[str, Any] | None) -> str | None:
    """Say how a series repeats, where a drift tells it."""
    if document is None or "recurrence" not in document:
        return None
    rule = document["recurrence"]
    if rule is None:
        return "once only"
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    unit, every = UNITS.get(parts.get("FREQ", "")), int(parts.get("INTERVAL", "1"))
    if unit is None:
        return "by a rule of its own"
    times = parts.get("COUNT")
    words = f"every {unit}" if every == 1 else f"every {every} {unit}s"
    ordinal, weekday = parts.get("BYDAY", "")[:-2], parts.get("BYDAY", "")[-2:]
    if unit == "month" and ordinal in ORDINALS and weekday in DAYS:
        words = f"{words} on the {ORDINALS[ordinal]} {DAYS[weekday]}"
    return words + (", without an end" if times is None else f", {times} times in all")


def verbs(row: ReportRow) -> list[Decision]:
    """Return what a person can decide about a drift."""
    possible = [] if row.kind in NOT_OURS else [Decision.REVERT]
    if row.kind in ACCEPTABLE or row.kind in COURSES:
        possible.append(Decision.ACCEPT)
    return [*possible, Decision.DISMISS]


def choices(row: ReportRow) -> str:
    """Say which commands decide about a drift that waits for a person."""
    return f"calwarden drift resolve {row.id} {'|'.join(verbs(row))} --reason TEXT"


def outlook(row: ReportRow, decision: Decision, now: datetime) -> str:
    """Say what a decision would do."""
    if decision is Decision.REVERT:
        if row.kind in CASES:
            return "puts all of them back as the books have them"
        if row.kind is DriftKind.COPIED:
            return "removes the copy"
        when = times(row, "before")
        return f"puts the calendar back to {when}" if when else "puts the calendar back"
    if decision is Decision.ACCEPT:
        start = moment_of(row.before, "start", row.timezone)
        when = times(row, "after")
        if start is not None and instant(start) <= instant(now):
            return f"corrects the books to {when}; nobody is written to"
        return f"reschedules it to {when}; client and provider are told"
    holds = "; its claims may go again" if row.claim_held else ""
    return f"leaves both as they are{holds}"


def otherwise(row: ReportRow) -> str | None:
    """Say what to do where the appointment itself is over; None where a decision says it all."""
    if row.kind not in ENDED or row.appointment is None:
        return None
    ref = row.appointment
    return (
        f"If it is off: calwarden appointments cancel {ref} --reason TEXT. "
        f"If the client should choose another time: calwarden appointments ask {ref} --reason TEXT."
    )


def redating(row: ReportRow, claim: ClaimLine) -> date | None:
    """Return the date of service that a claim would have by the calendar; None where the same."""
    if row.kind not in HOLDING or claim.appointment != row.appointment or row.after is None:
        return None
    stands = moment_of(row.after, "start", claim.timezone)
    should = moment_of(row.before, "start", claim.timezone)
    if stands is None or should is None:
        return None
    other = stands.date()
    if row.after.get("all_day"):  # a whole day is the same day in every zone
        other = datetime.fromisoformat(row.after["start"]).date()
    return None if other == should.date() else other


def day(moment: date) -> str:
    """Tell a day: ``Tue 08 Dec 2026``."""
    return f"{moment:%a %d %b %Y}"


def _joined(when: str, words: str | None) -> str:
    return ", ".join(part for part in (when, words) if part)
