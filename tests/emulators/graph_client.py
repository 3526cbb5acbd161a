"""A client of the emulator that is none of ours: bare requests, and what Graph wants with each."""

import html
import re
from typing import Any

import msal
import requests

from calwarden.testing.emulators.graph import GraphServer

ZONE = "America/New_York"
MARK = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name calwarden-test"
PREFER = 'IdType="ImmutableId", outlook.timezone="America/New_York"'
SCOPES = ["Calendars.ReadWrite"]
REDIRECT = "http://localhost:8400/"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def session(server: GraphServer) -> requests.Session:
    """Return a session that trusts the emulator, whatever the environment trusts."""
    made = requests.Session()
    made.trust_env = False
    made.verify = server.ca_file
    server.at_stop.append(made.close)
    return made


def public_app(server: GraphServer, **about: Any) -> msal.PublicClientApplication:
    """Return msal's public client of the emulator."""
    return msal.PublicClientApplication(
        server.settings["client_id"],
        authority=server.settings["authority"],
        instance_discovery=False,
        http_client=session(server),
        **about,
    )


def consent(server: GraphServer, app: Any, *, scopes: list[str] | None = None) -> dict[str, Any]:
    """Sign in at the browser and return what the token endpoint said."""
    flow = app.initiate_auth_code_flow(
        scopes or SCOPES, redirect_uri=REDIRECT, response_mode="form_post"
    )
    page = session(server).get(flow["auth_uri"], allow_redirects=False)
    assert f'action="{REDIRECT}"' in page.text
    answer = {name: html.unescape(value) for name, value in HIDDEN.findall(page.text)}
    return app.acquire_token_by_auth_code_flow(flow, answer)


class Client:
    """Somebody who speaks Graph by hand, signed in as the first mailbox's owner."""

    def __init__(self, server: GraphServer, *, prefer: str = PREFER) -> None:
        self.server = server
        self.root = server.settings["graph_root"]
        self.session = session(server)
        self.session.headers["Prefer"] = prefer
        email = next(iter(server.state.accounts))
        self.sign_in(server.sign_in.access_of(email, *SCOPES, "MailboxSettings.ReadWrite"))

    def ask(self, verb: str, path: str, *, status: int | None = None, **about: Any) -> Any:
        """Send a request and return the JSON of its answer; ``status`` is what it must be."""
        url = path if path.startswith("https:") else f"{self.root}{path}"
        answer = self.session.request(verb, url, **about)
        if status is not None:
            assert answer.status_code == status, answer.text
        else:
            assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def sign_in(self, token: str) -> None:
        """Send another token from now on."""
        self.session.headers["Authorization"] = f"Bearer {token}"

    def error(self, verb: str, path: str, status: int, **about: Any) -> str:
        """Send a request that must be refused with ``status``; return the code."""
        return self.ask(verb, path, status=status, **about)["error"]["code"]

    def create(self, calendar: str | None = None, **about: Any) -> dict[str, Any]:
        """Create an event."""
        where = f"/me/calendars/{calendar}" if calendar else "/me"
        return self.ask("POST", f"{where}/events", status=201, json=event(**about))

    def round(self, url: str) -> tuple[list[dict[str, Any]], str]:
        """Follow the pages of a delta round: its rows and its delta link."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", url)
            rows += page["value"]
            if "@odata.deltaLink" in page:
                return rows, page["@odata.deltaLink"]
            url = page["@odata.nextLink"]


def delta_path(calendar: str, begin: str = "2027-01-01", end: str = "2027-07-01") -> str:
    """Return the path of a round's first request."""
    return (
        f"/me/calendars/{calendar}/calendarView/delta"
        f"?startDateTime={begin}T00:00:00Z&endDateTime={end}T00:00:00Z"
    )


def event(start: str, end: str, *, zone: str = ZONE, **more: Any) -> dict[str, Any]:
    """Return the body of an event."""
    return {
        "subject": "Session",
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
        **more,
    }


def weekly(number: int, start: str = "2027-01-04", day: str = "monday") -> dict[str, Any]:
    """Return a weekly recurrence of a number of occurrences."""
    return {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [day]},
        "range": {"type": "numbered", "startDate": start, "numberOfOccurrences": number},
    }
