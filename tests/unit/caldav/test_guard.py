"""A stranger's server gets no way into our network, no other's password, no endless answer."""

import gzip
import tracemalloc

import pytest

from calwarden.sdk.errors import Rejected, Transient
from calwarden.testing.world import Watcher
from calwarden_caldav import guard
from calwarden_caldav.guard import Bytes, GuardedSession, check_address
from calwarden_caldav.spelling import canonical, same_server
from servers.scripted import Told, scripted

EMPTY = (
    '<multistatus xmlns="DAV:"><response><href>/cal/</href></response>'
    "<sync-token>t</sync-token></multistatus>"
)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://localhost/",
        "https://10.1.2.3/",
        "https://192.168.0.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://224.0.0.1/",
        "https://2130706433/",
        "file:///etc/passwd",
        "gopher://x/",
        "https://",
    ],
)
def test_private_addresses_and_plain_http_are_refused(url):
    """Nothing is sent to an address that is not global, however it is spelled."""
    with pytest.raises(Rejected):
        check_address(url, allow_private=False)


def test_a_global_address_is_pinned():
    """A global address is returned, to be used instead of a second look-up."""
    assert check_address("https://93.184.216.34/", allow_private=False) == ("93.184.216.34",)


def test_private_addresses_are_allowed_by_setting():
    """Whoever runs their own server may say so."""
    assert check_address("http://127.0.0.1:5232/", allow_private=True) == ()


def test_nothing_is_sent_before_the_address_is_checked(opened):
    """A refused address sees no request, and the counter says so."""
    with scripted(lambda _: Told(body=EMPTY)) as server:
        connector = opened(server.url, allow_private=False)
        with pytest.raises(Rejected):
            Watcher(connector).look()
        assert server.asked == []
        assert connector.requests == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_server_is_refused(opened, status):
    """The password never follows a redirect to another host, and the message names that host."""
    with scripted(lambda _: Told(body=EMPTY)) as other:
        away = other.url.replace("127.0.0.1", "localhost")
        moved = Told(status=status, headers={"Location": away})
        with scripted(lambda _: moved) as server, pytest.raises(Rejected, match="localhost"):
            Watcher(opened(server.url)).look()
        assert other.asked == []


def test_a_redirect_within_the_server_is_followed(opened):
    """A moved collection on the same server is asked where it went, with its method and body."""

    def script(asked):
        if asked.path == "/cal/":
            return Told(status=308, headers={"Location": "/moved/"})
        return Told(body=EMPTY)

    with scripted(script) as server:
        watcher = Watcher(opened(server.url))
        watcher.cursor = "sync:t"
        watcher.look()
        assert [each.path for each in server.asked] == ["/cal/", "/moved/"]
        assert server.asked[0].body == server.asked[1].body
        assert watcher.connector.requests == 2


def test_a_circle_of_redirects_ends(opened):
    """Redirects are followed a few times only."""
    circle = Told(status=302, headers={"Location": "/cal/"})
    with scripted(lambda _: circle) as server:
        with pytest.raises(Rejected):
            Watcher(opened(server.url)).look()
        assert len(server.asked) <= 5


def test_an_answer_too_large_is_not_read(opened, monkeypatch):
    """An answer is read in pieces, and given up at the limit."""
    monkeypatch.setattr(guard, "LARGEST_ANSWER", 1_000)
    with scripted(lambda _: Told(body=EMPTY + " " * 2_000)) as server, pytest.raises(Rejected):
        Watcher(opened(server.url)).look()


BOMB = gzip.compress(b" " * 64_000_000, 9)
DENSE = gzip.compress(b"<a>" + b"<b/>" * 8_000_000, 9)
ROWS = b"<multistatus xmlns='DAV:'>" + b"<response><href>/cal/x</href></response>" * 500_000
PACKED = {"nothing": BOMB, "elements": DENSE, "rows": gzip.compress(ROWS, 9)}


