"""Laws of the date of service and of what may be sent (domain rules: claims)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.domain.appointment import Appointment, Place, Status
from calwarden.domain.claim import (
    SUCCESSORS,
    ClaimState,
    ClaimStatus,
    Frequency,
    clearance,
    date_of_service,
    deciding_zone,
    differing_dates,
)
from calwarden.domain.drift import DriftKind
from calwarden.domain.hold import NEAR, Contradiction, drift_hold
from calwarden.domain.practice import Correction, ZoneOfService
from calwarden.domain.procedure import at_odds, suggested
from calwarden.domain.wall_time import parse_local

ZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
    "Europe/London",
    "Australia/Lord_Howe",
    "UTC",
)
zones = st.sampled_from(ZONES)
days = st.dates(date(2000, 1, 1), date(2099, 12, 30))
walls = st.builds(datetime.combine, days, st.times())
DAY = date(2026, 12, 1)


@given(wall=walls, zone=zones)
def test_an_appointment_in_the_zone_that_decides_is_dated_as_its_own_wall_clock_says(wall, zone):
    """Also in a gap: the start exists an hour later, on the same date or as the clocks tell it."""
    start = parse_local(wall.isoformat(), zone)
    existing = start.astimezone(UTC).astimezone(ZoneInfo(zone))
    assert date_of_service(start, zone) == existing.date()


@given(wall=walls, zone=zones, other=zones)
def test_the_date_depends_on_the_instant_and_the_deciding_zone_only(wall, zone, other):
    """However a moment is told, its date of service is the same."""
    start = parse_local(wall.isoformat(), zone)
    elsewhere = start.astimezone(UTC).astimezone(ZoneInfo(other))
    assert date_of_service(start, "Asia/Kathmandu") == date_of_service(elsewhere, "Asia/Kathmandu")


@given(wall=walls, zone=zones, decides=zones, minutes=st.integers(1, 600))
def test_differs_names_exactly_the_dates_that_are_not_the_date_of_service(
    wall, zone, decides, minutes
):
    """An independent computation of each date agrees with what is named."""
    start = parse_local(wall.isoformat(), zone)
    end = (start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(UTC)
    found = differing_dates(
        start, end, zone=decides, client="Pacific/Kiritimati", provider="Europe/London"
    )
    told = {
        "client": start.astimezone(UTC).astimezone(ZoneInfo("Pacific/Kiritimati")),
        "provider": start.astimezone(UTC).astimezone(ZoneInfo("Europe/London")),
        "utc": start.astimezone(UTC),
        "end": end.astimezone(ZoneInfo(decides)),
    }
    service = start.astimezone(UTC).astimezone(ZoneInfo(decides)).date()
    assert set(found) == {name for name, moment in told.items() if moment.date() != service}


def test_an_evening_on_the_west_coast_is_not_dated_by_utc():
    """20:00 in Los Angeles is the next day in UTC; the date of service is the local one."""
    start = parse_local("2026-12-01T20:00", "America/Los_Angeles")
    assert date_of_service(start, "America/Los_Angeles") == DAY
    assert date_of_service(start, "UTC") == date(2026, 12, 2)


@pytest.mark.parametrize(
    ("start", "zone", "decides", "dated"),
    [
        # midnight: the last minute and the first one
        ("2026-12-01T23:59", "America/New_York", "America/New_York", "2026-12-01"),
        ("2026-12-02T00:00", "America/New_York", "America/New_York", "2026-12-02"),
        # one moment, two dates: past midnight in one zone and not in the other
        ("2026-12-01T21:30", "America/Los_Angeles", "America/New_York", "2026-12-02"),
        ("2026-12-02T00:30", "America/New_York", "America/Los_Angeles", "2026-12-01"),
        # the night in which the clocks go forward: 02:30 is 03:30, on the same date
        ("2026-03-08T02:30", "America/New_York", "America/New_York", "2026-03-08"),
        ("2026-03-08T23:30", "America/New_York", "America/Chicago", "2026-03-08"),
        ("2026-03-09T00:30", "America/New_York", "America/Chicago", "2026-03-08"),
        # the night in which they go back: the first 01:30, and the evening before in Denver
        ("2026-11-01T01:30", "America/New_York", "America/New_York", "2026-11-01"),
        ("2026-11-01T01:30", "America/New_York", "America/Denver", "2026-10-31"),
        # a zone whose clocks change at midnight: 00:30 does not exist, and is 01:30 of that day
        ("2018-11-04T00:30", "America/Sao_Paulo", "America/Sao_Paulo", "2018-11-04"),
        # the date line: a day apart, or two dates at 25 hours' distance
        ("2026-12-02T10:00", "Pacific/Auckland", "Pacific/Honolulu", "2026-12-01"),
        ("2026-12-02T23:30", "Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-12-01"),
        ("2026-12-02T00:30", "Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-11-30"),
        # a date that a zone left out: Samoa went from 29 to 31 December 2011
        ("2011-12-29T23:30", "Pacific/Apia", "Pacific/Apia", "2011-12-29"),
        ("2011-12-31T00:30", "Pacific/Apia", "Pacific/Apia", "2011-12-31"),
        ("2011-12-31T00:30", "Pacific/Apia", "Pacific/Honolulu", "2011-12-30"),
        # quarters of an hour
        ("2026-12-01T23:50", "Asia/Kathmandu", "Asia/Kolkata", "2026-12-01"),
        ("2026-12-02T00:10", "Asia/Kathmandu", "Asia/Kolkata", "2026-12-01"),
        # year end
        ("2026-12-31T22:00", "America/Los_Angeles", "America/New_York", "2027-01-01"),
        ("2027-01-01T00:30", "Europe/London", "America/New_York", "2026-12-31"),
        # 29 February, and the years without one
        ("2028-02-28T22:30", "America/Los_Angeles", "America/New_York", "2028-02-29"),
        ("2028-03-01T01:00", "America/New_York", "America/Los_Angeles", "2028-02-29"),
        ("2027-03-01T01:00", "America/New_York", "America/Los_Angeles", "2027-02-28"),
        ("2000-02-29T23:59", "UTC", "UTC", "2000-02-29"),
    ],
)
def test_dates_of_service_around_midnights_clock_changes_and_the_date_line(
    start, zone, decides, dated
):
    """Told by hand, from a calendar."""
    assert date_of_service(parse_local(start, zone), decides) == date.fromisoformat(dated)


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(15, None), (16, "90832"), (37, "90832"), (38, "90834"), (52, "90834"), (53, "90837"),
     (180, "90837")],
)  # fmt: skip
def test_time_based_codes_are_for_their_minutes(minutes, code):
    """At both ends of each; every other time-based code is at odds."""
    assert suggested(minutes) == code
    for other in ("90832", "90834", "90837"):
        assert at_odds(other, minutes) == (other != code)
    assert not at_odds("90791", minutes)
    assert not at_odds(None, minutes)
    assert not at_odds("90834", None)


@pytest.mark.parametrize(
    ("place", "setting", "zone"),
    [
        (Place.OFFICE, ZoneOfService.PROVIDER, "office"),
        (Place.OFFICE, ZoneOfService.CLIENT, "office"),
        (Place.TELEHEALTH, ZoneOfService.PROVIDER, "provider"),
        (Place.TELEHEALTH, ZoneOfService.CLIENT, "client"),
    ],
)
def test_the_place_decides_and_for_telehealth_the_setting_of_the_practice(place, setting, zone):
    """The office's own zone always decides in the office."""
    found = deciding_zone(
        place, place_of_service="office", provider="provider", client="client", telehealth=setting
    )
    assert found == zone


