"""Every way to another time, on a real calendar and mail server; after each act all agree.

`Scene.act` demands it: books, calendar, mails, claims and audit log say the same, and a second pass
writes nothing. Those marked slow run by `make slow`: their laws hold without a calendar too.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from e2e.conftest import ACCOUNTS, copied
from e2e.scene import DANA, SAM, Scene

pytestmark = pytest.mark.e2e

NOW = "2026-12-01T09:00:00-05:00"
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOVED = {SAM: "New time", DANA: "Moved"}
CANCELLED = {SAM: "Cancelled", DANA: "Cancelled"}


def appointment(ref: str, start: str, **more):
    return {
        "ref": ref,
        "provider": "dr-lee",
        "client": "c-1",
        "start": start,
        "minutes": 50,
        **more,
    }


def house(*appointments, claims=()):
    """A practice file: a provider who works every day, a client an hour behind."""
    return {
        "practice": {"name": "Harbor Practice", "timezone": "America/New_York"},
        "payers": [{"ref": "ACME", "name": "Acme Health", "filing_limit_days": 90}],
        "providers": [
            {
                "ref": "dr-lee",
                "name": "Dana Lee",
                "email": DANA,
                "timezone": "America/New_York",
                "late_cancellation_fee": "75.00",
                "working_hours": {day: ["09:00-12:00", "13:00-17:00"] for day in EVERY_DAY},
            }
        ],
        "clients": [
            {"ref": "c-1", "name": "Sam Canary", "email": SAM, "timezone": "America/Chicago"}
        ],
        "appointments": list(appointments),
        "claims": [
            {
                "ref": f"cl-{ref.replace('#', '-')}",
                "appointment": ref,
                "payer": "ACME",
                "status": "ready",
            }
            for ref in claims
        ],
    }


@pytest.fixture
def play(tmp_path, environment, initialised, person, server, mailbox, monkeypatch) -> Iterator:
    """The function that opens a scene on a practice file."""
    monkeypatch.setenv("CALWARDEN_NOW", NOW)

    def begin(practice, now: str = NOW, *extra: str) -> Scene:
        made = copied(initialised, tmp_path / "practice", environment)
        made.configure(
            f'smtp.host = "{mailbox.host}"',
            f"smtp.port = {mailbox.port}",
            'practice.contact = "Front desk, 555 0100"',
            'web.public_url = "https://harbor.example"',
            *extra,
        )
        made.write("practice.json", practice)
        secret = made.write("password", ACCOUNTS["dana"] + "\n")
        scene = Scene(
            folder=made.folder,
            person=person,
            server=server,
            mailbox=mailbox,
            now=now,
            began=datetime.fromisoformat(now).astimezone(UTC),
        )
        imported = scene.run("import", str(made.folder / "practice.json"))
        assert imported["refused"] == []
        scene.run(
            *("link", "caldav", "--provider", "dr-lee", "--url", person.url),
            *("--username", "dana", "--password-file", str(made.folder / secret)),
        )
        scene.settle({})
        return scene

    return begin


def test_a_change_that_is_agreed_moves_one_appointment(play):
    """Day, hour and length; the claim's date follows; both are told in their own zone."""
    scene = play(house(appointment("a-1", "2026-12-08T10:00"), claims=["a-1"]))
    change = ("--start", "2026-12-10T14:00", "--minutes", "45")
    scene.act("appointments", "reschedule", "a-1", *change, mail=MOVED)
    assert scene.claim("cl-a-1")["date_of_service"] == "2026-12-10"
    assert "1:00 to 1:45 PM CST (America/Chicago)" in scene.letter(SAM).text
    assert "2:00 to 2:45 PM EST (America/New_York)" in scene.letter(DANA).text
    scene.act("appointments", "reschedule", "a-1", *change)  # once more: nothing to do
    past = ("appointments", "reschedule", "a-1", "--start", "2026-11-30T10:00")
    assert "passed" in scene.act(*past, expect=4)
    scene.at("2026-12-10T14:00:00-05:00")
    late = ("appointments", "reschedule", "a-1", "--start", "2026-12-11T10:00")
    assert "appointments correct" in scene.act(*late, expect=4)


def test_what_has_started_is_corrected_by_billing_alone(play):
    """Nobody is told; the event follows the true time, the claim its day; the plan is kept."""
    scene = play(
        house(
            appointment("a-1", "2026-12-01T10:00"),
            appointment("a-2", "2026-12-01T13:00"),
            claims=["a-1"],
        )
    )
    assert "not started" in scene.act("appointments", "complete", "a-1", expect=4)
    scene.at("2026-12-02T09:00:00-05:00")
    true = ("--start", "2026-12-02T08:00", "--minutes", "38")
    scene.act("appointments", "correct", "a-1", *true, "--reason", "sign-in sheet")
    one = scene.appointments()["a-1"]
    assert one["start"] == "2026-12-02T08:00:00-05:00"
    assert one["scheduled_start"] == "2026-12-01T10:00:00-05:00"
    assert scene.claim("cl-a-1")["date_of_service"] == "2026-12-02"
    scene.act("appointments", "complete", "a-1")
    scene.act("appointments", "no-show", "a-2")
    assert scene.appointments()["a-2"]["status"] == "no_show"


