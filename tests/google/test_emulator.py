"""The stand-in is strict: it refuses what the service refuses, and remembers who asked wrongly."""

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from calwarden.testing.emulators.google import GoogleServer, Quota
from calwarden_google.credentials import EXISTING_CALENDAR, PREFIX
from emulators.door import Door

OWNER = "dana@harbor.example"
TIMES = {
    "start": {"dateTime": "2027-01-12T10:00:00-05:00", "timeZone": "America/New_York"},
    "end": {"dateTime": "2027-01-12T11:00:00-05:00", "timeZone": "America/New_York"},
}


class Client:
    """Somebody who speaks HTTP by hand."""

    def __init__(self, server, *scopes):
        grant = server.sign_in.grant(OWNER, *(scopes or EXISTING_CALENDAR))
        form = {name: grant[name] for name in ("client_id", "client_secret", "refresh_token")}
        answer = server.sign_in.token({**form, "grant_type": "refresh_token"}, "")
        self.root = f"{server.url}/calendar/v3/"
        self.token = answer["access_token"]

    def __call__(self, method, path, body=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.root}{path}", data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                told = json.loads(error.read())
            return error.code, told["error"]["errors"][0]["reason"]


@pytest.fixture
def strict():
    with GoogleServer() as server:
        server.add_account(OWNER)
        yield server


@pytest.fixture
def ask(strict):
    return Client(strict)


EVENTS = f"calendars/{OWNER}/events"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{EVENTS}?singleEvent=true", None),
        ("GET", f"{EVENTS}?maxResults=many", None),
        ("GET", f"{EVENTS}?orderBy=title", None),
        ("GET", f"{EVENTS}?timeMin=2027-01-01T00:00:00", None),
        ("POST", EVENTS, {**TIMES, "title": "x"}),
        ("POST", EVENTS, {**TIMES, "start": {"datetime": "2027-01-12T10:00:00Z"}}),
        ("POST", EVENTS, {**TIMES, "sequence": "1"}),
        ("POST", f"{EVENTS}?sendUpdates=nobody", TIMES),
    ],
)
def test_what_the_discovery_document_does_not_know_is_refused(strict, ask, method, path, body):
    """Unknown parameters, fields and values are 400 and remembered."""
    assert ask(method, path, body) == (400, "badRequest")
    assert len(strict.violations) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"start": TIMES["start"]}, "required"),
        ({**TIMES, "id": "UPPER"}, "invalid"),
        ({**TIMES, "id": "abcde", "iCalUID": "x@y"}, "invalid"),
        ({**TIMES, "end": {"date": "2027-01-13"}}, "invalid"),
        ({**TIMES, "end": {"dateTime": "2027-01-12T09:00:00-05:00"}}, "timeRangeEmpty"),
        ({**TIMES, "recurrence": ["DTSTART:20270112T100000"]}, "invalid"),
        ({**TIMES, "recurrence": ["RRULE:FREQ=HOURLY"]}, "invalid"),
        (
            {
                "start": {"dateTime": "2027-01-12T10:00:00-05:00"},
                "end": {"dateTime": "2027-01-12T11:00:00-05:00"},
                "recurrence": ["RRULE:FREQ=DAILY"],
            },
            "invalid",
        ),
        (
            {**TIMES, "extendedProperties": {"private": {"x" * 45: "1"}}},
            "invalid",
        ),
        (
            {**TIMES, "eventType": "outOfOffice", "description": "x"},
            "malformedOutOfOfficeEvent",
        ),
    ],
)
def test_events_that_the_service_refuses_are_refused(ask, body, reason):
    """The rules of ids, times, rules, properties and absences hold (G8, G10, G11, G19, G23)."""
    assert ask("POST", EVENTS, body) == (400, reason)


def test_an_id_is_used_once_for_ever(strict, ask):
    """A second insert is 409, after the deletion too; the tombstone can still be had (G6, G9)."""
    assert ask("POST", EVENTS, {**TIMES, "id": "abcde"})[0] == 200
    assert ask("POST", EVENTS, {**TIMES, "id": "abcde"}) == (409, "duplicate")
    assert ask("DELETE", f"{EVENTS}/abcde")[0] == 204
    assert ask("DELETE", f"{EVENTS}/abcde") == (410, "deleted")
    assert ask("POST", EVENTS, {**TIMES, "id": "abcde"}) == (409, "duplicate")
    status, row = ask("GET", f"{EVENTS}/abcde")
    assert (status, row["status"]) == (200, "cancelled")
    assert set(row) == {"kind", "etag", "id", "status"}
    assert ask("PATCH", f"{EVENTS}/abcde", {"status": "confirmed"}) == (403, "forbidden")
    strict.rules.tombstone_update = True
    assert ask("PUT", f"{EVENTS}/abcde", {**TIMES, "status": "confirmed"})[0] == 200


