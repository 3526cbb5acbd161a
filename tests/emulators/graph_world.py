"""The emulator of Graph as a world of the connector contract suite."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from calwarden.domain.wall_time import Slot, instant, zone_name
from calwarden.sdk.connector import Connector, Context, Cursor, Link, RemoteCalendar
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_people import Person
from calwarden.testing.emulators.graph_query import Preferred
from calwarden.testing.emulators.graph_state import TENANT
from calwarden.testing.world import FINGERPRINT, NOW, WINDOW, ZONE
from calwarden_outlook.connector import OutlookConnector
from calwarden_outlook.rounds import Round

OWNER = "dana@harbor.example"


class GraphPerson:
    """The calendar's owner in Outlook, in the words of the contract suite."""

    def __init__(self, person: Person) -> None:
        self.page = person

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

    def free(self, remote_id: str) -> None:
        self.page.show_as(remote_id, "free")

    def cancel(self, remote_id: str) -> None:
        self.page.cancel(remote_id)

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


class GraphWorld:
    """One mailbox with its default calendar, opened by the application itself."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, server: GraphServer, owner: str = OWNER) -> None:
        self.server = server
        self.calendar = server.add_account(owner, zone=ZONE)
        self.kind = OutlookConnector()
        self.saved: list[Mapping[str, Any]] = []
        self.credential: Mapping[str, Any] = self.kind.app_only(owner)
        self.link: Link | None = None
        self.opened: list[Connector] = []
        self.pace: Callable[[], None] = lambda: None
        self.now: Callable[[], datetime] = lambda: NOW

    @property
    def person(self) -> GraphPerson:
        return GraphPerson(self.page)

    @property
    def page(self) -> Person:
        """The owner in Outlook."""
        return self.server.person(self.calendar.id)

    @property
    def settings(self) -> dict[str, Any]:
        """The section of the configuration, with the tenant named: an application needs one."""
        return {**self.server.settings, "authority": f"{self.server.url}/{TENANT}"}

    def context(self, **about: Any) -> Context:
        """Return what the composition root hands out."""
        return Context(
            **{
                "fingerprint": FINGERPRINT,
                "zone": ZONE,
                "now": self.now,
                "settings": self.settings,
                "allow_private": True,
                # the first answer may wait until the models it is held to are read
                "timeout": timedelta(seconds=60),
                "save_credential": self._save,
                "pace": lambda _key: self.pace(),
                **about,
            }
        )

    def linked(self) -> Link:
        """Link the calendar once."""
        if self.link is None:
            calendar = RemoteCalendar(remote_id=self.calendar.id, name="Calendar", primary=True)
            self.link = self.kind.probe(calendar, self.credential, self.context())
        return self.link

    def connector(self) -> Connector:
        self.opened.append(self.kind.open(self.linked(), self.credential, self.context()))
        return self.opened[-1]

    def close(self) -> None:
        """Close every connector that was opened."""
        for connector in self.opened:
            connector.close()

    def raw(self) -> Mapping[str, bytes]:
        """Return what stands, an event or a series with its occurrences, in every byte."""
        found: dict[str, bytes] = {}
        with self.server.state.lock:
            for item in self.server.state.items.values():
                if item.calendar != self.calendar.id:
                    continue
                shape = self.server.api.shape
                preferred = Preferred(immutable=True)
                rows = [shape.row(item, day, preferred) for day in (None, *sorted(item.changes))]
                kept = {"properties": item.properties, "deleted": sorted(map(str, item.cancelled))}
                found[rows[0]["id"]] = json.dumps([*rows, kept], sort_keys=True).encode()
        return found

    def stale_cursor(self) -> Cursor:
        server, link = self.server, ""
        asked = {
            "startDateTime": instant(WINDOW.start).isoformat(),
            "endDateTime": instant(WINDOW.end).isoformat(),
        }
        path = f"users('{OWNER}')/calendars('{self.calendar.id}')/calendarView/delta"
        while not link:
            answer = server.api.delta.answer(self.calendar, path, asked, Preferred(immutable=True))
            link = answer.get("@odata.deltaLink", "")
            asked = {"$skiptoken": answer.get("@odata.nextLink", "").partition("=")[2]}
        server.api.delta.kill(self.calendar.id)
        return Round(window=WINDOW, link=link).cursor

    def _save(self, credential: Mapping[str, Any]) -> None:
        self.saved.append(credential)
        self.credential = credential


def _minutes(by: timedelta) -> int:
    return int(by.total_seconds() // 60)
