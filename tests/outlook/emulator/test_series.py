"""Series and their occurrences behave as Graph is said to."""

import pytest

from emulators.graph_client import MARK, event, weekly

TEN, ELEVEN = "2027-01-04T10:00:00", "2027-01-04T10:50:00"
SPAN = "startDateTime=2027-01-01T00:00:00Z&endDateTime=2027-03-01T00:00:00Z"


def occurrences(client, series) -> list[dict]:
    """The occurrences of a series, in order."""
    return client.ask("GET", f"/me/events/{series}/instances?{SPAN}")["value"]


def starts(client, series) -> list[str]:
    """When they start."""
    return [row["start"]["dateTime"][:16] for row in occurrences(client, series)]


def moved(start: str, end: str) -> dict:
    """The body that moves something."""
    zone = "America/New_York"
    return {
        name: {"dateTime": at, "timeZone": zone} for name, at in (("start", start), ("end", end))
    }


def pattern(span: dict | None = None, **pattern) -> dict:
    """A recurrence that begins on Monday 4 January 2027."""
    kept = span or {"type": "numbered", "numberOfOccurrences": 3}
    return {"pattern": {"interval": 1, **pattern}, "range": {"startDate": "2027-01-04", **kept}}


@pytest.mark.parametrize(
    ("recurrence", "dates"),
    [
        (pattern(type="daily", interval=2), ["01-04", "01-06", "01-08"]),
        (pattern(type="weekly", daysOfWeek=["monday", "friday"]), ["01-04", "01-08", "01-11"]),
        (pattern(type="absoluteMonthly", dayOfMonth=4), ["01-04", "02-04"]),
        (
            pattern(type="relativeMonthly", index="first", daysOfWeek=["monday"]),
            ["01-04", "02-01"],
        ),
        (
            pattern(type="relativeMonthly", index="last", daysOfWeek=["friday", "saturday"]),
            ["01-30", "02-27"],
        ),
        (pattern(type="absoluteYearly", dayOfMonth=4, month=1), ["01-04"]),
        (
            pattern(type="relativeYearly", index="first", daysOfWeek=["monday"], month=1),
            ["01-04"],
        ),
        (
            pattern({"type": "endDate", "endDate": "2027-01-05"}, type="daily"),
            ["01-04", "01-05"],
        ),
    ],
)
def test_every_pattern_occurs_on_its_days(client, recurrence, dates):
    """Of several weekdays, a relative pattern takes the first that matches (M18)."""
    made = client.create(start=TEN, end=ELEVEN, recurrence=recurrence)
    assert [start[5:10] for start in starts(client, made["id"])] == dates


def test_a_day_that_a_month_lacks_is_its_last(client):
    """Other than BYMONTHDAY=31, which skips the month."""
    days = pattern(type="absoluteMonthly", dayOfMonth=31)
    days["range"]["startDate"] = "2027-01-31"
    made = client.create(start="2027-01-31T10:00:00", end="2027-01-31T11:00:00", recurrence=days)
    assert starts(client, made["id"]) == ["2027-01-31T10:00", "2027-02-28T10:00"]


def test_replies_are_filled_up(client, series):
    """What was not said comes back as zeros and first of Januaries (M13)."""
    told = client.ask("GET", f"/me/events/{series}")["recurrence"]
    assert told == {
        "pattern": {
            "type": "weekly",
            "interval": 1,
            "month": 0,
            "dayOfMonth": 0,
            "daysOfWeek": ["monday"],
            "firstDayOfWeek": "sunday",
            "index": "first",
        },
        "range": {
            "type": "numbered",
            "startDate": "2027-01-04",
            "endDate": "0001-01-01",
            "recurrenceTimeZone": "Eastern Standard Time",
            "numberOfOccurrences": 4,
        },
    }


def test_wall_time_stays_over_the_clock_change(client):
    """Ten stays ten in March (M17)."""
    made = client.create(start=TEN, end=ELEVEN, recurrence=weekly(20))
    late = "startDateTime=2027-04-01T00:00:00Z&endDateTime=2027-04-10T00:00:00Z"
    shown = client.ask("GET", f"/me/events/{made['id']}/instances?{late}")["value"]
    assert [row["start"]["dateTime"] for row in shown] == ["2027-04-05T10:00:00.0000000"]
    assert shown[0]["originalStart"] == "2027-04-05T14:00:00Z"


