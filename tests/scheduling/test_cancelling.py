"""Cancelling: by the practice with or without a fee, and by the client up to the 24th hour."""

import pytest

from calwarden.domain.appointment import Status
from calwarden.domain.refusal import Refused
from calwarden.store import appointments, departures

SPRING = ("2027-03-14T10:00", "2027-03-13T09:00:00-05:00", "2027-03-13T09:00:01-05:00")
AUTUMN = ("2027-11-07T10:00", "2027-11-06T11:00:00-04:00", "2027-11-06T11:00:01-04:00")
"""An appointment on the day of a clock change, 24:00:00 before it, and 23:59:59 before it."""


@pytest.mark.parametrize(("start", "exactly", "_late"), [SPRING, AUTUMN])
def test_a_client_may_cancel_exactly_24_elapsed_hours_ahead_across_a_clock_change(
    office, start, exactly, _late
):
    """24 hours of elapsed time, not the same hour of the day before; without a fee."""
    office.book("a-1", start)
    office.at(exactly)
    assert office.client_cancels("a-1").status is Status.CANCELLED
    assert office.charges() == []
    assert office.mail()[-2:] == [("cancelled", "client"), ("cancelled", "provider")]


@pytest.mark.parametrize(("start", "_exactly", "late"), [SPRING, AUTUMN])
def test_a_second_later_the_client_is_told_whom_to_contact_and_which_fee_applies(
    office, start, _exactly, late
):
    """Neither cancelling nor picking another time is possible then, and no time is listed."""
    office.book("a-1", start)
    office.at(late)
    free = office.slots()[0]
    with pytest.raises(Refused, match=r"24 hours.*555 0100.*75\.00"):
        office.client_cancels("a-1")
    with pytest.raises(Refused, match=r"24 hours.*555 0100.*75\.00"):
        office.pick("a-1", free)
    page = office.page("a-1")
    assert (page["slots"], page["contact"], page["late_cancellation_fee"]) == (
        [],
        "555 0100",
        "75.00",
    )
    assert office.get("a-1").status is Status.SCHEDULED


@pytest.mark.parametrize(("start", "exactly", "late"), [SPRING, AUTUMN])
def test_a_late_fee_is_for_less_than_24_hours_only(office, start, exactly, late):
    """A fee 24 hours or more ahead is refused; a second later it is charged to the client."""
    office.book("a-1", start)
    office.at(exactly)
    with pytest.raises(Refused, match="24 hours or more"):
        office.cancel("a-1", late_fee=True)
    office.at(late)
    cancelled = office.cancel("a-1", late_fee=True)
    assert (cancelled.status, cancelled.late_fee) == (Status.LATE_CANCELLED, "75.00")
    [charge] = office.charges()
    assert (charge.client, charge.amount, charge.appointment) == ("c-1", "75.00", "a-1")


def test_a_late_cancellation_may_be_free(office):
    """The provider decides."""
    office.book("a-1", "2026-12-01T09:00")
    cancelled = office.cancel("a-1")
    assert (cancelled.status, cancelled.late_fee) == (Status.CANCELLED, None)
    assert office.charges() == []


def test_without_a_fee_set_none_can_be_charged(office):
    """The refusal says what to do instead; nothing is changed."""
    office.provider(late_cancellation_fee=None)
    office.book("a-1", "2026-12-01T09:00")
    with pytest.raises(Refused, match="no late-cancellation fee"):
        office.cancel("a-1", late_fee=True)
    assert office.get("a-1").status is Status.SCHEDULED


def test_what_has_started_or_ended_is_not_cancelled(office):
    """At its start it has started; the refusal names the no-show."""
    office.book("a-1", "2026-12-01T09:00")
    office.book("a-2", "2026-12-02T09:00")
    office.cancel("a-2")
    with pytest.raises(Refused, match="cancelled already"):
        office.cancel("a-2")
    office.at("2026-12-01T09:00:00-05:00")
    with pytest.raises(Refused, match="no-show"):
        office.cancel("a-1")


def test_cancelling_needs_a_reason_which_stays_in_the_store(office):
    """It is for the people in the appointment."""
    office.book("a-1", "2026-12-05T09:00")
    with pytest.raises(Refused, match="reason"):
        office.cancel("a-1", reason="  ")
    office.cancel("a-1", reason="moving away")
    assert office.read(appointments.get_record, "a-1").reason == "moving away"
    assert "moving" not in str(office.actions())


@pytest.mark.parametrize("status", ["draft", "ready", "rejected"])
def test_what_was_cancelled_has_no_service_to_claim(any_office, status):
    """A claim that exists for it is not cleared, late fee or not."""
    any_office.book("a-1", "2026-12-01T09:00")
    any_office.claim("cl-1", "a-1", status)
    any_office.cancel("a-1", late_fee=True)
    clearance = any_office.clearance("cl-1")
    assert not clearance["may_send"]
    assert any("no service" in reason for reason in clearance["reasons"])
    assert any_office.audit_holds()


def test_the_time_of_a_cancelled_appointment_is_free_again(office):
    """At once."""
    office.book("a-1", "2026-12-05T09:00")
    office.cancel("a-1")
    assert office.book("a-2", "2026-12-05T09:00", client="c-2").ref == "a-2"


def test_cancelling_withdraws_an_open_ask_and_counts_one_departure(office):
    """The time was given up by the ask already."""
    office.book("a-1", "2026-12-05T09:00")
    office.ask("a-1")
    office.cancel("a-1")
    assert office.asks() == {1: "withdrawn"}
    assert [one.path.value for one in office.read(departures.search)] == ["ask"]