@pytest.mark.slow
def test_an_ask_is_answered_by_the_client(play):
    """The slot is kept and the claim held until the answer; the block that came with it stays."""
    scene = play(house(appointment("a-1", "2026-12-08T10:00"), claims=["a-1"]))
    ask = ("appointments", "ask", "a-1", "--reason", "conflict", "--note", "Mornings are best.")
    scene.act(*ask, "--out-of-office", mail={SAM: "Please choose"})
    assert scene.claim("cl-a-1")["held"]
    assert "Mornings are best." in scene.letter(SAM).text
    assert "asked already" in scene.act(*ask, expect=4)
    token = scene.token()
    page = scene.run("client", "show", token)
    assert page["ask"]["reason"] == "conflict"
    slot = next(one["start"] for one in page["slots"] if one["start"].startswith("2026-12-09"))
    scene.act("client", "pick", token, "--start", slot, mail=MOVED)
    assert scene.appointments()["a-1"]["status"] == "scheduled"
    assert scene.claim("cl-a-1")["date_of_service"] == "2026-12-09"
    [asked] = scene.run("asks", "list")["asks"]
    assert asked["status"] == "answered"
    [block] = scene.run("out-of-office", "list")["out_of_office"]
    assert block["start"] == "2026-12-08T10:00:00-05:00"
    scene.act("out-of-office", "remove", str(block["id"]))
    free = [one["start"] for one in scene.run("client", "show", token)["slots"]]
    assert "2026-12-08T09:00:00-06:00" in free


def test_an_ask_that_nobody_answers_expires_after_48_hours(play):
    """A reminder half way; at the deadline, not before, cancelled without a fee, and both told."""
    scene = play(house(appointment("a-1", "2026-12-08T10:00"), claims=["a-1"]))
    scene.act("appointments", "ask", "a-1", "--reason", "illness", mail={SAM: "Please choose"})
    token = scene.token()
    scene.at("2026-12-02T08:59:59-05:00")
    scene.at("2026-12-02T09:00:00-05:00", mail={SAM: "Reminder"})
    scene.at("2026-12-03T08:59:59-05:00")
    scene.at("2026-12-03T09:00:00-05:00", mail=CANCELLED)
    one = scene.appointments()["a-1"]
    assert (one["status"], one["late_fee"]) == ("cancelled", None)
    assert "without a fee" in scene.letter(SAM).text
    [asked] = scene.run("asks", "list")["asks"]
    assert asked["status"] == "expired"
    slot = "2026-12-09T09:00:00-06:00"
    assert "cancelled" in scene.act("client", "pick", token, "--start", slot, expect=4)
    rows = scene.run("report", "follow-through", "--format", "json")["rows"]
    counts = {one["path"]: one["total"] for one in rows if one["total"]}
    assert counts == {"ask": 1}


@pytest.mark.slow
def test_an_ask_expires_at_the_start_where_that_comes_first(play):
    """Until then it can be answered, whatever the notice."""
    scene = play(house(appointment("a-1", "2026-12-01T20:00")))
    scene.act("appointments", "ask", "a-1", "--reason", "illness", mail={SAM: "Please choose"})
    [asked] = scene.run("asks", "list")["asks"]
    assert asked["deadline"] == "2026-12-01T20:00:00-05:00"
    scene.at("2026-12-01T14:30:00-05:00", mail={SAM: "Reminder"})
    assert scene.run("client", "show", scene.token())["slots"]
    scene.at("2026-12-01T19:59:59-05:00")
    scene.at("2026-12-01T20:00:00-05:00", mail=CANCELLED)
    assert scene.appointments()["a-1"]["status"] == "cancelled"


