"""What a check of an 837P file can find, and what a corrected copy changes."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class FindingKind(StrEnum):
    """What is wrong with a claim in a file."""

    WRONG_DATE = "wrong_date"
    UNKNOWN_CLAIM = "unknown_claim"
    HELD = "held"
    CANCELLED = "cancelled"
    FUTURE_DATE = "future_date"
    MISSING_ORIGINAL_REFERENCE = "missing_original_reference"
    WRONG_FREQUENCY_CODE = "wrong_frequency_code"
    DUPLICATE = "duplicate"
    CODE_TIME_MISMATCH = "code_time_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault: what stands in the file and what should. Dates are ISO 8601 where they are any."""

    kind: FindingKind
    claim: str
    segment: int
    message: str
    found: str | None = None
    expected: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, *, kind: str, **fields: Any) -> Self:
        """Return the finding that a document tells."""
        return cls(kind=FindingKind(kind), **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A service date that a corrected copy has anew: DTP03 as it stood and as it will stand."""

    claim: str
    segment: int
    before: str
    after: str

    def document(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return asdict(self)
