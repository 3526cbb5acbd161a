"""What a provider did in a linked calendar, in words, and how to do it properly."""

from collections.abc import Mapping
from typing import Any

from calwarden.domain.drift import DriftKind
from calwarden.practice.messages.wording import told_span

DONE: Mapping[DriftKind, str] = {
    DriftKind.CALENDAR_GONE: "The calendar itself is gone",
    DriftKind.CALENDAR_EMPTIED: "Every appointment vanished at once",
    DriftKind.MASS_CHANGE: "Many appointments changed at once",
    DriftKind.DELETED: "An appointment was deleted",
    DriftKind.MOVED_CALENDAR: "An appointment was moved to another calendar",
    DriftKind.OUT_OF_OFFICE_REMOVED: "An out-of-office block was removed or changed",
    DriftKind.CANCELLED: "An appointment was cancelled",
    DriftKind.OCCURRENCE_DELETED: "One appointment of a series was deleted",
    DriftKind.SERIES_SPLIT: "An appointment and all that follow it were changed",
    DriftKind.RECURRENCE_CHANGED: "The way a series repeats was changed",
    DriftKind.MOVED: "An appointment was moved",
    DriftKind.OCCURRENCE_MOVED: "One appointment of a series was moved",
    DriftKind.ALL_DAY: "An appointment was made an all-day event",
    DriftKind.RESIZED: "An appointment was made shorter or longer",
    DriftKind.DECLINED: "An appointment was declined",
    DriftKind.ATTENDEES_CHANGED: "People were invited to an appointment, or removed from it",
    DriftKind.EXPOSED: "An appointment was made public",
    DriftKind.RETITLED: "The title of an appointment was changed",
    DriftKind.COPIED: "An appointment was copied",
    DriftKind.OVERLAP: "An event of your own lies over an appointment",
    DriftKind.FREED: "An appointment was made to show as free time",
    DriftKind.LOCATION_CHANGED: "The location of an appointment was changed",
    DriftKind.ZONE_CHANGED: "The time zone of an appointment was changed",
    DriftKind.DETAILS_EDITED: "Details of an appointment were edited",
}

MEANT: Mapping[DriftKind, tuple[str, str]] = {
    **dict.fromkeys(
        (
            DriftKind.MOVED,
            DriftKind.RESIZED,
            DriftKind.OCCURRENCE_MOVED,
            DriftKind.ALL_DAY,
            DriftKind.SERIES_SPLIT,
            DriftKind.RECURRENCE_CHANGED,
            DriftKind.ZONE_CHANGED,
        ),
        ("reschedule it", "Reschedule it"),
    ),
    **dict.fromkeys(
        (
            DriftKind.DELETED,
            DriftKind.CANCELLED,
            DriftKind.OCCURRENCE_DELETED,
            DriftKind.MOVED_CALENDAR,
            DriftKind.DECLINED,
        ),
        ("reschedule or cancel it", "Reschedule or cancel it"),
    ),
    DriftKind.OUT_OF_OFFICE_REMOVED: ("change the block", "Change the block"),
    DriftKind.OVERLAP: ("ask to reschedule it", "Ask to reschedule it"),
}
"""What a person most likely wanted: in a sentence, and on a button."""

LOOK = ("look at it", "Look at it")


def sentence(facts: Mapping[str, Any]) -> str:
    """Say what was done, to how many, and what became of it."""
    done = DONE[DriftKind(facts["kind"])]
    if facts["count"] > 1:
        done = f"{done} ({facts['count']} appointments)"
    return f"{done}. We put it back." if facts["put_back"] else f"{done}."


def following(facts: Mapping[str, Any]) -> str:
    """Say what happens next."""
    wish, _ = MEANT.get(DriftKind(facts["kind"]), LOOK)
    if facts["put_back"] and wish == LOOK[0]:
        return "Nothing else is needed."
    if facts["put_back"]:
        return f"If you meant it, {wish} here:"
    return f"It is left as it is until somebody decides. Please {wish} here:"


def button(facts: Mapping[str, Any]) -> str:
    """Return what stands on the button of the form."""
    return MEANT.get(DriftKind(facts["kind"]), LOOK)[1]


def summary(facts: Mapping[str, Any], zone: str) -> str:
    """Return a drift's proposal as one line: what happened, what was meant, and where to do it."""
    after, kind = facts["after"], DriftKind(facts["kind"])
    wanted = ""
    if after is not None and kind in MEANT and _moved(facts):
        wanted = f" It was put at {told_span(after, zone).full}."
    return f"{sentence(facts)}{wanted} {following(facts)} {facts['address']}"


def _moved(facts: Mapping[str, Any]) -> bool:
    before, after = facts["before"], facts["after"]
    names = ("start", "end")
    return before is None or any(before.get(name) != after.get(name) for name in names)


def wanted(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the span that an event was put at, where its time was changed."""
    after: Mapping[str, Any] | None = facts["after"]
    return after if after is not None and "start" in after and _moved(facts) else None
