"""Calendars and single events behave as Graph is said to."""

import pytest

from emulators.graph_client import MARK, Client, event

TEN, ELEVEN = "2027-01-04T10:00:00", "2027-01-04T10:50:00"


def test_a_mailbox_has_a_default_calendar_and_may_get_more(client, calendar):
    """Calendars are listed, created, renamed and deleted; the default one stays."""
    made = client.ask("POST", "/me/calendars", status=201, json={"name": "Sessions"})
    client.ask("PATCH", f"/me/calendars/{made['id']}", json={"name": "Practice"})
    listed = client.ask("GET", "/me/calendars")["value"]
    assert [(row["name"], row["isDefaultCalendar"]) for row in listed] == [
        ("Calendar", True),
        ("Practice", False),
    ]
    client.ask("DELETE", f"/me/calendars/{made['id']}", status=204)
    assert client.error("GET", f"/me/calendars/{made['id']}", 404) == "ErrorItemNotFound"
    assert client.error("DELETE", f"/me/calendars/{calendar}", 400) == "ErrorInvalidRequest"


def test_an_event_is_told_in_the_zone_that_was_preferred(client, server):
    """The same instant, under the name that was asked for; in UTC without (M17)."""
    made = client.create(start=TEN, end=ELEVEN, zone="America/Chicago")
    assert made["start"] == {
        "dateTime": "2027-01-04T11:00:00.0000000",
        "timeZone": "America/New_York",
    }
    assert made["originalStartTimeZone"] == "America/Chicago"
    plain = Client(server, prefer='IdType="ImmutableId"')
    read = plain.ask("GET", f"/me/events/{made['id']}")
    assert read["start"]["dateTime"] == "2027-01-04T16:00:00.0000000"
    assert read["start"]["timeZone"] == "UTC"
    server.rules.zone_names = "windows"
    read = client.ask("GET", f"/me/events/{made['id']}")
    assert read["start"]["timeZone"] == "Eastern Standard Time"


@pytest.mark.parametrize("name", ["Eastern Standard Time", "America/New_York"])
def test_zones_have_two_names(client, name):
    """IANA and Windows names are accepted alike (M17)."""
    made = client.create(start=TEN, end=ELEVEN, zone=name)
    assert made["start"]["dateTime"] == "2027-01-04T10:00:00.0000000"


def test_all_day_events_begin_and_end_at_midnight(loose):
    """Otherwise they are refused; looked at from elsewhere, midnight stays midnight (M16)."""
    day = {"start": "2027-01-04T00:00:00", "end": "2027-01-05T00:00:00", "isAllDay": True}
    made = loose.create(**day, zone="Europe/Berlin")
    assert made["start"]["dateTime"] == "2027-01-04T00:00:00.0000000"
    body = event("2027-01-04T09:00:00", "2027-01-05T00:00:00", isAllDay=True)
    assert loose.error("POST", "/me/events", 400, json=body) == "ErrorPropertyValidationFailure"


def test_bodies_are_wrapped_unless_text_is_preferred(client, server):
    """Exchange turns text into its HTML, and back where text is preferred (M13)."""
    made = client.create(start=TEN, end=ELEVEN, body={"contentType": "text", "content": "Bring a"})
    assert made["body"]["contentType"] == "html"
    assert "converted from text" in made["body"]["content"]
    assert made["bodyPreview"] == "Bring a"
    text = Client(server, prefer='IdType="ImmutableId", outlook.body-content-type="text"')
    read = text.ask("GET", f"/me/events/{made['id']}")
    assert read["body"] == {"contentType": "text", "content": "Bring a"}


def test_a_transaction_makes_one_event(client, server):
    """The same transactionId answers 201 with the first event (M8)."""
    first, second = (client.create(start=TEN, end=ELEVEN, transactionId="a-1") for _ in range(2))
    assert first["id"] == second["id"]
    assert len(server.state.items) == 1
    server.rules.dedupe = "conflict"
    body = event(TEN, ELEVEN, transactionId="a-1")
    client.ask("POST", "/me/events", status=409, json=body)
    server.rules.dedupe_seconds = 0.0
    assert client.create(start=TEN, end=ELEVEN, transactionId="a-1")["id"] != first["id"]


