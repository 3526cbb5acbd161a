"""Professional claims in an 837P file (X12 005010X222A1): what is compared with the store."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from calwarden.practice.edi.segments import Broken, Segment

SERVICE_DATE = "472"
CLAIM_NUMBER = "F8"
"""REF01 of the payer's claim control number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDate:
    """A ``DTP*472`` of a service line: ``form`` (D8 or RD8) and text as they stand in the file."""

    segment: int
    form: str
    text: str

    @property
    def days(self) -> tuple[date, ...] | None:
        """The day, or first and last day; None where the text is no date of its form."""
        parts = self.text.split("-") if self.form == "RD8" else [self.text]
        if self.form not in {"D8", "RD8"} or len(parts) != len(self.form) - 1:
            return None
        try:
            return tuple(_day(part) for part in parts)
        except ValueError:
            return None

    @property
    def plain(self) -> bool:
        """Whether the text is one simple element: only such a one is ever replaced."""
        return self.text.replace("-", "").isalnum() and self.text.isascii()

    def rewritten(self, day: date) -> str | None:
        """Return the text for one day in the same form; None where the form is not known."""
        text = f"{day:%Y%m%d}"
        return {"D8": text, "RD8": f"{text}-{text}"}.get(self.form)


@dataclass(slots=True, kw_only=True)
class ServiceLine:
    """A service line (loop 2400); ``segment`` is its LX, ``code_segment`` its SV1."""

    segment: int
    code: str = ""
    code_segment: int = 0
    dates: list[ServiceDate] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class FiledClaim:
    """A claim (loop 2300): CLM01, CLM05-3, and REF*F8 of the claim itself, not of other payers."""

    segment: int
    ref: str
    frequency: str
    reference: str | None = None
    lines: list[ServiceLine] = field(default_factory=list)


def claims_in(segments: Iterable[Segment]) -> Iterator[FiledClaim]:
    """Yield the claims of a file, one at a time; raises `Broken` where it holds none."""
    claim: FiledClaim | None = None
    own, found = False, False
    for segment in segments:
        name = segment.name
        if name in {"CLM", "HL", "SE"} and claim is not None:
            yield claim
            claim = None
        if name == "CLM":
            claim = FiledClaim(
                segment=segment.number, ref=segment.value(1), frequency=segment.value(5, 3)
            )
            own, found = True, True
        elif claim is not None:
            own = own and name not in {"NM1", "SBR", "LX"}
            _take(claim, segment, own=own)
    if not found:
        raise Broken("the file holds no claim (CLM)")


def _take(claim: FiledClaim, segment: Segment, *, own: bool) -> None:
    match segment.name:
        case "REF" if own and segment.value(1) == CLAIM_NUMBER:
            claim.reference = segment.value(2) or None
        case "LX":
            claim.lines.append(ServiceLine(segment=segment.number))
        case "SV1" if claim.lines:
            claim.lines[-1].code = segment.value(1, 2)
            claim.lines[-1].code_segment = segment.number
        case "DTP" if claim.lines and segment.value(1) == SERVICE_DATE:
            claim.lines[-1].dates.append(
                ServiceDate(segment=segment.number, form=segment.value(2), text=segment.value(3))
            )
        case _:
            pass


def _day(text: str) -> date:
    if len(text) != len("20261201") or not text.isdigit() or not text.isascii():
        raise ValueError(text)
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a calendar date has no zone
