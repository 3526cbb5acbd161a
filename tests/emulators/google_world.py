"""The emulator of Google Calendar as a world of the connector contract suite."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from typing_extensions import override

from calwarden.sdk.connector import Cursor
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.emulators.google_state import Calendar
from calwarden.testing.world import ZONE
from calwarden_google.connections import KEPT
from calwarden_google.connector import GoogleConnector
from calwarden_google.credentials import EXISTING_CALENDAR
from calwarden_google.looking import FORM
from emulators.emulated import OWNER, EmulatedPerson, EmulatedWorld


class GooglePerson(EmulatedPerson):
    """The calendar's owner at Google's page, in the words of the contract suite."""

    @override
    def free(self, remote_id: str) -> None:
        self.page.free(remote_id)


class GoogleWorld(EmulatedWorld):
    """One account with a primary calendar at an emulator of its own."""

    # an event that is marked cancelled does not stay in a Google calendar: it is deleted
    lacks = frozenset({"cancel"})
    timeout = timedelta(seconds=5)

    def __init__(
        self, server: GoogleServer, *, workspace: bool = True, calendar: Calendar | None = None
    ) -> None:
        """Add the account with its primary calendar; or take another ``calendar`` of its."""
        calendar = calendar or server.add_account(OWNER, zone=ZONE, workspace=workspace)
        self.kind = GoogleConnector()
        super().__init__(server, calendar, server.sign_in.grant(OWNER, *EXISTING_CALENDAR))

    @property
    @override
    def person(self) -> GooglePerson:
        return GooglePerson(self.page)

    @property
    @override
    def primary(self) -> bool:
        return self.calendar.primary

    @override
    def _beside(self) -> Self:
        about = {"owner": OWNER, "summary": "Second", "zone": ZONE}
        return type(self)(self.server, calendar=self.server.state.add_calendar(None, **about))

    @override
    def close(self) -> None:
        super().close()
        KEPT.close()  # what was kept leads to a server that ends now

    @override
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
