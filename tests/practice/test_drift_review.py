"""What people may decide about a drift, and what follows from it."""

from datetime import timedelta

import pytest

from calwarden.domain.drift import DriftKind, DriftStatus, Severity
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import local_text
from calwarden.practice import appointments as documents
from calwarden.practice import drift_review
from calwarden.store import appointments, calendars
from calwarden.store.errors import NotFound

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def moved(any_desk, ledger_times):
    """An open drift: a-1 was dragged a day later."""
    one = any_desk.book("2026-12-10T10:00", ref="a-1")
    any_desk.claim("cl-1", "a-1", "ready")
    return any_desk.drift(
        DriftKind.MOVED, "a-1", before=ledger_times(one), after=ledger_times(one, by=DAY)
    )


def test_a_drift_is_told_with_its_times_and_its_claim(any_desk, moved):
    """Every field that others rely on is there."""
    shown = any_desk.shown(moved)
    assert shown["id"] == moved
    assert (shown["kind"], shown["status"], shown["revision"]) == ("moved", "open", 1)
    assert shown["before"]["start"] == "2026-12-10T10:00:00-05:00"
    assert shown["after"]["start"] == "2026-12-11T10:00:00-05:00"
    assert (shown["appointment"], shown["appointments"]) == ("a-1", ["a-1"])
    assert (shown["claim"], shown["claims"], shown["claim_held"]) == ("cl-1", ["cl-1"], True)
    for field in ("verdict", "proposal", "provider", "calendar", "occurrence", "severity"):
        assert field in shown


def test_drifts_are_listed_by_status_provider_and_severity(any_desk, moved):
    """Every condition narrows."""
    listing, now = drift_review.listing, any_desk.now
    assert [one["id"] for one in any_desk.read(listing, now=now)] == [moved]
    for conditions in (
        {"statuses": [DriftStatus.DISMISSED]},
        {"provider": "dr-ray"},
        {"severity": Severity.PRIVACY},
    ):
        assert any_desk.read(listing, now=now, **conditions) == []


def test_accepting_a_move_reschedules_and_takes_the_claim_along(any_desk, moved):
    """The appointment has the time that stands outside; the drift is closed as accepted."""
    before = any_desk.revision()
    shown = any_desk.resolve(moved, "accept", reason="agreed", revision=1)
    assert (shown["status"], shown["claim_held"]) == ("accepted", False)
    assert local_text(any_desk.find("a-1").start) == "2026-12-11T10:00:00"
    assert any_desk.claim_document("cl-1")["date_of_service"] == "2026-12-11"
    assert any_desk.revision() > before
    assert [entry["event"] for entry in any_desk.shown(moved)["history"]] == [
        "accepted",
        "decided",
    ]
    assert any_desk.audit_holds()


def test_a_refusal_by_the_ordinary_rules_leaves_the_drift_open(any_desk, moved):
    """An overlap is an overlap, however it came about."""
    any_desk.book("2026-12-11T10:30", ref="a-2")
    with pytest.raises(Refused, match=r"a-1.*a-2"):
        any_desk.resolve(moved, "accept")
    assert any_desk.shown(moved)["status"] == "open"
    assert local_text(any_desk.find("a-1").start) == "2026-12-10T10:00:00"


def test_a_decision_on_an_older_revision_is_refused(any_desk, moved):
    """Somebody else's edit came between."""
    any_desk.change_drift(moved, revision=2)
    with pytest.raises(Refused, match="moved on"):
        any_desk.resolve(moved, "dismiss", reason="seen", revision=1)
    assert any_desk.resolve(moved, "dismiss", reason="seen", revision=2)["status"] == "dismissed"


def test_a_revert_is_recorded_for_the_next_pass(any_desk, moved):
    """The drift stays open, its verdict is revert, and its calendar is planned anew."""
    shown = any_desk.resolve(moved, "revert", reason="not agreed")
    assert (shown["status"], shown["verdict"]) == ("open", "revert")
    assert any_desk.read(calendars.get, shown["calendar"]).planned_revision == 0


def test_a_dismissal_needs_a_reason_and_closes_the_drift(any_desk, moved):
    """What was closed is not decided again."""
    with pytest.raises(Refused, match="reason"):
        any_desk.resolve(moved, "dismiss", reason="  ")
    assert any_desk.resolve(moved, "dismiss", reason="agreed")["reason"] == "agreed"
    with pytest.raises(Refused, match="dismissed"):
        any_desk.resolve(moved, "revert")
    with pytest.raises(NotFound):
        any_desk.resolve(999, "revert")


def test_a_drift_that_is_being_reverted_is_not_decided(any_desk, moved):
    """A write may be under way."""
    any_desk.change_drift(moved, status=DriftStatus.REVERTING.value)
    with pytest.raises(Refused, match="being reverted"):
        any_desk.resolve(moved, "accept")


