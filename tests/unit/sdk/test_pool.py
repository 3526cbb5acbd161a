"""A connection is one user's at a time, kept within bounds, and opened only where none is idle."""

from calwarden.sdk.pool import Pool


class Line:
    """A connection that tells whether it was closed."""

    def __init__(self, key):
        self.key, self.closed = key, False

    def close(self):
        self.closed = True


def test_what_was_given_back_is_lent_again_for_the_same_use_only():
    """The last used first."""
    pool = Pool(Line)
    first, second = pool.lend("a"), pool.lend("a")
    assert first is not second
    pool.take_back(first, "a")
    pool.take_back(second, "a")
    assert pool.lend("b").key == "b"
    assert [pool.lend("a") for _ in range(2)] == [second, first]


def test_beyond_the_bound_nothing_is_kept():
    """What is too many is closed at once."""
    pool = Pool(Line, most=1)
    kept, surplus = pool.lend("a"), pool.lend("a")
    pool.take_back(kept, "a")
    pool.take_back(surplus, "a")
    assert (kept.closed, surplus.closed) == (False, True)


def test_what_is_idle_ends_with_the_pool():
    """And a closed pool opens anew."""
    pool = Pool(Line)
    idle = pool.lend("a")
    pool.take_back(idle, "a")
    pool.close()
    assert idle.closed
    assert not pool.lend("a").closed
