"""Histories: what happens in a simulated world, as values that a seed decides.

Glossary: a *setting* is what the servers are like; an *act* is one thing that somebody does; an
*interruption* is an act in the middle of a poll: at the nth time that the poll reaches a point.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Revisions = Literal["strong", "content", "renamed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the calendar servers of a world are like.

    ``revisions``: ``strong`` etags that are enforced; ``content`` where there are none, so that the
    connector reads, compares, writes and reads; ``renamed`` where the etag of a write's answer is
    not the one of the next look. ``latency`` is virtual seconds per request. ``expresses``: the
    series that the calendar can hold. ``reuses``: the id of a deleted event can be used again;
    ``orders``: no occurrence crosses its neighbour, single events stand in for them; ``late``: the
    world comes to rest a day later, not at once.
    """

    calendars: int = 1
    apart: bool = False
    revisions: Revisions = "strong"
    incremental: bool = True
    restores: bool = True
    expresses: Literal["all", "finite", "none"] = "all"
    reuses: bool = True
    orders: bool = False
    latency: float = 0.0
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """An act at the nth time that a poll reaches a point."""

    point: str
    nth: int
    act: "Act"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that somebody does. ``acts`` are those of a group, ``during`` those amid a poll."""

    what: str
    args: dict[str, Any] = field(default_factory=dict)
    during: tuple[Interruption, ...] = ()
    acts: tuple["Act", ...] = ()

    def lines(self, indent: str = "") -> Iterator[str]:
        """Yield the act as people read it."""
        said = " ".join(f"{name}={value}" for name, value in self.args.items())
        yield f"{indent}{self.what} {said}".rstrip()
        for each in self.acts:
            yield from each.lines(indent + "    ")
        for one in self.during:
            first, *rest = one.act.lines(indent + "    ")
            yield f"{indent}  at {one.point} #{one.nth}: {first.strip()}"
            yield from rest


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A setting and what happens in it."""

    seed: int
    setting: Setting
    acts: tuple[Act, ...]

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, {self.setting}"]
        for number, act in enumerate(self.acts, start=1):
            first, *rest = act.lines("    ")
            lines += [f"{number:3} {first.strip()}", *rest]
        return "\n".join(lines)


def act(what: str, **args: Any) -> Act:
    """Return an act."""
    return Act(what=what, args=args)


def shorter(acts: tuple[Act, ...]) -> Iterator[tuple[Act, ...]]:
    """Yield the same acts with less in them: without one, or with one made simpler inside."""
    size = len(acts) // 2
    while size:
        for at in range(0, len(acts), size):
            yield acts[:at] + acts[at + size :]
        size //= 2
    for at, one in enumerate(acts):
        for simpler in _simpler(one):
            yield (*acts[:at], simpler, *acts[at + 1 :])


def _simpler(one: Act) -> Iterator[Act]:
    for at in range(len(one.during)):
        yield replace(one, during=one.during[:at] + one.during[at + 1 :])
    for at, interruption in enumerate(one.during):
        for simpler in _simpler(interruption.act):
            changed = replace(interruption, act=simpler)
            yield replace(one, during=(*one.during[:at], changed, *one.during[at + 1 :]))
    for at in range(len(one.acts)):
        yield replace(one, acts=one.acts[:at] + one.acts[at + 1 :])
    for at, inner in enumerate(one.acts):
        for simpler in _simpler(inner):
            yield replace(one, acts=(*one.acts[:at], simpler, *one.acts[at + 1 :]))
