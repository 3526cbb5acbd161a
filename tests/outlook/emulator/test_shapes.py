"""Replies have the fields that recorded ones have, and no others."""

from emulators.graph_client import delta_path

EVENT = set(
    """
    @odata.etag id createdDateTime lastModifiedDateTime changeKey categories transactionId
    originalStartTimeZone originalEndTimeZone iCalUId uid reminderMinutesBeforeStart isReminderOn
    hasAttachments subject bodyPreview importance sensitivity isAllDay isCancelled isOrganizer
    responseRequested seriesMasterId showAs type webLink onlineMeetingUrl isOnlineMeeting
    onlineMeetingProvider allowNewTimeProposals occurrenceId isDraft hideAttendees responseStatus
    body start end location locations recurrence attendees organizer onlineMeeting
    """.split()  # noqa: SIM905 - a list of names reads best as words
)
CALENDAR = set(
    """
    allowedOnlineMeetingProviders canEdit canShare canViewPrivateItems changeKey color
    defaultOnlineMeetingProvider groupClassId hexColor id isDefaultCalendar isRemovable
    isTallyingResponses name owner
    """.split()  # noqa: SIM905 - as above
)
FRACTION = len("2027-01-04T10:00:00.0000000")


def test_an_event_has_the_recorded_fields(client, series):
    """Of single events and series alike; times carry seven digits (M13)."""
    rows = [
        client.ask("GET", f"/me/events/{series}"),
        client.create(start="2027-01-04T08:00:00", end="2027-01-04T09:00:00"),
    ]
    for row in rows:
        assert set(row) == {"@odata.context", *EVENT}
        assert len(row["start"]["dateTime"]) == FRACTION
        assert row["createdDateTime"].endswith("0Z")
        assert row["@odata.etag"] == f'W/"{row["changeKey"]}"'


def test_delta_rows_have_the_recorded_fields(client, calendar, series, person):
    """A full row's etag is its changeKey's; an exception has its series' (M5, M11)."""
    person.drag_occurrence(series, "2027-01-11T10:00", 60)
    rows, _link = client.round(delta_path(calendar))
    by_type = {row["type"]: row for row in rows}
    for kind in ("seriesMaster", "exception"):
        assert set(by_type[kind]) == {"@odata.type", *EVENT}
    exception = by_type["exception"]
    assert exception["changeKey"] == by_type["seriesMaster"]["changeKey"]
    assert exception["occurrenceId"] == f"OID.{series}.2027-01-11"
    assert exception["uid"] == by_type["seriesMaster"]["uid"]
    assert exception["iCalUId"] != by_type["seriesMaster"]["iCalUId"]
    assert by_type["seriesMaster"]["occurrenceId"] is None


def test_a_calendar_has_the_recorded_fields(client):
    """In lists and alone."""
    assert set(client.ask("GET", "/me/calendars")["value"][0]) == CALENDAR
    assert set(client.ask("GET", "/me/calendar")) == CALENDAR


def test_a_location_gets_an_id_of_its_own(client):
    """And shows in two places (M13)."""
    made = client.create(
        start="2027-01-04T08:00:00", end="2027-01-04T09:00:00", location={"displayName": "Office"}
    )
    place = {
        "displayName": "Office",
        "locationType": "default",
        "uniqueId": "Office",
        "uniqueIdType": "private",
    }
    assert (made["location"], made["locations"]) == (place, [place])


def test_an_error_tells_its_request(client):
    """So that it can be logged (M31)."""
    error = client.ask("GET", "/me/calendars/none", status=404)["error"]
    assert set(error) == {"code", "message", "innerError"}
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
