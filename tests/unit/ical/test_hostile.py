"""Whatever a calendar holds, reading it stays small and ends in words or in values."""

import tracemalloc

import pytest

from calwarden.domain.event import Observed
from calwarden.engine.observe import busy_until
from calwarden.ical.expansion import busy_spans
from calwarden.ical.reading import Reader
from calwarden.ical.writing import Writer
from calwarden.testing.samples import SINGLE
from calwarden.testing.world import FINGERPRINT, NOW, WINDOW, ZONE
from fixtures.hostile import BOMBS, OBJECTS, RULES

READER = Reader(zone=ZONE, fingerprint=FINGERPRINT)
FOLLOWED = {
    "a billion times",
    "until the year 9999",
    "all days by number",
    "all positions",
    "exclusions of centuries",
    "overrides without a master",
}
READ = {
    "a megabyte of one line",
    "parameters by the ten thousand",
    "a floating time",
    "an all-day event",
    "two UIDs",
    "no end",
    "broken folding",
    "a wrong charset",
    "null bytes",
}


def used(data):
    """Read an object and do all with it that a look does."""
    readings = READER.read(data)
    for reading in readings:
        if reading.resource is not None:
            assert len(busy_spans(reading.resource, WINDOW)) <= 1_000
            seen = Observed(
                remote_id="x", revision="x", content="", uid="u", resource=reading.resource
            )
            busy_until(seen)
    return readings


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_memory(name):
    """Reading, expanding and judging any object stays below 20 MB."""
    used(BOMBS["no end"])
    tracemalloc.start()
    used(BOMBS[name])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_followed_or_refused(name):
    """What can be followed within bounds is; the rest is refused as a rule or as an object."""
    (reading,) = used(RULES[name])
    if name in FOLLOWED:
        assert reading.resource.recurrence.supported
    elif reading.resource is not None:
        assert not reading.resource.recurrence.supported
    else:
        assert reading.problem


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_read_or_refused_in_words(name):
    """Each object is an event or a problem that says what is wrong with it."""
    for reading in used(OBJECTS[name]):
        assert (reading.resource is not None) == (name in READ)
        assert (reading.problem is None) == (name in READ)


@pytest.mark.parametrize("name", BOMBS)
def test_what_was_made_of_our_event_is_put_right(name):
    """Over any object our event can be written again, and reads as it should."""
    writer = Writer(reader=READER, now=NOW)
    ours = BOMBS[name].replace(b"UID:u\r", f"UID:{SINGLE.uid}\r".encode())
    readings = READER.read(writer.rewrite(ours, SINGLE))
    found = next(each for each in readings if each.uid == SINGLE.uid)
    assert found.resource is not None, found.problem
    assert found.resource.body.start == SINGLE.resource.body.start
    assert found.resource.recurrence is None
