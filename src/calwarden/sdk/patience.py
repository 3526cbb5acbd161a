"""How long a service asks us to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_WAIT = timedelta(days=1)
"""Whoever asks for more is asked again after this."""

_MOST_DIGITS = 9


def retry_after(asked: str | None, answered: datetime | None) -> timedelta | None:
    """Return what a Retry-After asks for: seconds, or a date (RFC 9110 section 10.2.3).

    ``answered`` is when it was asked for; without it a date says nothing. None where nothing that
    can be read was asked for.
    """
    text = "" if asked is None else asked.strip()
    if text.isdecimal():
        return min(timedelta(seconds=int(text[:_MOST_DIGITS])), LONGEST_WAIT)
    until = http_date(text)
    if until is None or answered is None:
        return None
    return min(max(until - answered, timedelta()), LONGEST_WAIT)


def http_date(text: str | None) -> datetime | None:
    """Return the moment that a date in a header names; None where it names none."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
