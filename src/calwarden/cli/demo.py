"""``calwarden demo``: the whole story on this machine, told while it happens."""

import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from calwarden.cli.failures import WrongInput
from calwarden.cli.options import single
from calwarden.cli.output import Output, plural
from calwarden.cli.session import Session, command
from calwarden.clock import Clock, SystemClock
from calwarden.demo.play import Ending, Scene, play
from calwarden.demo.practice import NAMES, ZONES
from calwarden.demo.stage import CONNECTORS, Stage, Stranded
from calwarden.demo.story import Deed
from calwarden.domain.drift import Severity
from calwarden.engine.report import PollReport
from calwarden.practice import report_wording
from calwarden.practice.report import DriftReport, ReportRow

app = single()

NOT_AS_TOLD = 1
LOOK_EVERY = timedelta(seconds=5)
HEADING = "bold"
PUT_BACK = "green"
FOR_A_PERSON = "yellow"
HOLD = "bold red"


@command(app, "demo")
def demo(
    session: Session,
    *,
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep everything running afterwards, until Ctrl-C.")
    ] = False,
    connector: Annotated[
        str,
        typer.Option(
            "--connector",
            metavar="|".join(CONNECTORS),
            help="caldav: at a real server. google, outlook: at a stand-in for the service.",
        ),
    ] = CONNECTORS[0],
) -> int:
    """Play the whole story on this machine: a calendar service, a practice, people who edit.

    A practice is seeded and published, a second calendar client edits the calendars as people do,
    one pass notices, puts back or flags, and holds the claims. Everything happens in a scratch
    folder on the loopback interface. Exit status 0 where the story ran as told.
    """
    if connector not in CONNECTORS:
        raise WrongInput(
            f"the story is not played with {connector!r}; choose one of {', '.join(CONNECTORS)}"
        )
    clock = SystemClock()
    _stop_on_terminate()
    began = clock.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="calwarden-demo-"))
    with ExitStack() as stack:
        stage = stack.enter_context(Stage.set_up(folder, clock=clock, connector=connector))
        teller = Teller(session.out)
        try:
            ending = play(stage, teller.scene(stage))
        except Stranded as error:
            session.out.note(f"calwarden: the demonstration could not be set up: {error}")
            return NOT_AS_TOLD
        seconds = round(clock.monotonic() - began, 1)
        session.out.document(_document(ending, seconds))
        teller.end(stage, ending, seconds)
        if serve:
            _serve(session.out, stage, clock)
    for difference in ending.wrong:
        session.out.note(f"calwarden: not as told: {difference}")
    return NOT_AS_TOLD if ending.wrong else 0


def _document(ending: Ending, seconds: float) -> dict[str, Any]:
    return {
        "published": ending.published,
        "drifts": list(ending.drifts),
        "reverted": ending.reverted,
        "flagged": ending.flagged,
        "held_claims": len(ending.held),
        "held": [claim["ref"] for claim in ending.held],
        "second_pass_writes": ending.second_pass_writes,
        "report": str(ending.report),
        "seconds": seconds,
        "as_told": not ending.wrong,
        "differences": list(ending.wrong),
    }