def test_a_transaction_may_be_remembered_longer_than_its_event(client, server):
    """Where it is, a repeated creation answers 201 and nothing stands."""
    server.rules.dedupe_deleted = True
    made = client.create(start=TEN, end=ELEVEN, transactionId="a-1")
    client.ask("DELETE", f"/me/events/{made['id']}", status=204)
    again = client.create(start=TEN, end=ELEVEN, transactionId="a-1")
    assert client.error("GET", f"/me/events/{again['id']}", 404) == "ErrorItemNotFound"


def test_if_match_is_obeyed_or_not(client, server):
    """Both readings of what no page promises (M11)."""
    made = client.create(start=TEN, end=ELEVEN)
    path, stale = f"/me/events/{made['id']}", {"If-Match": made["@odata.etag"]}
    client.ask("PATCH", path, json={"subject": "One"}, headers=stale)
    code = client.error("PATCH", path, 412, json={"subject": "Two"}, headers=stale)
    assert code == "ErrorIrresolvableConflict"
    server.rules.if_match = {"PATCH"}
    client.ask("DELETE", path, status=204, headers=stale)


def test_what_was_deleted_is_gone(client, server):
    """GET answers 404; DELETE again 404 or 400 (M14)."""
    made = client.create(start=TEN, end=ELEVEN)
    path = f"/me/events/{made['id']}"
    client.ask("DELETE", path, status=204)
    assert client.error("GET", path, 404) == "ErrorItemNotFound"
    assert client.error("DELETE", path, 404) == "ErrorItemNotFound"
    server.rules.redelete = "400"
    assert client.error("DELETE", path, 400) == "ErrorInvalidRequest"


def test_a_marker_is_found_whatever_its_case_and_not_echoed(client, calendar):
    """Extended properties are read by $expand, found by $filter, absent elsewhere (M9)."""
    made = client.create(
        calendar,
        start=TEN,
        end=ELEVEN,
        singleValueExtendedProperties=[{"id": MARK, "value": "a-1"}],
    )
    assert "singleValueExtendedProperties" not in made
    wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq 'A-1')"
    found = client.ask("GET", "/me/events", params={"$filter": wanted})["value"]
    assert [row["id"] for row in found] == [made["id"]]
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{MARK}')"}
    read = client.ask("GET", f"/me/events/{made['id']}", params=expand)
    assert read["singleValueExtendedProperties"] == [{"id": MARK, "value": "a-1"}]


def test_ids_of_the_ordinary_kind_change_when_an_event_moves(client, server, person):
    """An immutable id stays, and says so with every call (M7)."""
    made = client.create(start=TEN, end=ELEVEN)
    elsewhere = server.state.add_calendar("dana@harbor.example", "Other").id
    server.rules.immutable_ids = False
    ordinary = Client(server, prefer="outlook.timezone=UTC")
    before = ordinary.ask("GET", f"/me/events/{made['id']}")["id"]
    assert before != made["id"]
    person.move_to(made["id"], elsewhere)
    assert client.ask("GET", f"/me/events/{made['id']}")["id"] == made["id"]
    assert client.error("GET", f"/me/events/{before}", 404) == "ErrorItemNotFound"


def test_a_call_without_immutable_ids_is_a_mistake(server):
    """It would mix two kinds of ids."""
    Client(server, prefer="outlook.timezone=UTC").ask("GET", "/me/events")
    assert "IdType" in server.violations[0]


def test_attendees_are_mailed_whatever_one_does(client, server):
    """The emulator remembers each mail (M15)."""
    who = {"emailAddress": {"address": "guest@client.example"}, "type": "required"}
    made = client.create(start=TEN, end=ELEVEN, attendees=[who])
    client.ask("DELETE", f"/me/events/{made['id']}")
    assert server.state.mails == [
        ("guest@client.example", "invited"),
        ("guest@client.example", "cancelled"),
    ]


