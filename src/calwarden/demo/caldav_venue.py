"""The story at a real CalDAV server."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from calwarden.demo.person import Person
from calwarden.demo.server import CalendarServer
from calwarden.sdk.connector import ConnectorKind, Context, Discovery

CALENDAR_NAME = "Work"


class CalDAVVenue:
    """Radicale, with a password for each account."""

    connector = "caldav"
    introduction: tuple[str, ...] = (
        "A CalDAV server (Radicale) runs on this machine; each provider linked one calendar.",
    )
    complaints: Sequence[str] = ()

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self._accounts = {name: secrets.token_urlsafe(12) for name in names}
        self._server = CalendarServer(folder / "server", self._accounts)

    @property
    def writes(self) -> int:
        return self._server.writes

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def person(self, name: str) -> Person:
        made = Person(self._server.url, name=name, password=self._accounts[name])
        made.make_calendar(CALENDAR_NAME)
        return made

    def sign_in(self, name: str, kind: ConnectorKind, context: Context) -> Discovery:
        password = self._accounts[name]
        credential = {"url": self._server.url, "username": name, "password": password}
        found = kind.discover(credential, context)
        work = tuple(one for one in found.calendars if one.name == CALENDAR_NAME)
        return replace(found, calendars=work)

    def doors(self) -> Sequence[str]:
        return [
            "Point a calendar app at one, and edit away:",
            *(
                f"  {self._server.url}   account {name}   password {password}"
                for name, password in self._accounts.items()
            ),
        ]
