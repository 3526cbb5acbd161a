"""The pictures of the report: a drift on its days, and the trend of many."""

import itertools
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.practice.report import Days, DriftReport, ReportRow
from calwarden.practice.report_timeline import Bar, timeline
from calwarden.practice.report_trend import FEWEST_DAYS, Fate, buckets, fate, picture

ZONE = "America/New_York"
NOW = datetime(2026, 12, 7, 13, tzinfo=UTC)


def span(start, end, *, all_day=False):
    """Return a document of the ledger."""
    return {"start": start, "end": end, "timezone": ZONE, "all_day": all_day}


def row(number=1, *, before=None, after=None, **changes):
    """Return a drift that waits for a person, unless told otherwise."""
    values = {
        "id": number,
        "revision": 1,
        "kind": DriftKind.MOVED,
        "severity": Severity.CLAIM,
        "status": DriftStatus.OPEN,
        "verdict": Verdict.FLAG,
        "provider": "dr-lee",
        "provider_name": "Dana Lee",
        "calendar": 1,
        "appointment": "a-1",
        "detected_at": NOW,
        "before": before,
        "after": after,
        "timezone": ZONE,
    }
    return ReportRow(**{**values, **changes})


MORNING = span("2026-12-08T06:00:00-05:00", "2026-12-08T12:00:00-05:00")


class TestTimeline:
    """Before and after lie on local days, each as wide as the other."""

    def test_one_day_is_the_whole_axis(self):
        """Six in the morning is a quarter of it."""
        found = timeline(row(before=MORNING, after=None))
        assert found.days == (date(2026, 12, 8),)
        assert (found.before, found.after) == (Bar(left=25, width=25), None)

    def test_a_move_to_the_next_day_crosses_midnight(self):
        """Two days, and the end of one is the beginning of the other."""
        after = span("2026-12-09T00:00:00-05:00", "2026-12-09T12:00:00-05:00")
        found = timeline(row(before=MORNING, after=after))
        assert found.days == (date(2026, 12, 8), date(2026, 12, 9))
        assert found.after == Bar(left=50, width=25)

    def test_an_end_at_midnight_does_not_touch_the_next_day(self):
        """The day is over then."""
        late = span("2026-12-08T18:00:00-05:00", "2026-12-09T00:00:00-05:00")
        found = timeline(row(before=late))
        assert (found.days, found.before) == ((date(2026, 12, 8),), Bar(left=75, width=25))

    def test_far_days_are_told_without_those_between(self):
        """Otherwise a meeting would be a hair on a long line."""
        after = span("2027-01-08T06:00:00-05:00", "2027-01-08T12:00:00-05:00")
        found = timeline(row(before=MORNING, after=after))
        assert found.broken
        assert found.days == (date(2026, 12, 8), date(2027, 1, 8))
        assert found.after == Bar(left=62.5, width=12.5)

    def test_a_whole_day_is_whole_in_every_zone(self):
        """It is a date, not an instant."""
        whole = span("2026-12-08T00:00:00+00:00", "2026-12-09T00:00:00+00:00", all_day=True)
        found = timeline(row(before=MORNING, after=whole))
        assert (found.days, found.after) == ((date(2026, 12, 8),), Bar(left=0, width=100))

    def test_without_times_there_is_no_picture(self):
        """A case is about many."""
        assert timeline(row()) is None

    @given(
        start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware
        shift=st.integers(-60 * 24 * 400, 60 * 24 * 400),
        minutes=st.integers(1, 3000),
    )
    def test_every_bar_lies_on_the_axis(self, start, shift, minutes):
        """Whatever was moved where, across any change of the clocks."""
        first = start.replace(tzinfo=UTC, microsecond=0)
        second = first + timedelta(minutes=shift)
        spans = [
            span(one.isoformat(), (one + timedelta(minutes=minutes)).isoformat())
            for one in (first, second)
        ]
        found = timeline(row(before=spans[0], after=spans[1]))
        for bar in (found.before, found.after):
            assert 0 <= bar.left < 100
            assert 0 < bar.width <= 100.1 - bar.left
        assert list(found.days) == sorted(set(found.days))


def report(*rows, **days):
    """Return a report, newest first."""
    return DriftReport(practice="P", days=Days(zone=ZONE, **days), made_at=NOW, rows=rows)


class TestTrend:
    """Every drift is counted once, where its day is."""

    @pytest.mark.parametrize(("reach", "step"), [(0, 1), (10, 1), (60, 7), (700, 28)])
    def test_the_stretches_cover_all_days_and_hold_every_drift(self, reach, step):
        """Day by day, week by week or month by month, without a hole."""
        rows = [row(n, detected_at=NOW - timedelta(days=n)) for n in range(reach + 1)]
        told = buckets(report(*rows))
        assert sorted(one.id for bucket in told for one in bucket.rows) == list(range(reach + 1))
        assert told[0].first == date(2026, 12, 7) - timedelta(days=max(reach, FEWEST_DAYS - 1))
        assert told[-1].last == date(2026, 12, 7)
        for one, following in itertools.pairwise(told):
            assert following.first == one.last + timedelta(days=1)
        assert all((one.last - one.first).days + 1 >= step for one in told[1:-1])
        assert len(told) <= 54

    def test_days_are_those_of_the_practice(self):
        """A drift of one in the night in UTC is one of the evening before in New York."""
        late = row(1, detected_at=datetime(2026, 12, 7, 1, tzinfo=UTC))
        told = buckets(report(late))
        assert [len(one.rows) for one in told if one.first == date(2026, 12, 6)] == [1]

    def test_the_picture_is_shapes_words_and_links(self):
        """Each part of a bar links to a drift that it counts; nothing else is in it."""
        rows = [
            row(1),
            row(2, status=DriftStatus.REVERTED, verdict=Verdict.REVERT),
            row(3, status=DriftStatus.ACCEPTED, decided=True),
        ]
        assert [fate(one) for one in rows] == [Fate.WAITING, Fate.REVERTED, Fate.CLOSED]
        svg = picture(buckets(report(*rows)))
        assert sorted(re.findall(r'href="([^"]*)"', svg)) == ["#d1", "#d2", "#d3"]
        assert svg.startswith("<svg")
        assert not re.search(r"script|style|xmlns|http|url\(|<!--", svg)

    def test_drawing_leaves_no_finder_of_modules_behind(self):
        """What pygal hooks into imports is taken out again."""
        import sys  # noqa: PLC0415 - only here

        picture(buckets(report(row(1))))
        assert all(type(one).__module__ != "pygal" for one in sys.meta_path)
