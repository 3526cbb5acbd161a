"""Out-of-office blocks: real ones where the account may, busy events elsewhere, and said which."""

import pytest

from calwarden.practice import out_of_office
from calwarden.testing.emulators.google import GoogleServer
from calwarden_google.credentials import EXISTING_CALENDAR
from emulators.emulated import OWNER
from emulators.google_world import GoogleWorld
from google.conftest import GoogleHouse

START, END = "2026-12-24T00:00", "2026-12-27T00:00"


def _listed(house):
    with house.database.read() as connection:
        (block,) = out_of_office.listing(connection)
    return block["calendars"]


def test_a_block_is_a_real_out_of_office_event_that_declines_nothing(house):
    """Timed, busy, private, without a text of anybody's, and nobody's invitation is declined."""
    house.block("o-1", START, END)
    assert _listed(house) == []
    house.sync()
    row = house.row("o-1")
    assert row["eventType"] == "outOfOffice"
    assert row["outOfOfficeProperties"] == {"autoDeclineMode": "declineNone"}
    assert row["start"]["dateTime"] == "2026-12-24T00:00:00-05:00"
    assert (row["visibility"], row.get("transparency", "opaque")) == ("private", "opaque")
    assert not {"attendees", "description", "conferenceData"} & row.keys()
    assert _listed(house) == [{"id": house.calendar, "form": "event"}]
    house.quiet()


@pytest.mark.parametrize("reason", ["eventTypeRestriction", "invalid", "forbidden"])
@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_one_is_an_ordinary_busy_event_and_is_said_to_be(house, status, reason):
    """Whatever the refusal is called: no block is lost, and the list says what stands."""
    house.block("o-1", START, END)
    house.world.server.faults.add("error", "events.insert", status=status, reason=reason)
    house.sync()
    row = house.row("o-1")
    assert row.get("eventType", "default") == "default"
    assert _listed(house) == [{"id": house.calendar, "form": "busy"}]
    assert house.drifts() == []
    house.quiet()


def test_a_limit_is_no_refusal(house):
    """Throttled is not refused: the real one is written when the account may again."""
    house.block("o-1", START, END)
    house.world.server.faults.add(
        "error", "events.insert", status=403, reason="rateLimitExceeded", retry_after=5
    )
    house.sync()
    assert _listed(house) == []
    house.clock.advance(house.services.grace)
    house.sync()
    assert house.row("o-1")["eventType"] == "outOfOffice"


def test_an_account_without_absences_shows_busy_events(sqlite_database, clock):
    """A consumer account, or a calendar that is not the primary one."""
    with GoogleServer() as server:
        world = GoogleWorld(server, workspace=False)
        house = GoogleHouse(sqlite_database, clock, world)
        house.block("o-1", START, END)
        house.sync()
        assert house.row("o-1").get("eventType", "default") == "default"
        assert _listed(house) == [{"id": house.calendar, "form": "busy"}]
        world.close()
        assert server.violations == []


@pytest.mark.parametrize("act", ["drag", "delete"])
def test_a_block_that_a_person_changes_comes_back_as_what_it_was(house, act):
    """Moved or deleted: reverted, as a real out-of-office event again."""
    house.block("o-1", START, END)
    house.sync()
    key = house.remote("o-1")
    house.person.delete(key) if act == "delete" else house.person.drag(key, 60)
    house.sync()
    (drift,) = house.drifts()
    assert (drift.kind, drift.status) == ("out_of_office_removed", "reverted")
    row = house.row("o-1")
    assert (row["eventType"], row["start"]["dateTime"]) == (
        "outOfOffice",
        "2026-12-24T00:00:00-05:00",
    )
    house.quiet()


def test_the_command_line_says_which_one_was_used(installation, server):
    """`calendars show` says what the account holds, `out-of-office list` what stands."""
    token = installation.write("token.json", server.sign_in.grant(OWNER, *EXISTING_CALENDAR))
    link = ("link", "google", "--provider", "dr-lee", "--calendar", "primary")
    installation.run(*link, "--token-file", token)
    span = ("--start", START, "--end", END)
    installation.run("out-of-office", "add", "--provider", "dr-lee", *span)
    installation.run("sync")
    assert "out of office in calendar 1" in installation.run("out-of-office", "list").out
    assert "out-of-office events" in installation.run("calendars", "show", "1").out
