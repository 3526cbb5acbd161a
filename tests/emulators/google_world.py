"""The emulator as a world of the connector contract suite."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from calwarden.domain.wall_time import Slot, zone_name
from calwarden.sdk.connector import Connector, Context, Cursor, Link, RemoteCalendar
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.emulators.google_people import Person
from calwarden.testing.emulators.google_state import Calendar
from calwarden.testing.world import FINGERPRINT, NOW, ZONE
from calwarden_google.connections import KEPT
from calwarden_google.connector import GoogleConnector
from calwarden_google.credentials import EXISTING_CALENDAR
from calwarden_google.looking import FORM

OWNER = "dana@harbor.example"


class GooglePerson:
    """The calendar's owner at Google's page, in the words of the contract suite."""

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
        self.page.free(remote_id)

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


class GoogleWorld:
    """One account with a primary calendar at an emulator of its own."""

    # an event that is marked cancelled does not stay in a Google calendar: it is deleted
    lacks = frozenset({"cancel"})

    def __init__(
        self, server: GoogleServer, *, workspace: bool = True, calendar: Calendar | None = None
    ) -> None:
        """Add the account with its primary calendar; or take another ``calendar`` of its."""
        self.server = server
        self.calendar = calendar or server.add_account(OWNER, zone=ZONE, workspace=workspace)
        self.kind = GoogleConnector()
        self.saved: list[Mapping[str, Any]] = []
        self.credential: Mapping[str, Any] = server.sign_in.grant(OWNER, *EXISTING_CALENDAR)
        self.link: Link | None = None
        self.opened: list[Connector] = []

    @property
    def person(self) -> GooglePerson:
        return GooglePerson(self.page)

    @property
    def page(self) -> Person:
        """The owner at Google's page."""
        return self.server.person(self.calendar.id)

    def context(self, **about: Any) -> Context:
        """Return what the composition root hands out."""
        return Context(
            fingerprint=FINGERPRINT,
            zone=ZONE,
            now=lambda: NOW,
            settings=self.server.settings,
            allow_private=True,
            timeout=timedelta(seconds=5),
            save_credential=self._save,
            **about,
        )

    def linked(self) -> Link:
        """Link the calendar once."""
        if self.link is None:
            calendar = RemoteCalendar(
                remote_id=self.calendar.id, name="", primary=self.calendar.primary
            )
            self.link = self.kind.probe(calendar, self.credential, self.context())
        return self.link

    def connector(self) -> Connector:
        self.opened.append(self.kind.open(self.linked(), self.credential, self.context()))
        return self.opened[-1]

    def close(self) -> None:
        """Close every connector that was opened."""
        for connector in self.opened:
            connector.close()
        KEPT.close()  # what was kept leads to a server that ends now

    def raw(self) -> Mapping[str, bytes]:
        """Return what stands: a series with its exceptions is one resource."""
        found: dict[str, list[Any]] = {}
        with self.server.state.lock:
            for row in self.calendar.rows.values():
                if row.get("status") != "cancelled" or "recurringEventId" in row:
                    found.setdefault(row.get("recurringEventId", row["id"]), []).append(row)
            standing = {key for key, rows in found.items() if any(row["id"] == key for row in rows)}
            return {
                # without etags, which the service moves by itself
                key: json.dumps([{**row, "etag": ""} for row in rows], sort_keys=True).encode()
                for key, rows in found.items()
                if key in standing
            }

    def stale_cursor(self) -> Cursor:
        answer: dict[str, Any] = {}
        while "nextSyncToken" not in answer:
            following = {"pageToken": answer["nextPageToken"]} if answer else {}
            asked = {"singleEvents": False, **following}
            answer = self.server.api.listing.events(self.calendar, asked, details=True)
        self.calendar.generation += 1
        return Cursor(f"{FORM}{answer['nextSyncToken']}")

    def _save(self, credential: Mapping[str, Any]) -> None:
        self.saved.append(credential)
        self.credential = credential


def _minutes(by: timedelta) -> int:
    return int(by.total_seconds() // 60)
