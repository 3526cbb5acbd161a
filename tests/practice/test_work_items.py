"""Work items: what claims ask of people, opened and closed with what causes them."""

from datetime import timedelta

import pytest

from calwarden.domain.claim import ClaimStatus
from calwarden.domain.drift import DriftKind, DriftStatus
from calwarden.domain.refusal import Refused
from calwarden.practice import booking, claims, corrections, work_items
from calwarden.practice.corrections import TrueTime
from calwarden.practice.rescheduling import wall_start
from calwarden.store.errors import NotFound

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def set_status(desk, ref, status, **named):
    return desk.do(claims.set_status, ref, ClaimStatus(status), **named)


def work(desk):
    return desk.read(work_items.listing, now=desk.now)


def only(desk):
    found = work(desk)
    assert len(found) == 1, found
    return found[0]


def follow_drift(desk, number):
    with desk.database.write() as tx:
        work_items.follow_drifts(tx, [number], now=desk.now)


def test_a_submitted_claim_whose_appointment_moves_waits_and_then_is_replaced(any_desk):
    """One item through it all: wait, then the replacement with the payer's number, then gone."""
    desk = any_desk
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    assert work(desk) == []
    desk.move("a-1", "2026-12-03T10:00")
    first = only(desk)
    assert (first["kind"], first["claim"], first["appointment"]) == (
        "wait_for_processing",
        "cl-1",
        "a-1",
    )
    assert "2026-12-01" in first["message"]
    assert "2026-12-03" in first["message"]
    assert desk.claim_document("cl-1")["date_of_service"] == "2026-12-01"
    set_status(desk, "cl-1", "paid", control_number="ICN-1")
    then = only(desk)
    assert then["id"] == first["id"]
    assert (then["kind"], then["frequency_code"], then["original_reference"]) == (
        "replace",
        "7",
        "ICN-1",
    )
    assert "all service lines" in then["message"]
    set_status(desk, "cl-1", "submitted")
    assert work(desk) == []
    assert desk.audit_holds()


def test_moving_again_updates_the_item_and_moving_back_closes_it(desk):
    """Never two items about one date, never one without a cause."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "accepted")
    desk.move("a-1", "2026-12-03T10:00")
    first = only(desk)
    desk.move("a-1", "2026-12-08T10:00")
    again = only(desk)
    assert again["id"] == first["id"]
    assert "2026-12-08" in again["message"]
    assert again["days_left"] == first["days_left"] + 5
    desk.move("a-1", "2026-12-01T15:00")
    assert work(desk) == []


def test_the_days_left_run_from_the_true_date_in_the_practices_zone(desk):
    """DOS + 90 days - today: on 30 November, for 3 December, 93."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    desk.move("a-1", "2026-12-03T10:00")
    assert only(desk)["days_left"] == 93
    desk.at("2026-12-01T03:00+00:00")  # still the evening of 30 November in New York
    assert only(desk)["days_left"] == 93
    desk.at("2027-03-05T12:00-05:00")
    assert only(desk)["days_left"] == -2
    assert only(desk)["age_days"] == 95


def test_a_payer_that_wants_voids_gets_a_void_and_then_a_new_original(desk):
    """The item stays until the new original is on its way."""
    desk.take_in({"payers": [{"ref": "VOIDS", "name": "Voids", "correction": "void"}]})
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "paid", payer="VOIDS", control_number="ICN-1")
    desk.move("a-1", "2026-12-03T10:00")
    item = only(desk)
    assert (item["kind"], item["frequency_code"], item["original_reference"]) == (
        "void",
        "8",
        "ICN-1",
    )
    set_status(desk, "cl-1", "void")
    item = only(desk)
    assert (item["kind"], item["frequency_code"], item["original_reference"]) == (
        "void",
        "1",
        None,
    )
    set_status(desk, "cl-1", "submitted")
    assert work(desk) == []
    assert desk.claim_document("cl-1")["control_number"] is None


def test_another_way_of_correction_of_the_payer_changes_what_is_asked(desk):
    """From a replacement to a void."""
    payer = {"ref": "OTHER", "name": "Other", "correction": "replace"}
    desk.take_in({"payers": [payer]})
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "paid", payer="OTHER")
    desk.move("a-1", "2026-12-03T10:00")
    assert only(desk)["kind"] == "replace"
    desk.take_in({"payers": [{**payer, "correction": "void"}]})
    assert only(desk)["kind"] == "void"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("draft", "no_service", None),
        ("ready", "no_service", None),
        ("rejected", "no_service", None),
        ("submitted", "wait_for_processing", "8"),
        ("accepted", "wait_for_processing", "8"),
        ("paid", "void", "8"),
        ("denied", "void", "8"),
    ],
)
def test_a_service_that_did_not_take_place_has_no_claim(desk, status, kind, code):
    """Whatever the payer's way of correction, what is on file is voided."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", status)
    desk.at("2026-12-01T11:00-05:00")
    desk.do(booking.no_show, "a-1")
    item = only(desk)
    assert (item["kind"], item["frequency_code"]) == (kind, code)
    assert "no show" in item["message"]
    assert not desk.clearance("cl-1")["may_send"]
    desk.do(booking.complete, "a-1")
    assert work(desk) == []


def test_an_item_of_a_service_that_did_not_take_place_ends_with_the_claim(desk):
    """Set void, nothing is left to do."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    desk.at("2026-12-01T11:00-05:00")
    desk.do(booking.no_show, "a-1")
    set_status(desk, "cl-1", "void")
    assert work(desk) == []


