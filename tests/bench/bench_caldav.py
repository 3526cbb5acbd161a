"""calwarden beside vdirsyncer on the same CalDAV servers: what each asks, takes and gets wrong.

Every tool reaches the server through a proxy that counts, and works on a collection of its own.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest

from bench.metering import Meter, Traffic, Usage
from bench.office import (
    MEETINGS,
    SERIES,
    ZONE,
    Person,
    event,
    first_starts,
    practice_file,
    standing,
    truth,
    wrong,
)
from bench.tools import Calwarden, Vdirsyncer
from calwarden.clock import SystemClock
from servers.dav import Server, open_xandikos, radicale

pytestmark = [
    pytest.mark.bench,
    # the sockets of servers and tools that end while they are measured are no fault of ours
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SERVERS = {"radicale": radicale, "xandikos": open_xandikos}
FOREIGN = (1_000, 10_000)
MOST_PASSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running server with a meter before it, and the Monday that everything begins on."""

    server: Server
    meter: Meter
    folder: Path
    monday: datetime

    def collection(self, name: str) -> str:
        """Make a collection and return its path."""
        return self.server.client().make_calendar(name)


@pytest.fixture(params=sorted(SERVERS))
def place(request) -> Iterator[Place]:
    """One of the servers, fresh; everything lies in memory, so that no disk is measured."""
    memory = Path("/dev/shm")
    own = Path(tempfile.mkdtemp(prefix="bench-", dir=memory if memory.is_dir() else None))
    folder = own / "server"
    folder.mkdir()
    today = SystemClock().now().astimezone(ZONE).replace(hour=1, minute=0, second=0, microsecond=0)
    monday = today + timedelta(days=14 - today.weekday())
    with SERVERS[request.param](folder) as server:
        parts = urlsplit(server.url)
        with Meter(parts.hostname or "", parts.port or 80) as meter:
            yield Place(server=server, meter=meter, folder=own, monday=monday)
    shutil.rmtree(own, ignore_errors=True)


def test_publication_and_revert(place):
    """First publication of 2,000 appointments, then 1 % moved and 1 % deleted by a person."""
    _title(place, f"{SERIES * MEETINGS:,} appointments in {SERIES} series")
    first = list(first_starts(place.monday))
    weeks = [timedelta(weeks=week) for week in range(MEETINGS)]
    single = {
        f"{number}-{week}": event(f"{number}-{week}", start + later)
        for number, start in enumerate(first)
        for week, later in enumerate(weeks)
    }
    whole = {
        str(number): event(str(number), start, count=MEETINGS) for number, start in enumerate(first)
    }
    _say("\n".join(_ours(place)))
    _say("\n".join(_theirs(place, "vdirsyncer, a wins, an object per series", whole)))
    _say("\n".join(_theirs(place, "vdirsyncer, revert, an object per series", whole, revert=True)))
    _say("\n".join(_theirs(place, "vdirsyncer, a wins, an object per appointment", single)))


def _ours(place: Place) -> list[str]:
    path = place.collection("ours")
    tool = Calwarden(place.folder / "ours", place.meter.url, path, practice_file(place.monday))
    try:
        place.meter.take()
        person = Person(place.server, path)
        usage, _ = tool.sync()
        rows = [_row("calwarden", "publication", 1, usage, place.meter.take(), _off(place, person))]
        person.edit()
        rows.append(_reverted(place, "calwarden", person, lambda: tool.sync()[0], lambda: 0))
    finally:
        tool.close()
    return rows


def _theirs(
    place: Place, name: str, objects: dict[str, bytes], *, revert: bool = False
) -> list[str]:
    label = name.replace(" ", "").replace(",", "-")
    path = place.collection(label)
    tool = Vdirsyncer(place.folder / label, place.meter.url, path, revert=revert)
    tool.set_up(objects)
    place.meter.take()
    person = Person(place.server, path)
    rows = [_row(name, "publication", 1, tool.sync(), place.meter.take(), _off(place, person))]
    person.edit()

    def source() -> int:
        return wrong(standing(tool.objects(), place.monday), truth(place.monday))

    rows.append(_reverted(place, name, person, tool.sync, source))
    return rows


