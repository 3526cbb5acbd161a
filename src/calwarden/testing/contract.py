"""The laws that every connector keeps, as one pytest suite over a `World`.

Subclass it beside an emulator or a real server, and give it its world:

    class TestMyConnector(ConnectorContract):
        @pytest.fixture
        def world(self, server) -> World:
            return MyWorld(server)      # one new, empty calendar per test

The suite speaks of resources and slots only; what a vendor cannot do stands in `World.lacks` (acts
of a person) or in the connector's `Capabilities`. Import it under
``pytest.register_assert_rewrite("calwarden.testing.contract", "calwarden.testing.world")``.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.event import EventText, ManagedEvent, Observed
from calwarden.domain.wall_time import Slot, after, parse_local
from calwarden.ical.recurrence import read_recurrence
from calwarden.sdk.connector import Connector, Verb, Write
from calwarden.sdk.errors import CursorExpired, PreconditionFailed
from calwarden.testing.world import (
    FINGERPRINT,
    WINDOW,
    ZONE,
    Person,
    Watcher,
    World,
    content,
    create,
    delete,
    deleting,
    event,
    told,
    update,
    updating,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
THIRD = Slot("2027-01-19T10:00:00")
FOURTH = Slot("2027-01-26T10:00:00")

SINGLE = event("a-1", "2027-01-12T10:00")
WEEKLY = event("s-1", "2027-01-05T10:00", rule="FREQ=WEEKLY", count=8)
PUBLISHED = {
    "a single event": SINGLE,
    "a single event in another zone": event("a-2", "2027-01-12T10:00", zone="Europe/Berlin"),
    "an event in UTC": event("a-3", "2027-01-12T15:00", zone="UTC"),
    "an event over midnight": event("a-4", "2027-01-12T23:30", minutes=90),
    "an event in a spring gap": event("a-5", "2027-03-14T02:30"),
    "an event in an autumn fold": event("a-6", "2027-11-07T01:15", minutes=20),
    "a weekly series": WEEKLY,
    "an endless series": event("s-2", "2027-01-05T10:00", rule="FREQ=WEEKLY"),
    "a fortnightly series over a clock change": event(
        "s-3", "2027-02-23T09:00", rule="FREQ=WEEKLY;INTERVAL=2", count=6
    ),
    "a monthly series": event("s-4", "2027-01-12T14:00", rule="FREQ=MONTHLY;BYDAY=2TU", count=5),
    "a monthly series on last days": event(
        "s-5", "2027-01-29T14:00", rule="FREQ=MONTHLY;BYDAY=-1FR"
    ),
}


def _move_to(wanted: ManagedEvent, start: str, minutes: int = 50) -> ManagedEvent:
    begins = parse_local(start, ZONE)
    body = replace(
        wanted.resource.body, start=begins, end=after(begins, timedelta(minutes=minutes))
    )
    return replace(wanted, resource=replace(wanted.resource, body=body))


def _override(wanted: ManagedEvent, slot: Slot, start: str, minutes: int = 50) -> ManagedEvent:
    moved = _move_to(wanted, start, minutes).resource.body
    return replace(wanted, resource=wanted.resource.with_override(slot, moved))


def _exclude(wanted: ManagedEvent, slot: Slot) -> ManagedEvent:
    return replace(wanted, resource=wanted.resource.with_exclusion(slot))


def _writes(seen: Observed, wanted: ManagedEvent) -> dict[str, Write]:
    return {"update": updating(seen, wanted), "delete": deleting(seen)}


def _perform_all(connector: Connector, write: Write) -> Observed | None:
    result: Observed | None = None
    for call in connector.calls(write):
        result = connector.perform(write, call)
        expected = told(call.expected)
        assert told(result.resource if result else None) == expected, call.name
    return result


EDITS: dict[str, Callable[[Person, str], None]] = {
    "move": lambda person, remote_id: person.move(remote_id, HOUR),
    "resize": lambda person, remote_id: person.resize(remote_id, 30),
    "retitle": lambda person, remote_id: person.retitle(remote_id, "Lunch"),
    "relocate": lambda person, remote_id: person.relocate(remote_id, "Elsewhere"),
    "expose": lambda person, remote_id: person.expose(remote_id),
    "free": lambda person, remote_id: person.free(remote_id),
    "cancel": lambda person, remote_id: person.cancel(remote_id),
    "invite": lambda person, remote_id: person.invite(remote_id, "friend@elsewhere.example"),
    "make_all_day": lambda person, remote_id: person.make_all_day(remote_id),
}

OCCURRENCE_EDITS: dict[str, Callable[[Person, str], None]] = {
    "move_occurrence": lambda person, remote_id: person.move_occurrence(remote_id, THIRD, HOUR),
    "delete_occurrence": lambda person, remote_id: person.delete_occurrence(remote_id, THIRD),
    "move": lambda person, remote_id: person.move(remote_id, HOUR),
    "resize": lambda person, remote_id: person.resize(remote_id, 30),
    "change_rule": lambda person, remote_id: person.change_rule(
        remote_id, "FREQ=WEEKLY;INTERVAL=2;COUNT=4"
    ),
}


class ConnectorContract:
    """Inherit, and override the fixture ``world``."""

    @pytest.fixture
    def world(self) -> World:
        """Return one new, empty calendar."""
        raise NotImplementedError

    @pytest.fixture
    def connector(self, world: World) -> Connector:
        """Return a connector of its own on the world's calendar."""
        return world.connector()

    @pytest.fixture
    def watcher(self, connector: Connector) -> Watcher:
        """Return a watcher that has seen the empty calendar."""
        watcher = Watcher(connector)
        watcher.look()
        return watcher

    # ── writing ─────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("name", PUBLISHED)
    def test_what_is_created_reads_back_equal(self, connector: Connector, name: str) -> None:
        """Every managed field of what was created is read back as it was wanted."""
        wanted = PUBLISHED[name]
        recurrence = wanted.resource.recurrence
        if recurrence is not None and not connector.expresses(recurrence):
            pytest.skip("this calendar cannot hold the rule, and says so")
        made = create(connector, wanted)
        assert told(made.resource) == told(wanted.resource)
        assert made.marker == wanted.uid
        assert told(content(connector.read(made.remote_id))) == told(wanted.resource)

    def test_exceptions_read_back_equal(self, connector: Connector) -> None:
        """A series created with an override and an exclusion has exactly these."""
        wanted = _exclude(_override(WEEKLY, THIRD, "2027-01-20T15:00"), FOURTH)
        made = _perform_all(connector, Write(verb=Verb.CREATE, uid=wanted.uid, event=wanted))
        assert made is not None
        assert told(made.resource) == told(wanted.resource)

    def test_exceptions_come_and_go(self, connector: Connector) -> None:
        """Updates add, change and take back overrides and exclusions, each call as announced."""
        plain = _override(WEEKLY, THIRD, "2027-01-20T15:00")
        steps = [_override(WEEKLY, THIRD, "2027-01-20T16:00", 30), _exclude(plain, FOURTH)]
        if connector.capabilities.restores_occurrences:
            steps.append(WEEKLY)
        seen = create(connector, WEEKLY)
        for wanted in steps:
            landed = _perform_all(connector, updating(seen, wanted))
            assert landed is not None
            assert told(landed.resource) == told(wanted.resource)
            seen = landed

    def test_an_out_of_office_block_is_busy(self, connector: Connector) -> None:
        """A block is busy, and a real out-of-office event where the calendar can hold one."""
        wanted = event(
            "o-1",
            "2027-01-14T00:00",
            minutes=3 * 24 * 60,
            title="Out of office",
            place=None,
            out_of_office=True,
        )
        made = content(create(connector, wanted))
        assert made.body.busy
        if connector.capabilities.out_of_office == "event":
            assert made.body.out_of_office
        same = replace(made, body=replace(made.body, out_of_office=True))
        assert told(same) == told(wanted.resource)

    def test_an_update_changes_time_title_and_rule(self, connector: Connector) -> None:
        """An update brings every managed field to what is wanted."""
        seen = create(connector, WEEKLY)
        wanted = _move_to(WEEKLY, "2027-01-06T11:00", 45)
        wanted = replace(
            wanted,
            text=EventText(title="Meeting", location="Telehealth"),
            resource=replace(
                wanted.resource,
                body=replace(
                    wanted.resource.body,
                    title=FINGERPRINT("Meeting"),
                    location=FINGERPRINT("Telehealth"),
                ),
                recurrence=read_recurrence(
                    ["FREQ=WEEKLY;INTERVAL=2;COUNT=4"], wanted.resource.body.start
                ),
            ),
        )
        landed = update(connector, seen, wanted)
        assert landed.remote_id == seen.remote_id
        assert landed.revision != seen.revision
        assert told(landed.resource) == told(wanted.resource)

    def test_a_text_that_is_not_given_stays(self, world: World, connector: Connector) -> None:
        """None in the text leaves title and location as a person typed them."""
        made = create(connector, SINGLE)
        world.person.retitle(made.remote_id, "Lunch")
        seen = connector.read(made.remote_id)
        body = content(seen).body
        assert seen is not None
        wanted = replace(
            _move_to(SINGLE, "2027-01-12T12:00"), text=EventText(title=None, location=None)
        )
        wanted = replace(
            wanted,
            resource=replace(
                wanted.resource,
                body=replace(wanted.resource.body, title=body.title, location=body.location),
            ),
        )
        landed = content(update(connector, seen, wanted))
        assert landed.body.title == FINGERPRINT("Lunch")
        assert told(landed) == told(wanted.resource)

    def test_a_delete_removes(self, world: World, connector: Connector) -> None:
        """After a delete nothing stands, neither by remote id nor by uid."""
        made = create(connector, SINGLE)
        delete(connector, made)
        assert connector.read(made.remote_id) is None
        assert connector.find(SINGLE.uid) is None
        assert made.remote_id not in world.raw()

    def test_deleting_twice_is_fine(self, connector: Connector) -> None:
        """A delete of what is gone says that it is gone."""
        made = create(connector, SINGLE)
        delete(connector, made)
        delete(connector, made)

    # ── guards ──────────────────────────────────────────────────────────────────────────────

    def test_a_create_never_overwrites(self, world: World, connector: Connector) -> None:
        """Where something else stands under the uid, a create fails and changes nothing."""
        if not connector.capabilities.client_ids:
            pytest.skip("this calendar chooses its own ids")
        made = create(connector, SINGLE)
        world.person.move(made.remote_id, HOUR)
        before = world.raw()
        with pytest.raises(PreconditionFailed):
            create(connector, SINGLE)
        assert world.raw() == before

    @pytest.mark.parametrize("verb", ["update", "delete"])
    def test_a_stale_write_changes_nothing(
        self, world: World, connector: Connector, verb: str
    ) -> None:
        """A write of what a person changed meanwhile fails, and their change stays."""
        made = create(connector, SINGLE)
        world.person.move(made.remote_id, HOUR)
        before = world.raw()
        write = _writes(made, _move_to(SINGLE, "2027-01-13T09:00"))[verb]
        with pytest.raises(PreconditionFailed):
            connector.perform(write, connector.calls(write)[0])
        assert world.raw() == before

    def test_an_update_of_what_is_gone_recreates_nothing(
        self, world: World, connector: Connector
    ) -> None:
        """An update of an event that a person deleted fails and does not bring it back."""
        made = create(connector, SINGLE)
        world.person.delete(made.remote_id)
        with pytest.raises(PreconditionFailed):
            update(connector, made, _move_to(SINGLE, "2027-01-13T09:00"))
        assert world.raw() == {}

    def test_a_repeated_create_makes_one_event(self, world: World, connector: Connector) -> None:
        """Repeating a create that landed does no harm, whoever repeats it."""
        made = create(connector, SINGLE)
        again = create(world.connector(), SINGLE)
        assert told(again.resource) == told(made.resource)
        assert len(world.raw()) == 1

    def test_a_repeated_update_does_no_harm(self, world: World, connector: Connector) -> None:
        """Repeating every call of an update that landed leaves the same content."""
        wanted = _exclude(_override(WEEKLY, THIRD, "2027-01-20T15:00"), FOURTH)
        write = updating(create(connector, WEEKLY), wanted)
        other = world.connector()
        for call in connector.calls(write):
            connector.perform(write, call)
            again = other.perform(write, call)
            assert told(content(again)) == told(call.expected)
        assert len(world.raw()) == 1

    def test_calls_send_nothing(self, world: World, connector: Connector) -> None:
        """Working out the calls of a write is pure."""
        made = create(connector, WEEKLY)
        before, sent = world.raw(), connector.requests
        write = updating(made, _exclude(WEEKLY, THIRD))
        assert connector.calls(write) == connector.calls(write)
        assert connector.requests == sent
        assert world.raw() == before

    # ── looking ─────────────────────────────────────────────────────────────────────────────

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

    # ── identity ────────────────────────────────────────────────────────────────────────────

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
        _needs(world, "copy")
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

    # ── people's edits ──────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("act", EDITS)
    def test_an_edit_of_an_event_is_seen_and_undone(
        self, world: World, watcher: Watcher, act: str
    ) -> None:
        """What a person did to an event differs from what we wrote, and an update undoes it."""
        _needs(world, act)
        made = create(watcher.connector, SINGLE)
        watcher.look()
        EDITS[act](world.person, made.remote_id)
        self._seen_and_undone(watcher, made, SINGLE)

    @pytest.mark.parametrize("act", OCCURRENCE_EDITS)
    def test_an_edit_of_a_series_is_seen_and_undone(
        self, world: World, watcher: Watcher, act: str
    ) -> None:
        """What a person did to a series or to one occurrence is seen, and an update undoes it."""
        _needs(world, act)
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
        landed = _perform_all(watcher.connector, updating(seen, wanted))
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
        assert told(seen) == told(_move_to(SINGLE, "2027-01-12T11:00").resource)

    def test_a_moved_occurrence_is_told_by_its_slot(self, world: World, watcher: Watcher) -> None:
        """Of a moved occurrence the slot stays, and only its override is told."""
        _needs(world, "move_occurrence")
        made = create(watcher.connector, WEEKLY)
        world.person.move_occurrence(made.remote_id, THIRD, HOUR)
        watcher.look()
        seen = content(watcher.seen[made.remote_id])
        assert told(seen) == told(_override(WEEKLY, THIRD, "2027-01-19T11:00").resource)

    def test_a_deleted_occurrence_is_an_exclusion(self, world: World, watcher: Watcher) -> None:
        """Of a deleted occurrence the slot is excluded, and the series stays otherwise."""
        _needs(world, "delete_occurrence")
        made = create(watcher.connector, WEEKLY)
        world.person.delete_occurrence(made.remote_id, THIRD)
        watcher.look()
        seen = content(watcher.seen[made.remote_id])
        assert told(seen) == told(_exclude(WEEKLY, THIRD).resource)

    def test_a_split_is_a_shorter_series_and_a_new_one(
        self, world: World, watcher: Watcher
    ) -> None:
        """After "this and following" the old series ends before the slot and another carries on."""
        _needs(world, "split")
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

    # ── what is not ours ────────────────────────────────────────────────────────────────────

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
        landed = update(watcher.connector, made, _move_to(SINGLE, "2027-01-12T11:00"))
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
        _needs(world, "adorn")
        made = create(connector, SINGLE)
        world.person.adorn(made.remote_id)
        before = world.person.adornments(made.remote_id)
        seen = connector.read(made.remote_id)
        assert seen is not None
        landed = update(connector, seen, _move_to(SINGLE, "2027-01-12T12:00"))
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


def _needs(world: World, act: str) -> None:
    if act in world.lacks:
        pytest.skip(f"nobody can {act.replace('_', ' ')} in this calendar")
