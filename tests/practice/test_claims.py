"""Claims in the store: their documents, holds, clearance and life."""

from datetime import timedelta

import pytest

from calwarden.domain.claim import ClaimStatus
from calwarden.domain.drift import DriftKind, DriftStatus
from calwarden.domain.refusal import Refused
from calwarden.practice import claims
from calwarden.store import appointments as appointment_rows
from calwarden.store import batches
from calwarden.store import claims as claim_rows
from calwarden.store.errors import NotFound

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def set_status(desk, ref, status, **named):
    return desk.do(claims.set_status, ref, ClaimStatus(status), **named)


def test_a_claim_tells_its_date_hold_and_what_differs(any_desk):
    """20:00 in New York is the next day in UTC."""
    any_desk.book("2026-12-01T20:00", ref="a-1")
    any_desk.claim("cl-1", "a-1", "ready", procedure_code="90834", documented_minutes=50)
    assert any_desk.claim_document("cl-1") == {
        "ref": "cl-1",
        "appointment": "a-1",
        "status": "ready",
        "date_of_service": "2026-12-01",
        "timezone": "America/New_York",
        "held": False,
        "reasons": [],
        "payer": "ACME",
        "control_number": None,
        "procedure_code": "90834",
        "documented_minutes": 50,
        "differs": ["utc"],
    }


def test_an_open_drift_to_another_date_holds_the_claim_and_dismissal_releases_it(
    any_desk, ledger_times
):
    """The reason carries the drift's number."""
    one = any_desk.book("2026-12-10T10:00", ref="a-1")
    any_desk.claim("cl-1", "a-1", "ready")
    number = any_desk.drift(
        DriftKind.MOVED, "a-1", before=ledger_times(one), after=ledger_times(one, by=DAY)
    )
    found = any_desk.claim_document("cl-1")
    assert found["held"]
    assert f"drift {number}" in found["reasons"][0]
    assert any_desk.shown(number)["claim_held"]
    any_desk.resolve(number, "dismiss", reason="agreed on the telephone")
    assert not any_desk.claim_document("cl-1")["held"]
    assert not any_desk.shown(number)["claim_held"]


def test_a_move_within_the_day_holds_only_near_the_start_and_after_it(desk, ledger_times):
    """The date would stay what it is."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    desk.drift(DriftKind.MOVED, "a-1", before=ledger_times(one), after=ledger_times(one, by=HOUR))
    assert not desk.claim_document("cl-1")["held"]
    desk.at("2026-12-10T08:00-05:00")
    assert desk.claim_document("cl-1")["held"]
    desk.at("2026-12-11T08:00-05:00")
    assert desk.claim_document("cl-1")["held"]


def test_a_drift_being_reverted_still_holds(desk, ledger_times):
    """Until the calendar shows the true time again."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    number = desk.drift(
        DriftKind.DELETED, "a-1", before=ledger_times(one), status=DriftStatus.REVERTING.value
    )
    assert desk.claim_document("cl-1")["held"]
    desk.change_drift(number, status=DriftStatus.REVERTED.value)
    assert not desk.claim_document("cl-1")["held"]


