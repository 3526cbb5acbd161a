"""Trying a policy: the recorded edits judged again, and nothing changed."""

from datetime import timedelta

import pytest

from calwarden.domain.drift import DriftKind, Severity, Verdict
from calwarden.domain.policy import Policy, read_policy
from calwarden.practice.policy_trial import document, try_policy
from calwarden.store import drifts

PRESENT = Policy()


@pytest.fixture
def office(desk):
    """One claim of a meeting on 3 December."""
    desk.book("2026-12-03T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    return desk


def edited(office, ledger_times, kind=DriftKind.MOVED, verdict=Verdict.REVERT, **named):
    """Record an edit of a-1, by a day, as the engine does."""
    one = office.get("a-1")
    before = ledger_times(one)
    after = None if kind is DriftKind.DELETED else ledger_times(one, by=timedelta(days=1))
    number = office.drift(
        kind,
        "a-1",
        verdict=verdict.value,
        severity=Severity.CLAIM.value,
        redated=["a-1"],
        before=before,
        after=after,
        **named,
    )
    with office.database.write() as tx:
        row = drifts.get(tx, number)
        detail = {"kind": kind.value, "verdict": verdict.value, "before": before, "after": after}
        drifts.append_history(
            tx, row, at=office.now, event="detected", actor="engine", detail=detail
        )
    office.change_drift(number, status="reverted", closed_at=office.now)
    return number


def tried(office, table, **named):
    return document(office.read(try_policy, read_policy(table), present=PRESENT, **named))


def test_the_present_policy_makes_no_difference(office, ledger_times):
    """What is tried is what was."""
    edited(office, ledger_times)
    found = tried(office, {})
    assert found["was"] == found["tried"]
    assert [one["differs"] for one in found["rows"]] == [False]


def test_a_flag_leaves_the_edit_and_holds_the_claim(office, ledger_times):
    """Nothing would have been put back, and the claim would have waited for a person."""
    number = edited(office, ledger_times)
    found = tried(office, {"moved": "flag"})
    [row] = found["rows"]
    assert (row["drift"], row["was"], row["tried"]) == (number, "revert", "flag")
    assert (row["held_claims"], row["would_hold"]) == ([], ["cl-1"])
    assert (found["was"]["reverted"], found["tried"]["flagged"]) == (1, 1)
    assert found["tried"]["held_claims"] == ["cl-1"]


def test_the_moment_of_the_edit_decides(office, ledger_times):
    """Three days before the start is near only where near is a week."""
    edited(office, ledger_times)
    assert tried(office, {"near_hours": 24})["tried"]["reverted"] == 1
    assert tried(office, {"near_hours": 168})["tried"]["flagged"] == 1


def test_a_providers_own_cells_go_first(office, ledger_times):
    """As they would in force."""
    edited(office, ledger_times)
    own = {"moved": "flag", "providers": {"dr-lee": {"moved": "ignore"}}}
    assert tried(office, own)["tried"]["ignored"] == 1


def test_who_would_have_fought_back_would_have_been_flagged(office, ledger_times):
    """The third revert of one field within a day is not made."""
    named = {"changes": {"existence": "deleted"}, "calendar_id": office.calendar()}
    for _ in range(3):
        edited(office, ledger_times, DriftKind.DELETED, Verdict.FLAG, **named)
        office.clock.advance(timedelta(hours=1))
    found = tried(office, {})
    assert [one["tried"] for one in found["rows"]] == ["revert", "revert", "flag"]
    assert [one["contested"] for one in found["rows"]] == [False, False, True]


def test_days_are_those_of_the_practice(office, ledger_times):
    """Since is a whole local day."""
    edited(office, ledger_times)
    day = office.now.date()
    assert len(tried(office, {}, since=day)["rows"]) == 1
    assert tried(office, {}, since=day + timedelta(days=1))["rows"] == []


@pytest.mark.parametrize(
    "table",
    [{"providers": 3}, {"providers": {"dr-lee": "flag"}}, {"moved": ["flag"]}, {"moved": 1}],
)
def test_a_policy_of_the_wrong_shape_is_refused_in_words(table):
    """Whatever stands where a cell should."""
    with pytest.raises(ValueError, match=r"table|write ahead"):
        read_policy(table)
