"""The story of the demonstration: who does what outside, and what must become of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from calwarden.demo.practice import Seed, shift, week
from calwarden.demo.venue import Hands
from calwarden.domain.drift import DriftKind

HALF_HOUR = 30
CUT_TO_MINUTES = 25


class End(StrEnum):
    """What must become of an edit in the pass that sees it."""

    PUT_BACK = "reverted"
    FOR_A_PERSON = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One edit by one person, told as ``says``, with the drift that it must turn into.

    ``stands_at`` is when the event must stand again once it was put back.
    """

    who: str
    says: str
    act: Callable[[Hands], None]
    kind: DriftKind
    appointment: str
    end: End
    stands_at: datetime | None = None
    holds_claim: str | None = None


def deeds(seed: Seed) -> list[Deed]:
    """Return everything that people do in the calendars, in order."""
    starts = seed.starts
    tuesday, shortened, gone = starts["a-1"], starts["a-4"], starts["a-7"]
    weekly, other_weekly = starts["s-1"], starts["s-2"]
    copied, shown, overlapped, begun = starts["a-5"], starts["a-8"], starts["a-9"], starts["a-10"]
    return [
        Deed(
            who="dr-okafor",
            says=f"drags a-1 from {day(tuesday)} to {day(shift(tuesday, days=1))}",
            act=lambda person: person.drag(tuesday, shift(tuesday, days=1)),
            kind=DriftKind.MOVED,
            appointment="a-1",
            end=End.PUT_BACK,
            stands_at=tuesday,
        ),
        Deed(
            who="dr-reyes",
            says=f"cuts a-4, {day(shortened)}, from 50 minutes to {CUT_TO_MINUTES}",
            act=lambda person: person.shorten(shortened, CUT_TO_MINUTES),
            kind=DriftKind.RESIZED,
            appointment="a-4",
            end=End.PUT_BACK,
            stands_at=shortened,
        ),
        Deed(
            who="dr-whitby",
            says=f"deletes a-7, {day(gone)}",
            act=lambda person: person.delete(gone),
            kind=DriftKind.DELETED,
            appointment="a-7",
            end=End.PUT_BACK,
            stands_at=gone,
        ),
        Deed(
            who="dr-okafor",
            says=f"moves one meeting of the weekly s-1, {day(week(weekly, 2))}, two hours later",
            act=lambda person: person.drag_occurrence(
                weekly, week(weekly, 2), shift(week(weekly, 2), hours=2)
            ),
            kind=DriftKind.OCCURRENCE_MOVED,
            appointment="s-1#2",
            end=End.PUT_BACK,
        ),
        Deed(
            who="dr-reyes",
            says=f"deletes one meeting of the weekly s-2, {day(week(other_weekly, 3))}",
            act=lambda person: person.delete_occurrence(other_weekly, week(other_weekly, 3)),
            kind=DriftKind.OCCURRENCE_DELETED,
            appointment="s-2#3",
            end=End.PUT_BACK,
        ),
        Deed(
            who="dr-whitby",
            says=f"makes a-8, {day(shown)}, public",
            act=lambda person: person.make_public(shown),
            kind=DriftKind.EXPOSED,
            appointment="a-8",
            end=End.PUT_BACK,
            stands_at=shown,
        ),
        Deed(
            who="dr-reyes",
            says=f"copies a-5, {day(copied)}, to {day(shift(copied, days=1))}",
            act=lambda person: person.copy(copied, shift(copied, days=1)),
            kind=DriftKind.COPIED,
            appointment="a-5",
            end=End.FOR_A_PERSON,
        ),
        Deed(
            who="dr-whitby",
            says=f"puts something of their own over a-9, {day(overlapped)}",
            act=lambda person: person.add("Dentist", overlapped, HALF_HOUR),
            kind=DriftKind.OVERLAP,
            appointment="a-9",
            end=End.FOR_A_PERSON,
        ),
        Deed(
            who="dr-okafor",
            says=f"drags a-10, which began an hour ago at {begun:%H:%M}, three hours later",
            act=lambda person: person.drag(begun, shift(begun, hours=3)),
            kind=DriftKind.MOVED,
            appointment="a-10",
            end=End.FOR_A_PERSON,
            holds_claim="cl-a-10",
        ),
    ]


def day(moment: datetime) -> str:
    """Tell a moment shortly, in its own zone."""
    return f"{moment:%a %d %b %H:%M}"


def differences(
    told: Sequence[Deed],
    drifts: Sequence[Mapping[str, Any]],
    people: Mapping[str, Hands],
    held: Sequence[str],
) -> list[str]:
    """Return in words where the story did not run as told; nothing where it did."""
    wrong: list[str] = []
    left = list(drifts)
    for deed in told:
        found = next((one for one in left if _is(one, deed)), None)
        if found is None:
            wrong.append(f"no {deed.kind} drift on {deed.appointment} was found")
            continue
        left.remove(found)
        if found["status"] != deed.end:
            wrong.append(
                f"the {deed.kind} drift on {deed.appointment} is {found['status']}, not {deed.end}"
            )
        if deed.stands_at is not None and not people[deed.who].sees(deed.stands_at):
            wrong.append(f"{deed.appointment} does not stand at {day(deed.stands_at)} again")
        if deed.holds_claim is not None and deed.holds_claim not in held:
            wrong.append(f"claim {deed.holds_claim} is not held")
    wrong += [f"a {one['kind']} drift on {one['appointment']} was not expected" for one in left]
    return wrong


def _is(drift: Mapping[str, Any], deed: Deed) -> bool:
    return (drift["kind"], drift["appointment"]) == (deed.kind, deed.appointment)
