"""The control door of the stand-in for Google Calendar."""

from typing import Any, Protocol

from typing_extensions import override

from calwarden.testing.emulators import control
from calwarden.testing.emulators.google_oauth import SignIn
from calwarden.testing.emulators.google_state import State


class Server(control.Server, Protocol):
    """What the door opens to: `calwarden.testing.emulators.google.GoogleServer`."""

    @property
    @override
    def state(self) -> State:
        """Every calendar."""
        ...

    @property
    @override
    def sign_in(self) -> SignIn:
        """Who may do what."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """The section of a configuration that speaks to it."""
        ...


class Control(control.Control[Server]):
    """What can be called at this service, beside what can be at any."""

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

    def grant(self, email: str, scopes: list[str]) -> dict[str, Any]:
        """Return an authorized-user file of a person."""
        return self.server.sign_in.grant(email, *scopes)

    def service(self, scopes: list[str]) -> dict[str, Any]:
        """Return the key file of a service account with domain-wide delegation for ``scopes``."""
        return self.server.sign_in.add_service(*scopes, token_uri=self.server.settings["token_uri"])
