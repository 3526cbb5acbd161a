"""Microsoft's own client drives the emulator: not only our own reading of Graph has tried it."""

import asyncio
import ssl
from datetime import date

import httpx
import pytest
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_http.middleware.options import UrlReplaceHandlerOption
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.day_of_week import DayOfWeek
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.free_busy_status import FreeBusyStatus
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
from msgraph.generated.models.recurrence_pattern import RecurrencePattern
from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
from msgraph.generated.models.recurrence_range import RecurrenceRange
from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType
from msgraph.generated.models.single_value_legacy_extended_property import (
    SingleValueLegacyExtendedProperty,
)
from msgraph.generated.users.item.calendars.item.calendar_view.delta.delta_request_builder import (
    DeltaRequestBuilder,
)
from msgraph.generated.users.item.events.item.event_item_request_builder import (
    EventItemRequestBuilder,
)
from msgraph_core import GraphClientFactory

from emulators.graph_client import MARK, SCOPES, ZONE, Client, consent, public_app

OWNER = "dana@harbor.example"
# the client names /me by a placeholder that a middleware of its own replaces
ME = {"/users/me-token-to-replace": "/me"}
IDS = 'IdType="ImmutableId"'


class Token(AccessTokenProvider):
    """The access token of a finished consent."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def get_authorization_token(self, uri: str, additional_authentication_context=None):
        """Return it for any address."""
        return self.token

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        """Allow this machine."""
        return AllowedHostsValidator(["127.0.0.1"])


def official(server, http: httpx.AsyncClient) -> GraphServiceClient:
    """Microsoft's client, signed in by msal."""
    options = {
        UrlReplaceHandlerOption.get_key(): UrlReplaceHandlerOption(
            enabled=True, replacement_pairs=ME
        )
    }
    token = consent(server, public_app(server), scopes=SCOPES)["access_token"]
    adapter = GraphRequestAdapter(
        BaseBearerTokenAuthenticationProvider(Token(token)),
        client=GraphClientFactory.create_with_default_middleware(client=http, options=options),
    )
    adapter.base_url = server.settings["graph_root"]
    return GraphServiceClient(request_adapter=adapter)


def weekly() -> Event:
    """Four Mondays at ten."""
    return Event(
        subject="Session",
        start=DateTimeTimeZone(date_time="2027-01-04T10:00:00", time_zone=ZONE),
        end=DateTimeTimeZone(date_time="2027-01-04T10:50:00", time_zone=ZONE),
        show_as=FreeBusyStatus.Busy,
        transaction_id="series-1",
        recurrence=PatternedRecurrence(
            pattern=RecurrencePattern(
                type=RecurrencePatternType.Weekly, interval=1, days_of_week=[DayOfWeek.Monday]
            ),
            range=RecurrenceRange(
                type=RecurrenceRangeType.Numbered,
                start_date=date(2027, 1, 4),
                number_of_occurrences=4,
            ),
        ),
        single_value_extended_properties=[SingleValueLegacyExtendedProperty(id=MARK, value="s-1")],
    )


def asking(parameters=None) -> RequestConfiguration:
    """How each request is made: with immutable ids."""
    made = RequestConfiguration(query_parameters=parameters)
    made.headers.add("Prefer", IDS)
    return made


async def story(graph: GraphServiceClient, calendar: str) -> None:
    """A series is made, looked at, changed and removed."""
    home = graph.me.calendars.by_calendar_id(calendar)
    made = await home.events.post(weekly(), request_configuration=asking())
    assert made.type == EventType.SeriesMaster

    window = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(
        start_date_time="2027-01-01T00:00:00Z", end_date_time="2027-07-01T00:00:00Z"
    )
    page = await home.calendar_view.delta.get(request_configuration=asking(window))
    kinds = [row.type for row in page.value]
    assert kinds == [EventType.SeriesMaster, *[EventType.Occurrence] * 4]

    third = page.value[3].id
    await graph.me.events.by_event_id(third).delete(request_configuration=asking())
    again = await home.calendar_view.delta.with_url(page.odata_delta_link).get(
        request_configuration=asking()
    )
    assert len(again.value) == 4

    wanted = EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters(
        select=["subject", "cancelledOccurrences"],
        expand=[f"singleValueExtendedProperties($filter=id eq '{MARK}')"],
    )
    one = graph.me.events.by_event_id(made.id)
    read = await one.get(request_configuration=asking(wanted))
    assert read.cancelled_occurrences == [f"OID.{made.id}.2027-01-18"]
    assert [prop.value for prop in read.single_value_extended_properties] == ["s-1"]

    changed = await one.patch(Event(subject="Other"), request_configuration=asking())
    assert changed.subject == "Other"
    await one.delete(request_configuration=asking())
    with pytest.raises(ODataError) as refused:
        await one.get(request_configuration=asking())
    assert refused.value.error.code == "ErrorItemNotFound"


def test_microsofts_client_tells_the_same_story(server, calendar):
    """It asks nothing that the emulator does not know, and understands every answer."""

    async def run() -> None:
        trusted = ssl.create_default_context(cafile=server.ca_file)
        # Microsoft's factory lays its middleware around the transport, and closes none
        async with httpx.AsyncHTTPTransport(verify=trusted, trust_env=False) as transport:
            http = httpx.AsyncClient(transport=transport, timeout=30)
            await story(official(server, http), calendar)

    asyncio.run(run())
    assert server.violations == []
    assert server.state.mails == []
    assert Client(server).ask("GET", "/me/events")["value"] == []
