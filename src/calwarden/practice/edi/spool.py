"""A long list that takes little memory: its beginning is kept, the rest lies in a file."""

import json
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from os import SEEK_END
from typing import IO, Any, Generic, TypeVar, overload

from typing_extensions import override

MOST_KEPT = 2_000

T = TypeVar("T")


class Spool(Sequence[T], Generic[T]):
    """Values in the order in which they came: dataclasses that ``make`` builds from their fields.

    Reading it from the beginning is what it is good at; the file goes with the last reference.
    """

    def __init__(self, make: Callable[..., T]) -> None:
        self._make = make
        self._kept: list[T] = []
        self._file: IO[bytes] | None = None
        self._count = 0

    def extend(self, values: Iterable[T]) -> None:
        """Add values at the end."""
        for value in values:
            self._count += 1
            if self._file is None and self._count <= MOST_KEPT:
                self._kept.append(value)
                continue
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this list
                weakref.finalize(self, self._file.close)
            fields: Any = value
            self._file.seek(0, SEEK_END)
            self._file.write(json.dumps(asdict(fields)).encode() + b"\n")

    def append(self, value: T) -> None:
        """Add a value at the end."""
        self.extend([value])

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __iter__(self) -> Iterator[T]:
        yield from self._kept
        if self._file is None:
            return
        place = 0
        for _ in range(self._count - len(self._kept)):
            self._file.seek(place)  # others may read or write between two lines
            line = self._file.readline()
            place += len(line)
            yield self._make(**json.loads(line))

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    @override
    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return list(islice(self, *at.indices(self._count)))
        number = range(self._count)[at]
        return next(islice(self, number, None))

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # it changes
