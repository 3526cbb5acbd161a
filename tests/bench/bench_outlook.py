"""What a quiet look costs beside a bare call of requests, on one kept connection."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator

import pytest
import requests

from calwarden.sdk.connector import Context, RemoteCalendar
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_state import TENANT
from calwarden.testing.world import FINGERPRINT, NOW, WINDOW, ZONE, Watcher
from calwarden_outlook.connector import OutlookConnector
from calwarden_outlook.looking import PREFER_PAGES
from emulators.emulated import OWNER

GOAL = 1.3
ROUNDS = 40
CALLS = 25

pytestmark = pytest.mark.bench


def _serve(pipe) -> None:
    with GraphServer() as server:
        server.rules.generations = 1_000_000
        calendar = server.add_account(OWNER)
        settings = {**server.settings, "authority": f"{server.url}/{TENANT}"}
        pipe.send((settings, calendar.id))
        pipe.recv()


@pytest.fixture
def served() -> Iterator[tuple[dict, str]]:
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
    """CPU of one quiet look, all of the connector's path, per bare call of requests."""
    settings, calendar_id = served
    kind = OutlookConnector()
    kept = [kind.app_only(OWNER)]
    context = Context(
        fingerprint=FINGERPRINT,
        zone=ZONE,
        now=lambda: NOW,
        settings=settings,
        allow_private=True,
        save_credential=kept.append,
    )
    link = kind.probe(RemoteCalendar(remote_id=calendar_id, name=""), kept[-1], context)
    connector = kind.open(link, kept[-1], context)
    watcher = Watcher(connector)
    watcher.look()

    bare = requests.Session()
    url = watcher.cursor.split(" ", 3)[3]
    headers = {"Prefer": PREFER_PAGES, "Authorization": f"Bearer {kept[-1]['access_token']}"}

    def vendor() -> None:
        answer = bare.get(url, headers=headers, timeout=30, verify=settings["ca_file"])
        assert answer.json()["value"] == []

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
