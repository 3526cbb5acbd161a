"""The CalDAV connector keeps the laws on servers of every habit."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from calwarden.sdk.errors import CursorExpired, PreconditionFailed
from calwarden.testing import looking_laws, people_laws, samples, writing_laws
from calwarden.testing.contract import ConnectorContract
from calwarden.testing.laws import Laws
from calwarden.testing.samples import HOUR, SINGLE, WEEKLY, moved
from calwarden.testing.world import create, delete, event, update
from calwarden.testing.world import told as told_whole
from servers.caldav_world import CalDAVWorld
from servers.quirk_modes import MODES
from servers.quirk_proxy import PERSON, quirk_proxy

LOST = {
    "private": lambda body: replace(body, private=False),
    "location": lambda body: replace(body, location=""),
    "title": lambda body: replace(body, title=""),
    "zone": lambda body: replace(
        body, start=body.start.astimezone(UTC_ZONE), end=body.end.astimezone(UTC_ZONE)
    ),
}
UTC_ZONE = SINGLE.resource.body.start.tzinfo.__class__("UTC")


def told_of(loses):
    """What is told of a resource, without the fields that a server does not keep."""

    def told(resource):
        if resource is None:
            return None
        return told_whole(
            replace(
                resource,
                body=_bare(resource.body, loses),
                overrides={slot: _bare(body, loses) for slot, body in resource.overrides.items()},
            )
        )

    return told


def _bare(body, loses):
    for name in loses:
        body = LOST[name](body)
    return body


@pytest.fixture(scope="session")
def proxies(tmp_path_factory):
    """A proxy for each mode that is asked for, until the session ends."""
    running = {}
    with ExitStack() as stack:

        def proxy(name):
            if name not in running:
                folder = tmp_path_factory.mktemp("quirks")
                running[name] = stack.enter_context(quirk_proxy(folder, MODES[name].quirks()))
            return running[name]

        yield proxy


class QuirkWorld(CalDAVWorld):
    """A calendar on a server of one mode, and a person whom its quirks do not concern."""

    def __init__(self, server, mode) -> None:
        super().__init__(server, person={PERSON: "yes"})
        self.mode = mode
        self.lacks = mode.lacks


@pytest.fixture
def quirk_world(request, proxies, monkeypatch):
    """A new calendar in the mode that the test is parametrized with."""
    mode = MODES[request.param]
    for laws in (looking_laws, people_laws, samples, writing_laws):
        monkeypatch.setattr(laws, "told", told_of(mode.loses))
    server, _ = proxies(request.param)
    world = QuirkWorld(server, mode)
    yield world
    world.close()


SERIES = ("series", "exception", "occurrence", "exclusion", "split", "rule", "repeated_update")


@pytest.fixture
def _holds_series(request, quirk_world):
    """What a server cannot hold, and the connector says so, no law is asked about."""
    name = request.node.originalname
    if name == "test_a_text_that_is_not_given_stays" and "title" in quirk_world.mode.loses:
        pytest.skip("this server spells titles anew")
    if name == "test_an_update_changes_time_title_and_rule" and not quirk_world.mode.stable:
        pytest.skip("this server gives every version another address")
    if "zone" in quirk_world.mode.loses and any(word in name for word in SERIES):
        assert not quirk_world.connector().expresses(WEEKLY.resource.recurrence)
        pytest.skip("this server keeps no zones: no series is published there")


@pytest.mark.usefixtures("_holds_series")
class QuirkLaws(Laws):
    """Where the laws are kept in another way than on a server without quirks."""

    @pytest.fixture
    def world(self, quirk_world):
        return quirk_world

    def test_a_dead_cursor_is_named(self, world, watcher):
        """A dead cursor is named, or everything is looked at: nothing is lost with it."""
        if not watcher.connector.capabilities.incremental:
            pytest.skip("this calendar is always listed whole")
        made = create(watcher.connector, SINGLE)
        watcher.cursor = world.stale_cursor()
        try:
            assert watcher.look().present == frozenset({made.remote_id})
            assert not world.mode.refuses
        except CursorExpired:
            watcher.cursor = None
            assert watcher.look().present == frozenset({made.remote_id})


@pytest.mark.slow
@pytest.mark.parametrize("quirk_world", MODES, indirect=True)
class TestEveryLaw(QuirkLaws, ConnectorContract):
    """The whole suite, in every mode."""


@pytest.mark.parametrize("quirk_world", MODES, indirect=True)
class TestInShort(Laws):
    """What a quirk is likeliest to break, in every mode."""

    @pytest.fixture
    def world(self, quirk_world):
        return quirk_world

    def test_nothing_is_lost_and_nobody_is_overwritten(self, world, watcher):
        """Edits are seen, stale writes fail, fresh ones land; what is gone is not recreated."""
        connector = watcher.connector
        kept = create(connector, event("a-2", "2027-01-13T10:00"))
        made = create(connector, SINGLE)
        watcher.look()
        world.person.move(made.remote_id, HOUR)
        before = world.raw()
        later = moved(SINGLE, "2027-01-14T09:00")
        for act in (create, update, delete):
            stale = () if act is delete else (later,)
            with pytest.raises(PreconditionFailed):
                act(connector, *(() if act is create else (made,)), *stale)
        assert world.raw() == before
        watcher.look()
        seen = watcher.seen[made.remote_id]
        assert seen.resource.body.start.hour != made.resource.body.start.hour
        landed = update(connector, seen, later)
        watcher.look()
        assert set(watcher.seen) == {kept.remote_id, landed.remote_id}
        world.person.delete(landed.remote_id)
        world.person.delete(kept.remote_id)
        with pytest.raises(PreconditionFailed):
            update(connector, landed, SINGLE)
        watcher.look()
        assert watcher.seen == {}
        assert world.raw() == {}
