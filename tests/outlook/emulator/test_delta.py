"""Rounds of calendarView/delta behave as Graph is said to."""

import pytest

from emulators.graph_client import Client, delta_path

TEN, ELEVEN = "2027-01-04T10:00:00", "2027-01-04T10:50:00"


def kinds(rows) -> list[str]:
    """What each row of a round is."""
    return ["removed" if "@removed" in row else row["type"] for row in rows]


@pytest.mark.usefixtures("series")
def test_a_round_tells_masters_then_skinny_occurrences(client, calendar):
    """Occurrences come with times and Windows names of zones alone (M5)."""
    rows, _link = client.round(delta_path(calendar))
    assert kinds(rows) == ["seriesMaster", *["occurrence"] * 4]
    assert rows[0]["transactionId"] == "series-1"
    told = {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}
    assert set(rows[1]) == told
    assert rows[1]["start"] == {
        "dateTime": "2027-01-04T10:00:00.0000000",
        "timeZone": "Eastern Standard Time",
    }


@pytest.mark.usefixtures("series")
def test_a_quiet_round_is_empty(client, calendar):
    """Nothing changed: no rows, another delta link."""
    _rows, link = client.round(delta_path(calendar))
    rows, after = client.round(link)
    assert rows == []
    assert after != link


@pytest.mark.parametrize("told", ["absent", "removed"])
def test_a_deleted_occurrence_shows_by_its_absence(client, server, calendar, series, person, told):
    """The series is told again without it; in the other reading it is told as removed (M32)."""
    server.rules.deleted_occurrence = told
    _rows, link = client.round(delta_path(calendar))
    person.delete_occurrence(series, "2027-01-18T10:00")
    rows, _link = client.round(link)
    extra = ["removed"] if told == "removed" else []
    assert kinds(rows) == ["seriesMaster", *["occurrence"] * 3, *extra]


@pytest.mark.parametrize(("told", "rows"), [("whole", 5), ("changed", 2)])
def test_a_changed_series_comes_whole_or_not(client, server, calendar, series, person, told, rows):
    """Both readings of what delta repeats; an exception comes in full (M5, M32)."""
    server.rules.series_rows = told
    _rows, link = client.round(delta_path(calendar))
    person.drag_occurrence(series, "2027-01-11T10:00", 60)
    found, _link = client.round(link)
    assert len(found) == rows
    moved = next(row for row in found if row["type"] == "exception")
    assert moved["subject"] == "Session"
    assert "originalStart" not in moved
    assert "originalStart" in client.ask("GET", f"/me/events/{moved['id']}")


@pytest.mark.parametrize(("told", "number"), [("master", 1), ("all", 5)])
def test_a_deleted_series_is_one_row(client, server, calendar, series, person, told, number):
    """Its occurrences go without a word, in one reading (M32)."""
    server.rules.deleted_series = told
    _rows, link = client.round(delta_path(calendar))
    person.delete(series)
    rows, _link = client.round(link)
    assert kinds(rows) == ["removed"] * number
    assert rows[0]["id"] == series
    assert rows[0]["@removed"] == {"reason": "deleted"}


@pytest.mark.parametrize("outside", [True, False])
def test_what_lies_outside_the_window_is_told_as_removed(client, server, calendar, outside):
    """Added there, it is told as deleted, and a read says otherwise (M4)."""
    server.rules.outside = outside
    _rows, link = client.round(delta_path(calendar))
    made = client.create(calendar, start="2028-01-04T10:00:00", end="2028-01-04T10:50:00")
    rows, _link = client.round(link)
    assert kinds(rows) == (["removed"] if outside else [])
    assert client.ask("GET", f"/me/events/{made['id']}")["subject"] == "Session"


def test_what_moves_out_of_the_window_or_calendar_is_removed(client, server, calendar, person):
    """And comes into the other calendar's rounds under the same immutable id."""
    other = server.state.add_calendar("dana@harbor.example", "Other").id
    one, two = (client.create(calendar, start=TEN, end=ELEVEN)["id"] for _ in range(2))
    _rows, link = client.round(delta_path(calendar))
    _rows, elsewhere = client.round(delta_path(other))
    person.drag(one, 400 * 24 * 60)
    person.move_to(two, other)
    rows, _link = client.round(link)
    assert [(row["id"], "@removed" in row) for row in rows] == [(one, True), (two, True)]
    rows, _link = client.round(elsewhere)
    assert [row["id"] for row in rows] == [two]


