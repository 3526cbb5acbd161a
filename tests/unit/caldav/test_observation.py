"""Looking at servers of all habits: pages, ctags, forgotten rows, odd etags, odd objects."""

import re

import pytest

from calwarden.ical.reading import Reader
from calwarden.ical.writing import Writer
from calwarden.sdk.connector import Capabilities
from calwarden.sdk.errors import CursorExpired, Transient
from calwarden.testing.world import FINGERPRINT, NOW, ZONE, Watcher, event
from servers.scripted import Told, scripted

WRITER = Writer(reader=Reader(zone=ZONE, fingerprint=FINGERPRINT), now=NOW)
NO_TOKENS = Capabilities(incremental=False)
CUT = "<d:response><d:href>/cal/</d:href><d:status>HTTP/1.1 507 Cut</d:status></d:response>"


def body(number):
    """The object number ``number``."""
    return WRITER.create(event(f"a-{number}", "2027-01-12T10:00")).decode()


class Fake:
    """A collection that answers like a server of a given habit."""

    def __init__(self, count):
        self.objects = {f"/cal/{number}.ics": body(number) for number in range(count)}
        self.etags = {path: f'"{path}"' for path in self.objects}
        self.token = "t1"
        self.ctag = "c1"
        self.page = 0
        self.forgets = set()

    def __call__(self, asked):  # noqa: PLR0911 - an answer for each request
        if asked.method == "GET":
            if asked.path not in self.objects:
                return Told(status=404)
            headers = {"ETag": self.etags[asked.path], "Content-Type": "text/calendar"}
            return Told(status=200, body=self.objects[asked.path], headers=headers)
        if "sync-collection" in asked.body:
            return self._changes(re.search(r"sync-token>([^<]*)<", asked.body)[1])
        if "multiget" in asked.body:
            paths = set(re.findall(r"href>([^<]+)<", asked.body)) - self.forgets
            return multistatus(*(self._row(path, with_body=True) for path in sorted(paths)))
        if asked.headers["depth"] == "0":
            token = f"<d:sync-token>{self.token}</d:sync-token>"
            return multistatus(row("/cal/", f"<s:getctag>{self.ctag}</s:getctag>{token}"))
        own = row("/cal/", "<d:getetag>x</d:getetag>")
        if self.page:
            return multistatus(own, *map(self._row, list(self.objects)[: self.page]), CUT)
        return multistatus(own, *map(self._row, self.objects))

    def _row(self, path, *, with_body=False):
        if path not in self.objects:
            gone = "<d:status>HTTP/1.1 404 Gone</d:status>"
            return f"<d:response><d:href>{path}</d:href>{gone}</d:response>"
        etag = f"<d:getetag>{self.etags[path]}</d:getetag>"
        data = f"<c:calendar-data>{self.objects[path]}</c:calendar-data>" if with_body else ""
        return row(path, etag + data)

    def _changes(self, token):
        if token == self.token:
            return multistatus(token=self.token)
        paths = list(self.objects)
        first = int(token.removeprefix("page-")) if token.startswith("page-") else 0
        if not self.page:
            return multistatus(*map(self._row, paths), token=self.token)
        rows = [self._row(path) for path in paths[first : first + self.page]]
        following = first + self.page
        if following >= len(paths):
            return multistatus(*rows, token=self.token)
        return multistatus(*rows, CUT, token=f"page-{following}")


def row(path, properties):
    """One row of a multistatus."""
    return (
        f"<d:response><d:href>{path}</d:href><d:propstat><d:prop>{properties}</d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )


def multistatus(*rows, token=None):
    """A multistatus answer."""
    told = "" if token is None else f"<d:sync-token>{token}</d:sync-token>"
    spaces = (
        'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" '
        'xmlns:s="http://calendarserver.org/ns/"'
    )
    return Told(body=f"<d:multistatus {spaces}>{''.join(rows)}{told}</d:multistatus>")


def test_a_truncated_report_is_asked_on_until_it_ends(opened):
    """507 on the collection's own href means that there is more (RFC 6578 section 3.6).

    A listing that says so is followed by a report, which can be asked on.
    """
    fake = Fake(7)
    fake.page = 3
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url))
        delta = watcher.look()
        assert delta.present == frozenset(fake.objects)
        assert delta.cursor == "sync:t1"
        reports = [each.body for each in server.asked if "sync-collection" in each.body]
        # the last one asks whether that was all: some servers cut and do not say so
        assert len(reports) == 4
        assert ">t1<" in reports[-1]


def test_pages_that_do_not_advance_are_given_up(opened):
    """A server that repeats its own token for ever is not asked for ever."""
    with scripted(lambda _: multistatus(CUT, token="same")) as server:
        watcher = Watcher(opened(server.url))
        watcher.cursor = "sync:same"
        with pytest.raises(Transient):
            watcher.look()
        assert watcher.cursor == "sync:same"
        assert len(server.asked) < 5


def test_no_limit_is_sent(opened):
    """A limit loses rows on some servers, so none is sent, and the depth is 0 (C2, C3)."""
    with scripted(Fake(1)) as server:
        watcher = Watcher(opened(server.url))
        watcher.look()
        watcher.look()
        report = next(each for each in server.asked if "sync-collection" in each.body)
        assert "limit" not in report.body
        assert report.headers["depth"] == "0"
        assert "<d:sync-token>t1</d:sync-token>" in report.body


