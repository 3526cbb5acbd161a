"""After a pass every provider hears once of what they did outside, and of a lost link."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.message import MessageKind
from calwarden.engine import proposals
from calwarden.engine.connections import Connections
from calwarden.engine.timers import tick
from calwarden.practice.messages.correspondence import correspondence
from calwarden.practice.messages.house import House as Words
from calwarden.practice.messages.rendering import Renderer
from calwarden.sdk.errors import NeedsAuth
from calwarden.store import outbox
from calwarden.testing.acts import MemoryWorld

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def told(house, kind=MessageKind.PROPOSAL):
    with house.database.read() as connection:
        return outbox.search(connection, kind=kind)


def text(house, message):
    words = Words(home="x", sender="a@b.example", public_url="http://x.example", link=str)
    with house.database.read() as connection:
        people = correspondence(connection, message)
    return Renderer(words).render(message, people).text


@pytest.fixture
def two(house):
    """Two appointments that stand in the calendar."""
    house.book("a-1", "2026-12-03T10:00")
    house.book("a-2", "2026-12-04T10:00")
    house.sync()
    return house


def test_one_pass_is_one_message_however_much_was_changed(two):
    """Both drifts are in it, each with what was put back and the form that does it properly."""
    two.person.move(two.remote("a-1"), HOUR)
    two.person.delete(two.remote("a-2"))
    two.sync()
    (message,) = told(two)
    assert (message.recipient.reader, message.recipient.ref) == ("provider", "dr-lee")
    words = text(two, message)
    assert "An appointment was moved. We put it back." in words
    assert "11:00 to 11:50 AM EST" in " ".join(words.split())
    assert "An appointment was deleted. We put it back." in words
    for drift in two.drifts():
        link = two.services.links.link_to_drift(drift.id)
        assert link in words
        assert drift.proposal.startswith("An appointment was")
        assert drift.proposal.endswith(link)


def test_two_calendars_of_one_provider_are_one_message(house):
    """The provider acted; how many calendars show it is our affair."""
    second = house.link(MemoryWorld())
    house.book("a-1", "2026-12-03T10:00")
    house.sync_all()
    house.person.move(house.remote("a-1"), HOUR)
    other = house.worlds[second]
    other.person.move(house.remote("a-1", second), 2 * HOUR)
    house.sync_all()
    (message,) = told(house)
    assert len(message.facts["drifts"]) == 2


def test_nothing_is_told_twice(two):
    """Later passes find the drift told; a further edit is a new revision and told again."""
    two.clock.advance(timedelta(days=3) - HOUR)  # an hour before the start: flagged, not reverted
    two.person.move(two.remote("a-1"), HOUR)
    two.sync()
    two.sync()
    assert len(told(two)) == 1
    two.person.move(two.remote("a-1"), HOUR)
    two.sync()
    first, second = told(two)
    assert second.facts["drifts"][0]["revision"] > first.facts["drifts"][0]["revision"]
    assert "left as it is until somebody decides" in " ".join(text(two, second).split())


def test_looks_only_are_no_news(two):
    """What is put back and matters to nobody gets no mail and no proposal."""
    two.person.relocate(two.remote("a-1"), "Cafe")
    two.sync()
    assert told(two) == []
    (drift,) = two.drifts()
    assert (drift.status, drift.proposal) == ("reverted", None)


def test_a_dry_run_tells_nobody(two):
    """It writes nothing anywhere."""
    two.person.move(two.remote("a-1"), HOUR)
    two.sync(dry_run=True)
    assert told(two) == []


def test_a_person_who_undoes_it_in_time_hears_nothing(two):
    """The daemon waits its grace before it puts back, and tells nobody before."""
    two.person.move(two.remote("a-1"), HOUR)
    two.tick()
    assert tick(two.services).proposed == 0
    two.person.move(two.remote("a-1"), -HOUR)
    two.clock.advance(MINUTE)
    two.tick()
    assert tick(two.services).proposed == 0
    assert told(two) == []


def test_the_daemon_tells_once_it_has_put_back(two):
    """After the grace, with the next timers."""
    two.person.move(two.remote("a-1"), HOUR)
    two.tick()
    two.clock.advance(2 * MINUTE)
    two.tick()
    assert tick(two.services).proposed == 1
    assert tick(two.services).proposed == 0
    assert "We put it back" in text(two, told(two)[0])


def test_the_message_names_no_client_and_no_title(two):
    """What people typed outside, and whom they meet, is not in it."""
    two.person.move(two.remote("a-1"), HOUR)
    two.person.retitle(two.remote("a-1"), "Sam Rivera, crisis")
    two.sync()
    (message,) = told(two)
    assert "Rivera" not in str(message.facts)
    assert "crisis" not in text(two, message)


def test_nothing_new_costs_no_write(two):
    """Between drifts the timers only read."""
    two.person.move(two.remote("a-1"), HOUR)
    two.sync()
    with two.database.write() as tx:
        # a second writer would wait: telling nobody needs no transaction of its own
        assert proposals.propose(two.services) == 0
        del tx


def test_a_lost_link_is_told_exactly_once(two):
    """However many passes find it lost; the message names the calendar and what to do."""

    def refuse(_calendar):
        raise NeedsAuth("access was revoked")

    two.services = replace(two.services, connections=Connections(refuse))
    for _ in range(3):
        assert two.sync().outcome == "needs_relink"
    (message,) = told(two, MessageKind.RELINK_NEEDED)
    assert f"/portal/calendars/{two.calendar}/link" in text(two, message)
