"""Where the story's calendars are: a calendar service on this machine, and people at it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from calwarden.sdk.connector import ConnectorKind, Context, Discovery


class Hands(Protocol):
    """Somebody with an ordinary calendar app: sees events by their time and edits them."""

    def sees(self, start: datetime) -> bool:
        """Whether an event, or a series' first meeting, begins at ``start``."""
        ...

    def drag(self, start: datetime, to: datetime) -> None:
        """Move the event at ``start`` to another time."""
        ...

    def shorten(self, start: datetime, minutes: int) -> None:
        """Pull up the lower edge of the event at ``start``."""
        ...

    def make_public(self, start: datetime) -> None:
        """Let everybody see the event at ``start``."""
        ...

    def delete(self, start: datetime) -> None:
        """Delete the event at ``start``, a series as a whole."""
        ...

    def drag_occurrence(self, first: datetime, slot: datetime, to: datetime) -> None:
        """Move the meeting at ``slot`` of the series that begins at ``first``, and only that."""
        ...

    def delete_occurrence(self, first: datetime, slot: datetime) -> None:
        """Delete the meeting at ``slot`` of the series that begins at ``first``, and only that."""
        ...

    def copy(self, start: datetime, to: datetime) -> None:
        """Copy the event at ``start`` and paste it at ``to``, with everything that hangs on it."""
        ...

    def add(self, title: str, start: datetime, minutes: int) -> None:
        """Add an event of their own."""
        ...

    def close(self) -> None:
        """Put the calendar app away."""
        ...


class Venue(Protocol):
    """A calendar service with an account for each provider.

    ``introduction`` says in sentences what it is.
    """

    connector: str
    introduction: tuple[str, ...]

    @property
    def writes(self) -> int:
        """How many requests were sent that change something."""
        ...

    @property
    def complaints(self) -> Sequence[str]:
        """What was wrong with requests, in words, where the service tells."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings, by dotted name, of an installation that speaks to it."""
        ...

    def start(self) -> None:
        """Begin to answer."""
        ...

    def stop(self) -> None:
        """Answer nothing any more."""
        ...

    def person(self, name: str) -> Hands:
        """Give an account a calendar, and return somebody at it."""
        ...

    def sign_in(self, name: str, kind: ConnectorKind, context: Context) -> Discovery:
        """Let a provider agree; returns the one calendar to link, and the credential."""
        ...

    def doors(self) -> Sequence[str]:
        """Return in lines how somebody gets at the calendars by hand."""
        ...