@pytest.mark.parametrize("kind", [DriftKind.DELETED, DriftKind.CANCELLED, DriftKind.DECLINED])
def test_what_would_end_an_appointment_names_cancel_and_ask(desk, ledger_times, kind):
    """No appointment ends by one click on a drift."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    number = desk.drift(kind, "a-1", before=ledger_times(one))
    with pytest.raises(Refused, match=r"appointments cancel a-1.*appointments ask a-1"):
        desk.resolve(number, "accept")


@pytest.mark.parametrize(
    "kind",
    [DriftKind.MASS_CHANGE, DriftKind.CALENDAR_EMPTIED, DriftKind.EXPOSED, DriftKind.ALL_DAY],
)
def test_cases_and_other_kinds_cannot_be_accepted(desk, kind):
    """They can be reverted or dismissed."""
    number = desk.drift(kind, None, uid="", appointments=["a-1"])
    with pytest.raises(Refused, match="cannot be accepted"):
        desk.resolve(number, "accept")
    assert desk.resolve(number, "revert")["verdict"] == "revert"


@pytest.mark.parametrize("kind", [DriftKind.OVERLAP, DriftKind.CALENDAR_GONE])
def test_what_is_not_ours_cannot_be_reverted(desk, kind):
    """A personal event stays untouched; a calendar is never recreated."""
    number = desk.drift(kind, None)
    with pytest.raises(Refused, match="cannot be reverted"):
        desk.resolve(number, "revert")
    assert desk.resolve(number, "dismiss", reason="known")["status"] == "dismissed"


def test_accepting_a_resize_changes_the_length_only(desk, ledger_times):
    """The start stays."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    number = desk.drift(
        DriftKind.RESIZED, "a-1", before=ledger_times(one), after=ledger_times(one, minutes=30)
    )
    desk.resolve(number, "accept")
    changed = desk.find("a-1")
    assert (local_text(changed.start), changed.minutes) == ("2026-12-10T10:00:00", 30)


def test_accepting_on_a_started_appointment_is_a_correction(any_desk, moved):
    """The scheduled time stays beside the true one, and the claim's date follows."""
    any_desk.at("2026-12-12T10:00-05:00")
    any_desk.resolve(moved, "accept", reason="the client came a day later")
    shown = documents.document(any_desk.find("a-1"))
    assert shown["start"] == "2026-12-11T10:00:00-05:00"
    assert shown["scheduled_start"] == "2026-12-10T10:00:00-05:00"
    assert any_desk.claim_document("cl-1")["date_of_service"] == "2026-12-11"


def test_accepting_closes_the_same_appointments_drifts_in_other_calendars(desk, ledger_times):
    """Withdrawn where they show the accepted time, superseded where they do not."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    before = ledger_times(one)
    accepted = desk.drift(
        DriftKind.MOVED,
        "a-1",
        before=before,
        after=ledger_times(one, by=DAY),
        calendar_id=desk.calendar("a"),
    )
    same = desk.drift(
        DriftKind.MOVED,
        "a-1",
        before=before,
        after=ledger_times(one, by=DAY),
        calendar_id=desk.calendar("b"),
        seen="b",
    )
    other = desk.drift(
        DriftKind.DELETED, "a-1", before=before, calendar_id=desk.calendar("c"), seen="c"
    )
    private = desk.drift(
        DriftKind.EXPOSED, "a-1", before=before, calendar_id=desk.calendar("d"), seen="d"
    )
    desk.resolve(accepted, "accept")
    found = [desk.shown(number)["status"] for number in (accepted, same, other, private)]
    assert found == ["accepted", "withdrawn", "superseded", "open"]


def test_accepting_a_moved_occurrence_moves_it_alone_even_beyond_the_horizon(desk):
    """An edit to a later slot first creates its appointment."""
    desk.weekly("s-1", "2026-12-08T10:00")
    number = desk.drift(
        DriftKind.OCCURRENCE_MOVED,
        "s-1#40",
        slot="2027-09-07T10:00:00",
        subject_kind="series",
        subject_ref="s-1",
        before={"start": "2027-09-07T10:00:00-04:00", "end": "2027-09-07T10:50:00-04:00"},
        after={"start": "2027-09-08T12:00:00-04:00", "end": "2027-09-08T12:50:00-04:00"},
    )
    desk.resolve(number, "accept")
    assert local_text(desk.find("s-1#40").start) == "2027-09-08T12:00:00"
    assert local_text(desk.find("s-1#39").start) == "2027-08-31T10:00:00"


def test_accepting_one_common_shift_moves_each_of_its_occurrences(desk, ledger_times):
    """One act of one person is one decision."""
    made = desk.weekly("s-1", "2026-12-08T10:00", count=4)
    number = desk.drift(
        DriftKind.OCCURRENCE_MOVED,
        "s-1#2",
        slot=made[1].slot,
        subject_kind="series",
        subject_ref="s-1",
        appointments=["s-1#2", "s-1#3"],
        before=ledger_times(made[1]),
        after=ledger_times(made[1], by=HOUR),
    )
    desk.resolve(number, "accept")
    times = [local_text(one.start)[11:] for one in desk.read(appointments.search, series="s-1")]
    assert times == ["10:00:00", "11:00:00", "11:00:00", "10:00:00"]


def test_accepting_a_whole_series_moves_what_has_not_started_across_a_change_of_clocks(
    desk, ledger_times
):
    """Told in wall time: 11:00 stays 11:00 in summer."""
    made = desk.weekly("s-1", "2026-12-08T10:00")
    desk.at("2026-12-09T10:00-05:00")
    number = desk.drift(
        DriftKind.MOVED,
        "s-1",
        subject_kind="series",
        subject_ref="s-1",
        appointments=[one.ref for one in made[1:]],
        before=ledger_times(made[1]),
        after=ledger_times(made[1], by=HOUR),
    )
    desk.resolve(number, "accept")
    assert local_text(desk.find("s-1#1").start) == "2026-12-08T10:00:00"
    rest = desk.read(appointments.search, series="s-1~2")
    assert {local_text(one.start)[11:] for one in rest} == {"11:00:00"}
    assert {one.start.utcoffset() for one in rest} == {-5 * HOUR, -4 * HOUR}


def test_a_length_of_parts_of_minutes_or_a_whole_day_cannot_be_accepted(desk, ledger_times):
    """The store keeps whole minutes."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    odd = {**ledger_times(one), "end": "2026-12-10T10:20:30-05:00"}
    number = desk.drift(DriftKind.RESIZED, "a-1", before=ledger_times(one), after=odd)
    with pytest.raises(Refused, match="long"):
        desk.resolve(number, "accept")
