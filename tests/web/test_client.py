"""A client's pages: what they show, what they change, and what they never change."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from calwarden.domain.appointment import Status
from calwarden.domain.wall_time import local_text

FREE = "2026-12-11T12:30:00-06:00"
FREE_THERE = "2026-12-11T13:30:00"
TAKEN = "not free any more"


def start(clinic, ref="a-1"):
    return local_text(clinic.office.get(ref).start)


def test_a_client_sees_the_appointment_in_the_own_zone(clinic):
    """The zone is named, and the practice's hour stands beside it; nobody's name but provider's."""
    page = clinic.open()
    assert "<title>Your appointment · Harbor Practice</title>" in page
    assert "Thursday, December 10, 2026" in page
    assert "8:00 to 8:50 AM CST (America/Chicago)" in page
    assert "By the practice&#39;s clocks: 9:00 AM EST (America/New_York)" in page
    assert "until Wednesday, December 9, 2026, 8:00 AM CST" in page
    assert "Dana Lee" in page
    assert "Rivera" not in page


def test_the_times_are_grouped_by_days_and_weeks_of_the_reader(clinic):
    """Only weeks with times are led to; each time leads to a page that asks again."""
    page = clinic.open()
    assert "Nov 30 to Dec 6" in page
    assert page.count('<section class="day"') == 7
    assert "← Earlier" not in page
    later = re.search(r'rel="next" href="([^"]+)#times"', page)[1]
    page = clinic.get(later).text
    assert "Dec 7 to Dec 13" in page
    assert "← Earlier" in page
    days = re.findall(r'<h3 id="day-\d">([^<]+) <small>CST</small>', page)
    assert days[4] == "Friday, December 11, 2026"
    assert "start=2026-12-11T12%3A30%3A00-06%3A00" in page
    assert "start=2026-12-10T08%3A00%3A00-06%3A00" not in page  # the time that it has
    last = clinic.open(more="?week=4")
    assert "Later →" not in last


def test_times_can_be_read_in_any_zone(clinic):
    """A plain form; the choice goes along from page to page, and nonsense is ignored."""
    page = clinic.open(more="?zone=Asia/Tokyo&week=1")
    assert '<option value="Asia/Tokyo" selected>' in page
    assert page.count(" selected>") == 1
    assert "11:00 to 11:50 PM JST (Asia/Tokyo)" in page
    assert "zone=Asia%2FTokyo" in page
    page = clinic.open(more="/time?start=2026-12-12T03:30:00%2B09:00&zone=Asia/Tokyo")
    assert "3:30 to 4:20 AM JST" in page
    moved = clinic.post(f"{clinic.path()}/time", clinic.form(page))
    assert "zone=Asia%2FTokyo" in moved.headers["location"]
    assert start(clinic) == FREE_THERE
    assert "CST (America/Chicago)" in clinic.open(more="?zone=Mars/Phobos")
    assert "CST (America/Chicago)" in clinic.open(more="?zone=../../etc/passwd")


def test_picking_a_time_moves_the_appointment_and_says_what_happens_next(clinic):
    """One form to confirm; afterwards an address that can be opened again and does nothing."""
    path = clinic.path()
    page = clinic.open(more=f"/time?start={FREE.replace(':', '%3A')}")
    assert "12:30 to 1:20 PM CST" in page
    assert "8:00 to 8:50 AM CST" in page
    answer = clinic.post(f"{path}/time", clinic.form(page))
    assert (answer.status_code, start(clinic)) == (303, FREE_THERE)
    stored = clinic.stored()
    done = clinic.get(answer.headers["location"])
    assert done.status_code == 200
    assert "Your appointment has a new time" in done.text
    assert "What happens next" in done.text
    assert "12:30 to 1:20 PM CST" in done.text
    assert "has a new time" not in clinic.open()
    assert clinic.stored() == stored


def test_the_page_of_a_done_change_ends_with_it(clinic):
    """Once the appointment has moved on, an old address does not tell an old time as news."""
    path = clinic.path()
    first = clinic.post(f"{path}/time", clinic.choose(FREE)).headers["location"]
    clinic.office.move("a-1", "2026-12-14T10:00")
    page = clinic.get(first).text
    assert "has a new time" not in page
    assert "Monday, December 14, 2026" in page


def test_sending_a_form_twice_does_it_once(clinic):
    """Both lead to the same page."""
    path, form = clinic.path(), clinic.choose(FREE)
    first = clinic.post(f"{path}/time", form)
    stored = clinic.stored()
    again = clinic.post(f"{path}/time", form)
    assert (first.status_code, again.status_code) == (303, 303)
    assert clinic.stored() == stored
    assert "has a new time" in clinic.get(again.headers["location"]).text
    form = clinic.form(clinic.open(more="/cancel"))
    assert clinic.post(f"{path}/cancel", form).status_code == 303
    stored = clinic.stored()
    again = clinic.post(f"{path}/cancel", form)
    assert again.status_code == 303
    assert clinic.stored() == stored
    assert "Your appointment is cancelled" in clinic.get(again.headers["location"]).text


