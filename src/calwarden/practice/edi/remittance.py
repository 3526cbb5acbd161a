"""Payers' answers in an 835 file (X12 005010X221A1): what became of each claim."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from calwarden.practice.edi.segments import Broken, Segment


class Outcome(Enum):
    """What an answer says of a claim."""

    PROCESSED = auto()
    DENIED = auto()
    REVERSED = auto()
    NOTHING = auto()


OUTCOMES = {
    **dict.fromkeys(("1", "2", "3", "19", "20", "21"), Outcome.PROCESSED),
    "4": Outcome.DENIED,
    "22": Outcome.REVERSED,
}
"""By CLP02: processed as primary, secondary or tertiary, also when forwarded (19 to 21); denied; a
former payment taken back. 23 (not our claim, forwarded) and 25 (a predetermination) decide nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A CLP segment: CLP01, CLP02 and CLP07, with the trace number (TRN02) of its payment."""

    segment: int
    claim: str
    status_code: str
    control_number: str
    trace: str

    @property
    def outcome(self) -> Outcome:
        """What it says of the claim."""
        return OUTCOMES.get(self.status_code, Outcome.NOTHING)


def answers_in(segments: Iterable[Segment]) -> Iterator[Answer]:
    """Yield the answers of a file; raises `Broken` for one without claim or status."""
    trace = ""
    for segment in segments:
        match segment.name:
            case "ST":
                trace = ""
            case "TRN":
                trace = trace or segment.value(2)
            case "CLP":
                if not segment.value(1) or not segment.value(2):
                    raise Broken(
                        f"segment {segment.number}: CLP names no claim (CLP01) or no status (CLP02)"
                    )
                yield Answer(
                    segment=segment.number,
                    claim=segment.value(1),
                    status_code=segment.value(2),
                    control_number=segment.value(7),
                    trace=trace,
                )
            case _:
                pass