def test_an_old_etag_guards(ask):
    """If-Match with another etag is 412, on patch, update and delete (G12, G14)."""
    _, made = ask("POST", EVENTS, {**TIMES, "id": "abcde"})
    _, changed = ask("PATCH", f"{EVENTS}/abcde", {"summary": "x"}, If_Match=made["etag"])
    assert changed["etag"] != made["etag"]
    for method, body in (("PATCH", {"summary": "y"}), ("PUT", TIMES), ("DELETE", None)):
        refused = ask(method, f"{EVENTS}/abcde", body, If_Match=made["etag"])
        assert refused == (412, "conditionNotMet")
    assert ask("DELETE", f"{EVENTS}/abcde", If_Match=changed["etag"])[0] == 204
    assert ask("DELETE", f"{EVENTS}/abcde", If_Match=changed["etag"]) == (412, "conditionNotMet")


def test_an_update_clears_what_a_patch_keeps(ask):
    """PUT replaces, PATCH merges and clears what is null (G16)."""
    ask("POST", EVENTS, {**TIMES, "id": "abcde", "summary": "a", "location": "b"})
    _, row = ask("PATCH", f"{EVENTS}/abcde", {"summary": None})
    assert ("summary" in row, row["location"]) == (False, "b")
    _, row = ask("PUT", f"{EVENTS}/abcde", TIMES)
    assert "location" not in row


def test_sync_tokens_bind_their_parameters(strict, ask):
    """A token comes on the last page, wants the same parameters, and can die (G1, G2, G4)."""
    for number in range(3):
        ask("POST", EVENTS, {**TIMES, "id": f"abcd{number}"})
    _, page = ask("GET", f"{EVENTS}?maxResults=2")
    assert "nextSyncToken" not in page
    _, page = ask("GET", f"{EVENTS}?maxResults=2&pageToken={page['nextPageToken']}")
    token = page["nextSyncToken"]
    assert ask("GET", f"{EVENTS}?syncToken={token}&singleEvents=true") == (400, "invalid")
    assert ask("GET", f"{EVENTS}?syncToken={token}&showDeleted=false") == (400, "invalid")
    late = "2027-01-01T00:00:00Z"
    assert ask("GET", f"{EVENTS}?syncToken={token}&timeMin={late}") == (400, "invalid")
    ask("DELETE", f"{EVENTS}/abcd1")
    _, changed = ask("GET", f"{EVENTS}?syncToken={token}")
    assert [(row["id"], row["status"]) for row in changed["items"]] == [("abcd1", "cancelled")]
    strict.state.calendars[OWNER].generation += 1
    assert ask("GET", f"{EVENTS}?syncToken={token}") == (410, "fullSyncRequired")


@pytest.mark.parametrize("sticks", [True, False])
def test_a_window_may_or_may_not_stay_with_its_token(strict, ask, sticks):
    """What a bounded first listing means for later rows is not known: both can be had (G3)."""
    strict.rules.window_sticks = sticks
    _, page = ask("GET", f"{EVENTS}?timeMin=2027-02-01T00:00:00Z")
    ask("POST", EVENTS, {**TIMES, "id": "abcde"})
    _, changed = ask("GET", f"{EVENTS}?syncToken={page['nextSyncToken']}")
    assert [row["id"] for row in changed["items"]] == ([] if sticks else ["abcde"])


