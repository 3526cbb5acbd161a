"""Which verdict a drift gets: a table of kind and time to the start, configurable cell by cell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from calwarden.domain.drift import DriftKind, Verdict
from calwarden.domain.wall_time import instant


class When(StrEnum):
    """Where now lies relative to the appointment that a drift is about."""

    AHEAD = "ahead"
    NEAR = "near"
    AFTER = "after"


NEAR_HOURS = 2
NEAR_HOURS_MOST = 7 * 24

Row = Mapping[When, Verdict]

_SCHEDULE_ROW: Row = {When.AHEAD: Verdict.REVERT, When.NEAR: Verdict.FLAG, When.AFTER: Verdict.FLAG}


def _always(verdict: Verdict) -> Row:
    return dict.fromkeys(When, verdict)


DEFAULTS: Mapping[DriftKind, Row] = {
    **dict.fromkeys(
        (
            DriftKind.MOVED,
            DriftKind.RESIZED,
            DriftKind.DELETED,
            DriftKind.CANCELLED,
            DriftKind.ALL_DAY,
            DriftKind.RECURRENCE_CHANGED,
            DriftKind.SERIES_SPLIT,
            DriftKind.OCCURRENCE_MOVED,
            DriftKind.OCCURRENCE_DELETED,
            DriftKind.MOVED_CALENDAR,
        ),
        _SCHEDULE_ROW,
    ),
    **dict.fromkeys(
        (
            DriftKind.EXPOSED,
            DriftKind.FREED,
            DriftKind.RETITLED,
            DriftKind.LOCATION_CHANGED,
            DriftKind.ATTENDEES_CHANGED,
        ),
        _always(Verdict.REVERT),
    ),
    DriftKind.OUT_OF_OFFICE_REMOVED: {
        When.AHEAD: Verdict.REVERT,
        When.NEAR: Verdict.REVERT,
        When.AFTER: Verdict.IGNORE,
    },
    DriftKind.DETAILS_EDITED: _always(Verdict.IGNORE),
    DriftKind.ZONE_CHANGED: _always(Verdict.IGNORE),
    DriftKind.DECLINED: _always(Verdict.FLAG),
    DriftKind.COPIED: _always(Verdict.FLAG),
    DriftKind.OVERLAP: _always(Verdict.FLAG),
    DriftKind.CALENDAR_GONE: _always(Verdict.FLAG),
    DriftKind.MASS_CHANGE: _always(Verdict.HOLD),
    DriftKind.CALENDAR_EMPTIED: _always(Verdict.HOLD),
}

CELLS = (Verdict.REVERT, Verdict.FLAG, Verdict.IGNORE)
"""What can be said in a cell."""

FIXED = frozenset({DriftKind.CALENDAR_GONE, DriftKind.MASS_CHANGE, DriftKind.CALENDAR_EMPTIED})
"""Kinds whose verdict is no setting: the daemon has nothing it could safely do by itself."""


class BadPolicy(ValueError):
    """A policy cell names a kind, a time or a verdict that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The practice's table: cells that differ from the defaults, for all providers or for one.

    ``near`` is how long before the start somebody may already be acting on what the calendar shows.
    """

    near: timedelta = timedelta(hours=NEAR_HOURS)
    cells: Mapping[tuple[str | None, DriftKind, When], Verdict] = field(default_factory=dict)

    def verdict(self, kind: DriftKind, when: When, provider: str) -> Verdict:
        """Return the verdict of one cell; a provider's own cell goes before the practice's."""
        for owner in (provider, None):
            found = self.cells.get((owner, kind, when))
            if found is not None:
                return found
        return DEFAULTS[kind][when]

    def when(self, start: datetime, end: datetime, now: datetime) -> When:
        """Tell where ``now`` lies.

        Exactly ``near`` before the start counts as near, the end itself as after.
        """
        if instant(now) >= instant(end):
            return When.AFTER
        return When.NEAR if instant(start) - instant(now) <= self.near else When.AHEAD


def read_policy(document: Mapping[str, Any]) -> Policy:
    """Read a policy table; raises `BadPolicy` naming every bad cell.

    Keys: ``near_hours``; a kind with either one verdict or a table of ``ahead``, ``near``,
    ``after``; and ``providers`` with such tables per provider ref.
    """
    problems: list[str] = []
    cells: dict[tuple[str | None, DriftKind, When], Verdict] = {}
    near = document.get("near_hours", NEAR_HOURS)
    number = isinstance(near, int | float) and not isinstance(near, bool)
    if not number or not 0 <= near <= NEAR_HOURS_MOST:
        problems.append(f"near_hours is {near!r}; it takes hours from 0 to {NEAR_HOURS_MOST}")
        near = NEAR_HOURS
    owners: list[tuple[str | None, Any]] = [
        (
            None,
            {
                key: value
                for key, value in document.items()
                if key not in {"near_hours", "providers"}
            },
        )
    ]
    providers = document.get("providers", {})
    if isinstance(providers, Mapping):
        owners += list(providers.items())
    else:
        problems.append("providers is no table; write [providers.REF] and its cells beneath")
    for owner, table in owners:
        if not isinstance(table, Mapping):
            problems.append(f"providers.{owner} is no table of cells")
            continue
        for name, row in table.items():
            _read_row(owner, name, row, cells, problems)
    if problems:
        raise BadPolicy("; ".join(problems))
    return Policy(near=timedelta(hours=near), cells=cells)


def _read_row(
    owner: str | None,
    name: str,
    row: Any,
    cells: dict[tuple[str | None, DriftKind, When], Verdict],
    problems: list[str],
) -> None:
    where = name if owner is None else f"providers.{owner}.{name}"
    try:
        kind = DriftKind(name)
    except ValueError:
        problems.append(f"{where} is no kind of drift; kinds are {', '.join(sorted(DriftKind))}")
        return
    if kind in FIXED:
        problems.append(f"{where} is no setting: the daemon never acts on it by itself")
        return
    entries = row.items() if isinstance(row, Mapping) else [(when, row) for when in When]
    for when, verdict in entries:
        if when not in set(When) or verdict not in CELLS:
            problems.append(
                f"{where}.{when} = {verdict!r}: write ahead, near or after = revert, flag or ignore"
            )
            continue
        cells[owner, kind, When(when)] = Verdict(verdict)
