"""The trend of drifts: how many were noticed from day to day or week to week, and what became.

pygal draws it; what is kept of its picture is shapes, words and links, so that it stands in a page
without script or outside reference.
"""

import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

from calwarden.domain.wall_time import in_zone
from calwarden.practice.report import DriftReport, ReportRow

FEWEST_DAYS = 14
"""A report without a first day looks back so far at least: quiet days are told too."""

MOST_DAYS = 31
MOST_WEEKS = 53
MOST_LABELS = 16
WIDTH, HEIGHT = 960, 200
STEPS = (1, 2, 5)

INK = "#1c2126"
DROPPED = {"defs", "desc", "title", "script", "style"}
KEPT = {"class", "d", "height", "href", "rx", "transform", "viewBox", "width", "x", "y"}


class Fate(StrEnum):
    """What became of a drift, as the trend tells it; told from the bottom of a bar to its top."""

    WAITING = "waiting"
    CLOSED = "closed"
    REVERTED = "reverted"


def fate(row: ReportRow) -> Fate:
    """Return what became of a drift; what is being put back counts as put back."""
    if row.waiting:
        return Fate.WAITING
    return Fate.REVERTED if row.automatic or row.open else Fate.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A stretch of days that is told together, with the drifts noticed in it, newest first."""

    first: date
    last: date
    rows: tuple[ReportRow, ...]

    @property
    def label(self) -> str:
        """The first day, short enough for an axis."""
        return f"{self.first.day} {self.first:%b}"


def buckets(report: DriftReport) -> list[Bucket]:
    """Return the days of a report in order, day by day, week by week, or month by month.

    Nothing is left out between the first day and the last.
    """
    dated = [(in_zone(row.detected_at, report.days.zone).date(), row) for row in report.rows]
    if not dated:
        return []
    days = sorted(day for day, _ in dated)
    today = in_zone(report.made_at, report.days.zone).date()
    last = max(days[-1], min(report.days.until or today, today))
    first = report.days.since or min(days[0], last - timedelta(days=FEWEST_DAYS - 1))
    starts = list(_starts(min(first, days[0]), last))
    found: dict[date, list[ReportRow]] = {start: [] for start in starts}
    bounds = [*starts, last + timedelta(days=1)]
    for day, row in dated:
        found[starts[bisect_right(starts, day) - 1]].append(row)
    return [
        Bucket(first=start, last=following - timedelta(days=1), rows=tuple(found[start]))
        for start, following in pairwise(bounds)
    ]


def _starts(first: date, last: date) -> Iterator[date]:
    reach = (last - first).days + 1
    if reach <= MOST_DAYS:
        yield from (first + timedelta(days=number) for number in range(reach))
    elif reach <= MOST_WEEKS * 7:
        yield first
        monday = first + timedelta(days=7 - first.weekday())
        while monday <= last:
            yield monday
            monday += timedelta(days=7)
    else:
        yield first
        month = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        while month <= last:
            yield month
            month = (month + timedelta(days=32)).replace(day=1)


def picture(told: Sequence[Bucket]) -> str:
    """Return the trend as inline SVG; each part of a bar links to the first drift it counts."""
    pygal = _pygal()
    chart = pygal.StackedBar(
        width=WIDTH,
        height=HEIGHT,
        style=pygal.style.Style(foreground=INK, foreground_strong=INK, foreground_subtle=INK),
        show_legend=False,
        margin=8,
        spacing=8,
        x_labels=[one.label for one in told],
        x_labels_major_count=len(told) if len(told) <= MOST_LABELS else 12,
        show_minor_x_labels=False,
        truncate_label=-1,
        y_labels=_scale(max((len(one.rows) for one in told), default=0)),
    )
    for one in Fate:
        chart.add(one.value, [_part(bucket, one) for bucket in told])
    root = ET.fromstring(chart.render(is_unicode=False))  # noqa: S314 - our own picture
    return ET.tostring(_bare(root), encoding="unicode")


@cache
def _pygal() -> Any:
    """Load pygal when something is drawn, without the finder of modules that it leaves behind.

    That finder looks for its maps, speaks the protocol of Python 3.3 and slows every import.
    """
    import pygal.style  # noqa: PLC0415 - see above

    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]
    return pygal


def _part(bucket: Bucket, wanted: Fate) -> dict[str, object] | None:
    rows = [row for row in bucket.rows if fate(row) is wanted]
    if not rows:
        return None
    return {"value": len(rows), "xlink": {"href": f"#d{rows[0].id}", "target": "_self"}}


def _scale(most: int) -> list[int]:
    """Return whole numbers for the axis: nought, and three or four steps that reach ``most``."""
    step, power = 1, 1
    while step * 4 < most:
        step = next((s * power for s in STEPS if s * power > step), power * 10)
        power = power * 10 if step == power * 10 else power
    return list(range(0, max(most, 1) + step, step))


def _bare(node: ET.Element) -> ET.Element:
    name = node.tag.rpartition("}")[2]
    kept = {key.rpartition("}")[2]: value for key, value in node.attrib.items()}
    bare = ET.Element(name, {key: kept[key] for key in kept if key in KEPT})
    bare.text = node.text
    for child in node:
        own = child.tag.rpartition("}")[2]
        empty = not len(child) and own == "g"
        if own not in DROPPED and not empty and "overlay" not in child.get("class", ""):
            bare.append(_bare(child))
    return bare