def test_two_clients_who_want_one_time_do_not_both_get_it(clinic):
    """The second is told so, with the times that are free now."""
    clinic.office.book("a-2", "2026-12-10T11:00", client="c-2")
    one, other = clinic.choose(FREE), clinic.choose("2026-12-11T13:30:00-05:00", "a-2")
    with ThreadPoolExecutor() as pool:
        answers = list(
            pool.map(
                lambda pair: clinic.post(f"{pair[0]}/time", pair[1]),
                [(clinic.path(), one), (clinic.path("a-2"), other)],
            )
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert TAKEN in refused.text
    assert '<section class="day"' in refused.text
    assert [start(clinic), start(clinic, "a-2")].count(FREE_THERE) == 1


@pytest.mark.parametrize("wanted", [FREE, "2026-12-11T12:33:00-06:00", "yesterday", ""])
def test_a_time_that_is_not_offered_is_not_confirmed(clinic, wanted):
    """It was taken meanwhile, or an address was made up: the fresh list is shown."""
    clinic.office.book("a-2", "2026-12-11T13:00", client="c-2")
    page = clinic.open(more=f"/time?start={wanted.replace(':', '%3A')}", expect=409)
    assert TAKEN in page
    assert '<section class="day"' in page


def test_the_time_that_an_appointment_has_is_not_told_as_taken(clinic):
    """Whoever goes back after choosing it is told that it is theirs."""
    page = clinic.open(more="/time?start=2026-12-10T09:00:00-05:00")
    assert "at that time already" in page
    assert TAKEN not in page


def test_cancelling_is_offered_after_the_two_ways_of_rescheduling(clinic):
    """The page says why, and cancels nothing by itself."""
    stored = clinic.stored()
    page = clinic.open(more="/cancel")
    ways = ["1. Choose another time yourself", "2. Let us find a time together", "Or cancel"]
    places = [page.index(way) for way in ways]
    assert places == sorted(places)
    assert "keeps on with it" in page
    assert "555 0100" in page
    assert page.count('class="slot"') == 3
    assert clinic.stored() == stored
    answer = clinic.post(f"{clinic.path()}/cancel", clinic.form(page))
    assert answer.status_code == 303
    assert clinic.office.get("a-1").status is Status.CANCELLED
    page = clinic.get(answer.headers["location"]).text
    assert "There is no fee" in page
    assert "To arrange a new one, please contact 555 0100" in page
    assert "<form" not in page


def test_a_cancelled_appointment_names_the_next_one(clinic):
    """What happens next is the appointment that stands."""
    clinic.office.book("a-2", "2026-12-17T09:00")
    assert "on Thursday, December 17, 2026, stays as it is" in clinic.open(more="/cancel")
    clinic.office.client_cancels("a-1")
    page = clinic.open()
    assert "Your next appointment" in page
    assert "Thursday, December 17, 2026" in page


@pytest.mark.parametrize(
    ("now", "possible"),
    [
        ("2026-12-09T09:00:00-05:00", True),
        ("2026-12-09T09:00:01-05:00", False),
        ("2026-12-10T08:59:59-05:00", False),
    ],
)
def test_the_notice_binds_to_the_second(clinic, now, possible):
    """The refusal says whom to contact and which fee the provider has set."""
    move, cancel = clinic.choose(FREE), clinic.form(clinic.open(more="/cancel"))
    clinic.office.at(now)
    clinic.services.clock.jump(datetime.fromisoformat(now))
    page = clinic.open()
    assert ('<section class="day"' in page) is possible
    assert ("too late to change it online" in page) is not possible
    if not possible:
        assert "555 0100" in page
        assert "<strong>75.00</strong>" in page
        assert "Wednesday, December 9, 2026, 8:00 AM CST" in page
        stored = clinic.stored()
        for path, form in (("/time", move), ("/cancel", cancel)):
            answer = clinic.post(clinic.path() + path, form)
            assert answer.status_code == 409
            assert clinic.open(more="/cancel", expect=409)
        assert clinic.stored() == stored


@pytest.mark.parametrize(
    ("now", "possible"),
    [("2026-11-01T00:30:00-04:00", True), ("2026-11-01T00:30:01-04:00", False)],
)
def test_the_notice_is_elapsed_time_across_a_change_of_the_clocks(clinic, now, possible):
    """24 hours before Sunday 23:30 is 0:30 of that day: the clocks go back in between."""
    clinic.office.at("2026-10-20T10:00:00-04:00")
    clinic.office.book("a-2", "2026-11-01T23:30")
    clinic.office.at(now)
    assert ("too late to change it online" in clinic.open("a-2")) is not possible


def test_without_a_fee_none_is_named(clinic):
    """It says that none is set."""
    clinic.office.provider(late_cancellation_fee=None)
    clinic.office.at("2026-12-10T08:00:00-05:00")
    assert "has set no late-cancellation fee" in clinic.open()


def test_an_ask_is_shown_with_its_reason_and_can_be_answered_late(clinic):
    """The notice does not bind the answer; reason and note are text, never markup."""
    clinic.office.at("2026-12-10T06:00:00-05:00")
    clinic.office.ask("a-1", reason="illness", note="<b>Mornings</b> are good")
    page = clinic.open()
    assert "Please choose a new time" in page
    assert "I am not well" in page
    assert "&lt;b&gt;Mornings&lt;/b&gt; are good" in page
    assert "Please choose before <strong>Thursday, December 10, 2026, 8:00 AM CST" in page
    answer = clinic.post(f"{clinic.path()}/time", clinic.choose(FREE))
    assert answer.status_code == 303
    assert start(clinic) == FREE_THERE
    assert "has a new time" in clinic.get(answer.headers["location"]).text


def test_an_ask_whose_time_is_over_says_so(clinic):
    """From the deadline on, before any timer has come round."""
    clinic.office.ask("a-1")
    form = clinic.choose(FREE)
    clinic.office.at("2026-12-02T10:00:00-05:00")
    page = clinic.open()
    assert "cannot be changed online any more" in page
    assert "555 0100" in page
    assert clinic.post(f"{clinic.path()}/time", form).status_code == 409
    assert start(clinic) == "2026-12-10T09:00:00"


def test_where_nothing_is_free_the_page_says_how_to_go_on(clinic):
    """An empty list is an answer too."""
    clinic.office.away("2026-11-30T00:00", "2027-01-15T00:00")
    page = clinic.open()
    assert "There is no free time within the next 28 days" in page
    assert "Your appointment stays as it is" in page
    assert "555 0100" in page
    assert "no free time in the near future" in clinic.open(more="/cancel")


def test_a_link_that_is_not_ours_and_one_that_has_ended_are_told_apart(clinic):
    """Both say what to do, and neither tells of any appointment."""
    page = clinic.get("/c/nonsense")
    assert page.status_code == 404
    assert "This link is not valid" in page.text
    assert clinic.get(clinic.path()[:-1]).status_code == 404
    path = clinic.path()
    form = clinic.choose(FREE)
    clinic.office.at("2026-12-10T09:00:00-05:00")
    for answer in (
        clinic.get(path),
        clinic.get(f"{path}/cancel"),
        clinic.post(f"{path}/time", form),
    ):
        assert answer.status_code == 410
        assert "This link has ended" in answer.text
        assert "Dana" not in answer.text
        assert "December" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_looking_changes_nothing(clinic, method):
    """Mail scanners open every link, some of them twice."""
    path = clinic.path()
    clinic.office.ask("a-1")
    stored = clinic.stored()
    for more in ("", "/time?start=2026-12-11T12:30:00-06:00", "/cancel"):
        for _ in range(2):
            clinic.client.request(method, path + more)
    assert clinic.stored() == stored


def test_head_answers_as_get_does(clinic):
    """Same status, no body."""
    answer = clinic.client.head(clinic.path())
    assert (answer.status_code, answer.content) == (200, b"")
    assert clinic.client.head("/c/nonsense").status_code == 404


@pytest.mark.parametrize("form", ["made-up", "other-action", "other-link"])
def test_a_form_that_was_not_signed_for_just_this_is_refused(clinic, form):
    """Nothing is changed, and the page is shown once more."""
    clinic.office.book("a-2", "2026-12-10T11:00", client="c-2")
    values = {
        "made-up": "x.y",
        "other-action": clinic.form(clinic.open(more="/cancel"))["form"],
        "other-link": clinic.choose("2026-12-11T13:30:00-05:00", "a-2")["form"],
    }
    stored = clinic.stored()
    answer = clinic.post(f"{clinic.path()}/time", {"form": values[form], "start": FREE})
    assert answer.status_code == 409
    assert "open for too long" in answer.text
    assert clinic.stored() == stored


def test_a_form_that_lay_for_too_long_is_shown_again(clinic):
    """Whoever left a page open over night sees it once more before anything happens."""
    form = clinic.form(clinic.open(more="/cancel"))
    clinic.office.at("2026-12-01T10:00:00-05:00")
    answer = clinic.post(f"{clinic.path()}/cancel", form)
    assert answer.status_code == 409
    assert "open for too long" in answer.text
    assert clinic.office.get("a-1").status is Status.SCHEDULED
    again = clinic.post(f"{clinic.path()}/cancel", clinic.form(answer.text))
    assert again.status_code == 303


def test_a_post_without_its_fields_is_a_page_too(clinic):
    """Not a machine's account of what is missing."""
    answer = clinic.post(f"{clinic.path()}/time", {})
    assert answer.status_code == 400
    assert "<h1>" in answer.text


def test_an_hour_that_comes_twice_is_shown_with_its_zone(clinic):
    """On the day that the clocks go back, each time says which one it is."""
    hours = {day: ["00:00-06:00"] for day in ("sat", "sun")}
    clinic.office.provider(working_hours=hours)
    clinic.office.at("2026-10-28T10:00:00-04:00")
    page = clinic.open(more="?week=0&zone=America/Chicago")
    assert "Sunday, November 1, 2026 <small>the clocks change</small>" in page
    assert re.findall(r">(1:30 AM C[^<]*)<", page) == ["1:30 AM CST"]  # CDT comes twice there
    assert re.findall(r">(12:30 AM C[^<]*)<", page) == ["12:30 AM CDT"]
