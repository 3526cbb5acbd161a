"""Discovery and probing of real servers: found by any address, tried out, left as they were."""

from contextlib import suppress
from dataclasses import replace

import pytest

from calwarden.sdk.connector import RemoteCalendar
from calwarden.sdk.errors import NeedsAuth, RemoteError
from calwarden.testing.samples import SINGLE
from calwarden.testing.world import Watcher, create
from calwarden_caldav.connector import CalDAVConnector
from calwarden_caldav.spelling import canonical
from servers.caldav_world import context, credential
from servers.dav import USER, Server
from servers.scripted import Told, scripted

KIND = CalDAVConnector()


@pytest.mark.parametrize("start", ["/", f"/{USER}/", "/.well-known/caldav", "/no/such/place/"])
def test_calendars_are_found_from_any_address(caldav_world, start):
    """From the root, the principal, the well-known address or a wrong path: the same calendars."""
    server = caldav_world.server
    found = KIND.discover(
        credential(server, url=f"{server.url.rstrip('/')}{start}"), context(server)
    )
    paths = {canonical(calendar.remote_id) for calendar in found.calendars}
    assert caldav_world.path in paths
    assert all(calendar.writable for calendar in found.calendars)
    assert found.account.startswith(f"{USER}@")
    assert found.credential["auth"] == "basic"


def test_an_address_of_a_calendar_is_that_calendar(caldav_world):
    """Whoever gives a calendar's own address means this one."""
    server = caldav_world.server
    url = f"{server.url.rstrip('/')}{caldav_world.path}"
    found = KIND.discover(credential(server, url=url), context(server))
    assert [calendar.remote_id for calendar in found.calendars] == [url]


def test_a_wrong_password_is_named(caldav_world):
    """Neither discovery nor an open calendar work with a wrong password, and they say so."""
    server = caldav_world.server
    wrong = credential(server, password="wrong")
    with pytest.raises(NeedsAuth, match="password"):
        KIND.discover(wrong, context(server))
    opened = KIND.open(caldav_world.link(), {**wrong, "auth": "basic"}, context(server))
    with pytest.raises(NeedsAuth):
        Watcher(opened).look()
    assert opened.requests == 1
    opened.close()


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_credential_without_name_or_password_is_refused(missing, caldav_world):
    """A half credential is refused before anything is sent."""
    with pytest.raises(NeedsAuth):
        KIND.discover(
            credential(caldav_world.server, **{missing: ""}), context(caldav_world.server)
        )


def probed(world, **changes):
    """Probe the world's calendar."""
    calendar = next(
        each
        for each in KIND.discover(credential(world.server), context(world.server)).calendars
        if canonical(each.remote_id) == world.path
    )
    return KIND.probe(replace(calendar, **changes), credential(world.server), context(world.server))


def test_a_probe_finds_what_the_server_honours(caldav_world):
    """Both servers honour every condition, keep our property and know their tokens."""
    link = probed(caldav_world)
    for name in ("guards_create", "guards_update", "guards_delete", "incremental"):
        assert getattr(link.capabilities, name), name
    assert link.probe["drops"] == []
    assert link.probe["bad_token"] == "refused"
    assert link.probe["body"] == "rewritten"
    assert (link.probe["etag_on_put"], link.probe["etag_holds"]) == ("strong", True)
    assert link.probe["ctag"]
    assert link.probe["uid_elsewhere"] == "kept"
    assert link.capabilities.silent_attendee_removal is (caldav_world.server.name == "radicale")


def test_a_probe_leaves_nothing_behind(caldav_world):
    """What stood before the probe stands after it, and nothing else."""
    connector = caldav_world.connector()
    create(connector, SINGLE)
    before = caldav_world.raw()
    probed(caldav_world)
    assert caldav_world.raw() == before


def test_a_calendar_that_is_only_read_is_not_written_to(caldav_world):
    """Linking for busy time writes nothing at all."""
    cursor = Watcher(caldav_world.connector())
    cursor.look()
    token = cursor.cursor
    link = probed(caldav_world, writable=False)
    assert link.capabilities.incremental
    assert not link.capabilities.guards_create
    cursor.look()
    assert cursor.cursor == token


@pytest.mark.parametrize("failing", range(3, 14))
def test_a_probe_that_fails_midway_cleans_up(failing):
    """Whatever request fails, the scratch object is removed or was never made."""
    objects, count = {}, 0

    def script(asked):
        nonlocal count
        count += 1
        if count == failing:
            return Told(status=500)
        if asked.method == "PUT":
            objects[asked.path] = asked.body
            return Told(status=201)
        if asked.method == "DELETE":
            return Told(status=204 if objects.pop(asked.path, None) is not None else 404)
        if asked.method == "GET":
            stands = asked.path in objects
            return Told(
                status=200 if stands else 404,
                body=objects.get(asked.path, ""),
                headers={"ETag": '"1"'},
            )
        kind = "<d:resourcetype><c:calendar/></d:resourcetype><d:sync-token>t</d:sync-token>"
        return Told(
            body='<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
            f"<d:response><d:href>{asked.path}</d:href><d:propstat><d:prop>{kind}</d:prop>"
            "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
            "<d:sync-token>t</d:sync-token></d:multistatus>"
        )

    with scripted(script) as server:
        where = Server(name="scripted", url=server.url, home="/")
        calendar = RemoteCalendar(remote_id=server.url, name="x")
        with suppress(RemoteError):
            KIND.probe(calendar, {**credential(where), "auth": "basic"}, context(where))
    assert objects == {}


def test_a_quiet_look_is_small(caldav_world):
    """A look at an unchanged calendar of many events is one request with a body below 1 KB."""
    connector = caldav_world.connector()
    for number in range(5):
        wanted = replace(SINGLE, resource=replace(SINGLE.resource, uid=f"{SINGLE.uid}{number}"))
        create(connector, wanted)
    watcher = Watcher(connector)
    watcher.look()
    sent, received = connector.requests, connector._session.received  # noqa: SLF001 - told nowhere else
    watcher.look()
    assert connector.requests - sent == 1
    assert connector._session.received - received < 1_000  # noqa: SLF001 - as above
