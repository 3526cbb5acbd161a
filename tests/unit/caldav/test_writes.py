"""Writes on servers that honour no condition, and on servers that answer late or never."""

from dataclasses import replace

import pytest

from calwarden.ical.reading import Reader
from calwarden.ical.writing import Writer
from calwarden.sdk.connector import Capabilities, Verb, Write
from calwarden.sdk.errors import Ambiguous, CalendarGone, PreconditionFailed
from calwarden.testing.samples import SINGLE, moved
from calwarden.testing.world import FINGERPRINT, NOW, ZONE, create, deleting, told, update
from servers.scripted import CUT, Told, scripted

CARELESS = Capabilities(guards_create=False, guards_update=False, guards_delete=False)
READER = Reader(zone=ZONE, fingerprint=FINGERPRINT)
PATH = f"/cal/{SINGLE.uid}.ics"
LATER = moved(SINGLE, "2027-01-12T15:00")


class Store:
    """A collection of objects that takes every write, conditional or not."""

    def __init__(self, *, weak=False):
        self.objects = {}
        self.weak = weak
        self.version = 0
        self.lose = set()
        self.before = {}

    def __call__(self, asked):
        self.before.pop(asked.method, lambda: None)()
        if asked.method == "PUT":
            self.version += 1
            self.objects[asked.path] = (asked.body, self.version)
        elif asked.method == "DELETE":
            if self.objects.pop(asked.path, None) is None:
                return Told(status=404)
        elif asked.method == "GET":
            return self._get(asked.path)
        else:
            return Told(body='<multistatus xmlns="DAV:"/>')
        if asked.method in self.lose:
            self.lose.discard(asked.method)
            return Told(status=CUT)
        return Told(status=204)

    def _get(self, path):
        if path not in self.objects:
            return Told(status=404)
        text, version = self.objects[path]
        etag = f'W/"{version}"' if self.weak else f'"{version}"'
        return Told(status=200, body=text, headers={"ETag": etag, "Content-Type": "text/calendar"})

    def move(self):
        """Move the event as a person would."""
        self.version += 1
        data = Writer(reader=READER, now=NOW).create(moved(SINGLE, "2027-01-13T09:00"))
        self.objects[PATH] = (data.decode(), self.version)


@pytest.fixture(params=[False, True], ids=["strong", "weak"])
def store(request):
    """A careless server, with strong or weak etags."""
    return Store(weak=request.param)


def test_without_guards_a_create_looks_first(opened, store):
    """Where If-None-Match is ignored, what stands is read and never overwritten."""
    with scripted(store) as server:
        connector = opened(server.url, CARELESS)
        create(connector, SINGLE)
        assert not any("if-none-match" in each.headers for each in server.asked)
        store.move()
        before = dict(store.objects)
        with pytest.raises(PreconditionFailed):
            create(connector, SINGLE)
        assert store.objects == before


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_without_guards_a_write_compares_first(opened, store, verb):
    """Where If-Match is ignored or the etag weak, the standing revision is compared by us."""
    capabilities = Capabilities() if store.weak else CARELESS
    with scripted(store) as server:
        connector = opened(server.url, capabilities)
        made = create(connector, SINGLE)
        store.move()
        before = dict(store.objects)
        write = deleting(made) if verb == "delete" else _updating(made)
        with pytest.raises(PreconditionFailed):
            connector.perform(write, connector.calls(write)[0])
        assert store.objects == before
        assert not any("if-match" in each.headers for each in server.asked)


def _updating(made):
    return Write(
        verb=Verb.UPDATE,
        uid=SINGLE.uid,
        event=LATER,
        remote_id=made.remote_id,
        revision=made.revision,
        base=made.resource,
    )


def test_without_guards_a_write_lands_and_is_read_back(opened, store):
    """Unguarded writes work, and what stands afterwards is what is told."""
    with scripted(store) as server:
        connector = opened(server.url, CARELESS)
        made = create(connector, SINGLE)
        landed = update(connector, made, LATER)
        assert told(landed.resource) == told(LATER.resource)
        write = deleting(landed)
        assert connector.perform(write, connector.calls(write)[0]) is None
        assert store.objects == {}


