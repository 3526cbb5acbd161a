"""Laws of writing: what is written stands, and nothing is written over what was not seen."""

from dataclasses import replace

import pytest

from calwarden.domain.event import EventText, ManagedEvent, Observed
from calwarden.ical.recurrence import read_recurrence
from calwarden.sdk.connector import Connector, Verb, Write
from calwarden.sdk.errors import PreconditionFailed
from calwarden.testing.laws import Laws
from calwarden.testing.samples import (
    FOURTH,
    HOUR,
    PUBLISHED,
    SINGLE,
    THIRD,
    WEEKLY,
    excluded,
    moved,
    overridden,
    perform_all,
)
from calwarden.testing.world import (
    FINGERPRINT,
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


class WritingLaws(Laws):
    """A write lands whole, once, and only on what the caller saw."""

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
        wanted = excluded(overridden(WEEKLY, THIRD, "2027-01-20T15:00"), FOURTH)
        made = perform_all(connector, Write(verb=Verb.CREATE, uid=wanted.uid, event=wanted))
        assert made is not None
        assert told(made.resource) == told(wanted.resource)

    def test_exceptions_come_and_go(self, connector: Connector) -> None:
        """Updates add, change and take back overrides and exclusions, each call as announced."""
        plain = overridden(WEEKLY, THIRD, "2027-01-20T15:00")
        steps = [overridden(WEEKLY, THIRD, "2027-01-20T16:00", 30), excluded(plain, FOURTH)]
        if connector.capabilities.restores_occurrences:
            steps.append(WEEKLY)
        seen = create(connector, WEEKLY)
        for wanted in steps:
            landed = perform_all(connector, updating(seen, wanted))
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
        wanted = moved(WEEKLY, "2027-01-06T11:00", 45)
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
            moved(SINGLE, "2027-01-12T12:00"), text=EventText(title=None, location=None)
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
        write = _writes(made, moved(SINGLE, "2027-01-13T09:00"))[verb]
        with pytest.raises(PreconditionFailed):
            connector.perform(write, connector.calls(write)[0])
        assert world.raw() == before

    def test_a_refusal_keeps_nothing_of_an_earlier_one(
        self, world: World, connector: Connector
    ) -> None:
        """Each conflict is an error of its own: a daemon meets them for months, and forgets them.

        An error that is raised again remembers every place that it was raised in.
        """
        made = create(connector, SINGLE)
        world.person.move(made.remote_id, HOUR)
        write = _writes(made, moved(SINGLE, "2027-01-13T09:00"))["update"]
        refusals = []
        for _ in range(2):
            with pytest.raises(PreconditionFailed) as caught:
                connector.perform(write, connector.calls(write)[0])
            refusals.append(caught.value)
        assert refusals[0] is not refusals[1]

    def test_an_update_of_what_is_gone_recreates_nothing(
        self, world: World, connector: Connector
    ) -> None:
        """An update of an event that a person deleted fails and does not bring it back."""
        made = create(connector, SINGLE)
        world.person.delete(made.remote_id)
        with pytest.raises(PreconditionFailed):
            update(connector, made, moved(SINGLE, "2027-01-13T09:00"))
        assert world.raw() == {}

    def test_a_repeated_create_makes_one_event(self, world: World, connector: Connector) -> None:
        """Repeating a create that landed does no harm, whoever repeats it."""
        made = create(connector, SINGLE)
        again = create(world.connector(), SINGLE)
        assert told(again.resource) == told(made.resource)
        assert len(world.raw()) == 1

    def test_a_repeated_update_does_no_harm(self, world: World, connector: Connector) -> None:
        """Repeating every call of an update that landed leaves the same content."""
        wanted = excluded(overridden(WEEKLY, THIRD, "2027-01-20T15:00"), FOURTH)
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
        write = updating(made, excluded(WEEKLY, THIRD))
        assert connector.calls(write) == connector.calls(write)
        assert connector.requests == sent
        assert world.raw() == before


def _writes(seen: Observed, wanted: ManagedEvent) -> dict[str, Write]:
    return {"update": updating(seen, wanted), "delete": deleting(seen)}