@pytest.mark.slow
def test_a_late_daemon_cancels_nobody_until_a_person_confirms(play):
    """Eleven minutes late, the ask is overdue, and can still be answered or confirmed."""
    scene = play(
        house(appointment("a-1", "2026-12-08T10:00"), appointment("a-2", "2026-12-08T13:00"))
    )
    both = ("appointments", "ask", "a-1", "a-2", "--reason", "away")
    scene.run(*both)
    scene.run("tick")
    tokens = [scene.mailbox.letters[n].text.split("/c/")[1].split()[0] for n in (0, 1)]
    scene.told = len(scene.mailbox.letters)
    scene.settle({})
    scene.now = "2026-12-03T09:11:00-05:00"
    scene.run("tick")
    scene.told = len(scene.mailbox.letters)
    scene.settle({})
    assert [one["status"] for one in scene.run("asks", "list")["asks"]] == ["overdue"] * 2
    slot = "2026-12-09T09:00:00-06:00"
    scene.act("client", "pick", tokens[0], "--start", slot, mail=MOVED)
    left = next(one for one in scene.run("asks", "list")["asks"] if one["status"] == "overdue")
    scene.act("asks", "confirm", str(left["id"]), mail=CANCELLED)
    statuses = sorted(one["status"] for one in scene.appointments().values())
    assert statuses == ["cancelled", "scheduled"]


@pytest.mark.slow
def test_an_ask_is_taken_back(play):
    """The appointment takes place as it was, and the client is told."""
    scene = play(house(appointment("a-1", "2026-12-08T10:00"), claims=["a-1"]))
    scene.act("appointments", "ask", "a-1", "--reason", "conflict", mail={SAM: "Please choose"})
    scene.act("asks", "withdraw", "1", mail={SAM: "Your appointment on Tue, Dec 8 stays as it was"})
    assert not scene.claim("cl-a-1")["held"]
    assert "withdrawn already" in scene.act("asks", "withdraw", "1", expect=4)


@pytest.mark.slow
def test_everything_under_a_block_is_asked_in_one_step(play):
    """The block stands in the calendar at once, and lists what lies under it."""
    scene = play(
        house(
            appointment("a-1", "2026-12-24T10:00"),
            appointment("s-1", "2026-12-17T13:00", repeat={"every_weeks": 1, "count": 3}),
        )
    )
    span = ("--start", "2026-12-24T00:00", "--end", "2026-12-27T00:00")
    block = scene.act("out-of-office", "add", "--provider", "dr-lee", *span)
    assert block["appointments"] == ["a-1", "s-1#2"]
    scene.run("out-of-office", "ask", str(block["id"]))
    scene.run("tick")
    new = scene.mailbox.letters[scene.told :]
    assert [one.recipients for one in new] == [[SAM], [SAM]]
    scene.told = len(scene.mailbox.letters)
    scene.settle({})
    assert {one["appointment"] for one in scene.run("asks", "list")["asks"]} == {"a-1", "s-1#2"}
    slots = scene.run("appointments", "slots", "--provider", "dr-lee", "--minutes", "50")["slots"]
    days = {one["start"][:10] for one in slots}
    assert "2026-12-23" in days
    assert not days & {"2026-12-24", "2026-12-25", "2026-12-26"}


def test_the_notice_is_24_hours_of_elapsed_time_across_a_change_of_the_clocks(play):
    """Noon after the spring change: 24 hours before is 11:00 of the day before."""
    scene = play(
        house(
            appointment("a-1", "2027-03-14T12:00"),
            appointment("a-2", "2027-03-14T12:50"),
            appointment("a-3", "2027-03-14T14:00"),
            claims=["a-1", "a-2"],
        ),
        "2027-03-10T09:00:00-05:00",
    )
    scene.act("appointments", "reschedule", "a-2", "--start", "2027-03-14T13:00", mail=MOVED)
    later = scene.token()
    scene.act("appointments", "reschedule", "a-2", "--start", "2027-03-14T12:50", mail=MOVED)
    scene.act(
        *("appointments", "reschedule", "a-1", "--start", "2027-03-14T11:00"),
        mail=MOVED,
    )
    scene.act(
        *("appointments", "reschedule", "a-1", "--start", "2027-03-14T12:00"),
        mail=MOVED,
    )
    token = scene.token()
    scene.at("2027-03-13T11:00:00-05:00")
    assert scene.run("client", "show", token)["slots"]
    fee = ("appointments", "cancel", "a-1", "--reason", "ill", "--late-fee")
    assert "24 hours or more" in scene.act(*fee, expect=4)
    scene.at("2027-03-13T11:00:01-05:00")
    assert scene.run("client", "show", token)["slots"] == []
    slot = "2027-03-16T09:00:00-05:00"
    for refused in (("cancel", token), ("pick", token, "--start", slot)):
        said = scene.act("client", *refused, expect=4)
        assert "Front desk, 555 0100" in said
        assert "75.00" in said
    scene.act(*fee, mail=CANCELLED)
    one = scene.appointments()["a-1"]
    assert (one["status"], one["late_fee"]) == ("late_cancelled", "75.00")
    assert "75.00" in scene.letter(SAM).text
    todo = scene.run("claims", "work", expect=1)["work"]
    assert [one["kind"] for one in todo if one["claim"] == "cl-a-1"] == ["no_service"]
    scene.at("2027-03-13T11:50:00-05:00")
    scene.act("client", "cancel", later, mail=CANCELLED)
    assert scene.appointments()["a-2"]["status"] == "cancelled"
    scene.at("2027-03-13T15:00:00-05:00")
    scene.act("appointments", "cancel", "a-3", "--reason", "ill", mail=CANCELLED)
    one = scene.appointments()["a-3"]
    assert (one["status"], one["late_fee"]) == ("cancelled", None)