def test_a_series_is_not_split_over_pages(client, calendar, series):
    """So a page may hold more than was asked for (M32)."""
    client.create(calendar, start=TEN, end=ELEVEN)
    small = {"Prefer": 'IdType="ImmutableId", odata.maxpagesize=2'}
    page = client.ask("GET", delta_path(calendar), headers=small)
    assert kinds(page["value"]) == ["seriesMaster", *["occurrence"] * 4]
    assert page["value"][0]["id"] == series
    page = client.ask("GET", page["@odata.nextLink"], headers=small)
    assert kinds(page["value"]) == ["singleInstance"]
    assert "@odata.deltaLink" in page


def test_pages_may_be_empty_or_cut_a_series(client, server, calendar, series):
    """Switches for what a client must bear."""
    server.rules.empty_pages = True
    server.rules.split_series = True
    server.rules.page_limit = 2
    page = client.ask("GET", delta_path(calendar))
    assert page["value"] == []
    rows, _link = client.round(page["@odata.nextLink"])
    assert len(rows) == 5
    assert {row.get("seriesMasterId") for row in rows} == {None, series}


def test_an_edit_while_paging_is_in_the_next_round(client, server, calendar, person):
    """A round shows the calendar as it was when the round began."""
    server.rules.page_limit = 1
    first, second = (client.create(calendar, start=TEN, end=ELEVEN)["id"] for _ in range(2))
    page = client.ask("GET", delta_path(calendar))
    person.retitle(second, "Edited")
    rows, link = client.round(page["@odata.nextLink"])
    assert [(row["id"], row["subject"]) for row in rows] == [(second, "Session")]
    assert page["value"][0]["id"] == first
    rows, _link = client.round(link)
    assert [(row["id"], row["subject"]) for row in rows] == [(second, "Edited")]


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("location", 410, "syncStateNotFound"),
        ("syncStateNotFound", 404, "ErrorSyncStateNotFound"),
        ("resyncRequired", 409, "resyncRequired"),
    ],
)
def test_a_dead_cursor_says_so_in_one_of_three_ways(client, server, calendar, how, status, code):
    """410 with Location, or a code (M6)."""
    server.rules.cursor_death = how
    _rows, link = client.round(delta_path(calendar))
    server.api.delta.kill(calendar)
    answer = client.session.get(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ("Location" in answer.headers) is (how == "location")


def test_old_cursors_live_a_few_generations(client, server, calendar):
    """A cursor may be used again after a crash, but not for ever (M32)."""
    server.rules.generations = 2
    _rows, first = client.round(delta_path(calendar))
    _rows, second = client.round(first)
    client.round(first)
    client.round(second)
    assert client.error("GET", first, 410) == "syncStateNotFound"


def test_a_cursor_is_used_as_it_was_given(loose, server, calendar):
    """Made up, or changed, it is refused (M2, M6)."""
    _rows, link = loose.round(delta_path(calendar))
    assert loose.error("GET", f"{link}&$select=subject", 400)
    assert loose.error("GET", link[:-40], 400) == "ErrorInvalidSyncStateData"
    assert server.violations


def test_a_listing_may_lag(client, server, calendar, person):
    """What was written does not show yet, and shows later."""
    made = client.create(calendar, start=TEN, end=ELEVEN)["id"]
    _rows, link = client.round(delta_path(calendar))
    server.rules.lag = server.state.seq
    person.retitle(made, "Edited")
    rows, link = client.round(link)
    assert rows == []
    assert client.ask("GET", f"/me/events/{made}")["subject"] == "Edited"
    server.rules.lag = None
    rows, _link = client.round(link)
    assert [row["subject"] for row in rows] == ["Edited"]


def test_the_token_may_run_out_while_paging(client, server, calendar):
    """The same page is answered to a new token."""
    server.rules.page_limit = 1
    for _ in range(2):
        client.create(calendar, start=TEN, end=ELEVEN)
    page = client.ask("GET", delta_path(calendar))
    server.faults.add("expire_access", "view.delta")
    code = client.error("GET", page["@odata.nextLink"], 401)
    assert code == "InvalidAuthenticationToken"
    again = Client(server)
    assert len(again.ask("GET", page["@odata.nextLink"])["value"]) == 1
