"""The emulator of Graph as a world of the connector contract suite."""

import json
from collections.abc import Mapping
from typing import Any, Self

from typing_extensions import override

from calwarden.domain.wall_time import instant
from calwarden.sdk.connector import Cursor
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_query import Preferred
from calwarden.testing.emulators.graph_state import TENANT, Calendar
from calwarden.testing.world import WINDOW, ZONE
from calwarden_outlook.connections import KEPT
from calwarden_outlook.connector import OutlookConnector
from calwarden_outlook.rounds import Round
from emulators.emulated import OWNER, EmulatedPerson, EmulatedWorld


class GraphPerson(EmulatedPerson):
    """The calendar's owner in Outlook, in the words of the contract suite."""

    @override
    def free(self, remote_id: str) -> None:
        self.page.show_as(remote_id, "free")

    def cancel(self, remote_id: str) -> None:
        self.page.cancel(remote_id)


class GraphWorld(EmulatedWorld):
    """One mailbox with its default calendar, opened by the application itself."""

    def __init__(self, server: GraphServer, *, calendar: Calendar | None = None) -> None:
        """Add the mailbox with its calendar; or take another ``calendar`` of its."""
        self.kind = OutlookConnector()
        calendar = calendar or server.add_account(OWNER, zone=ZONE)
        super().__init__(server, calendar, self.kind.app_only(OWNER))

    @property
    @override
    def person(self) -> GraphPerson:
        return GraphPerson(self.page)

    @property
    @override
    def primary(self) -> bool:
        return self.calendar.default

    @property
    @override
    def settings(self) -> Mapping[str, Any]:
        """The section of the configuration, with the tenant named: an application needs one."""
        return {**self.server.settings, "authority": f"{self.server.url}/{TENANT}"}

    @override
    def _beside(self) -> Self:
        return type(self)(self.server, calendar=self.server.state.add_calendar(OWNER, "Second"))

    @override
    def close(self) -> None:
        super().close()
        KEPT.close()  # what was kept leads to a server that ends now

    @override
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
