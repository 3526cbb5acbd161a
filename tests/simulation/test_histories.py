"""A seeded world: whatever servers, people, programs and crashes do, every law of the daemon holds.

``CALWARDEN_SEEDS`` says how many seeds are lived through (60 where it is not set) and
``CALWARDEN_FIRST_SEED`` where they begin. A failing seed prints a history made short.
"""

import os
from collections.abc import Iterator

import pytest

from simulation.running import Stage

SEEDS = int(os.environ.get("CALWARDEN_SEEDS", "60"))
FIRST = int(os.environ.get("CALWARDEN_FIRST_SEED", "0"))
CHUNK = max(20, SEEDS // 500)
STARTS = range(FIRST, FIRST + SEEDS, CHUNK)

pytestmark = pytest.mark.simulation


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """This process's database, in memory."""
    made = Stage()
    yield made
    made.close()


@pytest.mark.parametrize("first", STARTS)
def test_every_history_keeps_the_laws(stage, first):
    """Lived through twice, each seed gives one history, converges in two passes, breaks no law."""
    for seed in range(first, min(first + CHUNK, FIRST + SEEDS)):
        told = stage.check(seed)
        assert told is None, f"\n{told}"
