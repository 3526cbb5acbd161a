"""Asking to reschedule: what is open, how it ends, and what a clock may never do by itself."""

from datetime import datetime, timedelta

import pytest

from calwarden.domain.appointment import Status
from calwarden.domain.refusal import Refused
from calwarden.domain.rules import Rollout, Rules
from calwarden.domain.wall_time import instant, local_text
from calwarden.practice import appointments as documents
from calwarden.practice import out_of_office
from calwarden.store import people
from calwarden.store.errors import NotFound

SECOND = timedelta(seconds=1)
FAR, NEAR = "2026-12-10T09:00", "2026-12-01T09:00"
"""Ten days ahead: answered within 48 h. Less than a day ahead: until the start itself."""


def asked(office, start=FAR, **named):
    office.book("a-1", start)
    [ask] = office.ask("a-1", **named)
    return ask


def test_while_an_ask_is_open_the_appointment_keeps_its_time_and_its_claim_is_held(any_office):
    """Only its status says that the client was asked; client and provider mail is queued."""
    any_office.book("a-1", FAR)
    any_office.claim("cl-1", "a-1")
    [ask] = any_office.ask("a-1", note="sorry")
    one = any_office.get("a-1")
    assert (one.status, local_text(one.start)) == (Status.RESCHEDULE_REQUESTED, f"{FAR}:00")
    assert any_office.claim_document("cl-1")["held"]
    assert ask.deadline == instant(any_office.now) + timedelta(hours=48)
    assert any_office.mail()[-1] == ("asked", "client")
    with pytest.raises(Refused, match="overlap"):
        any_office.book("a-2", FAR)


def test_an_ask_is_answered_from_the_times_that_are_free(any_office):
    """It moves, both are told, and the hold on the claim ends."""
    any_office.book("a-1", FAR)
    any_office.claim("cl-1", "a-1")
    any_office.ask("a-1")
    start = any_office.page("a-1")["slots"][3]["start"]
    moved = any_office.pick("a-1", start)
    assert moved.status is Status.SCHEDULED
    assert any_office.asks() == {1: "answered"}
    claim = any_office.claim_document("cl-1")
    assert (claim["held"], claim["date_of_service"]) == (False, moved.start.date().isoformat())
    assert any_office.mail()[-2:] == [("moved", "client"), ("moved", "provider")]
    assert any_office.audit_holds()


def test_the_24_hours_do_not_bind_the_answer(office):
    """The provider asked, so the client answers until the deadline."""
    asked(office, NEAR)
    office.at("2026-12-01T08:59:59-05:00")
    assert office.page("a-1")["slots"]
    assert office.pick("a-1", office.page("a-1")["slots"][0]["start"]).status is Status.SCHEDULED


def test_a_client_who_was_asked_may_also_cancel(office):
    """That is an answer too, and costs nothing."""
    asked(office, NEAR)
    assert office.client_cancels("a-1").status is Status.CANCELLED
    assert office.asks() == {1: "answered"}


def test_the_old_time_is_not_offered_to_whom_the_provider_asked(office):
    """Nor one that overlaps it: the provider cannot then."""
    asked(office)
    old = instant(office.get("a-1").start)
    for slot in office.page("a-1")["slots"]:
        assert abs(datetime.fromisoformat(slot["start"]) - old) >= timedelta(minutes=50)


def test_nobody_answers_for_48_hours_and_the_appointment_is_cancelled_without_a_fee(any_office):
    """A second before it is still open; at the deadline it expires, and both are told."""
    ask = asked(any_office)
    any_office.at((ask.deadline - SECOND).isoformat())
    assert any_office.tick().expired == 0
    any_office.at(ask.deadline.isoformat())
    assert any_office.tick().expired == 1
    one = any_office.get("a-1")
    assert (one.status, one.late_fee) == (Status.CANCELLED, None)
    assert any_office.asks() == {1: "expired"}
    assert any_office.charges() == []
    assert any_office.mail()[-2:] == [("ask_expired", "client"), ("ask_expired", "provider")]
    assert any_office.tick().expired == 0