def test_a_long_series_is_split_in_the_middle(play):
    """Behind the split what was moved keeps its own time, what was cancelled stays so."""
    series = appointment("s-1", "2026-12-04T10:00", repeat={"every_weeks": 1, "count": 30})
    scene = play(house(series, claims=["s-1#14", "s-1#15", "s-1#20"]))
    scene.act(*("appointments", "reschedule", "s-1#20", "--start", "2027-04-15T09:00"), mail=MOVED)
    scene.act(*("appointments", "reschedule", "s-1#25", "--start", "2027-05-20T15:00"), mail=MOVED)
    scene.act(*("appointments", "cancel", "s-1#27", "--reason", "holiday"), mail=CANCELLED)
    before = scene.appointments("s-1")
    scene.at("2026-12-11T12:00:00-05:00")
    split = ("--start", "2027-03-11T14:00", "--scope", "following", "--minutes", "45")
    scene.act("appointments", "reschedule", "s-1#15", *split, mail=MOVED)
    after = scene.appointments("s-1")
    assert list(after) == list(before)
    assert len(after) == 30
    kept = [f"s-1#{number}" for number in (*range(1, 15), 20, 25, 27)]
    for ref in kept:
        assert after[ref]["start"] == before[ref]["start"], ref
    assert after["s-1#27"]["status"] == "cancelled"
    moved = [ref for ref in after if ref not in kept]
    assert {after[ref]["start"][11:16] for ref in moved} == {"14:00"}
    assert {datetime.fromisoformat(after[ref]["start"]).weekday() for ref in moved} == {3}
    assert after["s-1#14"]["series"] != after["s-1#15"]["series"]
    assert scene.claim("cl-s-1-15")["date_of_service"] == "2027-03-11"
    assert scene.claim("cl-s-1-20")["date_of_service"] == "2027-04-15"
    fortnightly = ("--start", "2027-03-25T14:00", "--scope", "following", "--every-weeks", "2")
    scene.act("appointments", "reschedule", "s-1#17", *fortnightly, mail=MOVED)
    last = scene.appointments("s-1")
    assert len(last) == 30
    assert last["s-1#16"]["start"] == after["s-1#16"]["start"]
    assert [last[f"s-1#{n}"]["start"][:10] for n in (17, 18, 19)] == [
        "2027-03-25",
        "2027-04-08",
        "2027-04-22",
    ]


@pytest.mark.slow
def test_an_endless_series_goes_on_and_can_be_changed_beyond_its_horizon(play):
    """26 weeks ahead, extended by the timers; a later slot comes to be when it is named."""
    scene = play(house(appointment("s-1", "2026-12-04T10:00", repeat={"every_weeks": 1})))
    assert len(scene.appointments("s-1")) == 26
    scene.at("2026-12-11T12:00:00-05:00")
    assert list(scene.appointments("s-1").values())[-1]["start"][:10] == "2027-06-11"
    far = ("appointments", "reschedule", "s-1#40", "--start", "2027-09-01T15:00")
    scene.act(*far, mail=MOVED)
    assert scene.start("s-1#40") == "2027-09-01T15:00"
    split = ("--start", "2027-02-02T09:00", "--scope", "following")
    scene.act("appointments", "reschedule", "s-1#10", *split, mail=MOVED)
    assert scene.start("s-1#40") == "2027-09-01T15:00"
    assert scene.start("s-1#11") == "2027-02-09T09:00"


def test_a_start_that_the_clocks_skip_takes_the_offset_before(play):
    """Sunday 02:30 of the spring change is 03:30; its neighbours are as they were."""
    series = appointment("s-1", "2027-03-07T02:30", repeat={"every_weeks": 1, "count": 3})
    scene = play(house(series, claims=["s-1#2"]), "2027-03-05T09:00:00-05:00")
    found = scene.appointments("s-1")
    told = [(one["start"], one["resolved"]) for one in found.values()]
    instants = [datetime.fromisoformat(start).astimezone(UTC).hour for start, _ in told]
    assert instants == [7, 7, 6]
    assert [resolved for _, resolved in told] == [None, "gap", None]
    scene.act(*("appointments", "reschedule", "s-1#1", "--start", "2027-03-14T02:45"), expect=4)
    scene.act(*("appointments", "reschedule", "s-1#3", "--start", "2027-03-21T04:30"), mail=MOVED)
