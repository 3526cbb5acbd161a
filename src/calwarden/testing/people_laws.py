"""Laws about people: their edits are seen and undone, what is theirs stays."""

import pytest

from calwarden.domain.event import ManagedEvent, Observed
from calwarden.domain.wall_time import parse_local
from calwarden.ical.recurrence import read_recurrence
from calwarden.sdk.connector import Connector
from calwarden.testing.laws import Laws
from calwarden.testing.samples import (
    DAY,
    EDITS,
    HOUR,
    OCCURRENCE_EDITS,
    SINGLE,
    THIRD,
    WEEKLY,
    excluded,
    moved,
    needs,
    overridden,
    perform_all,
)
from calwarden.testing.world import (
    FINGERPRINT,
    ZONE,
    Watcher,
    World,
    content,
    create,
    delete,
    event,
    told,
    update,
    updating,
)


class PeopleLaws(Laws):
    """Whatever a person does elsewhere is told in our values, and theirs is left alone."""

    @pytest.mark.parametrize("act", EDITS)
    def test_an_edit_of_an_event_is_seen_and_undone(
        self, world: World, watcher: Watcher, act: str
    ) -> None:
        """What a person did to an event differs from what we wrote, and an update undoes it."""
        needs(world, act)
        made = create(watcher.connector, SINGLE)
        watcher.look()
        EDITS[act](world.person, made.remote_id)
        self._seen_and_undone(watcher, made, SINGLE)

    @pytest.mark.parametrize("act", OCCURRENCE_EDITS)
    def test_an_edit_of_a_series_is_seen_and_undone(
        self, world: World, watcher: Watcher, act: str
    ) -> None:
        """What a person did to a series or to one occurrence is seen, and an update undoes it."""
        needs(world, act)
        if act == "delete_occurrence" and not watcher.connector.capabilities.restores_occurrences:
            pytest.skip("this calendar cannot bring a deleted occurrence back")
        made = create(watcher.connector, WEEKLY)
        watcher.look()
        OCCURRENCE_EDITS[act](world.person, made.remote_id)
        self._seen_and_undone(watcher, made, WEEKLY)

    def _seen_and_undone(self, watcher: Watcher, made: Observed, wanted: ManagedEvent) -> None:
        watcher.look()
        seen = watcher.seen[made.remote_id]
        assert seen.revision != made.revision
        assert told(content(seen)) != told(wanted.resource)
        landed = perform_all(watcher.connector, updating(seen, wanted))
        assert landed is not None
        assert told(landed.resource) == told(wanted.resource)
        watcher.look()
        assert told(watcher.seen[landed.remote_id].resource) == told(wanted.resource)

    def test_a_moved_event_has_its_new_time(self, world: World, watcher: Watcher) -> None:
        """A move is told in wall time and zone, and nothing else changes with it."""
        made = create(watcher.connector, SINGLE)
        world.person.move(made.remote_id, HOUR)
        watcher.look()
        seen = content(watcher.seen[made.remote_id])
        assert told(seen) == told(moved(SINGLE, "2027-01-12T11:00").resource)

    def test_a_moved_occurrence_is_told_by_its_slot(self, world: World, watcher: Watcher) -> None:
        """Of a moved occurrence the slot stays, and only its override is told."""
        needs(world, "move_occurrence")
        made = create(watcher.connector, WEEKLY)
        world.person.move_occurrence(made.remote_id, THIRD, HOUR)
        watcher.look()
        seen = content(watcher.seen[made.remote_id])
        assert told(seen) == told(overridden(WEEKLY, THIRD, "2027-01-19T11:00").resource)

    def test_a_deleted_occurrence_is_an_exclusion(self, world: World, watcher: Watcher) -> None:
        """Of a deleted occurrence the slot is excluded, and the series stays otherwise."""
        needs(world, "delete_occurrence")
        made = create(watcher.connector, WEEKLY)
        world.person.delete_occurrence(made.remote_id, THIRD)
        watcher.look()
        seen = content(watcher.seen[made.remote_id])
        assert told(seen) == told(excluded(WEEKLY, THIRD).resource)

    def test_a_split_is_a_shorter_series_and_a_new_one(
        self, world: World, watcher: Watcher
    ) -> None:
        """After "this and following" the old series ends before the slot and another carries on."""
        needs(world, "split")
        made = create(watcher.connector, WEEKLY)
        watcher.look()
        added = world.person.split(made.remote_id, THIRD, HOUR)
        watcher.look()
        old, new = content(watcher.seen[made.remote_id]), content(watcher.seen[added])
        assert old.recurrence is not None
        assert (old.recurrence.rule, old.recurrence.count) == ("FREQ=WEEKLY", 2)
        assert new.recurrence is not None
        assert (new.recurrence.rule, new.recurrence.count) == ("FREQ=WEEKLY", 6)
        assert new.body.start == parse_local("2027-01-19T11:00", ZONE)

    def test_a_deleted_event_is_gone(self, world: World, watcher: Watcher) -> None:
        """A deletion is told by the next look and by a read of that id."""
        made = create(watcher.connector, SINGLE)
        watcher.look()
        world.person.delete(made.remote_id)
        watcher.look()
        assert watcher.seen == {}
        assert watcher.connector.read(made.remote_id) is None

    def test_a_deleted_event_can_stand_again(self, world: World, watcher: Watcher) -> None:
        """What a person deleted is created again, under the next generation's uid."""
        made = create(watcher.connector, SINGLE)
        world.person.delete(made.remote_id)
        following = event("a-1 again", "2027-01-12T10:00")
        create(watcher.connector, following)
        watcher.look()
        assert [seen.uid for seen in watcher.seen.values()] == [following.uid]

    def test_peoples_events_stay_byte_for_byte(self, world: World, watcher: Watcher) -> None:
        """Nothing that we do touches an event that is not ours."""
        start = parse_local("2027-01-12T10:00", ZONE)
        theirs = [
            world.person.add(title="Gym", start=start, end=start + HOUR),
            world.person.add(
                title="Choir", start=start + DAY, end=start + DAY + HOUR, rule="FREQ=WEEKLY"
            ),
        ]
        before = {key: world.raw()[key] for key in theirs}
        watcher.look()
        made = create(watcher.connector, SINGLE)
        landed = update(watcher.connector, made, moved(SINGLE, "2027-01-12T11:00"))
        watcher.look()
        delete(watcher.connector, landed)
        watcher.look()
        assert world.raw() == before

    def test_peoples_events_are_read_without_our_marker(
        self, world: World, watcher: Watcher
    ) -> None:
        """A person's event has its times and rule, and no marker."""
        start = parse_local("2027-01-12T10:00", ZONE)
        gym = world.person.add(
            title="Gym", start=start, end=start + HOUR, rule="FREQ=WEEKLY;COUNT=3"
        )
        watcher.look()
        seen = watcher.seen[gym]
        assert seen.marker is None
        told_body = content(seen).body
        assert (told_body.start, told_body.end) == (start, start + HOUR)
        assert told_body.busy
        assert content(seen).recurrence == read_recurrence(["FREQ=WEEKLY;COUNT=3"], start)

    def test_peoples_own_properties_survive_our_update(
        self, world: World, connector: Connector
    ) -> None:
        """Reminders, colours, notes and unknown properties stay when we write times back."""
        needs(world, "adorn")
        made = create(connector, SINGLE)
        world.person.adorn(made.remote_id)
        before = world.person.adornments(made.remote_id)
        seen = connector.read(made.remote_id)
        assert seen is not None
        landed = update(connector, seen, moved(SINGLE, "2027-01-12T12:00"))
        assert before
        assert world.person.adornments(landed.remote_id) == before

    def test_texts_of_people_never_leave_the_connector(
        self, world: World, watcher: Watcher
    ) -> None:
        """What people type is told as fingerprints only."""
        made = create(watcher.connector, SINGLE)
        canary = "Canary Rivera, canary@client.example"
        world.person.retitle(made.remote_id, canary)
        world.person.describe(made.remote_id, canary)
        watcher.look()
        seen = watcher.seen[made.remote_id]
        assert "anary" not in repr(seen)
        assert content(seen).body.title == FINGERPRINT(canary)
        assert content(seen).body.details
