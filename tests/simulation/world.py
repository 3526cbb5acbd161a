"""The world: one practice, its servers, its workers and a clock; it does what a history says."""

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection as Tx
from sqlalchemy import bindparam, func, select

from calwarden.clock import Clock
from calwarden.domain.appointment import Appointment, OutOfOffice, Series, Status
from calwarden.domain.cadence import Cadence
from calwarden.domain.claim import ClaimStatus, date_of_service
from calwarden.domain.event import EventResource
from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.domain.practice import Client, Payer, Practice, Provider
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import instant, local_text, parse_local
from calwarden.engine import cycle, passes
from calwarden.engine.connections import Connections
from calwarden.engine.cycle import Mode
from calwarden.engine.lease import LeaseLost
from calwarden.engine.passes import ROUNDS
from calwarden.engine.report import PollReport
from calwarden.engine.services import Services
from calwarden.ical.expansion import slots
from calwarden.practice import claims as claim_use
from calwarden.practice import drift_review
from calwarden.practice import series as series_use
from calwarden.practice.booking import Booking, book, complete
from calwarden.practice.corrections import TrueTime, correct
from calwarden.practice.links import Links
from calwarden.practice.rescheduling import reschedule_one
from calwarden.practice.series_course import Course, carry_on
from calwarden.sdk.connector import Link
from calwarden.sdk.errors import Ambiguous, NeedsAuth, Rejected, RemoteError, Transient
from calwarden.store import appointments, calendars, drifts, managed, out_of_office, people, series
from calwarden.store.calendars import NewCalendar
from calwarden.store.claims import ClaimRow
from calwarden.store.errors import NotFound
from calwarden.store.tables import drift_history
from calwarden.store.unit_of_work import Database
from calwarden.testing.clock import START, ManualClock
from calwarden.testing.failpoints import Died
from calwarden.testing.memory import BadWrite
from simulation.history import Act, History, Setting
from simulation.server import FINGERPRINT, Connection, Server

ZONE = "America/New_York"
WHO = "simulation"
CANARY = "Zebulon Quarterstaff"
"""The client's name: it may stand nowhere but in the practice's own table of clients."""

TYPED = "typed by a person in private"
"""What people type outside: it may stand nowhere but in their calendar."""

Told = Mapping[str, EventResource | None]