def test_a_claim_on_file_is_never_held(desk, ledger_times):
    """What comes after submission is a work item."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    desk.drift(DriftKind.DELETED, "a-1", before=ledger_times(one))
    assert not desk.claim_document("cl-1")["held"]


def test_a_whole_series_that_moved_holds_the_meetings_it_redates_and_none_already_held(
    desk, ledger_times
):
    """The drift itself names them."""
    made = desk.weekly("s-1", "2026-12-08T10:00", count=3)
    for number in (1, 2, 3):
        desk.claim(f"cl-{number}", f"s-1#{number}")
    desk.at("2026-12-09T10:00-05:00")
    drift = desk.drift(
        DriftKind.MOVED,
        "s-1",
        subject_kind="series",
        appointments=["s-1#2", "s-1#3"],
        redated=["s-1#2", "s-1#3"],
        before=ledger_times(made[1]),
        after=ledger_times(made[1], by=DAY),
    )
    held = {ref: desk.claim_document(ref)["held"] for ref in ("cl-1", "cl-2", "cl-3")}
    assert held == {"cl-1": False, "cl-2": True, "cl-3": True}
    assert desk.shown(drift)["claims"] == ["cl-2", "cl-3"]


def test_a_case_holds_the_claims_of_its_items(desk, ledger_times):
    """A series stands in a case once; its items name the meetings."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    made = desk.weekly("s-1", "2026-12-08T14:00", count=2)
    desk.claim("cl-1", "a-1")
    desk.claim("cl-2", "s-1#2")
    items = [
        {"appointment": "a-1", "kind": "deleted", "appointments": ["a-1"]},
        {"appointment": "s-1", "kind": "deleted", "appointments": [each.ref for each in made]},
    ]
    number = desk.drift(
        DriftKind.MASS_CHANGE,
        None,
        uid="",
        subject_ref=None,
        appointments=["a-1", "s-1"],
        before={"items": [{**item, "before": ledger_times(one)} for item in items]},
        items={"x": "y"},
    )
    assert [desk.claim_document(ref)["held"] for ref in ("cl-1", "cl-2")] == [True, True]
    shown = desk.shown(number)
    assert (shown["appointment"], shown["appointments"]) == (None, ["a-1", "s-1"])
    assert shown["claims"] == ["cl-1", "cl-2"]


def test_the_life_of_a_claim_from_draft_to_paid_files_its_date(any_desk):
    """Each step is the next one; the filed date is what was true at submission."""
    any_desk.book("2026-12-01T10:00", ref="a-1")
    any_desk.claim("cl-1", "a-1")
    for status in ("ready", "submitted", "accepted", "paid"):
        set_status(any_desk, "cl-1", status)
    assert any_desk.claim_document("cl-1")["status"] == "paid"
    any_desk.at("2026-12-02T10:00-05:00")
    assert any_desk.clearance("cl-1")["may_send"] is False
    with pytest.raises(Refused, match=r"does not go from paid to draft"):
        set_status(any_desk, "cl-1", "draft")
    with pytest.raises(NotFound):
        set_status(any_desk, "cl-9", "ready")
    assert any_desk.audit_holds()


def test_a_held_claim_is_not_submitted(desk, ledger_times):
    """The refusal says by what it is held."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    number = desk.drift(DriftKind.DELETED, "a-1", before=ledger_times(one))
    with pytest.raises(Refused, match=f"drift {number}"):
        set_status(desk, "cl-1", "submitted")


def test_a_wrong_date_on_a_paid_claim_asks_for_a_replacement_and_then_is_on_file(desk):
    """The payer's number comes with the status; the replacement files the true date."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "paid")
    desk.move("a-1", "2026-12-03T10:00")
    desk.at("2026-12-04T10:00-05:00")
    due = desk.clearance("cl-1")
    assert (due["may_send"], due["frequency_code"]) == (False, "7")
    with pytest.raises(Refused, match="claim number"):
        set_status(desk, "cl-1", "submitted")
    set_status(desk, "cl-1", "paid", control_number="ICN-1")
    due = desk.clearance("cl-1")
    assert due == {
        "may_send": True,
        "date_of_service": "2026-12-03",
        "frequency_code": "7",
        "original_reference": "ICN-1",
        "reasons": [],
    }
    set_status(desk, "cl-1", "submitted")
    assert desk.claim_document("cl-1")["date_of_service"] == "2026-12-03"


