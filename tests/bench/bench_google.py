"""What a quiet look costs beside the bare call of Google's own client, on one kept connection."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator

import google.oauth2.credentials
import google_auth_httplib2
import httplib2
import pytest
from googleapiclient.discovery import build

from calwarden.sdk.connector import Context, RemoteCalendar
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.world import FINGERPRINT, NOW, WINDOW, ZONE, Watcher
from calwarden_google.connector import GoogleConnector
from calwarden_google.credentials import EXISTING_CALENDAR
from emulators.emulated import OWNER

GOAL = 1.3
ROUNDS = 40
CALLS = 25

pytestmark = pytest.mark.bench


def _serve(pipe) -> None:
    with GoogleServer() as server:
        server.add_account(OWNER)
        grant = server.sign_in.grant(OWNER, *EXISTING_CALENDAR)
        pipe.send((server.settings, grant))
        pipe.recv()


@pytest.fixture
def served() -> Iterator[tuple[dict, dict]]:
    """The emulator in a process of its own: its work is nobody's CPU here."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    yield ours.recv()
    ours.send("stop")
    process.join()


def _cpu(call) -> float:
    begin = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - begin) / CALLS


def test_a_quiet_look_costs_little_more_than_the_bare_call(served, capsys):
    """CPU of one quiet look, all of the connector's path, per bare call of the vendor's client."""
    settings, grant = served
    kept = [grant]
    context = Context(
        fingerprint=FINGERPRINT,
        zone=ZONE,
        now=lambda: NOW,
        settings=settings,
        allow_private=True,
        save_credential=kept.append,
    )
    kind = GoogleConnector()
    calendar = RemoteCalendar(remote_id=OWNER, name="", primary=True)
    link = kind.probe(calendar, grant, context)
    connector = kind.open(link, kept[-1], context)
    watcher = Watcher(connector)
    watcher.look()

    bare = google_auth_httplib2.AuthorizedHttp(
        google.oauth2.credentials.Credentials(kept[-1]["access_token"]),
        http=httplib2.Http(),
    )
    events = build(
        "calendar", "v3", http=bare, client_options={"api_endpoint": settings["api_root"]}
    ).events()
    token = watcher.cursor.partition(":")[2]

    def vendor() -> None:
        events.list(
            calendarId=OWNER, maxResults=2500, singleEvents=False, syncToken=token
        ).execute()

    def ours() -> None:
        connector.observe(watcher.cursor, watcher, WINDOW)

    def opened() -> None:
        one = kind.open(link, kept[-1], context)
        one.observe(watcher.cursor, watcher, WINDOW)
        one.close()

    for call in (vendor, ours, opened):
        _cpu(call)
    rounds = [(_cpu(vendor), _cpu(ours), _cpu(opened)) for _ in range(ROUNDS)]
    connector.close()
    bare.close()
    costs = [statistics.median(column) for column in zip(*rounds, strict=True)]
    ratio, reopened = costs[1] / costs[0], costs[2] / costs[0]
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark tells
            f"\nquiet look: bare call {costs[0] * 1e6:.0f} µs, ours {costs[1] * 1e6:.0f} µs "
            f"(x{ratio:.2f}), opened anew {costs[2] * 1e6:.0f} µs (x{reopened:.2f})"
        )
    assert ratio <= GOAL
    assert reopened <= GOAL
