"""Of the times that were given up, how many led to an appointment that was kept."""

import pytest

from calwarden.domain.appointment import AppointmentType
from calwarden.practice import follow_through
from calwarden.practice.report import read_day


def rows(office, since=None, until=None):
    with office.database.read() as connection:
        days = follow_through.days_of(connection, since, until)
        found = follow_through.follow_through(connection, days)
    return [tuple(row.record().values()) for row in found]


def test_an_answered_ask_that_was_kept_counts_so_and_an_expired_one_counts_as_an_ask_only(office):
    """Not as a cancellation too."""
    office.book("a-1", "2026-12-10T09:00", type=AppointmentType.INTAKE)
    office.book("a-2", "2026-12-10T11:00")
    asks = office.ask("a-1", "a-2")
    office.pick("a-1", office.page("a-1")["slots"][0]["start"])
    office.at(asks[0].deadline.isoformat())
    office.tick()
    office.complete("a-1")
    assert rows(office) == [("ask", "intake", 1, 1), ("ask", "follow_up", 1, 0)]


def test_a_cancellation_is_made_good_by_an_appointment_booked_instead(office):
    """For the same two people, and kept within thirty days of the time that was given up."""
    office.book("a-1", "2026-12-03T09:00")
    office.book("a-2", "2026-12-03T11:00", client="c-2")
    office.book("other", "2026-12-04T11:00")
    office.cancel("a-1")
    office.cancel("a-2")
    office.book("a-3", "2027-01-02T09:00")
    office.book("a-4", "2027-01-03T11:00", client="c-2")
    office.at("2027-01-10T09:00:00-05:00")
    for ref in ("a-3", "a-4", "other"):
        office.complete(ref)
    assert rows(office) == [("cancellation", "follow_up", 2, 1)]


def test_a_rescheduled_appointment_that_nobody_came_to_was_not_kept(office):
    """A change of the length alone gives up no time."""
    office.book("a-1", "2026-12-03T09:00")
    office.book("a-2", "2026-12-03T13:00")
    office.move("a-1", "2026-12-04T09:00")
    office.move("a-2", "2026-12-03T13:00", 80)
    office.at("2026-12-04T11:00:00-05:00")
    office.no_show("a-1")
    assert rows(office) == [("reschedule", "follow_up", 1, 0)]


def test_days_are_local_days_of_the_practice_both_inclusive(office):
    """Late in the evening is still that day."""
    office.book("a-1", "2026-12-10T09:00")
    office.at("2026-12-01T23:30:00-05:00")
    office.cancel("a-1")
    assert len(rows(office, read_day("2026-12-01"), read_day("2026-12-01"))) == 1
    assert rows(office, read_day("2026-12-02")) == []
    assert rows(office, until=read_day("2026-11-30")) == []


@pytest.mark.parametrize("empty", [True, False])
def test_the_report_comes_as_json_csv_and_a_page(office, empty):
    """A page without script or outside reference."""
    if not empty:
        office.book("a-1", "2026-12-10T09:00")
        office.cancel("a-1")
    with office.database.read() as connection:
        days = follow_through.days_of(connection, None, None)
        found = follow_through.follow_through(connection, days)
    assert len(follow_through.document(found)["rows"]) == (0 if empty else 1)
    lines = follow_through.spreadsheet(found).splitlines()
    assert lines[0] == "path,type,total,kept"
    assert lines[1:] == ([] if empty else ["cancellation,follow_up,1,0"])
    page = follow_through.page(found)
    assert "<script" not in page
    assert ("No time was given up" in page) is empty
