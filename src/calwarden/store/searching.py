"""Statements that are made once: making one costs the database's client more than running it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    MappingResult,
    RowMapping,
    Select,
    bindparam,
    or_,
)


class Search:
    """A selection with conditions that may hold or be left out, made once for each set of them.

    A condition is written with a `value` or `values` of its own name.
    """

    def __init__(self, everything: Select[Any], **conditions: ColumnElement[bool]) -> None:
        self._everything = everything
        self._conditions = conditions
        self._made: dict[frozenset[str], Select[Any]] = {}

    def rows(self, connection: Connection, **given: Any) -> MappingResult:
        """Run it with the conditions whose value is not None."""
        wanted = {name: value for name, value in given.items() if value is not None}
        names = frozenset(wanted)
        query = self._made.get(names)
        if query is None:
            query = self._everything.where(*(self._conditions[name] for name in sorted(names)))
            self._made[names] = query
        return connection.execute(query, wanted).mappings()

    def first(self, connection: Connection, **given: Any) -> RowMapping | None:
        """Return the first row for which every condition holds; a value of None fits nothing."""
        if None in given.values():
            return None
        return self.rows(connection, **given).first()


def among(column: ColumnElement[Any], constants: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of a few values that never change.

    An IN with a list is spelled out anew each time that it runs.
    """
    return or_(*(column == constant for constant in constants))


def value(name: str) -> BindParameter[Any]:
    """Return the place of a value that is given when the statement runs."""
    return bindparam(name)


def values(name: str) -> BindParameter[Any]:
    """Return the place of a list of values; nothing is among no values."""
    return bindparam(name, expanding=True)