def state(status, **named):
    values = {"appointment": Status.COMPLETED, "true_date": DAY, **named}
    return ClaimState(status=ClaimStatus(status), **values)


def cleared(claim, holds=(), today=DAY):
    return clearance(claim, holds=holds, today=today)


def test_a_ready_claim_goes_as_an_original_on_its_date_and_not_before():
    """A date to come is not cleared; the day itself is."""
    assert cleared(state("ready")).may_send
    assert cleared(state("ready")).frequency_code is Frequency.ORIGINAL
    early = cleared(state("ready"), today=DAY - timedelta(days=1))
    assert not early.may_send
    assert "still to come" in early.reasons[0]


def test_a_held_claim_is_not_cleared_and_says_why():
    """The hold's reason stands among the reasons."""
    found = cleared(state("ready"), holds=("drift 7 is open",))
    assert (found.may_send, found.reasons) == (False, ("drift 7 is open",))


def test_a_rejected_claim_goes_again_as_an_original():
    """It was never processed, so nothing is replaced."""
    found = cleared(state("rejected"))
    assert (found.may_send, found.frequency_code) == (True, Frequency.ORIGINAL)
    assert found.original_reference is None


@pytest.mark.parametrize("status", ["submitted", "accepted"])
def test_what_is_on_file_but_not_processed_waits(status):
    """A wrong date cannot be corrected before the payer has decided the original."""
    wrong = state(status, filed_date=DAY - timedelta(days=1), control_number="C1")
    found = cleared(wrong)
    assert not found.may_send
    assert "process the original first" in found.reasons[0]


@pytest.mark.parametrize("status", ["submitted", "accepted", "paid", "denied"])
def test_what_is_on_file_with_the_true_date_is_never_sent_again(status):
    """Neither as an original nor as a replacement."""
    found = cleared(state(status, filed_date=DAY, control_number="C1"))
    assert (found.may_send, found.frequency_code) == (False, None)