def test_an_ask_expires_at_the_start_where_that_comes_first(office):
    """The deadline is the appointment's own start."""
    ask = asked(office, NEAR)
    assert ask.deadline == instant(office.get("a-1").start)
    office.at(ask.deadline.isoformat())
    assert office.tick().expired == 1
    assert office.get("a-1").status is Status.CANCELLED


def test_an_answer_exactly_at_the_deadline_is_too_late(office):
    """Whether or not a timer has run by then."""
    ask = asked(office)
    slot = office.page("a-1")["slots"][-1]["start"]
    office.at(ask.deadline.isoformat())
    with pytest.raises(Refused, match="over"):
        office.pick("a-1", slot)
    assert office.asks() == {1: "open"}


def test_an_expiry_noticed_ten_minutes_late_still_cancels(office):
    """Exactly ten minutes are not more than ten."""
    ask = asked(office)
    office.at((ask.deadline + timedelta(minutes=10)).isoformat())
    assert office.tick().expired == 1


def test_an_expiry_noticed_later_is_overdue_and_can_still_be_answered(any_office):
    """The daemon was down, or the clock is wrong: nothing irreversible happens by itself."""
    ask = asked(any_office)
    any_office.at((ask.deadline + timedelta(minutes=10) + SECOND).isoformat())
    assert any_office.asks() == {1: "overdue"}
    assert any_office.tick().overdue == 1
    assert any_office.get("a-1").status is Status.RESCHEDULE_REQUESTED
    assert any_office.tick().overdue == 0
    any_office.pick("a-1", any_office.page("a-1")["slots"][0]["start"])
    assert any_office.asks() == {1: "answered"}


def test_a_person_confirms_an_overdue_ask_and_only_such_a_one(office):
    """Then it is cancelled as if it had expired."""
    ask = asked(office)
    with pytest.raises(Refused, match="overdue"):
        office.confirm(1)
    office.at((ask.deadline + timedelta(hours=1)).isoformat())
    office.tick()
    office.confirm(1)
    assert office.asks() == {1: "expired"}
    assert office.get("a-1").status is Status.CANCELLED
    with pytest.raises(Refused, match="overdue"):
        office.confirm(1)
    with pytest.raises(NotFound):
        office.confirm(99)


def test_an_overdue_ask_is_not_answered_after_the_start(office):
    """The link ends there; the ask waits for a person."""
    asked(office, NEAR)
    office.at("2026-12-01T10:00:00-05:00")
    office.tick()
    assert office.asks() == {1: "overdue"}
    with pytest.raises(Refused, match="no longer valid"):
        office.page("a-1")
    assert office.confirm(1).status.value == "expired"


def test_a_meeting_that_took_place_after_all_ends_its_ask(office):
    """Who met does not wait for a clock."""
    asked(office, NEAR)
    office.at("2026-12-01T10:00:00-05:00")
    office.tick()
    assert office.complete("a-1").status is Status.COMPLETED
    assert office.asks() == {1: "withdrawn"}


def test_by_a_doubted_clock_every_due_ask_becomes_overdue(office):
    """However punctual it looks."""
    ask = asked(office)
    office.at(ask.deadline.isoformat())
    assert (office.tick(trusted=False).overdue, office.asks()) == (1, {1: "overdue"})


def test_the_client_is_reminded_once_half_way(office):
    """Not before, not twice, not after the deadline."""
    ask = asked(office)
    assert ask.remind_at == instant(office.now) + timedelta(hours=24)
    office.at((ask.remind_at - SECOND).isoformat())
    assert office.tick().reminded == 0
    office.at(ask.remind_at.isoformat())
    assert [office.tick().reminded, office.tick().reminded] == [1, 0]
    assert office.mail()[-1] == ("ask_reminder", "client")


def test_a_withdrawn_ask_leaves_the_appointment_as_it_was_and_its_block_in_place(office):
    """The client is told; the block stays until it is removed."""
    ask = asked(office, block=True)
    assert ask.block == "o-1"
    office.withdraw(1)
    one = office.get("a-1")
    assert (one.status, local_text(one.start)) == (Status.SCHEDULED, f"{FAR}:00")
    assert [block["id"] for block in office.read(out_of_office.listing)] == ["o-1"]
    assert office.mail()[-1] == ("ask_withdrawn", "client")
    with pytest.raises(Refused, match="withdrawn already"):
        office.withdraw(1)


