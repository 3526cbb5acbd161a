"""The CalDAV connector where answers break off, and where people edit at every moment."""

import pytest

from calwarden.sdk.errors import PreconditionFailed, Rejected, Transient
from calwarden.testing.samples import HOUR, SINGLE, moved
from calwarden.testing.world import Watcher, content, create, event, update
from servers.caldav_world import CalDAVWorld
from servers.quirk_proxy import PERSON, Told, quirk_proxy
from servers.quirks import Fails

pytestmark = pytest.mark.faults


@pytest.fixture
def scene(tmp_path):
    """A calendar on a server at which a rule can be planted."""
    fails = Fails()
    with quirk_proxy(tmp_path, [fails]) as (server, proxy):
        world = CalDAVWorld(server, person={PERSON: "yes"})
        yield world, proxy, fails
        world.close()


def test_an_answer_cut_at_any_kilobyte_changes_nothing(scene):
    """A listing, a report or bodies that break off anywhere are no look; the next one is whole."""
    world, proxy, fails = scene
    connector = world.connector()
    made = {
        create(connector, event(f"a-{number}", f"2027-01-{number + 1:02}T10:00")).remote_id
        for number in range(12)
    }
    for method, marker in (("PROPFIND", b"getetag"), ("REPORT", b"multiget")):
        place, ended = 1, False
        while not ended:
            cut = []

            def rule(asked, method=method, marker=marker, at=place, cut=cut):
                if asked.method != method or marker not in asked.body:
                    return None
                told = proxy.behind(asked)
                cut.append(len(told.body) > at)
                return Told(
                    status=told.status,
                    headers=told.headers,
                    body=told.body,
                    cut_at=at if cut[-1] else None,
                )

            fails.rule = rule
            watcher = Watcher(world.connector())
            try:
                assert watcher.look().present == frozenset(made)
                ended = not any(cut)
            except Transient:
                assert any(cut)
                assert (watcher.cursor, watcher.seen) == (None, {})
            assert cut
            place += 1024
        assert place > 2048
    fails.rule = lambda _asked: None
    watcher = Watcher(world.connector())
    assert watcher.look().present == frozenset(made)


@pytest.mark.parametrize("edits", [20, pytest.param(1_000, marks=pytest.mark.slow)])
def test_edits_between_reading_and_writing_always_win(scene, edits):
    """Whoever edits in the moment before our write is never overwritten, however often."""
    world, _, fails = scene
    connector = world.connector()
    made = create(connector, SINGLE)
    watcher = Watcher(connector)
    watcher.look()
    count = 0

    def edit(asked):
        nonlocal count
        if asked.method == "PUT":
            count += 1
            world.person.move(made.remote_id, HOUR if count % 2 else -HOUR)

    fails.rule = edit
    for number in range(edits):
        before = content(watcher.seen[made.remote_id]).body.start
        with pytest.raises(PreconditionFailed):
            update(connector, watcher.seen[made.remote_id], moved(SINGLE, "2027-02-12T10:00"))
        watcher.look()
        after = content(watcher.seen[made.remote_id]).body.start
        assert after - before == (HOUR if number % 2 == 0 else -HOUR)
    assert count == edits


def test_a_change_that_the_server_refuses_while_nothing_changed_is_no_lost_race(scene):
    """A series with exceptions may not begin at another time (OX): told, not tried for ever."""
    world, _, fails = scene
    connector = world.connector()
    made = create(connector, SINGLE)
    watcher = Watcher(connector)
    watcher.look()
    fails.rule = lambda asked: Told(status=409) if asked.method == "PUT" else None
    with pytest.raises(Rejected, match=r"refuses its change \(status 409\); delete the event"):
        update(connector, watcher.seen[made.remote_id], moved(SINGLE, "2027-02-12T10:00"))

    def edited_meanwhile(asked):
        if asked.method == "PUT":
            world.person.move(made.remote_id, HOUR)
            return Told(status=409)
        return None

    fails.rule = edited_meanwhile
    with pytest.raises(PreconditionFailed, match="read it again"):
        update(connector, watcher.seen[made.remote_id], moved(SINGLE, "2027-02-12T10:00"))
