"""The control door: a person's acts, faults and switches for whoever runs in another process."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from calwarden.testing.emulators.graph_api import Api
from calwarden.testing.emulators.graph_faults import Faults
from calwarden.testing.emulators.graph_limits import Received
from calwarden.testing.emulators.graph_oauth import SignIn
from calwarden.testing.emulators.graph_people import Person
from calwarden.testing.emulators.graph_state import Calendar, Rules, State, event_id


class Server(Protocol):
    """What the door opens."""

    state: State
    api: Api
    sign_in: SignIn
    faults: Faults
    violations: list[str]

    @property
    def requests(self) -> Sequence[Received]:
        """The requests that were received."""
        ...

    @property
    def rules(self) -> Rules:
        """The switches of the service."""
        ...

    @property
    def writes(self) -> int:
        """How many requests were sent that change something."""
        ...

    def add_account(self, email: str, **about: Any) -> Calendar:
        """Add a mailbox with its default calendar."""
        ...

    def person(self, calendar: str) -> Person:
        """Return the owner of a calendar, in Outlook."""
        ...


class Control:
    """What can be called through ``POST /_control/NAME`` with the arguments as a JSON object."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a method by name; unknown ones raise, and so close the connection."""
        if name.startswith("_") or name == "call":
            raise AttributeError(name)
        return {"result": getattr(self, name)(**arguments)}

    def act(self, calendar: str, act: str, **arguments: Any) -> Any:
        """Do something in Outlook at ``calendar``: any method of `Person`."""
        return getattr(self.server.person(calendar), act)(**arguments)

    def account(self, email: str, **about: Any) -> str:
        """Add a mailbox; return the id of its default calendar."""
        return self.server.add_account(email, **about).id

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

    def remove_calendar(self, calendar: str) -> None:
        """Delete a calendar."""
        with self.server.state.lock:
            self.server.api.drop_calendar(self.server.state.calendars[calendar])

    def kill_cursors(self, calendar: str | None = None) -> None:
        """Let every delta token of a calendar be refused as gone from now on."""
        self.server.api.delta.kill(calendar)

    def rule(self, **switches: Any) -> None:
        """Set switches of `Rules`."""
        for name, value in switches.items():
            if not hasattr(self.server.rules, name):
                raise AttributeError(name)
            setattr(self.server.rules, name, set(value) if name == "if_match" else value)

    def fault(
        self, kind: Any, method: str = "", act: Mapping[str, Any] | None = None, **about: Any
    ) -> None:
        """Let something go wrong; ``act`` holds the arguments of `act` for a fault of that kind."""
        if act is not None:
            about["act"] = lambda: self.act(**act)
        self.server.faults.add(kind, method, **about)

    def refresh_token(self, email: str, scopes: list[str]) -> str:
        """Return a refresh token as a finished consent leaves it."""
        return self.server.sign_in.refresh_of(email, *scopes)

    def type_device_code(self, email: str | None) -> None:
        """Type in every open device code as ``email``; None declines."""
        self.server.sign_in.answer_devices(email)

    def revoke(self, email: str) -> None:
        """Take back what a person granted."""
        self.server.sign_in.revoke(email)

    def demand(self, who: str, claims: dict[str, Any] | None, *, interactive: bool = False) -> None:
        """Ask for claims with a 401 from now on."""
        self.server.sign_in.demand(who, claims, interactive=interactive)

    def expire(self) -> None:
        """Let every access token run out."""
        self.server.sign_in.expire()

    def lifecycle(self, event: str) -> None:
        """Send a notice about the life of every subscription."""
        self.server.api.push.lifecycle(event)

    def plain_http(self) -> None:
        """Accept notification URLs without TLS."""
        self.server.api.push.plain_http = True

    def report(self) -> dict[str, Any]:
        """Return what was wrong with requests, how many there were, and which mails were sent."""
        return {
            "violations": self.server.violations,
            "requests": [request.method for request in self.server.requests],
            "writes": self.server.writes,
            "tokens": self.server.sign_in.token_requests,
            "mails": self.server.state.mails,
        }