def test_the_block_covers_exactly_the_old_time_and_stops_booking(office):
    """One that is there already is not set again."""
    asked(office, block=True)
    [block] = office.read(out_of_office.listing)
    one = documents.document(office.get("a-1"))
    assert (block["start"], block["end"]) == (one["start"], one["end"])
    office.pick("a-1", office.page("a-1")["slots"][0]["start"])
    with pytest.raises(Refused, match="out-of-office"):
        office.book("a-2", FAR)
    office.book("a-3", "2026-12-11T09:00")
    office.away("2026-12-11T00:00", "2026-12-12T00:00")
    [again] = office.ask("a-3", block=True)
    assert again.block == "o-2"


def test_several_are_asked_in_one_step_or_none_is(any_office):
    """A refusal of one leaves all as they were."""
    for number, start in enumerate((FAR, "2026-12-11T09:00", "2026-12-12T09:00"), start=1):
        any_office.book(f"a-{number}", start)
    any_office.cancel("a-3")
    with pytest.raises(Refused):
        any_office.ask("a-1", "a-2", "a-3")
    assert any_office.asks() == {}
    assert len(any_office.ask("a-1", "a-2", "a-1")) == 2
    with pytest.raises(Refused, match="asked already"):
        any_office.ask("a-2")


def test_everything_under_a_block_is_asked_in_one_step(office):
    """Those that were asked already are left out."""
    office.book("a-1", "2026-12-10T09:00")
    office.book("a-2", "2026-12-10T11:00")
    office.book("a-3", "2026-12-11T11:00")
    office.ask("a-1")
    block = office.away("2026-12-10T00:00", "2026-12-11T00:00")
    assert block["appointments"] == ["a-1", "a-2"]
    assert office.read(out_of_office.to_ask, block["id"], now=office.now) == ["a-2"]
    changed = office.do(out_of_office.change, block["id"], None, "2026-12-12T00:00", actor="test")
    assert changed["appointments"] == ["a-1", "a-2", "a-3"]
    with pytest.raises(Refused, match="later end"):
        office.do(out_of_office.change, block["id"], "2026-12-20T00:00", None, actor="test")


def test_a_new_time_from_the_provider_makes_an_open_ask_needless(office):
    """It is withdrawn, and the client gets the new time."""
    asked(office)
    office.move("a-1", "2026-12-11T09:00")
    assert office.asks() == {1: "withdrawn"}
    assert office.get("a-1").status is Status.SCHEDULED


def test_what_has_started_is_not_asked_about_and_a_reason_is_needed(office):
    """Nothing changes in either case."""
    office.book("a-1", NEAR)
    with pytest.raises(Refused, match="reason"):
        office.ask("a-1", reason=" ")
    office.at("2026-12-01T09:00:00-05:00")
    with pytest.raises(Refused, match="started"):
        office.ask("a-1")


def test_the_feature_is_rolled_out_per_provider(office):
    """Without it the refusal names the other way."""
    office.book("a-1", FAR)
    office.rules = Rules(ask_to_reschedule=Rollout.read(["dr-ray"]))
    with pytest.raises(Refused, match="rolled out"):
        office.ask("a-1")
    office.rules = Rules(ask_to_reschedule=Rollout.read(["dr-lee"]))
    assert office.ask("a-1")


def test_a_share_of_providers_is_stable_and_only_grows():
    """Who has the feature at 25 % has it at 50 % too, on every machine."""
    providers = [f"dr-{number}" for number in range(1000)]

    def having(said):
        rollout = Rollout.read(said)
        return {one for one in providers if rollout.includes(one, "ask_to_reschedule")}

    quarter, half = having("25%"), having("50%")
    assert quarter < half
    assert 200 < len(quarter) < 300
    assert (having("all"), having("none")) == (set(providers), set())
    assert having("100%") == set(providers)


def test_revisions_tell_calendars_that_something_changed(office):
    """Asking, withdrawing and expiring raise the provider's schedule revision."""
    before = office.read(people.schedule_revision, "dr-lee")
    ask = asked(office)
    office.withdraw(1)
    office.ask("a-1")
    office.at((ask.deadline).isoformat())
    office.tick()
    assert office.read(people.schedule_revision, "dr-lee") >= before + 4
