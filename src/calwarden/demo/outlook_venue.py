"""The story at a stand-in for Outlook: nobody can run Microsoft 365 at home."""

import html
import json
import re
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from urllib.parse import urlencode

from calwarden.demo.person import NotSeen
from calwarden.domain.wall_time import instant, zone_name
from calwarden.sdk.connector import ConnectorKind, Context, Credential, Discovery
from calwarden.testing.emulators import graph_times
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_people import Person
from calwarden.testing.emulators.graph_state import Item, event_id

DOMAIN = "harbor-street.example"
BROWSER = "browser"
PATIENCE = 30
ACTION = re.compile(r'action="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class SigningIn(ConnectorKind, Protocol):
    """A connector that lets a person consent in a browser."""

    def sign_in(self, way: str, context: Context, show: Callable[[str], None]) -> Credential:
        """Let a person consent, in a ``browser`` or with a code on another ``device``."""
        ...


class OutlookVenue:
    """The stand-in, with a mailbox and its default calendar for each provider."""

    connector = "outlook"
    introduction: tuple[str, ...] = (
        "A stand-in for Microsoft 365 runs on this machine; the real one is at Microsoft alone.",
        "Each provider agreed in a browser and linked the calendar of their mailbox.",
    )

    def __init__(self, zones: Mapping[str, str]) -> None:
        self._server = GraphServer()
        self._calendars = {
            name: self._server.add_account(_email(name), zone=zone).id
            for name, zone in zones.items()
        }

    @property
    def writes(self) -> int:
        return self._server.writes

    @property
    def settings(self) -> Mapping[str, Any]:
        return {f"outlook.{name}": value for name, value in self._server.settings.items()}

    @property
    def complaints(self) -> Sequence[str]:
        wrong = [f"the service was asked wrongly: {one}" for one in self._server.violations]
        return [*wrong, *(f"{who} was mailed ({why})" for who, why in self._server.state.mails)]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def person(self, name: str) -> "OutlookPage":
        return OutlookPage(self._server.person(self._calendars[name]))

    def sign_in(self, name: str, kind: ConnectorKind, context: Context) -> Discovery:
        self._server.sign_in.consent.email = _email(name)
        credential = cast("SigningIn", kind).sign_in(BROWSER, context, self._agree)
        found = kind.discover(credential, context)
        return replace(found, calendars=tuple(one for one in found.calendars if one.primary))

    def doors(self) -> Sequence[str]:
        door = f"curl --cacert {self._server.ca_file} {self._server.url}/_control"
        calendars = list(self._calendars.values())
        drag = {"calendar": calendars[0], "act": "drag", "key": "ID", "minutes": 60}
        return [
            "Outlook itself is not here; a person acts through the stand-in's side door:",
            *(f"  {door}/events -d '{json.dumps({'calendar': one})}'" for one in calendars),
            f"  {door}/act -d '{json.dumps(drag)}'",
        ]

    def _agree(self, address: str) -> None:
        """Open the consent page as the provider's browser would, and take its answer along.

        Beside whoever waits for it.
        """

        def visit() -> None:
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

        threading.Thread(target=visit, name="browser", daemon=True).start()


class OutlookPage:
    """Somebody at their calendar in Outlook."""

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
        return event_id(found, None, immutable=True)

    def _find(self, start: datetime) -> Item | None:
        home = self._person.calendar.id
        items = list(self._person.api.state.items.values())
        return next((one for one in items if one.calendar == home and _begins(one, start)), None)


def _begins(item: Item, start: datetime) -> bool:
    return graph_times.instant(item.start, item.zone) == instant(start)


def _email(name: str) -> str:
    return f"{name}@{DOMAIN}"


def _minutes(by: timedelta) -> int:
    return int(by.total_seconds() // 60)


def _wall(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat()
