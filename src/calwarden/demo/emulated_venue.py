"""What the venues at an emulated service have in common: accounts, browsers, pages, a side door."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from calwarden.demo.person import NotSeen
from calwarden.domain.wall_time import zone_name
from calwarden.sdk.connector import ConnectorKind, Context, Credential, Discovery

DOMAIN = "harbor-street.example"
PATIENCE = 30


class SigningIn(ConnectorKind, Protocol):
    """A connector that lets a person consent in a browser."""

    def sign_in(self, way: str, context: Context, show: Callable[[str], None]) -> Credential:
        """Let a person consent in a browser."""
        ...


class Emulator(Protocol):
    """A stand-in for a calendar service."""

    violations: list[str]

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """The section of a configuration that speaks to it."""
        ...

    @property
    def writes(self) -> int:
        """How many requests were sent that change something."""
        ...

    @property
    def sign_in(self) -> Any:
        """Who consents on its pages."""
        ...

    def start(self) -> object:
        """Begin to answer."""
        ...

    def stop(self) -> None:
        """Answer nothing any more."""
        ...


E = TypeVar("E", bound=Emulator)


class EmulatedVenue(ABC, Generic[E]):
    """The stand-in, with an account and its own calendar for each provider.

    ``way`` is what is asked of the connector's sign-in; ``door`` says whose pages are not here.
    """

    connector: str
    introduction: tuple[str, ...]
    way: ClassVar[str]
    door: ClassVar[str]

    def __init__(self, server: E, calendars: Mapping[str, str]) -> None:
        """Take the server, and the id of each provider's calendar by their name."""
        self._server = server
        self._calendars = calendars

    @property
    def writes(self) -> int:
        return self._server.writes

    @property
    def settings(self) -> Mapping[str, Any]:
        return {f"{self.connector}.{name}": one for name, one in self._server.settings.items()}

    @property
    def complaints(self) -> Sequence[str]:
        return [f"the service was asked wrongly: {one}" for one in self._server.violations]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def sign_in(self, name: str, kind: ConnectorKind, context: Context) -> Discovery:
        self._server.sign_in.consent.email = email(name)
        credential = cast("SigningIn", kind).sign_in(self.way, context, self._agree)
        found = kind.discover(credential, context)
        return replace(found, calendars=tuple(one for one in found.calendars if one.primary))

    def doors(self) -> Sequence[str]:
        door = f"{self._curl()} {self._server.url}/_control"
        calendars = list(self._calendars.values())
        drag = {"calendar": calendars[0], "act": "drag", "key": "ID", "minutes": 60}
        return [
            self.door,
            *(f"  {door}/events -d '{json.dumps({'calendar': one})}'" for one in calendars),
            f"  {door}/act -d '{json.dumps(drag)}'",
        ]

    def _curl(self) -> str:
        """Return the command that opens the side door."""
        return "curl"

    @abstractmethod
    def _visit(self, address: str) -> None:
        """Open a consent page as the provider's browser would, and agree."""

    def _agree(self, address: str) -> None:
        """Visit, beside whoever waits for the end of it."""
        threading.Thread(target=self._visit, args=(address,), name="browser", daemon=True).start()


class EmulatedPage(ABC):
    """Somebody at the page of their calendar, whose events are found by their time."""

    def __init__(self, person: Any) -> None:
        """Take the emulator's person at a calendar."""
        self._person = person

    @abstractmethod
    def _find(self, start: datetime) -> str | None:
        """Return the id of what begins at ``start``."""

    def sees(self, start: datetime) -> bool:
        return self._find(start) is not None

    def drag(self, start: datetime, to: datetime) -> None:
        self._person.drag(self._key(start), _minutes(to - start))

    def shorten(self, start: datetime, minutes: int) -> None:
        self._person.resize(self._key(start), minutes)

    def make_public(self, start: datetime) -> None:
        self._person.publish(self._key(start))

    def delete(self, start: datetime) -> None:
        self._person.delete(self._key(start))

    def drag_occurrence(self, first: datetime, slot: datetime, to: datetime) -> None:
        self._person.drag_occurrence(self._key(first), _wall(slot), _minutes(to - slot))

    def delete_occurrence(self, first: datetime, slot: datetime) -> None:
        self._person.delete_occurrence(self._key(first), _wall(slot))

    def copy(self, start: datetime, to: datetime) -> None:
        self._person.copy(self._key(start), _minutes(to - start))

    def add(self, title: str, start: datetime, minutes: int) -> None:
        end = start + timedelta(minutes=minutes)
        self._person.add(title, _wall(start), _wall(end), zone=zone_name(start))

    def close(self) -> None:  # noqa: B027 - a page is only looked at: there is nothing to put away
        """Put the page away."""

    def _key(self, start: datetime) -> str:
        found = self._find(start)
        if found is None:
            raise NotSeen(f"no event begins at {start.isoformat()}")
        return found


def email(name: str) -> str:
    """Return the address of a provider's account."""
    return f"{name}@{DOMAIN}"


def _minutes(by: timedelta) -> int:
    return int(by.total_seconds() // 60)


def _wall(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat()
