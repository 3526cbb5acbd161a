"""The drift report as one HTML page: read on a desk or a phone, kept, mailed, printed."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup, escape

from calwarden.domain.wall_time import in_zone
from calwarden.practice import report_wording
from calwarden.practice.report import DriftReport, ReportRow
from calwarden.practice.report_tables import template
from calwarden.practice.report_timeline import timeline
from calwarden.practice.report_trend import Bucket, Fate, buckets, fate, picture

NAMED = re.compile(r"\bdrift (\d+)\b")

MOST_IN_A_TABLE = 100
"""Rows of one table. A browser lays out a table as a whole, and only those that are in sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Drifts that are told in one table, under the name of their days."""

    name: str
    rows: Sequence[ReportRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Drifts with one outcome; ``anchor`` is what figures link to."""

    anchor: str
    title: str
    lead: str
    count: int
    parts: Sequence[Part]


def page(report: DriftReport) -> str:
    """Return the report as one HTML page without script or outside reference."""
    told = buckets(report)
    return template("drift.html").render(
        report=report,
        words=report_wording,
        local=in_zone,
        timeline=timeline,
        linked=_linker(report),
        trend=picture(told) if len(told) > 1 else "",
        step=_step(told),
        fates=[_counted(report, one) for one in Fate],
        chapters=list(_chapters(report)),
    )


def _linker(report: DriftReport) -> Callable[[str], Markup]:
    """Return what makes links of the drifts that a text names, where they stand in the report."""
    here = {row.id for row in report.rows}

    def link(named: re.Match[str]) -> str:
        number = int(named[1])
        return f'<a href="#d{number}">drift {number}</a>' if number in here else named[0]

    def linked(text: str) -> Markup:
        return Markup(NAMED.sub(link, str(escape(text))))  # noqa: S704 - escaped before

    return linked


def _step(told: Sequence[Bucket]) -> str:
    longest = max((one.last - one.first).days for one in told) if told else 0
    if longest == 0:
        return "day by day"
    return "week by week" if longest < 7 else "month by month"  # noqa: PLR2004 - days of a week


def _counted(report: DriftReport, wanted: Fate) -> tuple[Fate, int, int | None]:
    """Return how many drifts had a fate, and the newest of them."""
    own = [row.id for row in report.rows if fate(row) is wanted]
    return wanted, len(own), next(iter(own), None)


def _chapters(report: DriftReport) -> Iterator[Chapter]:
    chapters = (
        (
            "under-way",
            "Being put back",
            "The next pass writes these, unless the edit is undone or changed before.",
            report.under_way,
        ),
        (
            "reverted",
            "Put back automatically",
            "The calendar shows again what the books have. Nobody needs to do anything.",
            report.automatic,
        ),
        (
            "closed",
            "Decided or settled",
            "Decided by a person, undone by whoever made the edit, or overtaken by the books.",
            report.closed,
        ),
    )
    for anchor, title, lead, rows in chapters:
        if rows:
            yield Chapter(
                anchor=anchor,
                title=title,
                lead=lead,
                count=len(rows),
                parts=list(_parts(rows, report)),
            )


def _parts(rows: Sequence[ReportRow], report: DriftReport) -> Iterator[Part]:
    for monday, together in groupby(rows, key=lambda row: _monday(row, report)):
        own = list(together)
        for start in range(0, len(own), MOST_IN_A_TABLE):
            name = "" if start else f"Week of {report_wording.day(monday)}"
            yield Part(name=name, rows=own[start : start + MOST_IN_A_TABLE])


def _monday(row: ReportRow, report: DriftReport) -> date:
    day = in_zone(row.detected_at, report.days.zone).date()
    return day - timedelta(days=day.weekday())
