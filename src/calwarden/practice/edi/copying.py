"""A corrected copy of an 837P file: the dates that are to change, all other bytes as they were."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from calwarden.practice.edi.finding import Change
from calwarden.practice.edi.segments import Broken

ELEMENT, TERMINATOR, HEADER = 3, 105, 106
"""Where the header (ISA) has the element separator and the segment terminator; its length."""

AT_ONCE = 1 << 16
DATE = 3


def same_file(source: Path, target: Path) -> bool:
    """Tell whether a copy would be written over the file itself, by whatever name or link."""
    same = source.resolve() == target.resolve()
    return same or (target.exists() and source.samefile(target))


def write_copy(source: BinaryIO, target: Path, changes: Iterable[Change]) -> None:
    """Write a corrected copy of an open file; ``target`` appears whole or not at all.

    ``changes`` come in the order of the file.
    Raises `Broken` where the file is no longer what was checked, and `OSError`.
    """
    wanted = iter(changes)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as copy:
            source.seek(0)
            for part in _rewritten(source, wanted):
                copy.write(part)
            copy.flush()
            os.fsync(copy.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _rewritten(source: BinaryIO, wanted: Iterator[Change]) -> Iterator[bytes]:
    header = source.read(HEADER)
    separator, end = header[ELEMENT : ELEMENT + 1], header[TERMINATOR:HEADER]
    yield header
    number, rest, following = 1, b"", next(wanted, None)
    while block := source.read(AT_ONCE):
        *segments, rest = (rest + block).split(end)
        for segment in segments:
            number += 1
            if following is None or following.segment != number:
                yield segment + end
                continue
            yield _dated(segment, separator, following) + end
            following = next(wanted, None)
    yield rest
    if following is not None:
        raise Broken("the file was changed while it was checked; check it again")


def _dated(segment: bytes, separator: bytes, change: Change) -> bytes:
    elements = segment.split(separator)
    if len(elements) <= DATE or elements[DATE] != change.before.encode():
        raise Broken(
            f"segment {change.segment}: the file was changed while it was checked; check it again"
        )
    elements[DATE] = change.after.encode()
    return separator.join(elements)