def test_a_payer_that_wants_voids_gets_the_date_on_file_and_then_a_new_original(desk):
    """After the void the same claim goes again with the true date."""
    desk.take_in({"payers": [{"ref": "VOIDS", "name": "Voids", "correction": "void"}]})
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "paid", payer="VOIDS", control_number="ICN-1")
    desk.move("a-1", "2026-12-03T10:00")
    desk.at("2026-12-04T10:00-05:00")
    due = desk.clearance("cl-1")
    assert (due["frequency_code"], due["date_of_service"]) == ("8", "2026-12-01")
    set_status(desk, "cl-1", "void")
    again = desk.clearance("cl-1")
    assert (again["may_send"], again["frequency_code"]) == (True, "1")
    assert again["date_of_service"] == "2026-12-03"
    set_status(desk, "cl-1", "submitted")
    assert desk.claim_document("cl-1")["date_of_service"] == "2026-12-03"


def test_ready_fixes_the_zone_and_a_later_change_of_zone_re_dates_nothing(desk):
    """It lists the claims that it might touch."""
    desk.book("2026-12-01T21:30", ref="a-1")
    desk.book("2026-12-01T10:00", ref="a-2")
    desk.claim("cl-1", "a-1", "ready")
    desk.claim("cl-2", "a-2", "ready")
    zone = {"ref": "dr-lee", "place_of_service_timezone": "Pacific/Auckland"}
    first = {"ref": "dr-lee", "place_of_service_timezone": "America/New_York"}
    desk.take_in({"providers": [first]})
    report = desk.take_in({"providers": [zone]})
    assert report["updated"] == 1
    assert report["claims_touched"] == ["cl-1", "cl-2"]
    assert desk.claim_document("cl-1")["date_of_service"] == "2026-12-01"


def test_telehealth_is_dated_by_the_practices_setting(desk):
    """The client's zone where the practice says so; the office's zone does not count then."""
    setting = {"practice": {"telehealth_date_of_service": "provider"}}
    desk.take_in(setting)
    setting["practice"]["telehealth_date_of_service"] = "client"
    desk.take_in(setting)
    desk.take_in(
        {
            "clients": [{"ref": "c-300", "name": "Ray", "timezone": "Asia/Tokyo"}],
            "appointments": [
                {
                    "ref": "a-1",
                    "provider": "dr-lee",
                    "client": "c-300",
                    "place": "telehealth",
                    "start": "2026-12-01T20:00",
                }
            ],
        }
    )
    desk.claim("cl-1", "a-1")
    found = desk.claim_document("cl-1")
    assert (found["date_of_service"], found["timezone"]) == ("2026-12-02", "Asia/Tokyo")
    assert found["differs"] == ["provider"]


def test_another_zone_of_a_series_holds_the_meetings_that_it_redates(desk):
    """What is the same instant in winter is another day in summer, late in the evening."""
    desk.weekly("s-1", "2026-12-02T23:30", count=2)
    for number in (1, 2):
        desk.claim(f"cl-{number}", f"s-1#{number}", "ready")
    desk.drift(
        DriftKind.ZONE_CHANGED,
        "s-1",
        appointments=["s-1#1", "s-1#2"],
        redated=["s-1#2"],
        severity="claim",
    )
    held = [desk.claim_document(f"cl-{number}")["held"] for number in (1, 2)]
    assert held == [False, True]


def test_more_claims_than_one_statement_takes_are_looked_up_in_parts(any_desk, monkeypatch):
    """Nothing is lost, told twice, or told in another order."""
    for number in range(7):
        any_desk.book(f"2026-12-0{7 - number}T10:00", ref=f"a-{number}")
        any_desk.claim(f"cl-{number}", f"a-{number}", "ready")
    wanted = [f"a-{number}" for number in (6, 3, 0, 3, 1)]
    names = [f"cl-{number}" for number in (6, 3, 0, 3, 1)]

    def look():
        return (
            any_desk.read(appointment_rows.search, refs=iter(wanted)),
            any_desk.read(claim_rows.search, refs=iter(names)),
            any_desk.read(claim_rows.search, appointments=wanted, refs=names[:3]),
            any_desk.read(claim_rows.search, refs=[]),
        )

    whole = look()
    assert [one.ref for one in whole[0]] == ["a-6", "a-3", "a-1", "a-0"]
    monkeypatch.setattr(batches, "MOST", 2)
    assert look() == whole
