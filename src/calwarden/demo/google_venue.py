"""The story at a stand-in for Google Calendar: nobody can run the real one at home."""

import urllib.request
from collections.abc import Mapping
from datetime import datetime

from typing_extensions import override

from calwarden.demo.emulated_venue import PATIENCE, EmulatedPage, EmulatedVenue, email
from calwarden.domain.wall_time import same_instant
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.emulators.google_state import Row


class GoogleVenue(EmulatedVenue[GoogleServer]):
    """The stand-in, with a Workspace account and its primary calendar for each provider."""

    connector = "google"
    introduction: tuple[str, ...] = (
        "A stand-in for Google Calendar runs on this machine; the real service is at Google alone.",
        "Each provider agreed in a browser and linked their primary calendar.",
    )
    way = "existing"
    door = "Google's own pages are not here; a person acts through the stand-in's side door:"

    def __init__(self, zones: Mapping[str, str]) -> None:
        server = GoogleServer()
        accounts = {
            name: server.add_account(email(name), zone=zone) for name, zone in zones.items()
        }
        super().__init__(server, {name: calendar.id for name, calendar in accounts.items()})

    def person(self, name: str) -> "GooglePage":
        return GooglePage(self._server.person(self._calendars[name]))

    @override
    def _visit(self, address: str) -> None:
        # the page is on this machine: a proxy of the environment could not reach it
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        browser.open(address, timeout=PATIENCE).close()


class GooglePage(EmulatedPage):
    """Somebody at the page of their calendar."""

    @override
    def _find(self, start: datetime) -> str | None:
        rows = list(self._person.calendar.rows.values())
        return next((str(row["id"]) for row in rows if _begins(row, start)), None)


def _begins(row: Row, start: datetime) -> bool:
    begins = row.get("start", {}).get("dateTime")
    stands = row.get("status") != "cancelled" and "recurringEventId" not in row
    return stands and begins is not None and same_instant(datetime.fromisoformat(begins), start)
