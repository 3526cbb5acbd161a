"""X12 interchanges, segment by segment, whatever their separators; what is not whole is refused.

pyx12 reads the segments and counts sets, groups and control numbers (X12.5, X12.6). Nothing of a
file is kept but the segment at hand.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from pyx12.errors import EngineError, X12Error
from pyx12.segment import Segment as RawSegment
from pyx12.x12file import X12Reader

COMPRESSED: Mapping[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"PK": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7-Zip",
    b"\x1f\x9d": "compress",
}
PADDING = "\r\n\t \0\x1a"
"""What may stand behind the last segment."""

FAULTS: Mapping[tuple[str, str], str] = {
    ("isa", "001"): "IEA02 is not the control number of the interchange (ISA13)",
    ("isa", "021"): "IEA01 does not count the groups (GS) of the interchange",
    ("isa", "023"): "the end of the interchange (IEA) is missing",
    ("isa", "024"): "the interchange ends (IEA) inside a group: a GE is missing",
    ("isa", "025"): "two interchanges have the same control number (ISA13)",
    ("gs", "3"): "the end of a group (GE) or of a transaction set (SE) is missing",
    ("gs", "4"): "GE02 is not the control number of the group (GS06)",
    ("gs", "5"): "GE01 does not count the transaction sets (ST) of the group",
    ("gs", "6"): "two groups have the same control number (GS06)",
    ("st", "2"): "the end of a transaction set (SE) is missing",
    ("st", "3"): "SE02 is not the control number of the transaction set (ST02)",
    ("st", "4"): "SE01 does not count the segments of the transaction set",
    ("st", "23"): "two transaction sets have the same control number (ST02)",
    ("seg", "1"): "this is not a segment",
    ("seg", "8"): "the segment is empty",
}
"""What pyx12 finds that makes a file not whole. Its other findings are for the clearing house."""

CLOSERS = {"SE": "ST", "GE": "GS", "IEA": "ISA"}
INSIDE = {"ISA": "", "GS": "ISA", "ST": "GS", "TA1": "ISA"}


class Broken(Exception):
    """A file is not a whole, plain file of the kind that is wanted; it tells the segment."""


class Kind(Enum):
    """A kind of file: its name, and what its groups (GS01, GS08) and sets (ST01) say."""

    PROFESSIONAL = ("837P", "HC", "837", frozenset({"005010X222A1"}))
    REMITTANCE = ("835", "HP", "835", frozenset({"005010X221A1", "005010X221"}))

    @property
    def told(self) -> str:
        """The kind in words: ``837P (005010X222A1)``."""
        name, _, _, guides = self.value
        return f"{name} ({max(guides)})"

    def takes(self, segment: "Segment") -> bool:
        """Tell whether a GS or ST segment is of this kind."""
        _, group, number, guides = self.value
        if segment.name == "GS":
            return segment.value(1) == group and segment.value(8) in guides
        return segment.value(1) == number and segment.value(3) in {"", *guides}


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. ``number`` counts from ISA = 1 over the whole file."""

    number: int
    raw: RawSegment

    @property
    def name(self) -> str:
        """The segment identifier, such as ``CLM``."""
        return self.raw.seg_id or ""

    def value(self, element: int, part: int | None = None) -> str:
        """Return an element, or one part of a composite, counted from 1; empty where it is not."""
        elements = self.raw.elements
        if element > len(elements):
            return ""
        found = elements[element - 1]
        if part is None:
            return _text(found.format())
        return _text(found[part - 1].get_value()) if part <= len(found) else ""


def read(stream: BinaryIO, kind: Kind) -> Iterator[Segment]:
    """Yield the segments of a file; raises `Broken` where it is not whole, at its end at last.

    What was yielded before counts only once the end was reached.
    """
    _refuse_compressed(stream)
    text = io.TextIOWrapper(stream, encoding="latin-1", newline="")
    try:
        yield from _whole(text, kind)
    finally:
        text.detach()


def _refuse_compressed(stream: BinaryIO) -> None:
    start = stream.read(8)
    stream.seek(0)
    for magic, name in COMPRESSED.items():
        if start.startswith(magic):
            raise Broken(
                f"the file is compressed ({name}) and was not read; unpack it first, then check it"
            )


def _whole(text: io.TextIOWrapper, kind: Kind) -> Iterator[Segment]:
    try:
        reader = X12Reader(text)
    except X12Error as error:
        raise Broken(
            f"segment 1: this is not an X12 file: it does not begin with a whole ISA segment of "
            f"version 00501; a {kind.told} file is wanted"
        ) from error
    number, envelope = 0, _Envelope(kind)
    for number, raw in enumerate(_raw(reader), start=1):
        segment = Segment(number, raw)
        _demand_sound(reader, number)
        envelope.take(segment)
        yield segment
    reader.cleanup()
    _demand_sound(reader, number, end=True)
    rest = reader.raw.buffer + text.read(1)
    if rest.strip(PADDING) or envelope.inside:
        raise Broken(f"segment {number + 1}: it has no end, or is empty; the file is damaged here")


def _raw(reader: X12Reader) -> Iterator[RawSegment]:
    number = 0
    try:
        for raw in reader:
            number += 1
            yield raw
    except (X12Error, EngineError, IndexError) as error:
        raise Broken(f"segment {number + 1}: this is not a segment that belongs here") from error


def _demand_sound(reader: X12Reader, number: int, *, end: bool = False) -> None:
    found = [FAULTS.get((kind, code)) for kind, code, *_ in reader.pop_errors()]
    faults = [fault for fault in found if fault is not None]
    if faults:
        where = f"the file ends after segment {number}" if end else f"segment {number}"
        raise Broken(f"{where}: {faults[-1]}; the file is not whole")


class _Envelope:
    """Where a segment may stand: sets in groups, groups in interchanges, all else in sets."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._separators: str | None = None
        self.inside = ""

    def take(self, segment: Segment) -> None:
        name = segment.name
        wanted = CLOSERS.get(name) or INSIDE.get(name, "ST")
        if self.inside != wanted:
            raise Broken(
                f"segment {segment.number}: {name} stands "
                f"{f'inside {self.inside}' if self.inside else 'outside every interchange'}, "
                "where it does not belong; the file is not whole"
            )
        if name in {"GS", "ST"} and not self._kind.takes(segment):
            code = segment.value(8) if name == "GS" else segment.value(3) or segment.value(1)
            raise Broken(
                f"segment {segment.number}: {name} says {code}; only a {self._kind.told} file can "
                "be read here"
            )
        if name == "ISA":
            self._same_separators(segment)
        if name in CLOSERS:
            self.inside = INSIDE[CLOSERS[name]]
        elif name in {"ISA", "GS", "ST"}:
            self.inside = name

    def _same_separators(self, segment: Segment) -> None:
        separators = segment.value(16)
        if self._separators not in {None, separators}:
            raise Broken(
                f"segment {segment.number}: this interchange has other separators than the first "
                "one; split the file"
            )
        self._separators = separators


def _text(value: str) -> str:
    """Return a value as text: UTF-8 where it is, else one byte per character (ISO 8859-1)."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