@pytest.mark.parametrize(
    ("verb", "path", "body", "code"),
    [
        ("POST", "/me/events", {"colour": "red"}, "RequestBodyRead"),
        ("POST", "/me/events", {"showAs": "away"}, "RequestBodyRead"),
        ("POST", "/me/events", {"iCalUId": "a-1"}, "RequestBodyRead"),
        ("POST", "/me/events", {"start": {"dateTime": "2027-01-04T10:00:00Z"}}, "ErrorProperty"),
        ("GET", "/me/events?$filter=transactionId eq 'a-1'", None, "ErrorInvalidUrlQueryFilter"),
        ("GET", "/me/events?$select=colour", None, "BadRequest"),
        ("GET", "/me/events?syncToken=1", None, "BadRequest"),
        ("GET", "/me/appointments", None, "BadRequest"),
        ("GET", "/me/events/a-1", None, "ErrorInvalidIdMalformed"),
        ("GET", "/me/calendarView", None, "ErrorInvalidParameter"),
        ("PUT", "/me/events/a-1", {}, "BadRequest"),
    ],
)
def test_what_graph_does_not_know_is_refused_and_remembered(server, loose, verb, path, body, code):
    """A mistake ends the run that made it."""
    about = {} if body is None else {"json": {**event(TEN, ELEVEN), **body}}
    assert loose.error(verb, path, 400, **about).startswith(code)
    assert server.violations


def test_a_zone_that_nobody_knows_is_refused(loose):
    """Neither by IANA nor by Windows."""
    body = event(TEN, ELEVEN, zone="Mars/Olympus")
    assert loose.error("POST", "/me/events", 400, json=body) == "TimeZoneNotSupportedException"


def test_an_unknown_preference_is_a_mistake(server, loose):
    """The value of IdType is case-sensitive (M7)."""
    wrong = {"Prefer": 'IdType="immutableid"'}
    assert loose.error("GET", "/me/events", 400, headers=wrong) == "BadRequest"
    assert server.violations


def test_lists_come_in_pages(client):
    """A next link is followed as it is."""
    for day in range(1, 8):
        client.create(start=f"2027-01-0{day}T10:00:00", end=f"2027-01-0{day}T11:00:00")
    page = client.ask("GET", "/me/events?$top=3&$select=subject")
    assert len(page["value"]) == 3
    assert set(page["value"][0]) == {"@odata.etag", "id", "subject"}
    after = client.ask("GET", page["@odata.nextLink"])
    assert len(client.ask("GET", after["@odata.nextLink"])["value"]) == 1


def test_busy_times_are_digits(client):
    """An unknown mailbox is unknown, never free (M22)."""
    client.create(start=TEN, end=ELEVEN, showAs="oof")
    asked = {
        "schedules": ["dana@harbor.example", "nobody@harbor.example"],
        "startTime": {"dateTime": "2027-01-04T09:30:00", "timeZone": "America/New_York"},
        "endTime": {"dateTime": "2027-01-04T11:30:00", "timeZone": "America/New_York"},
        "availabilityViewInterval": 30,
    }
    told = client.ask("POST", "/me/calendar/getSchedule", json=asked)["value"]
    assert told[0]["availabilityView"] == "0330"
    assert told[1]["error"]["responseCode"] == "ErrorMailRecipientNotFound"


def test_automatic_replies_are_a_setting(client):
    """One slot per mailbox (M21)."""
    wanted = {"status": "scheduled", "externalAudience": "none", "internalReplyMessage": "Away"}
    client.ask("PATCH", "/me/mailboxSettings", json={"automaticRepliesSetting": wanted})
    assert client.ask("GET", "/me/mailboxSettings")["automaticRepliesSetting"] == wanted
