"""Notices that the time of day jumped: set by hand, corrected from afar, or wrong from the start.

Elapsed time never jumps, so the distance between the two stands still while the clock is right. A
process that just started has nothing to compare with but when the timers last ran.
"""

from datetime import datetime, timedelta

from calwarden.clock import Clock
from calwarden.store.clock_marks import ClockMark

TOLERANCE = timedelta(minutes=1)


class ClockWatch:
    """Compares the time of day with elapsed time, from one look to the next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trusted: datetime | None = None
        self._jumped = False

    def look(self, before: ClockMark | None) -> ClockMark:
        """Return the mark of this moment; ``before`` is the last one.

        The clock is doubted from a jump until that is undone, or until a person says that it is
        right (`calwarden.practice.ask_expiry.confirm`).
        """
        now = self._clock.now()
        origin = now - timedelta(seconds=self._clock.monotonic())
        doubted = None if before is None else before.doubted_since
        if self._trusted is None:
            ran_back = before is not None and now < before.ticked_at - TOLERANCE
            self._trusted = origin
            return ClockMark(ticked_at=now, doubted_since=doubted or (now if ran_back else None))
        if self._jumped and doubted is None:
            # somebody looked at the clock and confirmed it
            self._trusted, self._jumped = origin, False
        if abs(origin - self._trusted) > TOLERANCE:
            self._jumped = True
            return ClockMark(ticked_at=now, doubted_since=doubted or now)
        # the small corrections of a time server are followed
        self._trusted = origin
        if self._jumped:
            self._jumped, doubted = False, None
        return ClockMark(ticked_at=now, doubted_since=doubted)