def test_bodies_are_asked_in_batches(opened):
    """Many objects take one multiget per hundred, none a request of its own."""
    with scripted(Fake(250)) as server:
        watcher = Watcher(opened(server.url))
        watcher.look()
        assert len(watcher.seen) == 250
        assert watcher.connector.requests == 2 + 3


def test_known_bodies_are_not_asked_again(opened):
    """A full listing fetches only what has another revision than the known one."""
    fake = Fake(20)
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url))
        watcher.look()
        fake.etags["/cal/3.ics"] = '"new"'
        watcher.cursor = None
        sent = watcher.connector.requests
        delta = watcher.look()
        assert [seen.remote_id for seen in delta.changed] == ["/cal/3.ics"]
        assert delta.present == frozenset(fake.objects)
        assert watcher.connector.requests - sent == 3


def test_rows_that_a_multiget_forgets_are_read_singly(opened):
    """A server that leaves rows out of its answer hides no event."""
    fake = Fake(4)
    fake.forgets = {"/cal/1.ics", "/cal/2.ics"}
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url))
        watcher.look()
        assert set(watcher.seen) == set(fake.objects)


def test_what_vanishes_between_listing_and_reading_is_absent(opened):
    """An object that was listed and is gone when its body is asked for is not present."""
    fake = Fake(3)

    def script(asked):
        told = fake(asked)
        if asked.headers.get("depth") == "1":
            fake.objects.pop("/cal/1.ics", None)
        return told

    with scripted(script) as server:
        delta = Watcher(opened(server.url)).look()
        assert delta.present == frozenset({"/cal/0.ics", "/cal/2.ics"})
        assert {seen.remote_id for seen in delta.changed} == delta.present


def test_without_sync_tokens_an_unchanged_ctag_is_one_request(opened):
    """Where the server has no tokens, the ctag says that nothing changed."""
    fake = Fake(3)
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url, NO_TOKENS))
        assert watcher.look().present == frozenset(fake.objects)
        sent = watcher.connector.requests
        delta = watcher.look()
        assert watcher.connector.requests - sent == 1
        assert (delta.changed, delta.removed, delta.present) == ((), (), None)
        assert not any("sync-collection" in each.body for each in server.asked)


def test_without_sync_tokens_a_changed_ctag_lists_etags(opened):
    """A changed ctag lists everything, and only changed bodies are read."""
    fake = Fake(5)
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url, NO_TOKENS))
        watcher.look()
        fake.ctag = "c2"
        fake.etags["/cal/4.ics"] = '"new"'
        del fake.objects["/cal/0.ics"]
        delta = watcher.look()
        assert [seen.remote_id for seen in delta.changed] == ["/cal/4.ics"]
        assert delta.present == frozenset(fake.objects)
        assert "/cal/0.ics" not in watcher.seen


def test_a_strangers_cursor_is_expired(opened):
    """A cursor in no form of ours is refused before anything is sent."""
    with scripted(Fake(1)) as server:
        watcher = Watcher(opened(server.url))
        watcher.cursor = "token from elsewhere"
        with pytest.raises(CursorExpired):
            watcher.look()
        assert server.asked == []


def test_the_collection_and_what_lies_outside_are_no_events(opened):
    """Rows of the collection itself, of folders and of other places are passed over."""
    rows = [
        row(path, '<d:getetag>"x"</d:getetag>')
        for path in ("/cal/", "/cal/sub/", "/other/1.ics", "/ca", "https://evil.example/cal/../x")
    ]
    with scripted(lambda _: multistatus(*rows, token="t")) as server:
        delta = Watcher(opened(server.url)).look()
        assert delta.present == frozenset()
        assert len(server.asked) == 2


def test_an_etag_without_quotes_gets_them(opened):
    """A revision is one text, however the server quotes it."""
    fake = Fake(2)
    fake.etags = {"/cal/0.ics": "bare", "/cal/1.ics": 'W/"weak"'}
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url))
        watcher.look()
        assert watcher.seen["/cal/0.ics"].revision == '"bare"'
        assert watcher.seen["/cal/1.ics"].revision == 'W/"weak"'


def test_odd_objects_are_told_and_harm_no_other(opened):
    """Tasks hold no event; two UIDs and torn objects are problems; the rest is read."""
    fake = Fake(4)
    task = "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:t\nEND:VTODO\nEND:VCALENDAR\n"
    fake.objects["/cal/0.ics"] = task
    fake.objects["/cal/1.ics"] = "hello"
    both = body(1).replace("END:VCALENDAR", "") + body(2).split("END:VTIMEZONE\r\n")[1]
    fake.objects["/cal/2.ics"] = both
    with scripted(fake) as server:
        watcher = Watcher(opened(server.url))
        watcher.look()
        seen = {path: (one.resource, bool(one.problem)) for path, one in watcher.seen.items()}
        assert seen["/cal/0.ics"] == (None, False)
        assert seen["/cal/1.ics"] == (None, True)
        assert seen["/cal/2.ics"] == (None, True)
        assert watcher.seen["/cal/3.ics"].resource is not None
