"""Links, and what a client does through one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import BadLocalTime, parse_local
from calwarden.practice.links import Links

FAR = "2026-12-10T09:00"
SAFE = set(string.ascii_letters + string.digits + "-_.")
REFS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100)


def appointment(ref):
    start = parse_local(FAR, "America/New_York")
    return Appointment(ref=ref, provider="dr-lee", client="c-100", start=start, minutes=50)


@given(ref=REFS)
def test_a_token_leads_back_to_its_appointment_and_fits_into_an_address(ref):
    """URL-safe, and never beginning with a hyphen: a command line would take it for an option."""
    links = Links(key=b"k" * 32, public_url="https://harbor.example")
    token = links.token_for(appointment(ref))
    assert links.ref_of(token) == ref
    assert set(token) <= SAFE
    assert not token.startswith("-")
    assert links.link_for(appointment(ref)) == f"https://harbor.example/c/{token}"


@given(junk=st.text(max_size=600))
def test_nothing_else_is_a_token(junk):
    """A changed, foreign or endless one is refused, with the next step."""
    links = Links(key=b"k" * 32, public_url="https://harbor.example")
    other = Links(key=b"x" * 32, public_url="https://harbor.example")
    for token in (
        junk,
        other.token_for(appointment("a-1")),
        links.token_for(appointment("a"))[:-1],
    ):
        with pytest.raises(Refused, match="not valid"):
            links.ref_of(token)


def test_a_link_says_nothing_about_the_client(office):
    """It names the appointment only."""
    one = office.book("a-1", FAR)
    token = office.links.token_for(one)
    assert office.links.ref_of(token) == "a-1"
    assert "c-1" not in token
    assert "Rivera" not in token


def test_a_client_sees_the_appointment_and_times_in_the_own_zone(office):
    """Chicago is an hour behind New York; the present time is not among the choices."""
    office.book("a-1", FAR)
    page = office.page("a-1")
    assert set(page) == {"appointment", "slots", "ask", "late_cancellation_fee", "contact"}
    assert page["appointment"]["ref"] == "a-1"
    assert page["ask"] is None
    assert {slot["timezone"] for slot in page["slots"]} == {"America/Chicago"}
    assert "2026-12-10T08:00:00-06:00" not in {slot["start"] for slot in page["slots"]}
    assert "2026-12-10T08:15:00-06:00" in {slot["start"] for slot in page["slots"]}


def test_a_client_picks_a_time_exactly_as_it_is_listed(any_office):
    """The appointment keeps its own zone, and older links follow it."""
    any_office.book("a-1", FAR)
    token = any_office.token("a-1")
    start = "2026-12-11T12:30:00-06:00"
    moved = any_office.pick("a-1", start, token)
    assert moved.start.isoformat() == "2026-12-11T13:30:00-05:00"
    assert any_office.page("a-1", token)["appointment"]["start"] == "2026-12-11T13:30:00-05:00"
    assert any_office.mail()[-2:] == [("moved", "client"), ("moved", "provider")]
    assert any_office.audit_holds()


@pytest.mark.parametrize(
    "start",
    [
        "2026-12-11T12:33:00-06:00",
        "2026-12-11T11:30:00-06:00",
        "2026-12-11T20:00:00-06:00",
        "2027-12-11T12:30:00-06:00",
        "2026-11-29T12:30:00-06:00",
        "2026-12-10T08:00:00-06:00",
    ],
)
def test_nothing_but_what_is_listed_can_be_picked(office, start):
    """Off the grid, in the lunch hour, at night, too far ahead, in the past, or the same time."""
    office.book("a-1", FAR)
    with pytest.raises(Refused, match="not free"):
        office.pick("a-1", start)


@pytest.mark.parametrize("start", ["tomorrow", "2026-12-11T12:30:00"])
def test_a_start_is_a_moment_with_its_offset(office, start):
    """Wall time alone does not say when."""
    office.book("a-1", FAR)
    with pytest.raises(BadLocalTime):
        office.pick("a-1", start)


def test_a_time_that_was_taken_meanwhile_is_refused(office):
    """Two clients never take one time, whoever saw the list first."""
    office.book("a-1", FAR)
    office.book("a-2", "2026-12-10T11:00", client="c-2")
    office.pick("a-2", "2026-12-11T13:30:00-05:00")
    for start in ("2026-12-11T12:30:00-06:00", "2026-12-11T12:45:00-06:00"):
        with pytest.raises(Refused, match="not any more"):
            office.pick("a-1", start)


def test_a_link_is_valid_until_the_start_and_not_at_it(office):
    """To the second."""
    office.book("a-1", FAR)
    office.at("2026-12-10T08:59:59-05:00")
    assert office.page("a-1")["slots"] == []
    office.at("2026-12-10T09:00:00-05:00")
    with pytest.raises(Refused, match="no longer valid"):
        office.page("a-1")


def test_what_is_cancelled_is_shown_so_and_offers_nothing(office):
    """The refusal says whom to contact for a new one."""
    office.book("a-1", FAR)
    office.client_cancels("a-1")
    page = office.page("a-1")
    assert (page["appointment"]["status"], page["slots"]) == ("cancelled", [])
    with pytest.raises(Refused, match="555 0100"):
        office.pick("a-1", "2026-12-11T12:30:00-06:00")
    with pytest.raises(Refused, match="555 0100"):
        office.client_cancels("a-1")


def test_without_a_practice_wide_contact_the_provider_is_named(office):
    """Somebody always is."""
    office.rules = type(office.rules)()
    office.book("a-1", FAR)
    assert office.page("a-1")["contact"] == "Dana Lee, dana@harbor.example"


def test_a_picked_occurrence_keeps_its_slot_and_its_neighbours_their_time(office):
    """A client moves this event only."""
    office.series("s-1", "2026-12-08T10:00", 3)
    moved = office.pick("s-1#2", "2026-12-16T13:00:00-05:00")
    assert (moved.slot, moved.status) == ("2026-12-15T10:00:00", Status.SCHEDULED)
    assert office.starts()["s-1#3"] == "2026-12-22T10:00:00"