class Teller:
    """Tells the story to somebody who never heard of calwarden."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._chapter = 0

    def scene(self, stage: Stage) -> Scene:
        """Return the turns of the story at which something is told."""
        return Scene(
            seeded=self._seeded,
            published=lambda reports: self._published(stage, reports),
            edited=self._edited,
            noticed=self._noticed,
            settled=self._settled,
        )

    def end(self, stage: Stage, ending: Ending, seconds: float) -> None:
        """Tell where everything is, and how it went."""
        self._head("See for yourself")
        config = stage.folder / "calwarden.toml"
        self._lines(
            f"The report:   {ending.report}",
            f"The ledger:   calwarden drift list --config {config}",
            f"One claim:    calwarden claims clearance cl-a-10 --config {config}",
            f"The log:      calwarden audit verify --config {config}",
        )
        told = "as told" if not ending.wrong else "NOT as told, see below"
        self._out.say()
        self._out.say(
            f"The story ran {told}, in {seconds:.1f} seconds. Everything is in {stage.folder}; "
            "delete it when you like."
        )

    def _seeded(self, stage: Stage, imported: Mapping[str, Any]) -> None:
        self._out.say(
            "A practice keeps its appointments in its own books. Its providers see them in the "
            "calendar on their phone,"
        )
        self._out.say(
            "and sometimes change them there. Nobody tells the practice: clients hear the old "
            "time, and insurance claims"
        )
        self._out.say("go out with the wrong date of service. calwarden closes that gap.")
        self._head("A practice")
        document = stage.seed.document
        series = [one for one in document["appointments"] if "repeat" in one]
        self._lines(
            f"{document['practice']['name']}: {len(document['providers'])} providers, "
            f"{len(document['clients'])} clients, {len(document['claims'])} insurance claims",
            *(f"{NAMES[ref]} works in {zone}" for ref, zone in ZONES.items()),
            f"{len(document['appointments']) - len(series)} single appointments and {len(series)} "
            f"weekly ones that run across the clock change on {stage.seed.clock_change:%d %b %Y}",
            f"Read in from a practice file: {imported['added']} entries",
        )

    def _published(self, stage: Stage, reports: Sequence[PollReport]) -> None:
        self._head("Their calendars")
        self._lines(
            *stage.venue.introduction,
            f"calwarden published {sum(one.published for one in reports)} events. Each says "
            '"Session", is private, and names no client.',
        )
        self._head("What people do in their calendar app")

    def _edited(self, deed: Deed) -> None:
        self._lines(f"{NAMES[deed.who]:<14}{deed.says}")

    def _noticed(self, report: DriftReport) -> None:
        self._head("calwarden looks once")
        rows = sorted(report.rows, key=lambda row: (row.waiting, row.id))
        for row in rows:
            mark, style = ("  ? ", FOR_A_PERSON) if row.waiting else ("  + ", PUT_BACK)
            self._out.say(f"{mark}{_subject(row):<8}{_noticed(row)}", style=style)

    def _settled(self, ending: Ending) -> None:
        self._head("A person decides the rest")
        for drift in ending.drifts:
            if drift["status"] == "open":
                self._lines(f"drift {drift['id']}, {drift['appointment']}: {WHY[drift['kind']]}")
        self._head("Claims")
        for claim in ending.held:
            self._out.say(f"  {claim['ref']} must not be sent:", style=HOLD)
            for reason in claim["reasons"]:
                self._lines(f"    {reason}")
        free = "every other claim is free" if ending.held else "no claim is held"
        self._lines(f"{free}: what was put back needs no second look.")
        self._head("calwarden looks again")
        writes = ending.second_pass_writes
        self._lines(
            "Nothing to do: the second pass wrote nothing."
            if not writes
            else f"The second pass wrote {plural(writes, 'time')}; it should not have."
        )

    def _head(self, title: str) -> None:
        self._chapter += 1
        self._out.say()
        self._out.say(f"{self._chapter}. {title}", style=HEADING)

    def _lines(self, *lines: str) -> None:
        for line in lines:
            self._out.say(f"  {line}")


WHY = {
    "moved": "it had begun when it was moved. Perhaps it really took place later; only a person "
    "knows, so nothing is written over it.",
    "copied": "a second copy stands in the calendar. Removing it or leaving it is a person's "
    "choice.",
    "overlap": "the provider has something else at that time. The event is personal: calwarden "
    "never touches it, nor keeps its title.",
}


def _subject(row: ReportRow) -> str:
    return row.appointment or f"drift {row.id}"


def _noticed(row: ReportRow) -> str:
    what = report_wording.happened(row).lower()
    kept = row.claim is not None and not row.claim_held and row.severity is Severity.CLAIM
    date = f"; claim {row.claim} keeps its date of service" if kept else ""
    return f"{what}: {report_wording.state(row)}{date}"


def _stop_on_terminate() -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def _serve(out: Output, stage: Stage, clock: Clock) -> None:
    tell: Callable[[str], None] = out.note if out.as_json else out.say
    try:
        tell("")
        tell("The calendars stay open until Ctrl-C.")
        for line in stage.venue.doors():
            tell(line)
        tell(f"calwarden looks every {LOOK_EVERY.seconds} seconds.")
        while True:
            sys.stdout.flush()
            clock.pause(LOOK_EVERY)
            for report in stage.look():
                if report.drifts or report.published or report.reverted:
                    tell(_seen(report, clock.now()))
    except KeyboardInterrupt:
        tell("stopped")


def _seen(report: PollReport, now: datetime) -> str:
    numbers = ", ".join(str(number) for number in report.drifts) or "none"
    return (
        f"  {now:%H:%M:%S} UTC  calendar {report.id}: {report.published} published, "
        f"{report.reverted} put back, {report.flagged} flagged; drifts: {numbers}"
    )
