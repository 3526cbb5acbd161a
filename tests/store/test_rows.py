"""Whatever is stored comes back as it was: values in, values out, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from calwarden.domain.appointment import (
    Appointment,
    AppointmentType,
    OutOfOffice,
    Place,
    Series,
    Status,
)
from calwarden.domain.cadence import Cadence, Frequency
from calwarden.domain.claim import ClaimStatus
from calwarden.domain.linked_calendar import CalendarStatus, Role
from calwarden.domain.practice import (
    BadWorkingHours,
    Correction,
    Practice,
    ZoneOfService,
    parse_working_hours,
    working_hours_document,
)
from calwarden.domain.wall_time import slot_of
from calwarden.sdk.connector import Capabilities, Link
from calwarden.store import (
    appointments,
    baseline,
    calendars,
    claims,
    out_of_office,
    people,
    series,
)
from calwarden.store.calendars import NewCalendar
from calwarden.store.claims import ClaimRow
from calwarden.store.errors import NotFound
from calwarden.store.tables import appointments as table

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
START = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("America/New_York"))
APPOINTMENT = Appointment(
    ref="a-1",
    provider="dr-lee",
    client="c-1",
    start=START,
    minutes=50,
    dos_zone="America/Chicago",
)

on_rows = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
numbers = count(1)

starts = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - wall time
    lambda local: local.replace(microsecond=0, fold=0)
)
in_zones = st.builds(
    lambda local, zone: local.replace(tzinfo=ZoneInfo(zone)), starts, st.sampled_from(ZONES)
)


def store(database, appointment):
    with database.write() as tx:
        appointments.insert_one(tx, appointment, dos_timezone=appointment.dos_zone, now=NOW)


@on_rows
@given(
    start=in_zones,
    minutes=st.integers(1, 600),
    kind=st.sampled_from(AppointmentType),
    place=st.sampled_from(Place),
    status=st.sampled_from(Status),
    corrected=st.none() | starts,
)
def test_an_appointment_comes_back_as_it_was(
    peopled, start, minutes, kind, place, status, corrected
):
    """Wall time and zone are stored, gaps and folds included; instants are derived from them."""
    value = Appointment(
        ref=f"a-{next(numbers)}",
        provider="dr-lee",
        client="c-1",
        start=start,
        minutes=minutes,
        type=kind,
        place=place,
        status=status,
        scheduled_start=None if corrected is None else corrected.replace(tzinfo=start.tzinfo),
        scheduled_minutes=None if corrected is None else minutes + 1,
        late_fee="75.00" if status is Status.LATE_CANCELLED else None,
        dos_zone="Asia/Tokyo",
    )
    store(peopled, value)
    with peopled.read() as tx:
        found = appointments.get(tx, value.ref)
        row = tx.execute(select(table).where(table.c.ref == value.ref)).mappings().one()
    assert found == value
    assert found.start.utcoffset() == value.start.utcoffset()
    assert row["starts_at"] == value.start.astimezone(UTC)
    assert row["ends_at"] - row["starts_at"] == timedelta(minutes=minutes)


def test_a_change_raises_the_appointments_revision_and_keeps_the_rest(peopled):
    """Reason and the zone that dates it stay unless they are given."""
    store(peopled, APPOINTMENT)
    moved = replace(APPOINTMENT, start=START + timedelta(days=1))
    unsaid = replace(moved, dos_zone="")
    with peopled.write() as tx:
        appointments.save(tx, moved, now=NOW + timedelta(hours=1), reason="ill")
        appointments.save(tx, unsaid, now=NOW + timedelta(hours=2))
        record = appointments.get_record(tx, "a-1")
    assert record.appointment == moved
    assert (record.revision, record.reason) == (3, "ill")
    assert (record.created_at, record.updated_at) == (NOW, NOW + timedelta(hours=2))


def test_a_span_is_overlapped_not_touched(peopled):
    """Both ends of the span are exclusive: back to back is no overlap."""
    store(peopled, APPOINTMENT)
    end = APPOINTMENT.end

    def found(after, before):
        with peopled.read() as tx:
            rows = appointments.search(
                tx, provider="dr-lee", ends_after=after, starts_before=before
            )
            return [one.ref for one in rows]

    hour, second = timedelta(hours=1), timedelta(seconds=1)
    assert found(START - hour, START) == []
    assert found(end, end + hour) == []
    assert found(START - hour, START + second) == ["a-1"]
    assert found(end - second, end + hour) == ["a-1"]


def test_conditions_narrow_a_search_together(peopled):
    """Each condition holds of every result; none finds everything, in order of the starts."""
    for number in range(4):
        value = replace(
            APPOINTMENT,
            ref=f"a-{number}",
            provider="dr-lee" if number % 2 else "dr-may",
            start=START - timedelta(days=number),
            status=Status.CANCELLED if number == 3 else Status.SCHEDULED,
        )
        store(peopled, value)
    with peopled.read() as tx:

        def refs(**conditions):
            return [one.ref for one in appointments.search(tx, **conditions)]

        assert refs() == ["a-3", "a-2", "a-1", "a-0"]
        assert refs(provider="dr-lee") == ["a-3", "a-1"]
        assert refs(provider="dr-lee", statuses=[Status.SCHEDULED]) == ["a-1"]
        assert refs(refs=["a-0", "a-3", "x"]) == ["a-3", "a-0"]
        assert refs(statuses=[]) == []
        assert len(appointments.search_records(tx, client="c-1")) == 4


cadences = st.one_of(
    st.builds(
        Cadence,
        every=st.integers(1, 52),
        count=st.none() | st.integers(1, 1000),
    ),
    st.builds(Cadence, every=st.integers(1, 52), until=st.dates(date(2026, 1, 1))),
    st.builds(
        Cadence,
        frequency=st.just(Frequency.MONTHLY),
        every=st.integers(1, 12),
        week=st.sampled_from([1, 2, 3, 4, -1]),
    ),
)


@on_rows
@given(start=in_zones, cadence=cadences, first=st.integers(1, 900))
def test_a_series_comes_back_as_it_was(peopled, start, cadence, first):
    """Whatever the cadence says."""
    value = Series(
        ref=f"s-{next(numbers)}",
        provider="dr-lee",
        client="c-1",
        start=start,
        minutes=50,
        cadence=cadence,
        first_number=first,
    )
    with peopled.write() as tx:
        series.insert_one(tx, value, now=NOW)
        assert series.get(tx, value.ref) == value
        shorter = replace(value, minutes=25)
        series.save(tx, shorter)
        assert series.get(tx, value.ref) == shorter


def test_the_parts_of_a_split_series_stand_in_order(peopled):
    """They share a root, and the refs of its appointments."""
    first = Series(
        ref="s-1", provider="dr-lee", client="c-1", start=START, minutes=50, cadence=Cadence()
    )
    later = replace(first, ref="s-1/2", first_number=5)
    occurrence = replace(APPOINTMENT, ref="s-1#7", series="s-1/2", slot=slot_of(START), number=7)
    with peopled.write() as tx:
        series.insert_one(tx, first, now=NOW)
        series.insert_one(tx, later, root="s-1", now=NOW)
        assert series.search(tx, root="s-1") == [first, later]
        assert series.root(tx, "s-1/2") == "s-1"
        appointments.insert_one(tx, occurrence, dos_timezone="UTC", now=NOW)
        assert series.last_numbers(tx) == {"s-1/2": 7}
    with pytest.raises(IntegrityError):
        store(peopled, replace(occurrence, ref="s-1#8"))


@on_rows
@given(start=in_zones, hours=st.integers(1, 500))
def test_a_block_comes_back_as_it_was(peopled, start, hours):
    """Until it is removed; then it can be put back under its ref."""
    end = (start.replace(tzinfo=None) + timedelta(hours=hours)).replace(tzinfo=start.tzinfo)
    block = OutOfOffice(ref=f"o-{next(numbers)}", provider="dr-lee", start=start, end=end)
    with peopled.write() as tx:
        out_of_office.save(tx, block, now=NOW)
        assert out_of_office.get(tx, block.ref) == block
        assert out_of_office.remove(tx, block.ref, now=NOW) == block
        assert out_of_office.find(tx, block.ref) is None
        assert block not in out_of_office.search(tx)
        out_of_office.save(tx, block, now=NOW)
        assert block in out_of_office.search(tx, provider="dr-lee")


def test_people_come_back_as_they_were(peopled):
    """Saving twice changes in place."""
    with peopled.write() as tx:
        provider = people.get_provider(tx, "dr-lee")
        assert str(provider.working_hours["mon"][1]) == "13:00-24:00"
        changed = replace(provider, name="Dana May", working_hours={}, notice_hours=12)
        people.save_provider(tx, changed)
        assert people.get_provider(tx, "dr-lee") == changed
        payer = replace(people.get_payer(tx, "ACME"), correction=Correction.VOID)
        people.save_payer(tx, payer)
        assert people.payers(tx) == [payer]
        client = replace(people.get_client(tx, "c-1"), email="sam@client.example")
        people.save_client(tx, client)
        assert people.clients(tx) == [client]
        practice = Practice(
            name="Quay", timezone="UTC", telehealth_date_of_service=ZoneOfService.CLIENT
        )
        people.save_practice(tx, practice)
        assert people.practice(tx) == practice
        assert [one.ref for one in people.providers(tx)] == ["dr-lee", "dr-may"]


@pytest.mark.parametrize(
    "look",
    [
        lambda tx: appointments.get(tx, "nothing"),
        lambda tx: appointments.get_record(tx, "nothing"),
        lambda tx: series.get(tx, "nothing"),
        lambda tx: series.root(tx, "nothing"),
        lambda tx: out_of_office.get(tx, "nothing"),
        lambda tx: people.get_provider(tx, "nothing"),
        lambda tx: people.get_client(tx, "nothing"),
        lambda tx: people.get_payer(tx, "nothing"),
        lambda tx: people.touch(tx, "nothing"),
        lambda tx: people.schedule_revision(tx, "nothing"),
        lambda tx: claims.get(tx, "nothing"),
        lambda tx: calendars.get(tx, 9),
        lambda tx: calendars.credential(tx, 9),
        lambda tx: calendars.save(tx, 9, name="x"),
    ],
)
def test_what_is_not_there_is_named(database, look):
    """The error says the kind and the name."""
    with pytest.raises(NotFound, match=r"there is no .* (nothing|9)"), database.write() as tx:
        look(tx)


@pytest.mark.parametrize(
    "change",
    [
        lambda tx: appointments.insert_one(
            tx, replace(APPOINTMENT, ref="a-2"), dos_timezone="UTC", now=NOW
        ),
        lambda tx: appointments.save(tx, replace(APPOINTMENT, minutes=25), now=NOW),
        lambda tx: series.insert_one(
            tx,
            Series(
                ref="s-9",
                provider="dr-lee",
                client="c-1",
                start=START,
                minutes=50,
                cadence=Cadence(),
            ),
            now=NOW,
        ),
        lambda tx: out_of_office.save(
            tx,
            OutOfOffice(ref="o-9", provider="dr-lee", start=START, end=START + timedelta(days=1)),
            now=NOW,
        ),
    ],
    ids=["insert", "save", "series", "out of office"],
)
def test_a_change_of_what_should_show_raises_the_schedule_revision(peopled, change):
    """A poll learns by it alone that there is something to publish; other providers are left be."""
    store(peopled, APPOINTMENT)
    with peopled.read() as tx:
        before = [people.schedule_revision(tx, ref) for ref in ("dr-lee", "dr-may")]
    with peopled.write() as tx:
        change(tx)
    with peopled.read() as tx:
        after = [people.schedule_revision(tx, ref) for ref in ("dr-lee", "dr-may")]
    assert after[0] > before[0]
    assert after[1] == before[1]


def test_an_appointment_that_changes_hands_concerns_both_providers(peopled):
    """It leaves one's calendars and enters the other's."""
    store(peopled, APPOINTMENT)
    with peopled.write() as tx:
        before = people.schedule_revision(tx, "dr-lee"), people.schedule_revision(tx, "dr-may")
        appointments.save(tx, replace(APPOINTMENT, provider="dr-may"), now=NOW)
        after = people.schedule_revision(tx, "dr-lee"), people.schedule_revision(tx, "dr-may")
    assert after == (before[0] + 1, before[1] + 1)


def test_a_claim_comes_back_as_it_was(peopled):
    """Dates of service are dates."""
    claim = ClaimRow(
        ref="cl-1",
        appointment="a-1",
        payer="ACME",
        status=ClaimStatus.READY,
        date_of_service=date(2026, 12, 1),
        dos_timezone="America/New_York",
        procedure_code="90834",
        documented_minutes=50,
        created_at=NOW,
        updated_at=NOW,
    )
    with peopled.write() as tx:
        claims.insert_one(tx, claim)
        assert claims.get(tx, "cl-1") == claim
        filed = replace(
            claim, status=ClaimStatus.SUBMITTED, filed_date_of_service=date(2026, 12, 1)
        )
        claims.save(tx, filed)
        assert claims.search(tx, appointments=["a-1"], statuses=[ClaimStatus.SUBMITTED]) == [filed]
        assert claims.search(tx, statuses=[ClaimStatus.DRAFT]) == []


def test_the_baseline_is_what_was_imported_last(database):
    """Per kind and ref."""
    with database.write() as tx:
        assert baseline.fields(tx, "client", "c-1") is None
        baseline.save(tx, "client", "c-1", {"name": "Sam"})
        baseline.save(tx, "client", "c-1", {"name": "Sam", "minutes": [1, None]})
        assert baseline.fields(tx, "client", "c-1") == {"name": "Sam", "minutes": [1, None]}
        assert baseline.fields_of_kind(tx, "client") == {
            "c-1": {"name": "Sam", "minutes": [1, None]}
        }
        assert baseline.fields_of_kind(tx, "payer") == {}


LINK = Link(
    remote_id="https://dav.example/cal/",
    account="dana",
    capabilities=Capabilities(guards_delete=False),
    probe={"server": "Radicale"},
)


def linked(tx, credential=None, provider="dr-lee", link=LINK):
    new = NewCalendar(
        provider=provider, connector="caldav", link=link, name="Work", credential_id=credential
    )
    return calendars.insert_one(tx, new, now=NOW)


def test_a_link_comes_back_as_it_was(peopled):
    """What linking found out is what connectors are opened with, also after linking again."""
    with peopled.write() as tx:
        calendar = calendars.get(tx, linked(tx))
        assert calendars.link_of(calendar) == LINK
        assert (calendar.role, calendar.status) == (Role.MANAGED, CalendarStatus.ACTIVE)
        renewed = replace(LINK, account="dana lee", probe={})
        calendars.save_link(tx, calendar.id, renewed)
        assert calendars.link_of(calendars.get(tx, calendar.id)) == renewed


def test_a_capability_of_a_later_version_is_passed_over(peopled):
    """An older version opens a link that a newer one has stored."""
    with peopled.write() as tx:
        calendar_id = linked(tx)
        calendars.save(tx, calendar_id, capabilities={"push": True, "telepathy": True})
        found = calendars.link_of(calendars.get(tx, calendar_id))
    assert found.capabilities == Capabilities(push=True)


def test_a_remote_calendar_is_linked_once(peopled):
    """Until it is unlinked: then the row is history, and it can be linked again."""
    with peopled.write() as tx:
        first = linked(tx)
    with pytest.raises(IntegrityError), peopled.write() as tx:
        linked(tx, provider="dr-may")
    with peopled.write() as tx:
        calendars.set_status(tx, first, CalendarStatus.UNLINKED)
        assert calendars.find_linked(tx, "caldav", LINK.remote_id) is None
        second = linked(tx, provider="dr-may")
        assert calendars.find_linked(tx, "caldav", LINK.remote_id).id == second
        assert [one.id for one in calendars.search(tx, provider="dr-may")] == [second]


def test_a_change_of_status_asks_for_a_new_plan(peopled):
    """Whatever was planned before, was planned for another status."""
    with peopled.write() as tx:
        calendar_id = linked(tx)
        calendars.save(tx, calendar_id, planned_revision=7)
        calendars.set_status(tx, calendar_id, CalendarStatus.PAUSED, "holiday")
        found = calendars.get(tx, calendar_id)
    assert (found.status_reason, found.planned_revision) == ("holiday", 0)


def test_a_credential_lives_as_long_as_a_link_uses_it(peopled):
    """Unlinking destroys it, unless another calendar of the account needs it."""
    with peopled.write() as tx:
        credential = calendars.add_credential(tx, account="dana", sealed=b"\x00sealed", now=NOW)
        one = linked(tx, credential)
        other = linked(tx, credential, link=replace(LINK, remote_id="https://dav.example/2/"))
        calendars.save_credential(tx, credential, sealed=b"\xffnew", now=NOW)
        assert calendars.credential(tx, credential) == ("dana", b"\xffnew")
        calendars.destroy_credential(tx, one)
        calendars.destroy_credential(tx, one)
        assert calendars.credential(tx, credential) == ("dana", b"\xffnew")
        calendars.destroy_credential(tx, other)
        with pytest.raises(NotFound):
            calendars.credential(tx, credential)


@pytest.mark.parametrize(
    "document",
    [
        {"monday": ["09:00-12:00"]},
        {"mon": "09:00-12:00"},
        {"mon": ["9-12"]},
        {"mon": ["12:00-09:00"]},
        {"mon": ["09:00-09:00"]},
        {"mon": ["09:00-12:00", "11:00-13:00"]},
        {"mon": ["18:00-24:00", "20:00-21:00"]},
        {"mon": ["09:00-25:00"]},
    ],
)
def test_working_hours_that_say_nothing_are_refused(document):
    """Days are mon to sun; spans are in order and apart."""
    with pytest.raises(BadWorkingHours):
        parse_working_hours(document)


def test_working_hours_come_back_as_they_were():
    """In order, whatever the order they came in."""
    read = parse_working_hours({"tue": ["13:00-24:00", "09:00-12:00"]})
    assert working_hours_document(read) == {"tue": ["09:00-12:00", "13:00-24:00"]}
    assert parse_working_hours(working_hours_document(read)) == read