def test_a_replacement_needs_the_payers_number_and_carries_it():
    """Frequency 7 without REF*F8 would be taken for a duplicate."""
    wrong = state("paid", filed_date=DAY - timedelta(days=1))
    assert not cleared(wrong).may_send
    known = state("paid", filed_date=DAY - timedelta(days=1), control_number="C1")
    found = cleared(known)
    assert (found.may_send, found.frequency_code) == (True, Frequency.REPLACEMENT)
    assert (found.original_reference, found.date_of_service) == ("C1", DAY)


def test_a_due_replacement_is_held_by_an_open_cause_and_a_void_is_not():
    """A void tells no date that could be wrong."""
    filed = {"filed_date": DAY - timedelta(days=1), "control_number": "C1"}
    assert not cleared(state("paid", **filed), holds=("open",)).may_send
    void = state("paid", correction=Correction.VOID, **filed)
    found = cleared(void, holds=("open",))
    assert (found.may_send, found.frequency_code) == (True, Frequency.VOID)
    assert found.date_of_service == DAY - timedelta(days=1)


def test_a_service_that_never_happened_is_voided_whatever_the_payer_wants():
    """There is nothing that a replacement could tell."""
    paid = state("paid", appointment=Status.NO_SHOW, filed_date=DAY, control_number="C1")
    assert cleared(paid).frequency_code is Frequency.VOID
    assert not cleared(state("ready", appointment=Status.CANCELLED)).may_send


def test_after_a_void_the_claim_goes_again_as_an_original_with_the_true_date():
    """Only where it had been on file: a claim given up before was never sent."""
    again = cleared(state("void", filed_date=DAY - timedelta(days=1)))
    assert (again.may_send, again.frequency_code) == (True, Frequency.ORIGINAL)
    assert again.date_of_service == DAY
    assert cleared(state("void")).frequency_code is None


def test_a_draft_is_not_cleared():
    """It has to be set ready first."""
    assert not cleared(state("draft")).may_send


def test_paid_never_becomes_a_draft_and_no_status_leads_back():
    """What is on file leaves it by rejection or void only."""
    assert not state("paid", filed_date=DAY).may_become(ClaimStatus.DRAFT)
    for before, after in SUCCESSORS.items():
        if before.on_file:
            assert not after & {ClaimStatus.DRAFT, ClaimStatus.READY}


def test_a_paid_claim_is_submitted_again_only_as_a_due_replacement():
    """With the true date on file there is nothing to submit."""
    assert not state("paid", filed_date=DAY).may_become(ClaimStatus.SUBMITTED)
    wrong = state("paid", filed_date=DAY - timedelta(days=1))
    assert wrong.may_become(ClaimStatus.SUBMITTED)


START = parse_local("2026-12-01T10:00", "America/New_York")
ONE = Appointment(ref="a-1", provider="p", client="c", start=START, minutes=50)


def held(kind, ahead, **said):
    contradiction = Contradiction(drift=7, kind=kind, **said)
    now = START.astimezone(UTC) - ahead
    return drift_hold(ONE, contradiction, zone="America/New_York", now=now)


def test_a_move_on_the_same_day_holds_from_two_hours_before_the_start_on():
    """Exactly two hours before counts as near."""
    said = {"direct": True, "start": START + timedelta(hours=1)}
    assert held(DriftKind.MOVED, NEAR + timedelta(seconds=1), **said) is None
    assert held(DriftKind.MOVED, NEAR, **said) is not None
    assert "started" in str(held(DriftKind.MOVED, timedelta(0), **said))


def test_a_move_to_another_date_holds_at_any_time():
    """The date of service would be another."""
    said = {"direct": True, "start": START + timedelta(days=1)}
    assert "2026-12-02" in str(held(DriftKind.MOVED, timedelta(days=30), **said))


def test_a_deleted_event_holds_at_any_time():
    """There would be no date of service at all."""
    assert held(DriftKind.DELETED, timedelta(days=30), direct=True) is not None


def test_a_whole_day_is_dated_by_itself_and_not_by_its_midnight():
    """Midnight of that day in another zone may be the day before."""
    midnight = parse_local("2026-12-01T00:00", "Europe/Berlin")
    same = {"direct": True, "start": midnight, "all_day": True}
    assert held(DriftKind.ALL_DAY, timedelta(days=30), **same) is None


@pytest.mark.parametrize(
    "kind", [DriftKind.EXPOSED, DriftKind.RETITLED, DriftKind.OVERLAP, DriftKind.COPIED]
)
def test_what_is_not_about_time_or_existence_never_holds(kind):
    """Neither privacy nor somebody's own events touch a date of service."""
    assert held(kind, timedelta(0), direct=True) is None
