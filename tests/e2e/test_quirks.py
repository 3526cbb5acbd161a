"""The console script on servers of odd habits: linked, published, edited, put back, quiet."""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from calwarden.demo.person import Person
from e2e.conftest import PRACTICE
from fixtures.hostile import BOMBS
from servers import quirks
from servers.dav import PASSWORD, USER
from servers.quirk_modes import MODES
from servers.quirk_proxy import Told, quirk_proxy

pytestmark = pytest.mark.e2e

FAR = datetime(2026, 12, 3, 10, tzinfo=ZoneInfo("America/New_York"))
LEAN = ("SOGo",)


class House:
    """An installation, a proxy of some quirks, and Dana at a calendar app."""

    def __init__(self, installation, server, proxy) -> None:
        self.installation, self.proxy = installation, proxy
        self.person = Person(server.url, name=USER, password=PASSWORD)
        self.person._client.headers["X-Person"] = "yes"  # noqa: SLF001 - quirks are not about people
        self.person.make_calendar("Work")
        installation.write("password", PASSWORD + "\n")

    def link(self, expect=0, url=None):
        return self.installation.run(
            *("link", "caldav", "--provider", "dr-lee", "--url", url or self.proxy.url),
            *("--username", USER, "--password-file", "password", "--json"),
            expect=expect,
        )

    def sync(self, expect=0):
        [calendar] = self.installation.ask("sync", expect=expect)["calendars"]
        return calendar

    def drifts(self):
        found = self.installation.ask("drift", "list", expect=None)["drifts"]
        return [(one["kind"], one["status"]) for one in found]


@pytest.fixture
def house(tmp_path, stocked):
    """Runs a house on a proxy of the given quirks."""
    running = []

    def open_house(*given):
        context = quirk_proxy(tmp_path / "radicale", given)
        server, proxy = context.__enter__()
        made = House(stocked, server, proxy)
        running.append((context, made))
        return made

    yield open_house
    for context, made in running:
        made.person.close()
        context.__exit__(None, None, None)


@pytest.mark.parametrize(
    "mode",
    [
        name if name in LEAN else pytest.param(name, marks=pytest.mark.slow)
        for name in MODES
        if name != "spells titles anew"
    ],
)
def test_the_story_is_told_on_every_server(house, mode):
    """Published once, a move and a deletion put back in one pass each, then quiet."""
    home = house(*MODES[mode].quirks())
    home.link()
    assert home.sync()["outcome"] == "done"
    single = "zone" in MODES[mode].loses
    count = len(PRACTICE["appointments"]) + (5 if single else 0)
    assert len(home.person.events()) == count
    assert home.sync()["steps"] == []
    time.sleep(1.1 if "SOGo" in mode or "second" in mode else 0)  # noqa: TID251 - its own clock
    home.person.drag(FAR, FAR.replace(day=4))
    assert home.sync()["reverted"] == 1
    assert home.person.sees(FAR)
    home.person.delete(FAR)
    assert home.sync()["reverted"] == 1
    assert home.person.sees(FAR)
    assert len(home.person.events()) == count
    assert sorted(home.drifts()) == [("deleted", "reverted"), ("moved", "reverted")]
    writes = home.proxy.writes
    assert home.sync()["steps"] == []
    assert home.proxy.writes == writes


@pytest.mark.slow
def test_a_server_that_changed_is_tried_out_before_it_is_written_to(house):
    """After an update that lost its conditions the link knows it, before the next write."""
    name = quirks.CallsItself("Cal/1")
    home = house(name)
    home.link()
    home.sync()
    shown = home.installation.ask("calendars", "show", "1")
    assert shown["capabilities"]["guards_update"]
    assert shown["probe"]["server"] == "Cal/1"
    name.name = "Cal/2"
    home.proxy.quirks.append(quirks.Ignores("if-match", "if-none-match"))
    events = len(home.person.events())
    calendar = home.sync()
    assert calendar["outcome"] == "done"
    shown = home.installation.ask("calendars", "show", "1")
    assert not shown["capabilities"]["guards_update"]
    assert shown["probe"]["server"] == "Cal/2"
    assert len(home.person.events()) == events
    assert home.sync()["requests"] == 1
    told = home.installation.run("calendars", "show", "1").out
    assert "Cal/2" in told
    assert "we read, compare, write" in told


@pytest.mark.slow
def test_doctor_tries_calendars_out_again_where_asked(house):
    """`doctor --probe` finds what changed behind the same name, and leaves nothing behind."""
    home = house()
    home.link()
    home.proxy.quirks.append(quirks.Ignores("if-none-match"))
    home.installation.run("doctor", expect=None)
    assert home.installation.ask("calendars", "show", "1")["capabilities"]["guards_create"]
    found = home.installation.ask("doctor", "--probe", expect=None)["checks"]
    assert any("tried out" in one["message"] for one in found), found
    assert not home.installation.ask("calendars", "show", "1")["capabilities"]["guards_create"]
    assert home.person.events() == []


@pytest.mark.slow
def test_an_interrupted_trial_is_cleaned_up_by_the_next(house):
    """What a killed trial left is gone after the next one, and never published as ours."""
    fails = quirks.Fails()
    home = house(fails)
    # the server goes away right after the first object was made
    made = []

    def dead(asked):
        if made:
            return Told(status=0)
        made.extend([asked.path] if asked.method == "PUT" else [])
        return None

    fails.rule = dead
    home.link(expect=3)
    assert len(home.person.events()) == 1
    fails.rule = lambda _asked: None
    home.link()
    assert home.person.events() == []


def test_nothing_is_sent_before_retry_after_is_over(house):
    """A wait that was asked for is kept by every process, and linking waits it out."""
    throttles = quirks.Throttles(2, every=12)
    home = house(throttles)
    home.link()
    assert throttles.impatient == 0
    throttles.every, throttles.seconds, throttles.count = 0, 3600, 0
    throttled = home.sync(expect=3)
    assert (throttled["outcome"], throttled["requests"]) == ("throttled", 1)
    asked = len(home.proxy.asked)
    again = home.sync(expect=3)
    assert (again["outcome"], again["requests"]) == ("throttled", 0)
    home.installation.run("doctor", "--probe", expect=None)
    home.link(expect=3)
    assert len(home.proxy.asked) == asked
    assert throttles.impatient == 0


def test_a_kept_connection_that_dies_when_it_is_used_again_costs_nothing(house):
    """Every request on a reused connection is lost, writes too: all is published once."""
    home = house(quirks.HangsUp(when_reused=True))
    home.link()
    assert home.sync()["outcome"] == "done"
    assert len(home.person.events()) == len(PRACTICE["appointments"])
    assert home.sync()["steps"] == []


def test_hostile_objects_are_set_aside_and_named_and_the_rest_goes_on(house):
    """Beside every bomb there is, appointments are published, watched and put back."""
    home = house(quirks.Haunted(BOMBS))
    home.link()
    assert home.sync()["outcome"] == "done"
    home.person.drag(FAR, FAR.replace(day=4))
    assert home.sync()["reverted"] == 1
    assert home.sync()["steps"] == []
    assert home.drifts() == [("moved", "reverted")]
    told = {one["problem"] for one in home.installation.ask("calendars", "show", "1")["unreadable"]}
    assert any("larger than 1 MB" in one for one in told)
    assert any("more than 1200 components" in one for one in told)
    assert any("time zone" in one for one in told)
    assert any("not followed" in one for one in told)
    assert "larger than 1 MB" in home.installation.run("calendars", "show", "1").out
    checks = home.installation.ask("doctor", expect=None)["checks"]
    assert any("cannot be read" in one["message"] for one in checks)