def test_with_guards_the_etag_seen_is_the_condition(opened):
    """If-None-Match guards a create, If-Match with the etag seen an update and a delete."""
    store = Store()
    with scripted(store) as server:
        connector = opened(server.url)
        landed = update(connector, create(connector, SINGLE), LATER)
        write = deleting(landed)
        connector.perform(write, connector.calls(write)[0])
        writes = [each for each in server.asked if each.method in {"PUT", "DELETE"}]
        assert [each.path for each in writes] == [PATH] * 3
        assert writes[0].headers["if-none-match"] == "*"
        assert [each.headers["if-match"] for each in writes[1:]] == ['"1"', '"2"']


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
def test_a_write_whose_answer_is_lost_is_found_by_repeating(opened, verb):
    """A lost answer is ambiguous; repeating the call finds that it had landed."""
    store = Store()
    with scripted(store) as server:
        connector = opened(server.url)
        made = create(connector, SINGLE)
        write = deleting(made) if verb == "DELETE" else _updating(made)
        call = connector.calls(write)[0]
        store.lose = {verb}
        with pytest.raises(Ambiguous):
            connector.perform(write, call)
        version = store.version
        again = connector.perform(write, call)
        assert store.version == version
        assert told(again.resource if again else None) == told(call.expected)


def test_a_create_whose_answer_is_lost_is_found_by_its_uid(opened):
    """After a lost create the event is found under our uid, with our marker."""
    store = Store()
    store.lose = {"PUT"}
    with scripted(store) as server:
        connector = opened(server.url)
        with pytest.raises(Ambiguous):
            create(connector, SINGLE)
        found = connector.find(SINGLE.uid)
        assert found is not None
        assert found.marker == SINGLE.uid
        assert told(found.resource) == told(SINGLE.resource)


def test_a_create_in_a_calendar_that_is_gone_says_so(opened):
    """409 on a create where the whole collection is missing is no conflict of events."""

    def script(asked):
        return Told(status=409) if asked.method == "PUT" else Told(status=404)

    with scripted(script) as server, pytest.raises(CalendarGone):
        create(opened(server.url), SINGLE)


def test_an_event_that_was_renamed_on_the_server_is_found(opened):
    """Where the href of our event changed, the server is asked by UID."""
    data = Writer(reader=READER, now=NOW).create(SINGLE)

    def script(asked):
        if asked.method == "REPORT":
            assert SINGLE.uid in asked.body
            href = "<href>/cal/renamed.ics</href><status>HTTP/1.1 200 OK</status>"
            told_row = f"<response>{href}</response>"
            return Told(body=f'<multistatus xmlns="DAV:">{told_row}</multistatus>')
        if asked.path == "/cal/renamed.ics":
            return Told(status=200, body=data, headers={"ETag": '"7"'})
        return Told(status=404)

    with scripted(script) as server:
        found = opened(server.url).find(SINGLE.uid)
        assert found is not None
        assert found.remote_id == "/cal/renamed.ics"


def test_an_edit_between_our_reading_and_our_writing_wins(opened):
    """A person who edits in the moment before a guarded write is not overwritten."""
    store = Store()

    def guarded(asked):
        condition = asked.headers.get("if-match")
        if asked.method == "PUT" and condition is not None:
            store.before.pop("PUT", lambda: None)()
            if condition != f'"{store.objects[PATH][1]}"':
                return Told(status=412)
        return store(asked)

    with scripted(guarded) as server:
        connector = opened(server.url)
        made = create(connector, SINGLE)
        store.before = {"PUT": store.move}
        with pytest.raises(PreconditionFailed):
            update(connector, made, LATER)
        stands = connector.read(PATH)
        assert stands is not None
        assert told(stands.resource) == told(moved(SINGLE, "2027-01-13T09:00").resource)


def test_a_uid_that_is_no_path_is_escaped(opened):
    """A uid never leaves the collection, whatever it holds."""
    store = Store()
    with scripted(store) as server:
        connector = opened(server.url)
        uid = "../../other/ü@x"
        wanted = replace(SINGLE, resource=replace(SINGLE.resource, uid=uid))
        made = create(connector, wanted)
        assert made.uid == uid
        (path,) = store.objects
        assert path.startswith("/cal/")
        assert path.count("/") == 2
