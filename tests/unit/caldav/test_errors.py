"""Every failure of a server becomes the SDK error that says what may be done next."""

import logging
import threading
from datetime import timedelta

import pytest

from calwarden.domain.event import Observed
from calwarden.sdk.errors import (
    Ambiguous,
    CalendarGone,
    CursorExpired,
    NeedsAuth,
    PreconditionFailed,
    Rejected,
    Transient,
)
from calwarden.testing.samples import SINGLE
from calwarden.testing.world import Watcher, create, deleting
from servers.scripted import CUT, Told, scripted

CANARY = "Canary Rivera"
EMPTY = Told(status=207, body='<multistatus xmlns="DAV:"><sync-token>t</sync-token></multistatus>')


def precondition(name, status):
    """An answer with a WebDAV precondition."""
    return Told(status=status, body=f'<error xmlns="DAV:">{name}</error>')


LOOKING = [
    (Told(status=401), NeedsAuth),
    (Told(status=403), CursorExpired),
    (Told(status=409), CursorExpired),
    (Told(status=412), CursorExpired),
    (Told(status=404), CalendarGone),
    (Told(status=410), CalendarGone),
    (precondition("<valid-sync-token/>", 403), CursorExpired),
    (precondition("<valid-sync-token/>", 409), CursorExpired),
    (precondition("<valid-sync-token/>", 412), CursorExpired),
    (precondition("<valid-sync-token/>", 507), CursorExpired),
    (Told(status=429), Transient),
    (Told(status=503), Transient),
    (Told(status=500, body=CANARY), CursorExpired),
    (Told(status=502), Transient),
    (Told(status=CUT), Transient),
    (Told(status=207, body=f"<multistatus><response>{CANARY}"), Transient),
    (Told(status=207, body=f"<html>{CANARY}</html>"), Transient),
    (Told(status=207, body=CANARY, headers={"Content-Type": "text/html"}), Transient),
    (Told(status=400), CursorExpired),
    (Told(status=405), CursorExpired),
]


@pytest.mark.parametrize(("told", "error"), LOOKING)
def test_a_look_that_fails_says_what_to_do(opened, told, error, caplog):
    """Each answer to a look is classed, and neither error nor log quotes anything of it."""
    caplog.set_level(logging.DEBUG)
    with scripted(lambda _: told) as server:
        watcher = Watcher(opened(server.url))
        watcher.cursor = "sync:t"
        with pytest.raises(error) as caught:
            watcher.look()
    assert type(caught.value) is error or issubclass(type(caught.value), error)
    assert CANARY not in str(caught.value)
    assert CANARY not in "".join(
        record.getMessage() for record in caplog.records if record.levelno >= logging.INFO
    )


WITHOUT_TOKEN = [
    (Told(status=401), NeedsAuth),
    (Told(status=403), NeedsAuth),
    (Told(status=404), CalendarGone),
    (Told(status=500, body=CANARY), Transient),
    (Told(status=400), Rejected),
    (Told(status=405), Rejected),
]


@pytest.mark.parametrize(("told", "error"), WITHOUT_TOKEN)
def test_a_look_without_token_says_what_to_do(opened, told, error):
    """What may be said of a token is said of the calendar once it is looked at without one."""
    with scripted(lambda _: told) as server, pytest.raises(error) as caught:
        Watcher(opened(server.url)).look()
    assert CANARY not in str(caught.value)


WRITING = [
    (Told(status=401), NeedsAuth),
    (Told(status=403), Rejected),
    (
        precondition('<no-uid-conflict xmlns="urn:ietf:params:xml:ns:caldav"/>', 403),
        PreconditionFailed,
    ),
    (Told(status=409), PreconditionFailed),
    (Told(status=412), PreconditionFailed),
    (Told(status=429), Transient),
    (Told(status=503, headers={"Retry-After": "7"}), Transient),
    (Told(status=500), Ambiguous),
    (Told(status=502), Ambiguous),
    (Told(status=504), Ambiguous),
    (Told(status=CUT), Ambiguous),
    (Told(status=507), Rejected),
    (Told(status=415), Rejected),
]


@pytest.mark.parametrize(("told", "error"), WRITING)
def test_a_write_that_fails_says_whether_it_may_have_landed(opened, told, error):
    """Each answer to a PUT is classed; without a clear answer the write is ambiguous."""

    def script(asked):
        if asked.method == "PUT":
            return told
        return EMPTY if asked.method in {"REPORT", "PROPFIND"} else Told(status=404)

    with scripted(script) as server, pytest.raises(error):
        create(opened(server.url), SINGLE)


def test_a_delete_whose_answer_is_lost_is_ambiguous(opened):
    """A cut connection after a DELETE may have deleted."""
    with scripted(lambda _: Told(status=CUT)) as server:
        connector = opened(server.url)
        seen = _seen("/cal/x.ics", '"1"')
        write = deleting(seen)
        with pytest.raises(Ambiguous):
            connector.perform(write, connector.calls(write)[0])


def _seen(path, revision):
    return Observed(remote_id=path, revision=revision, content="", uid=SINGLE.uid)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("Mon, 04 Jan 2027 12:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 04 Jan 2027 11:00:00 GMT", timedelta()),
        ("999999999999", timedelta(days=1)),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_told_in_both_its_forms(opened, header, wait):
    """Seconds and dates are read by the injected clock, and never make us wait beyond a day."""
    headers = {} if header is None else {"Retry-After": header}
    told = Told(status=503, headers=headers)
    with scripted(lambda _: told) as server, pytest.raises(Transient) as caught:
        Watcher(opened(server.url)).look()
    assert caught.value.throttled
    assert caught.value.retry_after == wait


def test_nobody_listening_is_no_lost_write(opened):
    """Where no connection came about nothing was sent, not even a write."""
    with scripted(lambda _: EMPTY) as server:
        url = server.url
    with pytest.raises(Transient):
        create(opened(url), SINGLE)


def test_a_server_that_does_not_answer_is_given_up(opened):
    """A look ends with the time-out of the context, and so does a write, ambiguously."""
    over = threading.Event()

    def silent(_):
        over.wait(10)
        return Told(status=CUT)

    with scripted(silent) as server:
        connector = opened(server.url, timeout=timedelta(seconds=1))
        with pytest.raises(Transient):
            Watcher(connector).look()
        with pytest.raises(Ambiguous):
            create(connector, SINGLE)
        over.set()


def test_a_certificate_that_nobody_vouches_for_is_named(opened, xandikos_server):
    """Without the authority's file the server is not trusted, and the message says so."""
    with pytest.raises(Transient, match="certificate"):
        Watcher(opened(f"{xandikos_server.url}dana/", settings={})).look()
