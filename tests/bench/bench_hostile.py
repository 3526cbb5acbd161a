"""What hostile objects cost: at most 50 ms and 20 MB each."""

import sys
import time
import tracemalloc

import pytest

from calwarden.ical.expansion import busy_spans
from calwarden.ical.reading import Reader
from calwarden.testing.world import FINGERPRINT, WINDOW, ZONE
from fixtures.hostile import BOMBS

pytestmark = pytest.mark.bench
READER = Reader(zone=ZONE, fingerprint=FINGERPRINT)


def _use(data):
    for reading in READER.read(data):
        if reading.resource is not None:
            busy_spans(reading.resource, WINDOW)


def test_each_bomb_is_bounded(capsys):
    """Each costs at most 50 ms of CPU, the best of five, and 20 MB at its peak."""
    _use(BOMBS["no end"])
    table = {}
    for name, data in BOMBS.items():
        best = min(_seconds(data) for _ in range(5))
        tracemalloc.start()
        _use(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        table[name] = (best, peak)
    with capsys.disabled():
        for name, (best, peak) in sorted(table.items(), key=lambda item: -item[1][0]):
            sys.stdout.write(f"{best * 1000:7.1f} ms {peak / 1e6:6.1f} MB  {name}\n")
    assert all(best <= 0.05 and peak <= 20e6 for best, peak in table.values())


def _seconds(data) -> float:
    began = time.process_time()
    _use(data)
    return time.process_time() - began
