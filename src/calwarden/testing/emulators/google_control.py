"""The control door: a person's acts, faults and switches for whoever runs in another process."""

from collections.abc import Mapping
from typing import Any, Protocol

from calwarden.testing.emulators.google_faults import Faults
from calwarden.testing.emulators.google_oauth import SignIn
from calwarden.testing.emulators.google_people import Person
from calwarden.testing.emulators.google_state import Calendar, Rules, State


class Server(Protocol):
    """What the door opens to: `calwarden.testing.emulators.google.GoogleServer`."""

    state: State
    sign_in: SignIn
    faults: Faults
    violations: list[str]
    requests: list[Any]

    @property
    def rules(self) -> Rules:
        """The switches of the service."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """The section of a configuration that speaks to it."""
        ...

    @property
    def writes(self) -> int:
        """How many requests were sent that change something."""
        ...

    def add_account(self, email: str, **about: Any) -> Calendar:
        """Add a person with a primary calendar."""
        ...

    def person(self, calendar: str) -> Person:
        """Return the owner of a calendar, at its page."""
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
        """Do something at the page of ``calendar``: any method of `Person`."""
        return getattr(self.server.person(calendar), act)(**arguments)

    def account(self, email: str, **about: Any) -> str:
        """Add a person; return the id of their calendar."""
        return self.server.add_account(email, **about).id

    def calendars(self) -> list[dict[str, Any]]:
        """Return every calendar: id, owner, summary, zone."""
        return [
            {"id": found.id, "owner": found.owner, "summary": found.summary, "zone": found.zone}
            for found in self.server.state.calendars.values()
        ]

    def events(self, calendar: str) -> list[dict[str, Any]]:
        """Return every row of a calendar, tombstones too."""
        with self.server.state.lock:
            return list(self.server.state.calendars[calendar].rows.values())

    def change_zone(self, calendar: str, zone: str) -> None:
        """Set the time zone of a calendar."""
        self.server.state.calendars[calendar].zone = zone

    def remove_calendar(self, calendar: str) -> None:
        """Delete a calendar."""
        del self.server.state.calendars[calendar]

    def kill_cursors(self, calendar: str) -> None:
        """Let every sync token of a calendar be answered 410 from now on."""
        self.server.state.calendars[calendar].generation += 1

    def rule(self, **switches: Any) -> None:
        """Set switches of `Rules`."""
        for name, value in switches.items():
            if not hasattr(self.server.rules, name):
                raise AttributeError(name)
            setattr(self.server.rules, name, value)

    def fault(
        self, kind: Any, method: str = "", act: Mapping[str, Any] | None = None, **about: Any
    ) -> None:
        """Let something go wrong; ``act`` holds the arguments of `act` for a fault of that kind."""
        if act is not None:
            about["act"] = lambda: self.act(**act)
        self.server.faults.add(kind, method, **about)

    def grant(self, email: str, scopes: list[str]) -> dict[str, Any]:
        """Return an authorized-user file of a person."""
        return self.server.sign_in.grant(email, *scopes)

    def service(self, scopes: list[str]) -> dict[str, Any]:
        """Return the key file of a service account with domain-wide delegation for ``scopes``."""
        return self.server.sign_in.add_service(*scopes, token_uri=self.server.settings["token_uri"])

    def revoke(self, email: str) -> None:
        """Take back what a person granted."""
        self.server.sign_in.revoke(email)

    def expire(self) -> None:
        """Let every access token run out."""
        self.server.sign_in.expire()

    def report(self) -> dict[str, Any]:
        """Return what was wrong with requests, how many there were, and which mails were sent."""
        return {
            "violations": self.server.violations,
            "requests": [request.method for request in self.server.requests],
            "writes": self.server.writes,
            "tokens": self.server.sign_in.token_requests,
            "mails": self.server.state.mails,
        }
