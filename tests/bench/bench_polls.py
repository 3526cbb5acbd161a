"""What a whole quiet poll costs beside the bare call of each vendor's client, in one run.

All of our path: what is due is found, its state is read, a connector is lent, the request is sent,
its answer judged, and the next look decided. Servers run in processes of their own.
"""

import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import google_auth_httplib2
import httplib2
import pytest
import requests
from caldav.davclient import DAVClient
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from sqlalchemy import Engine, event

from calwarden.bootstrap import Application, initialise
from calwarden.clock import SystemClock
from calwarden.demo.practice import seed
from calwarden.engine.passes import sync
from calwarden.engine.shard import Shard
from calwarden.practice import linking
from calwarden.practice.interchange import import_file
from calwarden.sdk.connector import RemoteCalendar
from calwarden.store import calendars
from calwarden.store.calendars import NewCalendar
from calwarden.testing.emulators.google import GoogleServer
from calwarden.testing.emulators.graph import GraphServer
from calwarden.testing.emulators.graph_certificate import context as tls
from calwarden.testing.emulators.graph_certificate import folder as certificates
from calwarden.testing.emulators.graph_state import TENANT
from calwarden_google import connections as google_connections
from calwarden_google.credentials import EXISTING_CALENDAR
from calwarden_outlook import connections as outlook_connections
from calwarden_outlook.looking import PREFER_PAGES
from servers.dav import radicale

GOAL = 1.3
TOGETHER = 24
THREADS = 4
QUERIES = 2
ROUNDS = 15
PROVIDERS = ("dr-okafor", "dr-reyes", "dr-whitby")

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@dataclass(kw_only=True)
class Service:
    """A running calendar service: its calendars with their credentials, and a bare call to it."""

    connector: str
    settings: dict[str, Any] = field(default_factory=dict)
    found: list[tuple[RemoteCalendar, dict[str, Any]]]
    bare: Callable[[str, dict[str, Any]], Callable[[], None]]


def _serve_google(pipe) -> None:
    with GoogleServer(context=tls) as server:
        grants = []
        for number in range(TOGETHER):
            who = f"p{number}@harbor.example"
            server.add_account(who)
            grants.append((who, server.sign_in.grant(who, *EXISTING_CALENDAR)))
        pipe.send((server.settings, grants, str(certificates() / "ca.pem")))
        pipe.recv()


def _serve_graph(pipe) -> None:
    with GraphServer() as server:
        server.rules.generations = 1_000_000
        names = [f"p{number}@harbor.example" for number in range(TOGETHER)]
        found = [(who, server.add_account(who).id) for who in names]
        pipe.send(({**server.settings, "authority": f"{server.url}/{TENANT}"}, found))
        pipe.recv()


@pytest.fixture
def google(monkeypatch) -> Iterator[Service]:
    """The emulator of Google Calendar, an account a calendar."""
    opened: list[httplib2.Http] = []
    for settings, grants, authority in _served(_serve_google):
        monkeypatch.setattr(httplib2, "CA_CERTS", authority)
        quota = {"requests_per_minute": 1_000_000, "user_requests_per_minute": 1_000_000}
        found = [
            (RemoteCalendar(remote_id=who, name="", primary=True), grant) for who, grant in grants
        ]

        def bare(
            cursor: str, credential: dict[str, Any], settings=settings, who=grants[0][0]
        ) -> Callable[[], None]:
            opened.append(httplib2.Http())
            http = google_auth_httplib2.AuthorizedHttp(
                Credentials(credential["access_token"]), http=opened[-1]
            )
            root = {"api_endpoint": settings["api_root"]}
            events = build("calendar", "v3", http=http, client_options=root).events()
            asked = {
                "calendarId": who,
                "maxResults": 2500,
                "singleEvents": False,
                "syncToken": cursor.partition(":")[2],
            }
            return lambda: events.list(**asked).execute()

        yield Service(connector="google", settings={**settings, **quota}, found=found, bare=bare)
    for connection in opened:
        connection.close()
    google_connections.KEPT.close()


@pytest.fixture
def outlook() -> Iterator[Service]:
    """The emulator of Microsoft Graph, a mailbox a calendar."""
    opened: list[requests.Session] = []
    for settings, mailboxes in _served(_serve_graph):
        found = [
            (RemoteCalendar(remote_id=number, name=""), {"mode": "app", "who": who})
            for who, number in mailboxes
        ]

        def bare(cursor: str, credential: dict[str, Any], settings=settings) -> Callable[[], None]:
            session = requests.Session()
            opened.append(session)
            token = credential["access_token"]
            headers = {"Prefer": PREFER_PAGES, "Authorization": f"Bearer {token}"}
            asked = {"headers": headers, "timeout": 30, "verify": settings["ca_file"]}
            url = cursor.split(" ", 3)[3]
            return lambda: session.get(url, **asked).json()

        yield Service(connector="outlook", settings=settings, found=found, bare=bare)
    for session in opened:
        session.close()
    outlook_connections.KEPT.close()