def _reverted(
    place: Place, name: str, person: Person, sync: Callable[[], Usage], source: Callable[[], int]
) -> str:
    """Make passes until nothing is wrong, or nothing gets better; tell the last one that counts."""
    used, gone = [sync()], [place.meter.take()]
    off = _off(place, person)
    while off and len(used) < MOST_PASSES:
        used.append(sync())
        gone.append(place.meter.take())
        now = _off(place, person)
        if now >= off:
            break
        off = now
    usage = Usage(
        wall=sum(one.wall for one in used),
        cpu=sum(one.cpu for one in used),
        memory=max(one.memory for one in used),
    )
    total = Traffic(
        requests=sum(one.requests for one in gone),
        puts=sum(one.puts for one in gone),
        connections=sum(one.connections for one in gone),
        sent=sum(one.sent for one in gone),
        received=sum(one.received for one in gone),
        body=sum(one.body for one in gone),
    )
    return _row(name, "1 % moved, 1 % deleted", len(used), usage, total, off, source())


def _off(place: Place, person: Person) -> int:
    found = standing(iter(person.objects().values()), place.monday)
    place.meter.take()
    return wrong(found, truth(place.monday))


@pytest.mark.parametrize("number", FOREIGN)
def test_quiet_pass(place, number):
    """A pass over a calendar of other people's events in which nothing happened."""
    objects = {
        str(each): event(f"foreign-{each}", place.monday + timedelta(minutes=30 * (each % 900)))
        for each in range(number)
    }
    path = _fill(place, objects)
    _title(place, f"quiet pass over {number:,} foreign events")
    theirs = Vdirsyncer(place.folder / "theirs", place.meter.url, path)
    theirs.set_up({})
    theirs.sync()
    place.meter.take()
    for _ in range(3):
        _say(_row("vdirsyncer, a wins", "quiet", 1, theirs.sync(), place.meter.take(), 0))
    practice = practice_file(place.monday)
    practice["appointments"] = []
    ours = Calwarden(place.folder / "ours", place.meter.url, path, practice)
    try:
        ours.sync()
        ours.sync()
        place.meter.take()
        for _ in range(3):
            usage, reports = ours.sync()
            assert all(one["quiet"] for one in reports)
            _say(_row("calwarden", "quiet", 1, usage, place.meter.take(), 0))
        pairs = ours.ask("quiet")["pairs"]
        place.meter.take()
        usage = ours.program()
        _say(_row("calwarden sync, start-up and all", "quiet", 1, usage, place.meter.take(), 0))
    finally:
        ours.close()
    own, bare = (median(one[side] for one in pairs) * 1000 for side in (0, 1))
    ratio = median(one[0] / one[1] for one in pairs)
    _say(
        f"\nCPU of a quiet poll {own:.2f} ms, of the bare caldav call {bare:.2f} ms: {ratio:.2f} x"
    )


def _fill(place: Place, objects: dict[str, bytes]) -> str:
    """Put very many objects where the server keeps them; return the collection's path."""
    path = place.collection("foreign")
    radicale_keeps = place.folder / "server" / "collections" / "collection-root"
    root = radicale_keeps if place.server.name == "radicale" else place.folder / "server" / "data"
    folder = root / path.strip("/")
    for name, data in objects.items():
        (folder / f"{name}.ics").write_bytes(data)
    if place.server.name == "xandikos":
        who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        for command in (["add", "."], ["commit", "-qm", "filled"]):
            subprocess.run(["git", *who, *command], cwd=folder, check=True)
    return path


HEAD = (
    "| tool | what | passes | requests | PUTs | connections | kB sent | kB received | "
    "kB of bodies | wall s | CPU s | peak MB | wrong outside | wrong in the source |"
)
RULE = "|---|---|" + "---:|" * 12


def _row(
    name: str,
    what: str,
    passes: int,
    usage: Usage,
    traffic: Traffic,
    off: int,
    source: int = 0,
) -> str:
    values = [
        *(name, what, passes, traffic.requests, traffic.puts, traffic.connections),
        *(f"{size / 1000:.1f}" for size in (traffic.sent, traffic.received, traffic.body)),
        *(f"{usage.wall:.2f}", f"{usage.cpu:.2f}", f"{usage.memory:.0f}", off, source),
    ]
    return "| " + " | ".join(map(str, values)) + " |"


def _title(place: Place, title: str) -> None:
    _say(f"\n\n### {place.server.name}: {title}\n\n{HEAD}\n{RULE}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
