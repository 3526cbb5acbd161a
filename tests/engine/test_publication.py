"""What the practice books appears once in the linked calendar, and a second pass writes nothing."""

from calwarden.domain.cadence import Frequency


def test_an_appointment_appears_once_private_and_busy(house):
    """A booked appointment becomes one private, busy event at its time; the next pass is quiet."""
    one = house.book("a-1", "2026-12-03T10:00")
    report = house.sync()
    assert (report.outcome, report.published) == ("done", 1)
    item = house.item("a-1")
    assert (item.body.start, item.body.end) == (one.start, one.end)
    assert item.body.private
    assert item.body.busy
    house.quiet()
    assert house.drifts() == []


def test_a_quiet_pass_sends_one_request_and_writes_no_row(house):
    """Once all is settled a poll costs one request and changes no byte of the database."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.sync()
    with house.database.read() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()
        report = house.sync()
        after = connection.exec_driver_sql("PRAGMA data_version").scalar()
    assert report.requests == 1
    assert report.quiet
    assert before == after


def test_a_series_is_one_recurring_resource(house):
    """A weekly series is published as one resource, its moved and cancelled meetings inside it."""
    house.series("s-1", "2026-12-08T10:00", 6)
    house.reschedule("s-1#3", "2026-12-23T15:00")
    house.cancel("s-1#4")
    assert house.sync().published == 1
    item = house.item("s-1")
    assert item.recurrence.count == 6
    assert list(item.overrides) == ["2026-12-22T10:00:00"]
    assert item.excluded == {"2026-12-29T10:00:00"}
    house.quiet()


def test_endless_and_monthly_series_stay_as_they_are(house):
    """The remote rule of an endless series has no end; a monthly one repeats by weekday."""
    house.series("s-1", "2026-12-08T10:00", None)
    house.series("s-2", "2026-12-10T10:00", 5, frequency=Frequency.MONTHLY)
    house.sync()
    assert house.item("s-1").recurrence.count is None
    assert house.item("s-2").recurrence.rule == "FREQ=MONTHLY;BYDAY=2TH"
    house.quiet()


def test_a_move_in_the_store_is_written_and_a_cancellation_removed(house):
    """The store is the source of truth: its changes are in the calendar after a pass, no drift."""
    house.book("a-1", "2026-12-03T10:00")
    house.book("a-2", "2026-12-03T14:00")
    house.sync()
    house.reschedule("a-1", "2026-12-04T09:00")
    house.cancel("a-2")
    report = house.sync()
    assert (report.published, report.removed) == (1, 1)
    assert house.item("a-1").body.start.hour == 9
    assert len(house.world.calendar.items) == 1
    house.quiet()
    assert house.drifts() == []


def test_what_ended_a_day_ago_is_not_published(house):
    """Publication starts with appointments that end after 24 h before now."""
    house.book("a-1", "2026-11-28T10:00")
    house.book("a-2", "2026-11-30T08:00")
    assert house.sync().published == 1
    assert house.remote("a-2")


def test_an_out_of_office_block_is_an_event(house):
    """A block appears as a busy out-of-office event and goes when the block goes."""
    house.block("o-1", "2026-12-24T00:00", "2026-12-27T00:00")
    house.sync()
    assert house.item("o-1").body.out_of_office
    house.quiet()


def test_a_dry_run_writes_nothing_anywhere_and_its_digest_is_approved(house):
    """A dry run shows the steps and their digest; approving the digest makes exactly them."""
    house.book("a-1", "2026-12-03T10:00")
    shown = house.sync(dry_run=True)
    assert [step["action"] for step in shown.steps] == ["create"]
    assert house.world.calendar.items == {}
    done = house.sync(approve=shown.digest)
    assert (done.published, done.digest) == (1, shown.digest)
