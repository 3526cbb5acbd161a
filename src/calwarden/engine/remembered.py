"""Values made of rows, made anew only when their row is another one."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, type_coerce
from sqlalchemy.types import NullType

MOST = 4096
"""Values kept beyond those of the last read; the last used stay."""

T = TypeVar("T")
Row = tuple[Any, ...]


def plain(columns: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Return the columns as the driver gives them.

    Making instants and documents of a row's texts costs more than to read and compare it.
    """
    return [type_coerce(each, NullType()) for each in columns]


class Remembered(Generic[T]):
    """Values by id, each kept as long as its row is the same to the letter.

    For one thread at a time.
    """

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[int, tuple[Row, T]] = OrderedDict()

    def of(self, rows: Iterable[Row], make: Callable[[list[int]], dict[int, T]]) -> dict[int, T]:
        """Return the values of `plain` rows by id, which comes first in each, in their order.

        ``make`` reads the values of some ids in full; what it does not find is left out.
        """
        given = {row[0]: row for row in rows}
        found = {number: self._same(number, row) for number, row in given.items()}
        others = [number for number, one in found.items() if one is None]
        if others:
            made = make(others)
            found |= made
            self._known.update((number, (given[number], one)) for number, one in made.items())
            while len(self._known) > max(self._most, len(given)):
                self._known.popitem(last=False)
        return {number: one for number, one in found.items() if one is not None}

    def _same(self, number: int, row: Row) -> T | None:
        known = self._known.get(number)
        if known is None or known[0] != row:
            return None
        self._known.move_to_end(number)
        return known[1]
