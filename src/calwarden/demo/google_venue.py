"""The story at a stand-in for Google Calendar: nobody can run the real one at home."""

import json
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from calwarden.demo.person import NotSeen
from calwarden.domain.wall_time import same_instant, zone_name
from calwarden.sdk.connector import ConnectorKind, Context, Credential, Discovery
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.emulators.google_people import Person
from calwarden.testing.emulators.google_state import Row

DOMAIN = "harbor-street.example"
PURPOSE = "existing"
PATIENCE = 30


class SigningIn(ConnectorKind, Protocol):
    """A connector that lets a person consent in a browser."""

    def sign_in(self, purpose: str, context: Context, show: Callable[[str], None]) -> Credential:
        """Let a person consent in a browser."""
        ...


class GoogleVenue:
    """The stand-in, with a Workspace account and its primary calendar for each provider."""

    connector = "google"
    introduction: tuple[str, ...] = (
        "A stand-in for Google Calendar runs on this machine; the real service is at Google alone.",
        "Each provider agreed in a browser and linked their primary calendar.",
    )

    def __init__(self, zones: Mapping[str, str]) -> None:
        self._server = GoogleServer()
        for name, zone in zones.items():
            self._server.add_account(_email(name), zone=zone)
        self._names = tuple(zones)

    @property
    def writes(self) -> int:
        return self._server.writes

    @property
    def settings(self) -> Mapping[str, Any]:
        return {f"google.{name}": value for name, value in self._server.settings.items()}

    @property
    def complaints(self) -> Sequence[str]:
        return [f"the service was asked wrongly: {one}" for one in self._server.violations]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def person(self, name: str) -> "GooglePage":
        return GooglePage(self._server.person(_email(name)))

    def sign_in(self, name: str, kind: ConnectorKind, context: Context) -> Discovery:
        self._server.sign_in.consent.email = _email(name)
        credential = cast("SigningIn", kind).sign_in(PURPOSE, context, _agree)
        found = kind.discover(credential, context)
        return replace(found, calendars=tuple(one for one in found.calendars if one.primary))

    def doors(self) -> Sequence[str]:
        door = f"curl {self._server.url}/_control"
        drag = {"calendar": _email(self._names[0]), "act": "drag", "key": "ID", "minutes": 60}
        return [
            "Google's own pages are not here; a person acts through the stand-in's side door:",
            *(
                f"  {door}/events -d '{json.dumps({'calendar': _email(name)})}'"
                for name in self._names
            ),
            f"  {door}/act -d '{json.dumps(drag)}'",
        ]


class GooglePage:
    """Somebody at the page of their calendar."""

    def __init__(self, person: Person) -> None:
        self._person = person

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

    def close(self) -> None:
        """Do nothing: a page is only looked at."""

    def _key(self, start: datetime) -> str:
        found = self._find(start)
        if found is None:
            raise NotSeen(f"no event begins at {start.isoformat()}")
        return str(found["id"])

    def _find(self, start: datetime) -> Row | None:
        rows = list(self._person.calendar.rows.values())
        return next((row for row in rows if _begins(row, start)), None)


def _begins(row: Row, start: datetime) -> bool:
    begins = row.get("start", {}).get("dateTime")
    stands = row.get("status") != "cancelled" and "recurringEventId" not in row
    return stands and begins is not None and same_instant(datetime.fromisoformat(begins), start)


def _agree(address: str) -> None:
    """Open the consent page as the provider's browser would, beside whoever waits for its end."""

    def visit() -> None:
        # the page is on this machine: a proxy of the environment could not reach it
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        browser.open(address, timeout=PATIENCE).close()

    threading.Thread(target=visit, name="browser", daemon=True).start()


def _email(name: str) -> str:
    return f"{name}@{DOMAIN}"


def _minutes(by: timedelta) -> int:
    return int(by.total_seconds() // 60)


def _wall(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat()
