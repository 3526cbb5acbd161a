"""calwarden as a process that is told when to make a pass; prints what each took as JSON."""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from caldav.davclient import DAVClient

from bench.metering import own_cpu
from calwarden.bootstrap import Application, initialise
from calwarden.clock import SystemClock
from calwarden.engine import cycle
from calwarden.engine.passes import sync
from calwarden.practice import linking
from calwarden.practice.interchange import import_file
from calwarden.sdk.connector import RemoteCalendar
from calwarden.store.calendars import NewCalendar

CALLS = 40
BLOCKS = 5


def main(folder: Path, url: str, collection: str, user: str, password: str) -> None:
    """Set up an installation, link the collection, and serve commands until the end of input."""
    clock = SystemClock()
    config = initialise(folder / "calwarden.toml", now=clock.now()).config
    with config.open("a", encoding="utf-8") as file:
        file.write('\nnetwork.allow_private = true\nlogging.level = "error"\n')
    application = Application.open(config, clock=clock)
    with application.database.write() as tx:
        file = (folder / "practice.json").read_bytes()
        done = import_file(tx, file, now=clock.now(), actor="bench")
    assert not done["refused"], done["refused"]
    credential = {"url": url, "username": user, "password": password}
    kind = application.connectors["caldav"]
    context = application.link_context("caldav", "America/New_York")
    found = kind.discover({**credential, "url": f"{url.rstrip('/')}{collection}"}, context)
    calendar = next(one for one in found.calendars if one.remote_id.endswith(collection))
    link = kind.probe(calendar, found.credential, context)
    new = NewCalendar(provider="dr-lee", connector="caldav", link=link, name="bench")
    with application.database.write() as tx:
        number = linking.link(
            tx, new, found.credential, vault=application.vault, now=clock.now(), actor="bench"
        )
    services = application.services()
    commands: dict[str, Callable[[], dict[str, Any]]] = {
        "sync": lambda: _measured(lambda: sync(services)),
        "poll": lambda: _measured(lambda: [cycle.poll(services, number)]),
        "quiet": lambda: _beside_bare(services, number, calendar, credential),
    }
    _say({"ready": True})
    for line in sys.stdin:
        _say(commands[line.strip()]())


def _measured(work: Callable[[], Any]) -> dict[str, Any]:
    begin, cpu = time.perf_counter(), own_cpu()
    reports = work()
    return {
        "usage": {
            "wall": time.perf_counter() - begin,
            "cpu": own_cpu() - cpu,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        },
        "reports": [asdict(one) for one in reports],
    }


def _beside_bare(
    services: Any, number: int, calendar: RemoteCalendar, credential: dict[str, str]
) -> dict[str, Any]:
    """CPU of a quiet poll, all of our path, and of the library's call for the same news."""
    client = DAVClient(
        url=credential["url"], username=credential["username"], password=credential["password"]
    )
    library = client.calendar(url=calendar.remote_id)
    token = library.get_objects_by_sync_token(load_objects=False, disable_fallback=True).sync_token

    def bare() -> None:
        news = library.get_objects_by_sync_token(
            sync_token=token, load_objects=False, disable_fallback=True
        )
        assert not list(news)

    def ours() -> None:
        report = cycle.poll(services, number)
        assert report.quiet, report

    ours()
    bare()
    pairs = [(_cpu(ours), _cpu(bare)) for _ in range(BLOCKS)]
    client.close()
    return {"pairs": pairs}


def _cpu(call: Callable[[], None]) -> float:
    begin = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - begin) / CALLS


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    place, *rest = sys.argv[1:]
    main(Path(place), *rest)
