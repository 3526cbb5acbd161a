"""Plays the story: seed, publish, let people edit, look once, look again, write the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calwarden.demo.stage import Stage
from calwarden.demo.story import Deed, deeds, differences
from calwarden.engine.report import PollOutcome, PollReport
from calwarden.practice.report import DriftReport
from calwarden.practice.report_page import page

REPORT_NAME = "drift-report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Called back at each turn of the story, so that it can be told while it happens."""

    seeded: Callable[[Stage, Mapping[str, Any]], None] = lambda _stage, _imported: None
    published: Callable[[Sequence[PollReport]], None] = lambda _reports: None
    edited: Callable[[Deed], None] = lambda _deed: None
    noticed: Callable[[DriftReport], None] = lambda _report: None
    settled: Callable[["Ending"], None] = lambda _ending: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the story ended. ``wrong`` says in words where it did not run as told."""

    published: int
    reverted: int
    flagged: int
    held: tuple[Mapping[str, Any], ...]
    second_pass_writes: int
    drifts: tuple[Mapping[str, Any], ...]
    report: Path
    wrong: tuple[str, ...] = field(default=())


def play(stage: Stage, scene: Scene) -> Ending:
    """Play the whole story on a stage that was set up."""
    imported = stage.import_practice()
    stage.link_calendars()
    scene.seeded(stage, imported)
    first = stage.look()
    scene.published(first)
    told = deeds(stage.seed)
    for deed in told:
        deed.act(stage.people[deed.who])
        scene.edited(deed)
    noticed = stage.look()
    report = stage.report()
    scene.noticed(report)
    written_before = stage.venue.writes
    second = stage.look()
    writes = stage.venue.writes - written_before
    file = stage.folder / REPORT_NAME
    file.write_text(page(report), encoding="utf-8")
    drifts = stage.drifts()
    held = [claim for claim in stage.claims() if claim["held"]]
    wrong = [
        *_failed([*first, *noticed, *second]),
        *differences(told, drifts, stage.people, [claim["ref"] for claim in held]),
        *stage.venue.complaints,
        *([f"the second pass wrote {writes} times"] if writes else []),
    ]
    ending = Ending(
        published=sum(one.published for one in first),
        reverted=sum(one["status"] == "reverted" for one in drifts),
        flagged=sum(one["status"] == "open" for one in drifts),
        held=tuple(held),
        second_pass_writes=writes,
        drifts=tuple(drifts),
        report=file,
        wrong=tuple(wrong),
    )
    scene.settled(ending)
    return ending


def _failed(reports: Sequence[PollReport]) -> list[str]:
    return [
        f"calendar {one.id} ended as {one.outcome}: {one.problem}"
        for one in reports
        if one.outcome is not PollOutcome.DONE
    ]
