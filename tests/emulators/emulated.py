"""What the worlds of the connector contract suite have in common, whoever's service is emulated."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from calwarden.domain.wall_time import Slot, zone_name
from calwarden.sdk.connector import Connector, ConnectorKind, Context, Link, RemoteCalendar
from calwarden.testing.world import FINGERPRINT, NOW, ZONE

OWNER = "dana@harbor.example"


class EmulatedPerson(ABC):
    """The calendar's owner at the service's own page, in the words of the contract suite."""

    def __init__(self, page: Any) -> None:
        self.page = page

    @abstractmethod
    def free(self, remote_id: str) -> None:
        """Show the time as available."""

    def add(self, *, title: str, start: datetime, end: datetime, rule: str | None = None) -> str:
        texts = [f"{moment.replace(tzinfo=None).isoformat()}" for moment in (start, end)]
        return self.page.add(title, *texts, zone=zone_name(start), rule=rule)

    def move(self, remote_id: str, by: timedelta) -> None:
        self.page.drag(remote_id, _minutes(by))

    def resize(self, remote_id: str, minutes: int) -> None:
        self.page.resize(remote_id, minutes)

    def retitle(self, remote_id: str, title: str) -> None:
        self.page.retitle(remote_id, title)

    def relocate(self, remote_id: str, location: str) -> None:
        self.page.relocate(remote_id, location)

    def describe(self, remote_id: str, text: str) -> None:
        self.page.describe(remote_id, text)

    def expose(self, remote_id: str) -> None:
        self.page.publish(remote_id)

    def invite(self, remote_id: str, address: str) -> None:
        self.page.invite(remote_id, address)

    def make_all_day(self, remote_id: str) -> None:
        self.page.make_all_day(remote_id)

    def change_rule(self, remote_id: str, rule: str) -> None:
        self.page.change_rule(remote_id, rule)

    def delete(self, remote_id: str) -> None:
        self.page.delete(remote_id)

    def copy(self, remote_id: str, by: timedelta) -> str:
        return self.page.copy(remote_id, _minutes(by))

    def move_occurrence(self, remote_id: str, slot: Slot, by: timedelta) -> None:
        self.page.drag_occurrence(remote_id, slot, _minutes(by))

    def delete_occurrence(self, remote_id: str, slot: Slot) -> None:
        self.page.delete_occurrence(remote_id, slot)

    def split(self, remote_id: str, slot: Slot, by: timedelta) -> str:
        return self.page.split(remote_id, slot, _minutes(by))

    def adorn(self, remote_id: str) -> None:
        self.page.adorn(remote_id)

    def adornments(self, remote_id: str) -> Mapping[str, str]:
        return self.page.adornments(remote_id)


class EmulatedWorld(ABC):
    """A calendar of an account at an emulator, and the connectors that were opened on it."""

    lacks: frozenset[str] = frozenset()
    kind: ConnectorKind
    # the first answer may wait until what it is held to is read
    timeout = timedelta(seconds=60)

    def __init__(self, server: Any, calendar: Any, credential: Mapping[str, Any]) -> None:
        self.server = server
        self.calendar = calendar
        self.credential = credential
        self.saved: list[Mapping[str, Any]] = []
        self.link: Link | None = None
        self.opened: list[Connector] = []
        self._besides: list[Self] = []
        self.pace: Callable[[], None] = lambda: None
        self.now: Callable[[], datetime] = lambda: NOW

    @property
    @abstractmethod
    def person(self) -> EmulatedPerson:
        """The owner, in the words of the contract suite."""

    @property
    @abstractmethod
    def primary(self) -> bool:
        """Whether it is the account's own calendar."""

    @abstractmethod
    def raw(self) -> Mapping[str, bytes]:
        """Return what stands, remote id by remote id, in every byte."""

    @abstractmethod
    def _beside(self) -> Self:
        """Add a second calendar to the account."""

    @property
    def page(self) -> Any:
        """The owner at the service's own page."""
        return self.server.person(self.calendar.id)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The section of the configuration."""
        return self.server.settings

    def context(self, **about: Any) -> Context:
        """Return what the composition root hands out."""
        return Context(
            **{
                "fingerprint": FINGERPRINT,
                "zone": ZONE,
                "now": self.now,
                "settings": self.settings,
                "allow_private": True,
                "timeout": self.timeout,
                "save_credential": self._save,
                "pace": lambda _key: self.pace(),
                **about,
            }
        )

    def linked(self) -> Link:
        """Link the calendar once."""
        if self.link is None:
            calendar = RemoteCalendar(
                remote_id=self.calendar.id, name="Calendar", primary=self.primary
            )
            self.link = self.kind.probe(calendar, self.credential, self.context())
        return self.link

    def connector(self) -> Connector:
        """Open a connector of its own."""
        self.opened.append(self.kind.open(self.linked(), self.credential, self.context()))
        return self.opened[-1]

    def beside(self) -> Self:
        """Add a second calendar to the account; it is closed with this one."""
        self._besides.append(self._beside())
        return self._besides[-1]

    def close(self) -> None:
        """Close every connector that was opened."""
        for world in self._besides:
            world.close()
        for connector in self.opened:
            connector.close()

    def _save(self, credential: Mapping[str, Any]) -> None:
        self.saved.append(credential)
        self.credential = credential


def _minutes(by: timedelta) -> int:
    return int(by.total_seconds() // 60)
