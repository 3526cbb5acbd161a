"""The link of a proposal opens a form that does properly what was done in a calendar."""

import re
from datetime import timedelta

import pytest

from calwarden.domain.appointment import Status
from calwarden.store import appointments, asks
from web.conftest import KEY, PUBLIC, services, site

HOUR = timedelta(hours=1)


class Page:
    """A proposal's page, in the hands of its provider."""

    def __init__(self, house):
        self.house = house
        self.browser = site(services(house.database, house.clock)).client

    def path(self, kind):
        (drift,) = [one for one in self.house.drifts() if one.kind == kind]
        return self.house.services.links.link_to_drift(drift.id).removeprefix(PUBLIC)

    def open(self, kind, expect=200):
        answer = self.browser.get(self.path(kind))
        assert answer.status_code == expect
        return answer.text

    def fields(self, kind, action):
        """What a form of the page would send as it stands."""
        form = self.open(kind).partition(f'/{action}"')[2].partition("</form>")[0]
        found = re.findall(
            r'<input (?![^>]*type="(?:radio|checkbox)")[^>]*name="(\w+)"([^>]*)', form
        )
        values = {name: re.search(r'value="([^"]*)"', rest) for name, rest in found}
        checked = re.findall(r'name="(\w+)" value="(\w+)" checked', form)
        return {name: one[1] if one else "" for name, one in values.items()} | dict(checked)

    def send(self, kind, action, values):
        return self.browser.post(f"{self.path(kind)}/{action}", data=values)


@pytest.fixture
def page(house):
    """A practice whose key is the one of its pages."""
    assert house.services.links.key == KEY
    return Page(house)


def stored(house, ref):
    with house.database.read() as connection:
        return appointments.get(connection, ref)


def test_the_form_is_filled_in_with_what_was_dragged_and_reschedules(house, page):
    """As it is sent, it moves the appointment to where it was dragged; sent twice, once."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    before = stored(house, "a-1")
    values = page.fields("moved", "reschedule")
    assert (values["day"], values["time"], values["minutes"]) == ("2026-12-03", "11:00", "50")
    assert stored(house, "a-1") == before
    assert page.send("moved", "reschedule", values).status_code == 303
    assert stored(house, "a-1").start == before.start + HOUR
    assert page.send("moved", "reschedule", values).status_code == 409
    house.sync()
    assert house.item("a-1").body.start == before.start + HOUR
    house.quiet()


def test_a_series_that_was_moved_as_a_whole_moves_from_the_next_meeting_on(house, page):
    """This and all subsequent events is chosen already; one event only can be."""
    house.series("s-1", "2026-12-08T10:00", 3)
    house.sync()
    house.person.move(house.remote("s-1"), HOUR)
    house.sync()
    values = page.fields("moved", "reschedule")
    assert values["scope"] == "following"
    assert page.send("moved", "reschedule", values).status_code == 303
    starts = [stored(house, f"s-1#{number}").start.hour for number in (1, 2, 3)]
    assert starts == [11, 11, 11]


def test_the_client_can_be_asked_from_the_form(house, page):
    """The reason is chosen, the appointment keeps its time until the answer."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.delete(house.remote("a-1"))
    house.sync()
    values = page.fields("deleted", "ask")
    asked = page.send("deleted", "ask", {**values, "reason": "illness", "note": ""})
    assert asked.status_code == 303
    assert stored(house, "a-1").status is Status.RESCHEDULE_REQUESTED
    with house.database.read() as connection:
        assert asks.standing(connection, "a-1").reason == "illness"
    assert "asked to choose another time" in page.open("deleted")


def test_cancelling_comes_last_and_needs_a_reason(house, page):
    """It stands below the two ways of rescheduling; without a reason nothing is done."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.delete(house.remote("a-1"))
    house.sync()
    shown = page.open("deleted")
    assert shown.index("1. Reschedule") < shown.index("2. Ask") < shown.index("3. Or cancel")
    values = page.fields("deleted", "cancel")
    assert page.send("deleted", "cancel", {**values, "reason": " "}).status_code == 409
    assert page.send("deleted", "cancel", {**values, "reason": "moved away"}).status_code == 303
    assert stored(house, "a-1").status is Status.CANCELLED
    assert "does not take place" in page.open("deleted")


def test_a_rule_that_refuses_is_told_and_nothing_changes(house, page):
    """Into the past, into a gap of the clocks: the page says why, and stands as it was."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    before = stored(house, "a-1")
    values = page.fields("moved", "reschedule")
    for changes in ({"day": "2026-11-02"}, {"time": "25:00"}, {"form": "made-up"}):
        answer = page.send("moved", "reschedule", {**values, **changes})
        assert answer.status_code == 409
        assert 'role="alert"' in answer.text
    assert stored(house, "a-1") == before


def test_a_link_that_was_changed_or_is_another_ones_opens_nothing(house, page):
    """A client's token is no provider's; a number cannot be guessed; an old link has ended."""
    house.book("a-1", "2026-12-03T10:00")
    house.sync()
    house.person.move(house.remote("a-1"), HOUR)
    house.sync()
    token = house.services.links.token_for(stored(house, "a-1"))
    for path in (f"/p/{token}", "/p/1", page.path("moved")[:-1]):
        assert page.browser.get(path).status_code == 404
    house.clock.advance(timedelta(days=31))
    page.open("moved", expect=410)
