"""Laws of looking: complete listings, exact changes, one request where nothing happened."""

import pytest

from calwarden.domain.wall_time import parse_local
from calwarden.sdk.connector import Connector
from calwarden.sdk.errors import CursorExpired
from calwarden.testing.laws import Laws
from calwarden.testing.samples import DAY, HOUR, SINGLE, WEEKLY, needs
from calwarden.testing.world import (
    WINDOW,
    ZONE,
    Watcher,
    World,
    create,
    event,
    told,
)


class LookingLaws(Laws):
    """A look tells what changed, and only a complete one tells what is absent."""

    def test_a_first_look_is_complete(self, world: World, connector: Connector) -> None:
        """Without a cursor everything is listed, our events and people's."""
        start = parse_local("2027-01-11T08:00", ZONE)
        theirs = world.person.add(title="Gym", start=start, end=start + HOUR)
        ours = {create(connector, SINGLE).remote_id, create(connector, WEEKLY).remote_id}
        watcher = Watcher(world.connector())
        delta = watcher.look()
        assert delta.present == frozenset({theirs, *ours})
        assert {seen.remote_id for seen in delta.changed} == {theirs, *ours}
        assert delta.cursor is not None

    def test_a_quiet_look_is_one_request(self, world: World, connector: Connector) -> None:
        """A look at an unchanged calendar sends one request and says nothing."""
        create(connector, SINGLE)
        watcher = Watcher(world.connector())
        watcher.look()
        sent = watcher.connector.requests
        delta = watcher.look()
        assert watcher.connector.requests - sent == 1
        assert not delta.removed
        assert all(seen.revision == watcher.seen[seen.remote_id].revision for seen in delta.changed)

    def test_a_look_sees_exactly_what_changed(self, world: World, watcher: Watcher) -> None:
        """Since a cursor only the changed and the removed are told."""
        kept = create(watcher.connector, SINGLE)
        moved = create(watcher.connector, event("a-2", "2027-01-13T10:00"))
        gone = create(watcher.connector, event("a-3", "2027-01-14T10:00"))
        watcher.look()
        world.person.move(moved.remote_id, HOUR)
        world.person.delete(gone.remote_id)
        start = parse_local("2027-01-11T08:00", ZONE)
        added = world.person.add(title="Gym", start=start, end=start + HOUR)
        delta = watcher.look()
        changed = {seen.remote_id for seen in delta.changed}
        assert changed - {kept.remote_id} == {moved.remote_id, added}
        assert gone.remote_id in delta.removed or (
            delta.present is not None and gone.remote_id not in delta.present
        )
        assert set(watcher.seen) == {kept.remote_id, moved.remote_id, added}

    def test_a_look_may_be_repeated(self, world: World, watcher: Watcher) -> None:
        """The same cursor tells the same changes again: a result that was dropped is not lost."""
        made = create(watcher.connector, SINGLE)
        watcher.look()
        cursor = watcher.cursor
        world.person.move(made.remote_id, HOUR)
        first = watcher.connector.observe(cursor, watcher, WINDOW)
        again = watcher.connector.observe(cursor, watcher, WINDOW)
        assert {seen.remote_id for seen in first.changed} == {made.remote_id}
        assert first.changed == again.changed

    def test_a_dead_cursor_is_named(self, world: World, watcher: Watcher) -> None:
        """A cursor that is not accepted raises `CursorExpired`, and a fresh look works."""
        if not watcher.connector.capabilities.incremental:
            pytest.skip("this calendar is always listed whole")
        made = create(watcher.connector, SINGLE)
        watcher.cursor = world.stale_cursor()
        with pytest.raises(CursorExpired):
            watcher.look()
        watcher.cursor = None
        assert watcher.look().present == frozenset({made.remote_id})

    def test_our_own_write_is_seen_as_it_was_read_back(self, watcher: Watcher) -> None:
        """The echo of a write has the revision and content that the write read back."""
        made = create(watcher.connector, WEEKLY)
        watcher.look()
        seen = watcher.seen[made.remote_id]
        assert (seen.uid, seen.revision, seen.content) == (made.uid, made.revision, made.content)
        assert told(seen.resource) == told(made.resource)

    def test_the_echo_of_a_write_is_named(self, watcher: Watcher) -> None:
        """A look since a cursor names what we wrote since, whether or not that is news."""
        watcher.look()
        made = create(watcher.connector, SINGLE)
        watcher.seen[made.remote_id] = made
        delta = watcher.look()
        named = {seen.remote_id for seen in delta.changed} | delta.told | (delta.present or set())
        assert made.remote_id in named

    def test_find_knows_our_uid(self, world: World, connector: Connector) -> None:
        """An event is found by our uid after a person moved it, and nothing else is."""
        made = create(connector, SINGLE)
        world.person.move(made.remote_id, DAY)
        found = connector.find(SINGLE.uid)
        assert found is not None
        assert found.remote_id == made.remote_id
        assert connector.find(WEEKLY.uid) is None

    def test_a_copy_keeps_the_marker(self, world: World, watcher: Watcher) -> None:
        """A copy is another resource that carries the marker of its original."""
        needs(world, "copy")
        made = create(watcher.connector, SINGLE)
        watcher.look()
        copied = world.person.copy(made.remote_id, DAY)
        watcher.look()
        assert set(watcher.seen) == {made.remote_id, copied}
        assert watcher.seen[copied].marker == SINGLE.uid
        assert watcher.seen[copied].remote_id != made.remote_id
        found = watcher.connector.find(SINGLE.uid)
        assert found is not None
        assert found.remote_id == made.remote_id
