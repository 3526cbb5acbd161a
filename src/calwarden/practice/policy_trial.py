"""Trying a policy: the recorded drifts judged again, side by side with what was said of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment
from calwarden.domain.drift import DriftKind, Verdict
from calwarden.domain.hold import Contradiction, drift_hold
from calwarden.domain.policy import Policy
from calwarden.domain.replay import Edit, Replayed, field_of, replay
from calwarden.domain.wall_time import in_zone
from calwarden.practice.follow_through import days_of
from calwarden.practice.holds import concerned
from calwarden.store import appointments, calendars, claims, drifts
from calwarden.store.claims import ClaimRow
from calwarden.store.drifts import DriftRow, HistoryRow

SEEN = ("detected", "changed")
"""Entries of a drift's history that stand for an edit outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One edit: what was said of it, what the tried policy says, and the claims held by each."""

    row: DriftRow
    was: Replayed
    tried: Replayed
    held: tuple[str, ...]
    would_hold: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the tried policy makes a difference here."""
        return (self.was.verdict, self.held) != (self.tried.verdict, self.would_hold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many edits got which verdict, and the claims that were held."""

    verdicts: Mapping[Verdict, int]
    contested: int
    held_claims: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "reverted": self.verdicts.get(Verdict.REVERT, 0),
            "flagged": self.verdicts.get(Verdict.FLAG, 0),
            "held": self.verdicts.get(Verdict.HOLD, 0),
            "ignored": self.verdicts.get(Verdict.IGNORE, 0),
            "contested": self.contested,
            "held_claims": list(self.held_claims),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A tried policy beside the present one, edit by edit, oldest first."""

    rows: Sequence[Compared]

    @property
    def was(self) -> Outcome:
        """What was said of the edits."""
        return _outcome([one.was for one in self.rows], [one.held for one in self.rows])

    @property
    def tried(self) -> Outcome:
        """What the tried policy says of them."""
        return _outcome([one.tried for one in self.rows], [one.would_hold for one in self.rows])


def try_policy(
    connection: Connection, tried: Policy, *, present: Policy, since: date | None = None
) -> Trial:
    """Judge every edit on record by another policy, from ``since`` on, a day of the practice.

    What the present policy ignores is not on record, and cannot be judged again.
    """
    start = days_of(connection, since, None).start()
    rows = {row.id: row for row in drifts.search(connection)}
    histories = drifts.histories(connection, SEEN)
    silent = {
        one.id: bool(one.capabilities.get("silent_attendee_removal", True))
        for one in calendars.search(connection)
    }
    edits = [
        edit
        for row in rows.values()
        for edit in _edits(row, histories.get(row.id, ()), silent=silent.get(row.calendar_id, True))
    ]
    claimed: dict[str, list[ClaimRow]] = {}
    for claim in claims.search(connection):
        claimed.setdefault(claim.appointment, []).append(claim)
    meant = {one.ref: one for one in appointments.search(connection, refs=sorted(claimed))}
    # replayed from the beginning: whether somebody fights back hangs on what was before
    found = []
    for one in replay(edits, tried):
        if start is not None and one.edit.at < start:
            continue
        row, edit = rows[one.edit.drift], one.edit
        was = Replayed(edit=edit, verdict=edit.verdict, contested=row.contested)
        held, would = (
            _held(each, row, meant, claimed, policy)
            for each, policy in ((was, present), (one, tried))
        )
        found.append(Compared(row=row, was=was, tried=one, held=held, would_hold=would))
    return Trial(rows=tuple(found))


def document(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON values."""
    return {
        "edits": len(trial.rows),
        "was": trial.was.document(),
        "tried": trial.tried.document(),
        "rows": [
            {
                "drift": one.row.id,
                "revision": one.tried.edit.revision,
                "kind": one.tried.edit.kind.value,
                "provider": one.row.provider,
                "appointment": one.row.appointment,
                "at": one.tried.edit.at.isoformat(),
                "was": one.was.verdict.value,
                "tried": one.tried.verdict.value,
                "contested": one.tried.contested,
                "held_claims": list(one.held),
                "would_hold": list(one.would_hold),
                "differs": one.differs,
            }
            for one in trial.rows
        ],
    }


def _edits(row: DriftRow, history: Iterable[HistoryRow], *, silent: bool) -> Iterator[Edit]:
    changes: Any = row.changes
    for entry in history:
        kind = DriftKind(entry.detail["kind"])
        yield Edit(
            drift=row.id,
            revision=entry.revision,
            at=entry.at,
            provider=row.provider,
            kind=kind,
            verdict=Verdict(entry.detail["verdict"]),
            field=(row.subject_ref, row.slot, field_of(kind, changes)),
            before=entry.detail.get("before"),
            after=entry.detail.get("after"),
            silent_attendees=silent,
        )


def _held(
    one: Replayed,
    row: DriftRow,
    meant: Mapping[str, Appointment],
    claimed: Mapping[str, list[ClaimRow]],
    policy: Policy,
) -> tuple[str, ...]:
    """Return the claims that an edit holds until a person decides; what is put back holds none."""
    if one.verdict in {Verdict.REVERT, Verdict.IGNORE}:
        return ()
    found = []
    for ref in sorted(concerned(row) & set(claimed)):
        said = _said(one.edit, row, ref)
        then = _as_it_stood(meant[ref], one.edit, direct=said.direct)
        found += [
            claim.ref
            for claim in claimed[ref]
            if drift_hold(
                then, said, zone=claim.dos_timezone, now=one.edit.at, near=policy.near
            )
        ]  # fmt: skip
    return tuple(found)


def _said(edit: Edit, row: DriftRow, ref: str) -> Contradiction:
    direct = row.appointment == ref
    start = edit.after.get("start") if direct and edit.after is not None else None
    return Contradiction(
        drift=row.id,
        kind=edit.kind,
        redated=ref in row.redated,
        direct=direct,
        start=None if start is None else datetime.fromisoformat(start),
        all_day=bool(edit.after and edit.after.get("all_day")),
    )


def _as_it_stood(one: Appointment, edit: Edit, *, direct: bool) -> Appointment:
    """Return an appointment at the time that it had when it was edited."""
    start = edit.before.get("start") if direct and edit.before is not None else None
    if start is None:
        return one
    return replace(one, start=in_zone(datetime.fromisoformat(start), one.zone).replace(fold=0))


def _outcome(replayed: Sequence[Replayed], held: Sequence[tuple[str, ...]]) -> Outcome:
    return Outcome(
        verdicts=Counter(one.verdict for one in replayed),
        contested=sum(one.contested for one in replayed),
        held_claims=tuple(sorted({ref for refs in held for ref in refs})),
    )
