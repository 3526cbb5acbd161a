"""Values that are kept as long as their rows are the same."""

from hypothesis import given
from hypothesis import strategies as st

from calwarden.engine.remembered import Remembered

ROUNDS = st.lists(st.dictionaries(st.integers(1, 6), st.integers(0, 2)), max_size=8)


@given(rounds=ROUNDS, most=st.integers(0, 6), lost=st.sets(st.integers(1, 6), max_size=2))
def test_what_is_remembered_is_what_would_be_made(rounds, most, lost):
    """Whatever was read before; what is not found when it is made is left out."""
    known: Remembered[tuple[int, int]] = Remembered(most=most)
    for rows in rounds:

        def make(numbers, rows=rows):
            return {number: (number, rows[number]) for number in numbers if number not in lost}

        found = known.of(rows.items(), make)
        assert found == {
            number: (number, value) for number, value in rows.items() if number not in lost
        }
        assert list(found) == [number for number in rows if number not in lost]


def test_only_what_changed_is_made_again():
    """And of what was not asked for, the last used stay."""
    known: Remembered[str] = Remembered(most=2)
    asked = []

    def make(numbers):
        asked.append(list(numbers))
        return {number: f"{number}" for number in numbers}

    for rows in [
        [(1, "a"), (2, "a"), (3, "a")],  # as many as there are, though two are to be kept
        [(1, "a"), (2, "b"), (3, "a")],
        [(3, "a"), (1, "a")],
        [(4, "a")],
        [(1, "a"), (3, "a"), (4, "a")],
    ]:
        known.of(rows, make)
    assert asked == [[1, 2, 3], [2], [4], [3]]