@pytest.mark.parametrize(
    "recurrence",
    [
        pattern(type="weekly"),
        pattern(type="hourly"),
        pattern(type="daily", interval=0),
        pattern(type="absoluteMonthly", dayOfMonth=-1),
        pattern({"type": "endDate"}, type="daily"),
        pattern({"type": "numbered", "numberOfOccurrences": 0}, type="daily"),
        pattern({"type": "numbered", "numberOfOccurrences": 1000}, type="daily"),
        pattern({"type": "noEnd", "startDate": "2027-01-05"}, type="daily"),
    ],
)
def test_what_a_pattern_cannot_say_is_refused(server, loose, recurrence):
    """So a client that sends it has a mistake (M18, M19)."""
    body = event(TEN, ELEVEN, recurrence=recurrence)
    loose.ask("POST", "/me/events", status=400, json=body)
    assert server.violations


def test_an_occurrence_that_is_changed_keeps_its_id(client, series):
    """It becomes an exception; its master's etag moves too (M5, M11)."""
    master = client.ask("GET", f"/me/events/{series}")
    key = occurrences(client, series)[1]["id"]
    body = moved("2027-01-11T14:00:00", "2027-01-11T14:50:00")
    changed = client.ask("PATCH", f"/me/events/{key}", json=body)
    assert (changed["id"], changed["type"]) == (key, "exception")
    assert changed["originalStart"] == "2027-01-11T15:00:00Z"
    assert changed["start"]["dateTime"] == "2027-01-11T14:00:00.0000000"
    assert client.ask("GET", f"/me/events/{series}")["@odata.etag"] != master["@odata.etag"]


def test_exceptions_need_select_and_expand(client, series):
    """Neither alone tells them (M20)."""
    key = occurrences(client, series)[1]["id"]
    client.ask("PATCH", f"/me/events/{key}", json={"subject": "Other"})
    read = "subject,exceptionOccurrences"
    path = f"/me/events/{series}"
    both = client.ask("GET", f"{path}?$select={read}&$expand=exceptionOccurrences")
    [exception] = both["exceptionOccurrences"]
    assert exception["subject"] == "Other"
    # what was not selected of the series is not told of its exceptions either
    assert set(exception) == {"@odata.etag", "id", "subject"}
    for query in (f"$select={read}", "$expand=exceptionOccurrences"):
        assert "exceptionOccurrences" not in client.ask("GET", f"{path}?{query}")


def test_a_deleted_occurrence_does_not_come_back(client, series):
    """It is listed by date, and nothing can be said to it any more (M20)."""
    key = occurrences(client, series)[2]["id"]
    client.ask("DELETE", f"/me/events/{key}", status=204)
    assert client.error("GET", f"/me/events/{key}", 404) == "ErrorItemNotFound"
    assert client.error("PATCH", f"/me/events/{key}", 404, json={"subject": "Back"})
    read = client.ask("GET", f"/me/events/{series}?$select=cancelledOccurrences")
    assert read["cancelledOccurrences"] == [f"OID.{series}.2027-01-18"]
    assert len(starts(client, series)) == 3


def test_a_series_without_occurrences_is_gone(client, series):
    """The last deletion takes the master along."""
    for row in occurrences(client, series):
        client.ask("DELETE", f"/me/events/{row['id']}", status=204)
    assert client.error("GET", f"/me/events/{series}", 404) == "ErrorItemNotFound"


