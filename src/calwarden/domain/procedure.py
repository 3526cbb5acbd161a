"""Time-based procedure codes of psychotherapy (CPT): which length of a session each one is for."""

from collections.abc import Mapping

TIMED: Mapping[str, range] = {
    "90832": range(16, 38),
    "90834": range(38, 53),
    "90837": range(53, 24 * 60 + 1),
}
"""Minutes by code. 90791 and every code not named here is not chosen by time."""


def suggested(minutes: int) -> str | None:
    """Return the time-based code for a session of that length; None where it is too short."""
    return next((code for code, lengths in TIMED.items() if minutes in lengths), None)


def at_odds(code: str | None, minutes: int | None) -> bool:
    """Tell whether a time-based code is not the one for a known length."""
    return code in TIMED and minutes is not None and suggested(minutes) != code
