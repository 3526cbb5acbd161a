"""The control door of the stand-in for Graph."""

from typing import Any, Protocol

from typing_extensions import override

from calwarden.testing.emulators import control
from calwarden.testing.emulators.graph_api import Api
from calwarden.testing.emulators.graph_oauth import SignIn
from calwarden.testing.emulators.graph_state import State, event_id


class Server(control.Server, Protocol):
    """What the door opens to: `calwarden.testing.emulators.graph.GraphServer`."""

    @property
    @override
    def state(self) -> State:
        """Every mailbox."""
        ...

    @property
    def api(self) -> Api:
        """What it answers."""
        ...

    @property
    @override
    def sign_in(self) -> SignIn:
        """Who may do what."""
        ...


class Control(control.Control[Server]):
    """What can be called at this service, beside what can be at any."""

    def add_calendar(self, email: str, name: str) -> str:
        """Add a calendar to a mailbox; return its id."""
        return self.server.state.add_calendar(email, name).id

    def calendars(self) -> list[dict[str, Any]]:
        """Return every calendar: id, owner, name."""
        return [
            {"id": found.id, "owner": found.owner, "name": found.name}
            for found in self.server.state.calendars.values()
        ]

    def events(self, calendar: str) -> list[dict[str, Any]]:
        """Return what stands in a calendar, as replies show it in the event's own zone.

        Beside it the properties that apps hung on it, and deleted and changed occurrences' dates.
        """
        with self.server.state.lock:
            person = self.server.person(calendar)
            return [
                {
                    **person.row(event_id(item, None, immutable=True)),
                    "properties": item.properties,
                    "cancelled": sorted(day.isoformat() for day in item.cancelled),
                    "changed": sorted(day.isoformat() for day in item.changes),
                }
                for item in self.server.state.items.values()
                if item.calendar == calendar
            ]

    @override
    def rule(self, **switches: Any) -> None:
        told = switches.get("if_match")
        super().rule(**switches if told is None else {**switches, "if_match": set(told)})

    def remove_calendar(self, calendar: str) -> None:
        """Delete a calendar."""
        with self.server.state.lock:
            self.server.api.drop_calendar(self.server.state.calendars[calendar])

    def kill_cursors(self, calendar: str | None = None) -> None:
        """Let every delta token of a calendar be refused as gone from now on."""
        self.server.api.delta.kill(calendar)

    def refresh_token(self, email: str, scopes: list[str]) -> str:
        """Return a refresh token as a finished consent leaves it."""
        return self.server.sign_in.refresh_of(email, *scopes)

    def type_device_code(self, email: str | None) -> None:
        """Type in every open device code as ``email``; None declines."""
        self.server.sign_in.answer_devices(email)

    def demand(self, who: str, claims: dict[str, Any] | None, *, interactive: bool = False) -> None:
        """Ask for claims with a 401 from now on."""
        self.server.sign_in.demand(who, claims, interactive=interactive)

    def lifecycle(self, event: str) -> None:
        """Send a notice about the life of every subscription."""
        self.server.api.push.lifecycle(event)

    def plain_http(self) -> None:
        """Accept notification URLs without TLS."""
        self.server.api.push.plain_http = True