@pytest.mark.parametrize("ending", ["withdrawn", "reverted", "superseded"])
def test_a_drift_after_submission_is_work_while_it_is_open(desk, ledger_times, ending):
    """Not a hold: the claim has gone out."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    number = desk.drift(
        DriftKind.MOVED, "a-1", before=ledger_times(one), after=ledger_times(one, by=DAY)
    )
    follow_drift(desk, number)
    follow_drift(desk, number)
    item = only(desk)
    assert item["kind"] == "drift_after_submission"
    assert f"drift {number}" in item["message"]
    assert not desk.claim_document("cl-1")["held"]
    desk.change_drift(number, status=DriftStatus(ending).value)
    follow_drift(desk, number)
    assert work(desk) == []


def test_dismissing_a_drift_closes_its_item(desk, ledger_times):
    """In the transaction of the decision."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    number = desk.drift(DriftKind.DELETED, "a-1", before=ledger_times(one))
    desk.claim("cl-1", "a-1", "submitted")
    assert only(desk)["kind"] == "drift_after_submission"
    desk.resolve(number, "dismiss", reason="a mistake on the telephone")
    assert work(desk) == []


def test_accepting_a_drift_after_submission_asks_for_the_correction(desk, ledger_times):
    """The question becomes a fact; a second calendar that shows the same is answered with it."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    shown = {"before": ledger_times(one), "after": ledger_times(one, by=DAY)}
    number = desk.drift(DriftKind.MOVED, "a-1", **shown)
    second = desk.drift(
        DriftKind.MOVED, "a-1", calendar_id=desk.calendar("https://dav.example/2"), **shown
    )
    with desk.database.write() as tx:
        work_items.sweep(tx, now=desk.now)
    assert [item["kind"] for item in work(desk)] == ["drift_after_submission"] * 2
    desk.resolve(number, "accept", reason="agreed")
    assert only(desk)["kind"] == "wait_for_processing"
    assert desk.shown(second)["status"] == "withdrawn"


def test_a_rejected_claim_turns_the_question_into_a_hold(desk, ledger_times):
    """It was never processed: it goes again, but not before the drift is decided."""
    one = desk.book("2026-12-10T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    number = desk.drift(DriftKind.DELETED, "a-1", before=ledger_times(one))
    follow_drift(desk, number)
    set_status(desk, "cl-1", "rejected")
    assert work(desk) == []
    assert desk.claim_document("cl-1")["held"]


def test_a_change_of_length_never_changes_the_code_and_asks_to_confirm_the_time(desk):
    """50 minutes are 90834, 60 are 90837; back to 50 there is nothing to ask."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready", procedure_code="90834", documented_minutes=50)
    desk.move("a-1", "2026-12-01T10:00", 60)
    item = only(desk)
    assert item["kind"] == "confirm_documented_time"
    assert "90837" in item["message"]
    assert desk.claim_document("cl-1")["procedure_code"] == "90834"
    desk.move("a-1", "2026-12-01T10:00", 45)
    assert work(desk) == []


@pytest.mark.parametrize(("code", "minutes"), [("90791", 90), ("90834", 52), (None, 90)])
def test_a_length_that_fits_the_code_or_a_code_without_time_asks_nothing(desk, code, minutes):
    """90791 is untimed; 52 minutes are still 90834."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready", **({"procedure_code": code} if code else {}))
    desk.move("a-1", "2026-12-01T10:00", minutes)
    assert work(desk) == []


def test_a_length_that_did_not_change_asks_nothing(desk):
    """What the practice booked and coded is not questioned."""
    desk.book("2026-12-01T10:00", ref="a-1", minutes=60)
    desk.claim("cl-1", "a-1", "ready", procedure_code="90834")
    desk.move("a-1", "2026-12-02T10:00")
    assert work(desk) == []


def test_documenting_the_time_answers_the_question(desk):
    """The code stands for the length that was then documented."""
    desk.book("2026-12-01T10:00", ref="a-1")
    first = {"ref": "cl-1", "appointment": "a-1", "payer": "ACME", "procedure_code": "90834"}
    desk.take_in({"claims": [{**first, "documented_minutes": 50}]})
    desk.move("a-1", "2026-12-01T10:00", 60)
    assert only(desk)["kind"] == "confirm_documented_time"
    desk.take_in({"claims": [{**first, "documented_minutes": 52}]})
    assert work(desk) == []


def test_a_correction_after_the_fact_re_dates_or_asks(desk):
    """What has not gone out follows, what is on file becomes work."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "ready")
    desk.claim("cl-2", "a-1", "paid", control_number="ICN-2")
    desk.at("2026-12-05T12:00-05:00")
    truth = TrueTime(start=wall_start(desk.get("a-1"), "2026-12-02T09:00"), reason="the notes")
    desk.do(corrections.correct, "a-1", truth)
    assert desk.claim_document("cl-1")["date_of_service"] == "2026-12-02"
    assert (only(desk)["claim"], only(desk)["kind"]) == ("cl-2", "replace")