def test_occurrences_are_addressed_by_their_original_start(ask):
    """A written occurrence is an exception; a deleted one stays listed (G5, G20)."""
    ask("POST", EVENTS, {**TIMES, "id": "abcde", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]})
    original = "2027-01-19T10:00:00-05:00"
    path = f"{EVENTS}/abcde/instances"
    _, found = ask("GET", f"{path}?originalStart={original}")
    (row,) = found["items"]
    assert row["recurringEventId"] == "abcde"
    ask("PATCH", f"{EVENTS}/{row['id']}", {"summary": "other"})
    assert ask("DELETE", f"{EVENTS}/abcde_20270126T150000Z")[0] == 204
    _, listed = ask("GET", EVENTS)
    assert {row["id"]: row["status"] for row in listed["items"]} == {
        "abcde": "confirmed",
        "abcde_20270119T150000Z": "confirmed",
        "abcde_20270126T150000Z": "cancelled",
    }
    _, expanded = ask("GET", f"{EVENTS}?singleEvents=true&orderBy=startTime")
    assert [row["id"] for row in expanded["items"]] == [
        "abcde_20270112T150000Z",
        "abcde_20270119T150000Z",
    ]
    assert len(ask("GET", path)[1]["items"]) == 2
    assert len(ask("GET", f"{path}?showDeleted=true")[1]["items"]) == 3


def test_scopes_open_what_they_name(strict):
    """Without the scope 403; with the narrow one only calendars of the same client (G30)."""
    assert Client(strict, f"{PREFIX}calendar.freebusy")("GET", EVENTS) == (
        403,
        "insufficientPermissions",
    )
    own = Client(strict, f"{PREFIX}calendar.app.created")
    assert own("GET", EVENTS) == (403, "insufficientPermissions")
    _, made = own("POST", "calendars", {"summary": "Appointments"})
    assert own("GET", f"calendars/{made['id']}/events")[0] == 200
    assert own("GET", "users/me/calendarList") == (403, "insufficientPermissions")


def test_a_quota_is_a_sliding_window(strict, ask):
    """More requests than the window holds are refused, then let in again (G27)."""
    strict.quota = Quota(requests=2, seconds=0.2)
    assert [ask("GET", EVENTS)[0] for _ in range(3)] == [200, 200, 403]
    time.sleep(0.25)  # noqa: TID251 - the server's own window
    assert ask("GET", EVENTS)[0] == 200


def test_a_watched_calendar_posts_to_its_channel(strict):
    """A channel is told at once that it stands, then of changes, until it is stopped (G25, G26)."""
    heard: queue.Queue = queue.Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.put(self.headers)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=hook.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    ask = Client(strict)
    channel = {
        "id": "channel-1",
        "type": "web_hook",
        "token": "secret",
        "address": f"http://127.0.0.1:{hook.server_port}/",
    }
    assert ask("POST", f"{EVENTS}/watch", channel) == (400, "push.webhookUrlNotHttps")
    strict.api.push.plain_http = True
    _, opened = ask("POST", f"{EVENTS}/watch", channel)
    first = heard.get(timeout=5)
    assert (first["X-Goog-Resource-State"], first["X-Goog-Message-Number"]) == ("sync", "1")
    strict.person(OWNER).add("Gym", "2027-01-12T10:00:00", "2027-01-12T11:00:00")
    second = heard.get(timeout=5)
    assert second["X-Goog-Resource-State"] == "exists"
    assert (second["X-Goog-Channel-ID"], second["X-Goog-Channel-Token"]) == ("channel-1", "secret")
    assert (
        ask("POST", "channels/stop", {"id": "channel-1", "resourceId": opened["resourceId"]})[0]
        == 204
    )
    strict.person(OWNER).add("Gym", "2027-01-12T10:00:00", "2027-01-12T11:00:00")
    strict.api.push.settle()
    assert heard.empty()
    hook.shutdown()
    hook.server_close()
    thread.join()


def test_another_process_can_act_as_a_person(strict):
    """The control door does what a person does, sets switches and faults, and tells of it."""
    with closing(Door(strict.url)) as door:
        made = door(
            "act",
            calendar=OWNER,
            act="add",
            title="Gym",
            start="2027-01-12T10:00:00",
            end="2027-01-12T11:00:00",
        )
        door("act", calendar=OWNER, act="drag", key=made, minutes=60)
        (row,) = door("events", calendar=OWNER)
        assert row["start"]["dateTime"] == "2027-01-12T11:00:00-05:00"
        door("rule", series_change="drop")
        assert strict.rules.series_change == "drop"
        door("fault", kind="error", method="events.get", status=503)
        assert Client(strict)("GET", f"{EVENTS}/{made}") == (503, "backendError")
        assert door("report")["requests"] == ["events.get"]
