"""No log can name a person or hold a credential."""

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from calwarden import telemetry

CANARIES = ("Canary Quill", "canary@client.example", "https://u:canary@host/x", "canary reason!")


def fail(tell, error):
    """Tell of an error while it is handled."""
    try:
        raise error
    except type(error):
        tell()


@pytest.fixture
def logged():
    """What is logged from here on."""
    stream = io.StringIO()
    root, library = logging.getLogger(), logging.getLogger("caldav")
    before = root.handlers[:], root.level, library.level
    telemetry.configure("debug", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:], root.level, library.level = before


def test_listed_keys_pass(logged):
    """Ids, counts, outcomes and durations, with level and time."""
    structlog.get_logger().info(
        "poll_done", calendar=12, connector="caldav", outcome="done", seconds=0.25, quiet=True
    )
    (line,) = logged()
    assert line.pop("timestamp")
    assert line == {
        "event": "poll_done",
        "level": "info",
        "calendar": 12,
        "connector": "caldav",
        "outcome": "done",
        "seconds": 0.25,
        "quiet": True,
    }


@pytest.mark.parametrize("canary", CANARIES)
def test_whatever_is_not_listed_or_plain_is_dropped(logged, canary):
    """As a key, a value, in a list, an event, an error's message or an object's text."""
    log = structlog.get_logger()
    log.info("linked", name=canary, client=canary, provider=canary, drifts=[1, canary])
    log.info(canary)
    log.info("linked", outcome={"text": canary}, status=object(), kind=ValueError(canary))
    log.error("failed", exc_info=ValueError(canary))
    lines = logged()
    assert canary not in json.dumps(lines)
    assert lines[0]["drifts"] == [1, telemetry.REDACTED]
    assert lines[0]["provider"] == telemetry.REDACTED
    assert lines[3]["error"] == "ValueError"


@given(text=st.text(), key=st.text(min_size=1).filter(lambda key: key not in telemetry.ALLOWED))
def test_no_other_key_ever_passes(text, key):
    """Whatever it is called."""
    assert set(telemetry.allow_listed(None, "info", {"event": "e", key: text})) <= {
        "event",
        "error",
    }


@pytest.mark.parametrize("name", ["caldav", "niquests", "sqlalchemy.engine", "anything.else"])
def test_a_library_tells_that_something_is_wrong_never_what(logged, name):
    """Its messages hold URLs, bodies and rows."""
    library = logging.getLogger(name)
    library.info("PUT %s", CANARIES[2])
    library.warning("refused %s", CANARIES[2])
    fail(lambda: library.exception("body was %s", CANARIES[0]), OSError(CANARIES[3]))
    lines = logged()
    assert [line["level"] for line in lines] == ["warning", "error"]
    assert all(line["logger"] == name for line in lines)
    assert lines[1]["error"] == "OSError"
    assert "anary" not in json.dumps(lines)


@pytest.mark.usefixtures("logged")
def test_less_severe_events_are_left_out():
    """From the level of the settings up."""
    stream = io.StringIO()
    telemetry.configure("error", stream=stream)
    structlog.get_logger().warning("slow")
    logging.getLogger("caldav").warning("slow")
    assert stream.getvalue() == ""


def test_two_applications_count_apart():
    """Each has a registry of its own."""
    one, two = telemetry.Metrics(), telemetry.Metrics()
    one.polls.labels(connector="caldav", outcome="done").inc()
    labels = {"connector": "caldav", "outcome": "done"}
    assert one.registry.get_sample_value("calwarden_polls_total", labels) == 1
    assert two.registry.get_sample_value("calwarden_polls_total", labels) is None