@pytest.mark.parametrize("name", PACKED)
def test_a_packed_bomb_is_not_unpacked_whole(opened, name):
    """A small answer that unpacks to an endless one is given up early, and costs little."""
    told = Told(body=PACKED[name], headers={"Content-Encoding": "gzip"})
    with scripted(lambda _: told) as server:
        watcher = Watcher(opened(server.url))
        watcher.cursor = "sync:t"
        tracemalloc.start()
        with pytest.raises((Rejected, Transient)):
            watcher.look()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert server.asked[0].headers["accept-encoding"] == "identity"
        assert watcher.connector._session.received <= guard.LARGEST_ANSWER + guard.CHUNK  # noqa: SLF001 - told nowhere else
        assert peak < (60_000_000 if name == "rows" else 5_000_000)


def test_a_packed_answer_that_is_none_is_read(opened):
    """A server that packs what nobody asked to have packed is understood all the same."""
    told = Told(body=gzip.compress(EMPTY.encode()), headers={"Content-Encoding": "gzip"})
    with scripted(lambda _: told) as server:
        assert Watcher(opened(server.url)).look().present == frozenset()


def test_a_packing_that_nobody_knows_is_refused(opened):
    """What cannot be unpacked within bounds is refused by name."""
    told = Told(body=b"x", headers={"Content-Encoding": "br"})
    with scripted(lambda _: told) as server, pytest.raises(Rejected, match="packed"):
        Watcher(opened(server.url)).look()


LAUGHS = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
ENTITIES = f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{LAUGHS}]>{EMPTY.replace(">t<", ">&j;<")}'
READS_FILE = (
    f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>{EMPTY.replace(">t<", ">&a;<")}'
)


@pytest.mark.parametrize("body", [ENTITIES, READS_FILE, "<a>" * 200_000])
def test_hostile_xml_costs_nothing(opened, body):
    """Entities are not expanded, files not read, depth is bounded."""
    with scripted(lambda _: Told(body=body)) as server:
        watcher = Watcher(opened(server.url))
        with pytest.raises(Transient):
            watcher.look()
        assert watcher.cursor is None


def test_one_connection_serves_all_requests(opened):
    """Requests share one kept connection, and each waits for its turn first."""
    paced = []
    with scripted(lambda _: Told(body=EMPTY)) as server:
        watcher = Watcher(opened(server.url, pace=paced.append))
        watcher.cursor = "sync:t"
        for _ in range(5):
            watcher.look()
        assert len(server.connections) == 1
        assert len(paced) == len(server.asked) == watcher.connector.requests == 5
        assert paced[0] in server.url


def test_the_password_is_sent_with_the_first_request(opened):
    """No request is wasted on being asked for the password."""
    with scripted(lambda _: Told(body=EMPTY)) as server:
        Watcher(opened(server.url)).look()
        assert server.asked[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/cal/a%40b.ics", "/cal/a@b.ics"),
        ("/cal/a@b.ics", "/cal/a@b.ics"),
        ("https://h.example/cal/a%20b.ics", "/cal/a%20b.ics"),
        ("/cal/%c3%bc.ics", "/cal/%C3%BC.ics"),
        ("/cal/ü.ics", "/cal/%C3%BC.ics"),
    ],
)
def test_an_href_has_one_spelling(href, path):
    """However a server escapes it, an object has one remote id."""
    assert canonical(href) == path


def test_a_port_may_be_spelled_out():
    """The default port, named or not, is the same server; another is not."""
    assert same_server("https://h.example:443/a", "https://h.example/b")
    assert not same_server("https://h.example:444/a", "https://h.example/b")
    assert not same_server("http://h.example/a", "https://h.example/b")


def test_a_name_that_was_checked_is_not_looked_up_again():
    """The connection goes to the address that was checked, whatever the name means by then."""
    with scripted(lambda _: Told(status=200, body="here")) as server:
        url = server.url.replace("127.0.0.1", "cal.harbor.example")
        with GuardedSession("cal.harbor.example", ("127.0.0.1",), lambda: None) as session:
            session.sink = Bytes(100)
            session.request("GET", url)
            assert session.sink.data == b"here"
        assert server.asked[0].headers["host"].startswith("cal.harbor.example")