@pytest.mark.parametrize("day", ["2027-01-18", "2027-01-25", "2027-01-04"])
def test_an_occurrence_does_not_pass_its_neighbours(client, series, day):
    """Nor share a day with one (M20)."""
    key = occurrences(client, series)[1]["id"]
    body = moved(f"{day}T08:00:00", f"{day}T08:50:00")
    code = client.error("PATCH", f"/me/events/{key}", 400, json=body)
    assert code == "ErrorOccurrenceCrossingBoundary"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("drop", ["01-04T11:00", "01-11T11:00", "01-18T11:00", "01-25T11:00"]),
        ("keep", ["01-04T11:00", "01-12T10:00", "01-25T11:00"]),
        ("drop_moved", ["01-04T11:00", "01-11T11:00", "01-25T11:00"]),
    ],
)
def test_a_changed_series_may_lose_its_exceptions(client, server, series, how, expected):
    """Every reading of what becomes of them."""
    server.rules.series_change = how
    rows = occurrences(client, series)
    body = moved("2027-01-12T10:00:00", "2027-01-12T10:50:00")
    client.ask("PATCH", f"/me/events/{rows[1]['id']}", json=body)
    client.ask("DELETE", f"/me/events/{rows[2]['id']}")
    body = moved("2027-01-04T11:00:00", "2027-01-04T11:50:00")
    client.ask("PATCH", f"/me/events/{series}", json=body)
    assert [start[5:] for start in starts(client, series)] == expected


def test_texts_reach_occurrences_or_not(client, server, series):
    """An exception that has no title of its own takes its master's, in one reading."""
    key = occurrences(client, series)[1]["id"]
    body = moved("2027-01-11T14:00:00", "2027-01-11T14:50:00")
    client.ask("PATCH", f"/me/events/{key}", json=body)
    client.ask("PATCH", f"/me/events/{series}", json={"subject": "One"})
    assert client.ask("GET", f"/me/events/{key}")["subject"] == "One"
    server.rules.inherits = False
    client.ask("PATCH", f"/me/events/{series}", json={"subject": "Two"})
    assert client.ask("GET", f"/me/events/{key}")["subject"] == "One"


def test_an_occurrence_has_no_recurrence(server, loose, series):
    """Writing one is a mistake."""
    key = occurrences(loose, series)[0]["id"]
    body = {"recurrence": weekly(2)}
    assert loose.error("PATCH", f"/me/events/{key}", 400, json=body) == "ErrorInvalidRequest"
    server.violations.clear()


def test_the_view_shows_occurrences_not_masters(client, calendar, series):
    """All in full, ordered by start."""
    client.create(calendar, start="2027-01-12T08:00:00", end="2027-01-12T09:00:00")
    rows = client.ask("GET", f"/me/calendars/{calendar}/calendarView?{SPAN}&$top=50")["value"]
    assert [row["type"] for row in rows] == [
        "occurrence",
        "occurrence",
        "singleInstance",
        "occurrence",
        "occurrence",
    ]
    assert rows[0]["seriesMasterId"] == series
    assert rows[0]["subject"] == "Session"


def test_a_split_leaves_our_marks_behind(client, server, person, series):
    """Outlook ends the series and makes another, without transactionId and marker."""
    made = person.split(series, "2027-01-18T10:00", 60)
    assert starts(client, series) == ["2027-01-04T10:00", "2027-01-11T10:00"]
    assert starts(client, made) == ["2027-01-18T11:00", "2027-01-25T11:00"]
    read = client.ask("GET", f"/me/events/{made}")
    assert read["transactionId"] is None
    wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}')"
    found = client.ask("GET", "/me/events", params={"$filter": wanted})["value"]
    assert [row["id"] for row in found] == [series]
    assert server.state.mails == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_copy_has_our_properties_or_not(client, person, series, kept):
    """It never has our transactionId."""
    made = person.copy(series, 24 * 60, properties=kept)
    assert starts(client, made)[0] == "2027-01-05T10:00"
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{MARK}')"}
    read = client.ask("GET", f"/me/events/{made}", params=expand)
    assert ("singleValueExtendedProperties" in read) is kept
    assert read["transactionId"] is None


def test_dragging_a_series_keeps_what_was_changed_in_it(client, person, series):
    """The pattern's weekday moves along."""
    person.drag_occurrence(series, "2027-01-11T10:00", 60)
    person.delete_occurrence(series, "2027-01-25T10:00")
    person.drag(series, 30)
    assert starts(client, series) == ["2027-01-04T10:30", "2027-01-11T11:00", "2027-01-18T10:30"]
    person.drag(series, 24 * 60)
    assert starts(client, series)[0] == "2027-01-05T10:30"