def test_a_rejected_replacement_leaves_the_processed_claim_to_be_replaced(desk):
    """The payer still has the old date: it goes as 7 again, or not at all."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "paid", control_number="ICN-1")
    desk.move("a-1", "2026-12-03T10:00")
    desk.at("2026-12-04T10:00-05:00")
    set_status(desk, "cl-1", "submitted")
    set_status(desk, "cl-1", "rejected")
    assert only(desk)["kind"] == "replace"
    found = desk.clearance("cl-1")
    assert (found["may_send"], found["frequency_code"]) == (True, "7")
    assert (found["original_reference"], found["date_of_service"]) == ("ICN-1", "2026-12-03")
    set_status(desk, "cl-1", "submitted")
    set_status(desk, "cl-1", "paid", control_number="ICN-2")
    assert work(desk) == []
    assert desk.clearance("cl-1")["frequency_code"] is None


def test_what_a_person_closed_stays_closed_until_the_facts_change(desk):
    """The note says what was done; another date is another question."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "paid")
    desk.move("a-1", "2026-12-03T10:00")
    item = only(desk)
    with pytest.raises(Refused, match="note"):
        desk.do(work_items.close, item["id"], " ")
    desk.do(work_items.close, item["id"], "called the payer")
    assert work(desk) == []
    desk.move("a-1", "2026-12-03T11:00")
    assert work(desk) == []
    with pytest.raises(Refused, match="closed"):
        desk.do(work_items.close, item["id"], "again")
    desk.move("a-1", "2026-12-04T11:00")
    assert only(desk)["id"] != item["id"]
    closed = desk.read(work_items.show, item["id"], now=desk.now)
    assert (closed["status"], closed["notes"][0]["text"]) == ("closed", "called the payer")


def test_items_are_assigned_and_noted_and_the_most_urgent_stands_first(desk):
    """The filing limit decides the order."""
    desk.take_in({"payers": [{"ref": "FAST", "name": "Fast", "filing_limit_days": 30}]})
    for number, payer in ((1, "ACME"), (2, "FAST")):
        desk.book(f"2026-12-0{number}T10:00", ref=f"a-{number}")
        desk.claim(f"cl-{number}", f"a-{number}", "paid", payer=payer)
        desk.move(f"a-{number}", f"2026-12-0{number + 2}T10:00")
    assert [item["claim"] for item in work(desk)] == ["cl-2", "cl-1"]
    number = work(desk)[0]["id"]
    desk.do(work_items.assign, number, "Kim")
    desk.do(work_items.write_note, number, "the payer calls back")
    item = work(desk)[0]
    assert (item["assignee"], item["notes"][0]["text"]) == ("Kim", "the payer calls back")
    desk.do(work_items.assign, number, "")
    assert work(desk)[0]["assignee"] is None
    with pytest.raises(Refused, match="text"):
        desk.do(work_items.write_note, number, "")
    with pytest.raises(NotFound):
        desk.do(work_items.assign, 99, "Kim")


def test_what_time_alone_brings_is_noticed_by_whoever_looks(desk, ledger_times):
    """A drift that left the date as it was becomes a question two hours before the start."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    one = desk.get("a-1")
    number = desk.drift(
        DriftKind.RESIZED, "a-1", before=ledger_times(one), after=ledger_times(one, minutes=20)
    )
    follow_drift(desk, number)
    assert work(desk) == []
    assert not desk.read(work_items.lagging, now=desk.now)
    desk.at("2026-12-01T08:00-05:00")
    assert desk.read(work_items.lagging, now=desk.now)
    with desk.database.write() as tx:
        work_items.sweep(tx, now=desk.now)
    assert (only(desk)["kind"], only(desk)["drift"]) == ("drift_after_submission", number)
    assert not desk.read(work_items.lagging, now=desk.now)
