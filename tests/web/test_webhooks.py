"""What calendar services post: proven by name and secret, answered at once, never believed."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from calwarden.domain.practice import Practice, Provider
from calwarden.sdk.connector import Capabilities, Link
from calwarden.sdk.push import Notice, Notified, Posting, Reading, UnreadablePosting
from calwarden.store import calendars, people, subscriptions
from calwarden.store.calendars import NewCalendar
from calwarden.store.errors import DatabaseBusy
from calwarden.store.subscriptions import StoredSubscription
from calwarden.web import webhooks

ZONE = "America/New_York"
SECRET = "b7yq-the-secret"


class Plain:
    """Reads postings that say what they ask for in their query."""

    def read_posting(self, posting: Posting) -> Reading:
        if "handshake" in posting.query:
            return Reading(reply=posting.query["handshake"])
        if "asks" not in posting.query:
            raise UnreadablePosting("nothing is asked")
        name, secret = posting.headers["x-name"], posting.headers["x-secret"]
        asks = Notified(posting.query["asks"])
        return Reading(notices=(Notice(subscription=name, secret=secret, asks=asks),))


class Hooks:
    """The endpoint over a database with one subscription, and a client that posts to it."""

    def __init__(self, database, clock) -> None:
        self.database, self.clock = database, clock
        with database.write() as tx:
            people.save_practice(tx, Practice(name="Harbor", timezone=ZONE))
            lee = Provider(ref="dr-lee", name="L", timezone=ZONE, place_of_service_timezone=ZONE)
            people.save_provider(tx, lee)
            link = Link(remote_id="r-1", account="a", capabilities=Capabilities(push=True))
            new = NewCalendar(provider="dr-lee", connector="plain", link=link)
            self.calendar = calendars.insert_one(tx, new, now=clock.now())
            one = StoredSubscription(
                name="sub-1",
                calendar_id=self.calendar,
                secret_hash=subscriptions.secret_hash(SECRET),
                address="https://calwarden.example/hooks/plain",
                resource="",
                opened_at=clock.now(),
                renew_at=clock.now() + timedelta(days=5),
                expires_at=clock.now() + timedelta(days=7),
            )
            subscriptions.save(tx, one)
        app = FastAPI()
        reader_of = {"plain": Plain(), "other": Plain()}.get
        app.include_router(webhooks.routes(reader_of, database, clock))
        self.client = TestClient(app, raise_server_exceptions=False)

    def post(self, query="asks=look", *, to="plain", name="sub-1", secret=SECRET, body=b""):
        headers = {"X-Name": name, "X-Secret": secret}
        return self.client.post(f"/hooks/{to}?{query}", headers=headers, content=body)

    @property
    def stored(self):
        with self.database.read() as connection:
            return subscriptions.find(connection, "plain", "sub-1")

    @property
    def marked_at(self):
        with self.database.read() as connection:
            return calendars.get(connection, self.calendar).pushed_at


@pytest.fixture
def hooks(sqlite_database, clock):
    return Hooks(sqlite_database, clock)


def test_a_proven_notice_marks_its_calendar(hooks):
    """Accepted, with an empty answer, and the calendar is marked as of now."""
    answer = hooks.post()
    assert (answer.status_code, answer.content) == (202, b"")
    assert hooks.marked_at == hooks.stored.heard_at == hooks.clock.now()


def test_each_notice_leaves_a_later_mark(hooks):
    """Notices of one moment, or of a clock that went back, are told apart by whoever looks."""
    marks = []
    for _ in range(3):
        hooks.post()
        marks.append(hooks.marked_at)
    hooks.clock.jump(hooks.clock.now() - timedelta(hours=1))
    hooks.post()
    assert sorted({*marks, hooks.marked_at}) == [*marks, hooks.marked_at]


@pytest.mark.parametrize(
    "forged",
    [{"secret": "guessed"}, {"secret": ""}, {"name": "sub-2"}, {"name": ""}, {"to": "other"}],
)
def test_a_forged_notice_changes_nothing(hooks, forged):
    """A wrong secret, name or service: the same answer, no mark, and not even a write."""

    def write():
        raise AssertionError("a forged notice took the database's write lock")

    hooks.database.write = write
    assert hooks.post(**forged).status_code == 404
    assert hooks.marked_at is None
    assert hooks.stored.heard_at is None


def test_what_is_stored_of_a_secret_proves_nothing(hooks):
    """Who reads the database cannot make a notice up."""
    assert hooks.post(secret=hooks.stored.secret_hash).status_code == 404
    assert hooks.marked_at is None


def test_a_late_notice_of_an_ended_subscription_changes_nothing(hooks):
    """After its end nobody is told anything in its name."""
    hooks.clock.advance(timedelta(days=7))
    assert hooks.post().status_code == 404
    assert hooks.marked_at is None


def test_a_notice_that_only_opens_marks_nothing(hooks):
    """The service shows that it reaches us: noted once, and no reason to look."""
    assert hooks.post("asks=reached").status_code == 202
    heard = hooks.stored.heard_at
    hooks.clock.advance(timedelta(hours=1))
    hooks.post("asks=reached")
    assert (hooks.marked_at, hooks.stored.heard_at) == (None, heard)


def test_a_service_may_ask_for_renewal(hooks):
    """Extending and opening again become due; only a gap is a reason to look."""
    hooks.post("asks=extend")
    assert hooks.stored.renew_at == hooks.clock.now()
    assert hooks.stored.expires_at > hooks.clock.now()
    assert hooks.marked_at is None
    hooks.post("asks=reopen")
    assert hooks.stored.expires_at == hooks.clock.now() == hooks.marked_at


def test_a_handshake_is_answered_in_plain_text(hooks):
    """The service's own token comes back as text that no browser takes for a page."""
    answer = hooks.post("handshake=%3Cscript%3Ea%20b")
    assert (answer.status_code, answer.text) == (200, "<script>a b")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_no_service_sends_is_refused(hooks):
    """An unknown connector, an unreadable request, a flood in one body, another method."""
    assert hooks.post(to="nobody").status_code == 404
    assert hooks.post("nothing=1").status_code == 400
    assert hooks.post(body=b"x" * (webhooks.LARGEST + 1)).status_code == 413
    assert hooks.client.get("/hooks/plain?asks=look").status_code == 405


def test_a_busy_database_asks_the_service_to_come_again(hooks):
    """What cannot be noted now is not said to be accepted."""

    def write():
        raise DatabaseBusy("busy")

    hooks.database.write = write
    answer = hooks.post()
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
