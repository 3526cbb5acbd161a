"""Overrides of one series that were moved by one common shift: one act of one person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from calwarden.domain.difference import Difference
from calwarden.domain.drift import Aspect, DriftKind
from calwarden.domain.view import CalendarView, ResourceState
from calwarden.domain.wall_time import Slot, instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The differences that one act made; at least one."""

    members: tuple[Difference, ...]

    @property
    def first(self) -> Difference:
        """The difference that stands for all."""
        return self.members[0]

    @property
    def slots(self) -> tuple[Slot | None, ...]:
        """The slots that differ."""
        return tuple(one.slot for one in self.members)


def joined(
    outside: Sequence[Difference], state: ResourceState, view: CalendarView
) -> Iterator[Joined]:
    """Yield each difference once, those moved by a common shift together.

    A difference whose drift stands already stays by itself.
    """
    standing = {
        item.key.slot for item in view.known if item.key.uid == state.uid and item.status.standing
    }
    groups: dict[timedelta, list[Difference]] = {}
    for difference in outside:
        moved = _shifted(difference)
        if moved is not None and difference.slot not in standing:
            groups.setdefault(moved, []).append(difference)
    common = [group for group in groups.values() if len(group) > 1]
    taken = {one.slot for group in common for one in group}
    for difference in outside:
        if difference.slot not in taken:
            yield Joined(members=(difference,))
    for group in common:
        yield Joined(members=tuple(group))


def _shifted(difference: Difference) -> timedelta | None:
    if difference.slot is None or difference.before is None or difference.after is None:
        return None
    if difference.changes != {Aspect.TIME: DriftKind.OCCURRENCE_MOVED}:
        return None
    if difference.before.length != difference.after.length:
        return None
    return instant(difference.after.start) - instant(difference.before.start)