@pytest.fixture
def caldav(tmp_path) -> Iterator[Service]:
    """A Radicale with many calendars of one account."""
    folder = tmp_path / "server"
    folder.mkdir()
    with radicale(folder) as server:
        client = server.client()
        base = server.url.rstrip("/")
        credential = {"url": base, "username": server.user, "password": server.password}
        paths = [client.make_calendar(f"c{number}") for number in range(TOGETHER)]
        found = [(RemoteCalendar(remote_id=f"{base}{path}", name=""), credential) for path in paths]

        def bare(_cursor: str, _credential: dict[str, Any]) -> Callable[[], None]:
            library = DAVClient(url=base, username=server.user, password=server.password)
            calendar = library.calendar(url=found[0][0].remote_id)
            asked = {"load_objects": False, "disable_fallback": True}
            token = calendar.get_objects_by_sync_token(**asked).sync_token
            return lambda: calendar.get_objects_by_sync_token(sync_token=token, **asked)

        yield Service(connector="caldav", found=found, bare=bare)


def _served(serve) -> Iterator[Any]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    yield ours.recv()
    ours.send("stop")
    process.join()


@pytest.mark.parametrize("kind", ["caldav", "google", "outlook"])
def test_a_quiet_poll_costs_little_more_than_the_bare_call(kind, request, tmp_path, capsys):
    """CPU of a daemon's round over calendars in which nothing happened, for each of them."""
    service: Service = request.getfixturevalue(kind)
    application = _application(service, tmp_path)
    services = application.services()
    sync(services)
    sync(services)
    with application.database.read() as connection:
        first = calendars.get(connection, 1)
    bares = [
        service.bare(str(first.cursor), dict(application.credential(first))) for _ in range(THREADS)
    ]
    # one thread, as for a single calendar that is due; and as many as a shard takes
    one, many = (
        Shard(services, application.pacer, concurrency=threads) for threads in (1, THREADS)
    )

    def looked(shard: Shard) -> None:
        for number in range(1, TOGETHER + 1):
            shard.make_due(number)
        reports = shard.run(services.clock.now())
        assert [(one.quiet, one.requests) for one in reports] == [(True, 1)] * TOGETHER

    def called_in_threads() -> None:
        idle = list(bares)  # a client is no two threads' at once

        def call(_number: int) -> None:
            bare = idle.pop()
            bare()
            idle.append(bare)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(call, range(TOGETHER)))

    ways = {
        "bare": lambda: [bares[0]() for _ in range(TOGETHER)],
        "one": lambda: looked(one),
        "bare, many": called_in_threads,
        "many": lambda: looked(many),
    }
    for way in ways.values():
        way()
    statements: list[str] = []
    event.listen(
        Engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement.split()[0]),
    )
    looked(one)
    asked = list(statements)
    costs = [{name: _cpu(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    application.close()
    cost = {name: statistics.median(one[name] for one in costs) * 1e6 for name in ways}
    alone, together = cost["one"] / cost["bare"], cost["many"] / cost["bare, many"]
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark tells
            f"\n{kind}: in one thread the bare call {cost['bare']:.0f} µs of CPU, a quiet poll "
            f"{cost['one']:.0f} µs (x {alone:.2f}); in {THREADS} threads {cost['bare, many']:.0f} "
            f"and {cost['many']:.0f} µs (x {together:.2f}); {asked.count('SELECT')} SELECT in the "
            f"round of {TOGETHER}"
        )
    assert asked.count("SELECT") == QUERIES
    assert not {"INSERT", "UPDATE", "DELETE"} & set(asked)
    assert alone <= GOAL
    assert together <= GOAL


def _cpu(way) -> float:
    """Return CPU seconds a calendar, of every thread of this process."""
    begin = time.process_time()
    way()
    return (time.process_time() - begin) / TOGETHER


def _application(service: Service, folder) -> Application:
    clock = SystemClock()
    config = initialise(folder / "calwarden.toml", now=clock.now()).config
    with config.open("a") as file:
        file.write("network.allow_private = true\nengine.requests_per_second = 10000\n")
        for name, value in service.settings.items():
            file.write(f"{service.connector}.{name} = {json.dumps(value)}\n")
    application = Application.open(config, clock=clock)
    now, practice = clock.now(), json.dumps(seed(clock.now()).document).encode()
    with application.database.write() as tx:
        import_file(tx, practice, now=now, actor="bench")
    kind = application.connectors[service.connector]
    context = application.link_context(service.connector, "America/New_York")
    for number, (calendar, known) in enumerate(service.found):
        credential = kind.app_only(known["who"]) if "who" in known else known
        link = kind.probe(calendar, credential, context)
        provider = PROVIDERS[number % len(PROVIDERS)]
        new = NewCalendar(provider=provider, connector=service.connector, link=link)
        with application.database.write() as tx:
            linking.link(tx, new, credential, vault=application.vault, now=now, actor="bench")
    return application
