"""A Retry-After is obeyed to the second, within a day, and breaks nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.sdk.patience import LONGEST_WAIT, retry_after

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("97", timedelta(seconds=97)),
        (" 0 ", timedelta()),
        ("Tue, 01 Dec 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Tue, 01 Dec 2026 12:00:30", timedelta(seconds=30)),
        ("Tue, 01 Dec 2026 07:00:30 -0500", timedelta(seconds=30)),
        ("Tue, 01 Dec 2026 11:59:00 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("9" * 40, LONGEST_WAIT),
        ("", None),
        (None, None),
        ("soon", None),
        ("²", None),
        ("-1", None),
    ],
)
def test_what_is_asked_for(asked, wait):
    """Seconds or a date; more than a day is a day, and what says nothing asks for nothing."""
    assert retry_after(asked, NOON) == wait


def test_a_date_says_nothing_where_nobody_said_when_it_was_told():
    """Our own clock may be wrong: only the service's own date counts beside its date."""
    assert retry_after("Tue, 01 Dec 2026 12:00:30 GMT", None) is None
    assert retry_after("30", None) == timedelta(seconds=30)


@given(st.text())
def test_whatever_it_says_it_breaks_nothing(asked):
    """A wait within a day, or none."""
    wait = retry_after(asked, NOON)
    assert wait is None or timedelta() <= wait <= LONGEST_WAIT