class Violation(AssertionError):
    """A history broke a law; ``law`` names it."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law


@dataclass(slots=True)
class Frame:
    """One poll under way: which points it reached, what interrupts it, what it was told."""

    worker: str
    calendar: int
    during: dict[tuple[str, int], Act]
    counts: Counter[str] = field(default_factory=Counter)
    told: dict[str, tuple[int, EventResource | None]] = field(default_factory=dict)
    still: bool = False


class MortalDatabase(Database):
    """The real database, whose user may die before or after any commit."""

    reach: Callable[[str], None] = staticmethod(lambda _point: None)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        with super().write() as connection:
            yield connection
            self.reach("commit")
        self.reach("committed")


def found(database: Database) -> None:
    """Store the practice that every history is about."""
    with database.write() as tx:
        people.save_practice(tx, Practice(name="Harbor", timezone=ZONE))
        provider = Provider(ref="dr-lee", name="Lee", timezone=ZONE, place_of_service_timezone=ZONE)
        people.save_provider(tx, provider)
        people.save_client(tx, Client(ref="c-1", name=CANARY, timezone=ZONE, email=f"{CANARY}@x"))
        people.save_payer(tx, Payer(ref="p-1", name="Payer", filing_limit_days=90))


class World:
    """One practice and all that happens to it."""

    def __init__(self, database: MortalDatabase, setting: Setting, *, judged: bool = True) -> None:
        self.database, self.setting, self.judged = database, setting, judged
        database.reach = self.reach
        self.clock = ManualClock(START)
        self.servers: dict[int, Server] = {}
        self.frames: list[Frame] = []
        self.log: list[str] = []
        self.born: Counter[int] = Counter()
        # a worker keeps its connectors open for as long as it lives
        self.connections = defaultdict(lambda: Connections(self._connected))
        self.dead: set[str] = set()
        self.recorded: Counter[tuple[int, str]] = Counter()
        self.upset: set[str] = set()
        # the newest entry in the history of drifts when an edit could be known at first
        self.first_told: dict[tuple[int, str, int], int] = {}
        self.after_record: Callable[[World, Frame], None] = lambda _world, _frame: None
        self._link()

    def _link(self) -> None:
        with self.database.write() as tx:
            for number in range(1, self.setting.calendars + 1):
                server = Server(self.setting)
                link = Link(
                    remote_id=f"calendar-{number}", account="sim", capabilities=server.capabilities
                )
                new = NewCalendar(provider="dr-lee", connector="memory", link=link)
                self.servers[calendars.insert_one(tx, new, now=self.clock.now())] = server

    def run(self, history: History) -> None:
        """Do everything that a history says."""
        for one in history.acts:
            self.do(one)

    def do(self, one: Act) -> None:
        """Do one act; what cannot be done now is left out, and that is told."""
        said = next(one.lines())
        with self._still():
            try:
                result = getattr(self, f"_{one.what}")(one)
            except (Refused, NotFound, Rejected, BadWrite, KeyError, ValueError) as error:
                if one.what in {"poll", "freeze"}:
                    raise
                result = f"not possible ({type(error).__name__})"
        self.log.append(f"{self.clock.now():%m-%d %H:%M:%S} {said}: {result or 'done'}")

    @contextmanager
    def _still(self) -> Iterator[None]:
        """What happens amid a poll passes its points without being interrupted there."""
        frame = self.frames[-1] if self.frames else None
        before = frame.still if frame else False
        if frame:
            frame.still = True
        try:
            yield
        finally:
            if frame:
                frame.still = before

    def reach(self, point: str) -> None:
        """Pass a point of the poll under way, and do there what the history says."""
        frame = self.frames[-1] if self.frames else None
        if frame is None or frame.still:
            return
        if point.startswith("ask:"):
            self.clock.advance(timedelta(seconds=self.setting.latency))
        frame.counts[point] += 1
        if point == "after_record" and self.judged:
            self.after_record(self, frame)
        interruption = frame.during.pop((point, frame.counts[point]), None)
        if interruption is None:
            return
        if interruption.what in {"fault", "die"}:
            self.log.append(f"  at {point}: {next(interruption.lines())}")
            self._fail(interruption, point)
        else:
            self.do(interruption)

    def _fail(self, one: Act, point: str) -> None:
        if one.what == "die":
            raise Died(point)
        if not point.startswith(("ask:", "amid:", "answer:")):
            return
        say = one.args["say"]
        if say == "rejected":
            self.upset.add("rejected")
        errors: dict[str, RemoteError] = {
            "transient": Transient("the server is down"),
            "throttled": Transient("slow down", retry_after=timedelta(minutes=5), throttled=True),
            "ambiguous": Ambiguous("the answer was lost"),
            "rejected": Rejected("the server refuses this event"),
            "auth": NeedsAuth("access was revoked"),
        }
        raise errors[say]

    # the daemon

    def services(self, worker: str) -> Services:
        """Return what a worker works with."""
        clock: Clock = self.clock
        return Services(
            database=self.database,
            clock=clock,
            lease_clock=clock,
            installation=self.database.installation_id,
            fingerprint=FINGERPRINT,
            connections=self.connections[worker],
            owner=worker,
            links=Links(key=b"k" * 32, public_url="https://harbor.example"),
            alive=lambda owner: owner not in self.dead,
            failpoint=self.reach,
        )

    def _connected(self, calendar: LinkedCalendar) -> Connection:
        return Connection(self.servers[calendar.id], self.reach, self._tell)

    def _tell(self, told: Told) -> None:
        frame = self.frames[-1]
        edits = self.servers[frame.calendar].edits
        for uid, resource in told.items():
            frame.told[uid] = (edits[uid], resource)
            key = frame.calendar, uid, edits[uid]
            if key not in self.first_told:
                with self.database.read() as connection:
                    self.first_told[key] = newest_entry(connection)

    def poll(
        self, calendar: int, mode: str = "sync", worker: int = 1, during: Any = ()
    ) -> PollReport | str:
        """Let a worker make one pass over a calendar."""
        if calendar not in self.servers:
            return "no such calendar"
        name = f"w{worker}.{self.born[worker]}"
        frame = Frame(
            worker=name,
            calendar=calendar,
            during={(one.point, one.nth): one.act for one in during},
        )
        self.frames.append(frame)
        try:
            services = self.services(name)
            if mode == "tick":
                return cycle.poll(services, calendar)
            return passes.settle(services, calendar, Mode(immediate=True))
        except LeaseLost:
            return "lease lost"
        except Died as death:
            self.dead.add(name)
            self.born[worker] += 1
            return f"died at {death}"
        finally:
            self.frames.pop()
            self.servers[calendar].blind = False
            self.servers[calendar].lie = None

    def _poll(self, one: Act) -> str:
        worker = one.args.get("worker", 1)
        if self.frames:  # another one than the worker that stands still
            worker = 1 if self.frames[-1].worker.startswith("w2") else 2
        result = self.poll(
            one.args.get("calendar", 1), one.args["mode"], worker=worker, during=one.during
        )
        if isinstance(result, str):
            return result
        return told(result)

    def _freeze(self, one: Act) -> None:
        for each in one.acts:
            self.do(each)

    def _lie(self, one: Act) -> None:
        server = self.servers[self.frames[-1].calendar]
        say = one.args["say"]
        server.lie = "subset" if say == "blind" else say
        if say == "blind":
            server.blind = True
            server.blinded += ROUNDS  # each look of the pass is deceived
        if say in {"empty", "subset", "blind"}:
            self.upset.add("lied")

    # time

    def _advance(self, one: Act) -> None:
        self.clock.advance(timedelta(minutes=one.args["minutes"]))

    def _jump(self, one: Act) -> None:
        self.clock.jump(self.clock.now() + timedelta(hours=one.args["hours"]))

    @staticmethod
    def _moment(minutes: int, zone: str = ZONE) -> datetime:
        local = (START + timedelta(minutes=minutes)).astimezone(
            parse_local("2026-01-01", zone).tzinfo
        )
        return parse_local(local_text(local), zone)

    # people in the practice

    def _book(self, one: Act) -> None:
        at = self._moment(one.args["at"], one.args["zone"])
        with self.database.write() as tx:
            wanted = Booking(
                provider="dr-lee",
                client="c-1",
                start=local_text(at),
                zone=one.args["zone"],
                minutes=one.args["minutes"],
                ref=one.args["ref"],
            )
            made = book(tx, wanted, now=self.clock.now(), actor=WHO, force=True)
            self._claim(tx, made)

    def _series(self, one: Act) -> None:
        cadence = Cadence(count=one.args["count"], every=one.args["every"])
        new = Series(
            ref=one.args["ref"],
            provider="dr-lee",
            client="c-1",
            start=self._moment(one.args["at"]),
            minutes=50,
            cadence=cadence,
        )
        with self.database.write() as tx:
            made = series_use.create(tx, new, now=self.clock.now(), actor=WHO, force=True)
            for each in islice(made, 4):
                self._claim(tx, each)

    def _claim(self, tx: Tx, one: Appointment) -> None:
        zone = one.dos_zone or ZONE
        row = ClaimRow(
            ref=f"claim-{one.ref}",
            appointment=one.ref,
            payer="p-1",
            status=ClaimStatus.READY,
            date_of_service=date_of_service(one.start, zone),
            dos_timezone=zone,
            created_at=self.clock.now(),
            updated_at=self.clock.now(),
        )
        claim_use.add(tx, row, now=self.clock.now(), actor=WHO)

    def _block(self, one: Act) -> None:
        start = self._moment(one.args["at"])
        end = self._moment(one.args["at"] + 60 * one.args["hours"])
        block = OutOfOffice(ref=one.args["ref"], provider="dr-lee", start=start, end=end)
        with self.database.write() as tx:
            out_of_office.save(tx, block, now=self.clock.now())

    def _practice(self, one: Act) -> None:
        with self.database.write() as tx:
            getattr(self, f"_do_{one.args['do']}")(tx, one)

    def _do_reschedule(self, tx: Tx, one: Act) -> None:
        start = self._moment(one.args["at"])
        reschedule_one(tx, one.args["ref"], start, now=self.clock.now(), actor=WHO)

    def _do_agree(self, tx: Tx, one: Act) -> None:
        """Reschedule to where the calendar shows it already: both sides changed to the same."""
        shown = self.item(1, one.args["ref"])
        reschedule_one(tx, one.args["ref"], shown.body.start, now=self.clock.now(), actor=WHO)

    def _do_cancel(self, tx: Tx, one: Act) -> None:
        if out_of_office.find(tx, one.args["ref"]) is not None:
            out_of_office.remove(tx, one.args["ref"], now=self.clock.now())
            return
        known = appointments.get(tx, one.args["ref"])
        cancelled = replace(known, status=Status.CANCELLED)
        appointments.save(tx, cancelled, now=self.clock.now())

    def _do_correct(self, tx: Tx, one: Act) -> None:
        known = appointments.get(tx, one.args["ref"])
        truth = TrueTime(start=known.start + timedelta(minutes=one.args["by"]), reason="it was so")
        correct(tx, one.args["ref"], truth, now=self.clock.now(), actor=WHO)

    def _do_complete(self, tx: Tx, one: Act) -> None:
        complete(tx, one.args["ref"], now=self.clock.now(), actor=WHO)

    def _do_split(self, tx: Tx, one: Act) -> None:
        known = appointments.get(tx, one.args["ref"])
        start = known.start + timedelta(minutes=one.args["by"])
        course = Course(number=known.number or 1, start=start, minutes=known.minutes)
        carry_on(tx, series.get(tx, known.series or ""), course, now=self.clock.now(), actor=WHO)

    def _do_submit(self, tx: Tx, one: Act) -> None:
        ref = f"claim-{one.args['ref']}"
        claim_use.set_status(tx, ref, ClaimStatus.SUBMITTED, now=self.clock.now(), actor=WHO)

    def _verdict(self, one: Act) -> str:
        say = drift_review.Decision(one.args["say"])
        with self.database.write() as tx:
            standing = drifts.search(tx, statuses=drifts.STANDING)
            if not standing:
                return "nothing to decide"
            row = standing[one.args["which"] % len(standing)]
            drift_review.resolve(
                tx,
                row.id,
                say,
                reason="seen",
                revision=row.revision,
                now=self.clock.now(),
                actor=WHO,
            )
        return f"drift {row.id} ({row.kind})"

    # people at the calendars

    def place(self, calendar: int, ref: str) -> str:
        """Return the remote id of what stands, or stood last, for a ref."""
        with self.database.read() as connection:
            rows = managed.all_of(connection, calendar)
        known = [one for one in rows if one.subject.ref == ref and one.remote_id is not None]
        if not known:
            raise NotFound("event", ref)
        return max(known, key=lambda one: one.generation).remote_id or ""

    def item(self, calendar: int, ref: str) -> EventResource:
        """Return what stands for a ref."""
        return self.servers[calendar].resources()[self.place(calendar, ref)].resource

    def _person(self, one: Act) -> None:
        calendar = one.args.get("calendar", 1)
        server, remote_id = self.servers[calendar], self.place(calendar, one.args["ref"])
        act_on(server, remote_id, one.args["do"], one.args["by"], one.args["slot"])

    def _foreign(self, one: Act) -> None:
        server = self.servers[1]
        if not server.foreign:
            raise ValueError("nobody has an event of their own")
        act_on(server, next(iter(server.foreign)), one.args["do"], one.args["by"], 0)

    def _add(self, one: Act) -> None:
        start = self._moment(one.args["at"])
        end = start + timedelta(hours=1)
        self.servers[1].person.add(title=TYPED, start=start, end=end, rule=one.args["rule"])

    def _everything(self, one: Act) -> None:
        server = self.servers[1]
        for remote_id, item in list(server.items.items()):
            if item.marker is not None:
                act_on(server, remote_id, one.args["do"], one.args["by"], 0)

    def _bot(self, one: Act) -> None:
        server, remote_id = self.servers[1], self.place(1, one.args["ref"])
        by = timedelta(minutes=one.args["by"])
        uid = server.items[remote_id].resource.uid
        server.bots[uid] = lambda place: server.person.move(place, by)
        server.person.move(remote_id, by)

    # what is left behind

    def digest(self) -> str:
        """Return the digest of all that happened and all that stands."""
        parts = [*self.log]
        with self.database.read() as connection:
            parts += dump(connection)
        for server in self.servers.values():
            parts += [repr(item) for _, item in sorted(server.items.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def statuses(self) -> dict[int, CalendarStatus]:
        """Return the status of each link."""
        with self.database.read() as connection:
            return {one.id: one.status for one in calendars.search(connection)}

    def started(self, one: Appointment) -> bool:
        """Tell whether an appointment has started."""
        return instant(one.start) <= self.clock.now()


def act_on(  # noqa: C901, PLR0912 - a case for each act
    server: Server, remote_id: str, do: str, by: int, slot: int
) -> None:
    """Do one act of a person on one resource."""
    person, shift = server.person, timedelta(minutes=by)
    match do:
        case "touch" | "undo":
            getattr(server, do)(remote_id)
        case "move":
            person.move(remote_id, shift)
        case "resize":
            person.resize(remote_id, 35)
        case "retitle" | "relocate" | "describe":
            getattr(person, do)(remote_id, TYPED)
        case "invite":
            person.invite(remote_id, f"{TYPED}@example.org")
        case "copy":
            person.copy(remote_id, shift)
        case "move_occurrence" | "split":
            getattr(person, do)(remote_id, _slots(server, remote_id)[slot], shift)
        case "move_two":
            for one in _slots(server, remote_id)[slot : slot + 2]:
                person.move_occurrence(remote_id, one, shift)
        case "delete_occurrence":
            person.delete_occurrence(remote_id, _slots(server, remote_id)[slot])
        case "move_stand_in":
            person.move(_stand_in(server, remote_id, slot), shift)
        case "delete_stand_in":
            person.delete(_stand_in(server, remote_id, slot))
        case "shorten":
            person.change_rule(remote_id, f"FREQ=WEEKLY;COUNT={slot + 1}")
        case "thin":
            person.change_rule(remote_id, "FREQ=WEEKLY;INTERVAL=3;COUNT=4")
        case _:
            getattr(person, do)(remote_id)


def _slots(server: Server, remote_id: str) -> list[Any]:
    found = list(islice(slots(server.items[remote_id].resource), 6))
    if not found:
        raise ValueError("no series")
    return [*found, *[found[-1]] * 6]


def _stand_in(server: Server, remote_id: str, which: int) -> str:
    found = list(server.stand_ins(server.items[remote_id].resource.uid).values())
    if not found:
        raise ValueError("nothing stands in for an occurrence")
    return found[which % len(found)].remote_id


def told(report: PollReport) -> str:
    """Return a report as a history tells it."""
    steps = [f"{step['action']} {step['subject']}" for step in report.steps]
    said = f"{report.outcome} reverted={report.reverted} flagged={report.flagged} {steps}"
    if report.drifts:
        said += f" drifts {', '.join(map(str, report.drifts))}"
    return said + ("" if report.problem is None else f" ({report.problem})")


NEWEST = select(func.coalesce(func.max(drift_history.c.id), 0))
SINCE = select(drift_history.c.drift_id).where(drift_history.c.id > bindparam("entry"))


def newest_entry(connection: Tx) -> int:
    """Return the number of the newest entry in the history of any drift."""
    return connection.execute(NEWEST).scalar_one()


def ledger_since(connection: Tx, entry: int) -> set[int]:
    """Return the drifts whose history has grown since an entry."""
    return set(connection.execute(SINCE, {"entry": entry}).scalars())


def dump(connection: Tx) -> list[str]:
    """Return every row of every table."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    names = [
        row[0]
        for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    ]
    return [
        f"{name} {row}"
        for name in names
        for row in sorted(map(repr, raw.execute(f"SELECT * FROM {name}")))
    ]
