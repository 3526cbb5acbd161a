"""What time it is. Whoever needs to know takes a clock; nothing else reads the machine's."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from typing_extensions import override

NOW_VARIABLE = "CALWARDEN_NOW"


class BadClock(ValueError):
    """The variable that sets the clock holds no moment."""


class Clock(Protocol):
    """Time of day, elapsed time, and waiting."""

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return elapsed seconds since some start; never goes back."""
        ...

    def pause(self, span: timedelta) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the machine's clock

    def monotonic(self) -> float:
        return time.monotonic()

    def pause(self, span: timedelta) -> None:
        time.sleep(max(0.0, span.total_seconds()))  # noqa: TID251 - the one place that waits


class FixedClock(SystemClock):
    """A clock that stands still; elapsed time and waiting are real."""

    def __init__(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise BadClock("a clock needs a moment with an offset, such as 2026-12-01T10:00:00Z")
        self._moment = moment.astimezone(UTC)

    @override
    def now(self) -> datetime:
        return self._moment


def clock_from(environment: Mapping[str, str], *, manual: bool) -> Clock:
    """Return the clock of a process.

    Only where the settings say that the clock is manual does ``CALWARDEN_NOW`` (RFC 3339) set it;
    raises `BadClock`.
    """
    text = environment.get(NOW_VARIABLE, "") if manual else ""
    if not text:
        return SystemClock()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadClock(
            f"{NOW_VARIABLE} is {text!r}; write it as 2026-12-01T10:00:00-05:00"
        ) from error
    return FixedClock(moment)
