"""The story at a stand-in for Outlook: nobody can run Microsoft 365 at home."""

import html
import re
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from typing_extensions import override

from calwarden.demo.emulated_venue import PATIENCE, EmulatedPage, EmulatedVenue, email
from calwarden.domain.wall_time import instant
from calwarden.testing.emulators import graph_times
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_state import Item, event_id

ACTION = re.compile(r'action="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class OutlookVenue(EmulatedVenue[GraphServer]):
    """The stand-in, with a mailbox and its default calendar for each provider."""

    connector = "outlook"
    introduction: tuple[str, ...] = (
        "A stand-in for Microsoft 365 runs on this machine; the real one is at Microsoft alone.",
        "Each provider agreed in a browser and linked the calendar of their mailbox.",
    )
    way = "browser"
    door = "Outlook itself is not here; a person acts through the stand-in's side door:"

    def __init__(self, zones: Mapping[str, str]) -> None:
        server = GraphServer()
        accounts = {
            name: server.add_account(email(name), zone=zone) for name, zone in zones.items()
        }
        super().__init__(server, {name: calendar.id for name, calendar in accounts.items()})

    @property
    @override
    def complaints(self) -> Sequence[str]:
        mails = self._server.state.mails
        return [*super().complaints, *(f"{who} was mailed ({why})" for who, why in mails)]

    def person(self, name: str) -> "OutlookPage":
        return OutlookPage(self._server.person(self._calendars[name]))

    @override
    def _curl(self) -> str:
        return f"curl --cacert {self._server.ca_file}"

    @override
    def _visit(self, address: str) -> None:
        trusted = ssl.create_default_context(cafile=self._server.ca_file)
        # the pages are on this machine: a proxy of the environment could not reach them
        browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )
        with browser.open(address, timeout=PATIENCE) as page:
            shown = page.read().decode()
        answer = {name: html.unescape(value) for name, value in HIDDEN.findall(shown)}
        [target] = ACTION.findall(shown)
        posted = urlencode(answer).encode()
        browser.open(html.unescape(target), data=posted, timeout=PATIENCE).close()


class OutlookPage(EmulatedPage):
    """Somebody at their calendar in Outlook."""

    @override
    def _find(self, start: datetime) -> str | None:
        home = self._person.calendar.id
        items = list(self._person.api.state.items.values())
        return next(
            (
                event_id(one, None, immutable=True)
                for one in items
                if one.calendar == home and _begins(one, start)
            ),
            None,
        )


def _begins(item: Item, start: datetime) -> bool:
    return graph_times.instant(item.start, item.zone) == instant(start)
