"""Long lists of values for IN, in parts that every database takes."""

from collections.abc import Iterable
from typing import TypeVar

MOST = 10_000
"""Values in one IN list: SQLite takes 32,766 unless built otherwise, PostgreSQL 65,535."""

T = TypeVar("T")


def batches(values: Iterable[T] | None) -> list[list[T] | None]:
    """Return the values in parts, each of them once; a single None where no value is asked for.

    No values at all are one empty part: nothing fits them.
    """
    if values is None:
        return [None]
    each = list(dict.fromkeys(values))
    return [each[start : start + MOST] for start in range(0, len(each), MOST)] or [[]]
