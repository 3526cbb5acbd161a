"""A clock that a test turns by hand."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
"""A Monday morning in New York."""


class ManualClock:
    """Stands still until it is moved. Pausing moves it: nobody waits."""

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("a naive datetime is not a moment")
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def pause(self, span: timedelta) -> None:
        self.advance(max(span, timedelta()))

    def advance(self, span: timedelta) -> datetime:
        """Let time pass; returns the new moment."""
        if span < timedelta():
            raise ValueError("time does not run backwards; use jump for a wrong clock")
        self._elapsed += span.total_seconds()
        self._now += span
        return self._now

    def jump(self, moment: datetime) -> None:
        """Set the time of day, as a wrong or corrected machine clock does; no time passes."""
        if moment.tzinfo is None:
            raise ValueError("a naive datetime is not a moment")
        self._now = moment.astimezone(UTC)
