"""What a seed decides: servers, appointments, and what people, programs and faults do to them."""

from collections.abc import Callable
from random import Random  # noqa: TID251 - the seed is the only source of chance

from simulation.history import Act, History, Interruption, Setting, act

DAY = 24 * 60
SHIFTS = (15, 60, 60, -60, 120, DAY, DAY, -DAY, 26 * 60)
TIME = ("move", "move", "move", "resize", "delete", "delete", "cancel", "make_all_day")
SERIES = (
    "move_occurrence",
    "move_occurrence",
    "delete_occurrence",
    "delete_occurrence",
    "move_two",
    "split",
    "shorten",
    "thin",
    "move_stand_in",
    "delete_stand_in",
)
OTHER = (
    "retitle",
    "relocate",
    "describe",
    "expose",
    "free",
    "decline",
    "invite",
    "adorn",
    "copy",
    "touch",
    "undo",
    "undo",
)
WRITES = ("create", "create", "update", "update", "update", "delete")
AMID = ("amid:create", "amid:update", "amid:delete")
INNER = (
    "after_observe",
    "before_record",
    "after_record",
    "before_create",
    "before_update",
    "before_delete",
    "after_create",
    "after_update",
    "after_delete",
    "after_settle",
    "committed",
)


def history(seed: int) -> History:
    """Return the history that a seed stands for."""
    return _Author(Random(seed)).history(seed)


class _Author:
    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._now = 0
        self._refs: list[str] = []
        self._series: list[str] = []

    def history(self, seed: int) -> History:
        setting = self._setting()
        acts = [*self._bookings(), act("poll", mode="sync", worker=1)]
        if setting.calendars == 2:
            acts.append(act("poll", mode="sync", worker=1, calendar=2))
        for _ in range(self._chance.randint(3, 9)):
            acts.extend(self._turn(setting))
        return History(seed=seed, setting=setting, acts=tuple(acts))

    def _setting(self) -> Setting:
        one = self._chance
        return Setting(
            calendars=2 if one.random() < 0.15 else 1,
            apart=one.random() < 0.35,
            revisions=one.choice(("strong", "strong", "strong", "content", "renamed")),
            incremental=one.random() < 0.85,
            restores=one.random() < 0.95,
            expresses=one.choice(("all", "all", "all", "all", "all", "finite", "none")),
            reuses=one.random() < 0.65,
            orders=one.random() < 0.25,
            latency=one.choice((0.0, 0.0, 0.2, 8.0, 25.0)),
            late=one.random() < 0.25,
        )

    def _bookings(self) -> list[Act]:
        chance = self._chance
        made: list[Act] = []
        number = 11 if chance.random() < 0.04 else chance.randint(1, 3)
        made.extend(self._book(f"a-{each + 1}") for each in range(number))
        for number in range(chance.choice((0, 1, 1, 1, 2))):
            ref = f"s-{number + 1}"
            self._refs.append(ref)
            self._series.append(ref)
            count = chance.choice((2, 3, 4, 6, None))
            made.append(
                act("series", ref=ref, at=self._at(), count=count, every=chance.choice((1, 1, 2)))
            )
        if chance.random() < 0.25:
            self._refs.append("o-1")
            made.append(act("block", ref="o-1", at=self._at(), hours=chance.choice((4, 24, 72))))
        if chance.random() < 0.4:
            made.append(act("add", at=self._at(), rule=chance.choice((None, None, "FREQ=WEEKLY"))))
        return made

    def _book(self, ref: str) -> Act:
        self._refs.append(ref)
        zone = self._chance.choice(("America/New_York",) * 4 + ("Europe/London",))
        return act(
            "book", ref=ref, at=self._at(), minutes=self._chance.choice((25, 50, 80)), zone=zone
        )

    def _at(self) -> int:
        """Minutes from the world's beginning: often close to now, mostly within two weeks."""
        chance = self._chance
        ahead = chance.choice((30, 90, 110, 150, 300, 8 * 60, DAY, 2 * DAY))
        if chance.random() < 0.6:
            ahead = chance.randrange(DAY, 14 * DAY, 15)
        return self._now + ahead

    def _turn(self, setting: Setting) -> list[Act]:  # noqa: C901, PLR0911 - a table of odds
        chance = self._chance
        kind = chance.random()
        if kind < 0.34:
            return [*self._people(chance.randint(1, 2)), self._poll(setting)]
        if kind < 0.44:
            return [self._practice()]
        if kind < 0.54:
            return [self._practice(), *self._people(1), self._poll(setting)]
        if kind < 0.64:
            return [self._verdict()]
        if kind < 0.74:
            return [self._advance()]
        if kind < 0.76:
            return [act("jump", hours=chance.choice((24, -24)))]
        if kind < 0.78:
            return [act("everything", do=chance.choice(("delete", "move")), by=60)]
        if kind < 0.80:
            return [act("bot", ref=self._ref(), by=chance.choice((15, DAY)))]
        return [self._poll(setting)]

    def _people(self, number: int) -> list[Act]:
        return [self._person() for _ in range(number)]

    def _person(self) -> Act:
        chance = self._chance
        ref = self._ref()
        if ref in self._series and chance.random() < 0.6:
            do = chance.choice(SERIES)
        else:
            do = chance.choice(TIME if chance.random() < 0.65 else OTHER)
        if chance.random() < 0.06:
            return act("foreign", do=chance.choice(("move", "delete", "retitle")), by=60)
        if chance.random() < 0.05:
            return act("add", at=self._at(), rule=None)
        args = {"ref": ref, "do": do, "by": chance.choice(SHIFTS), "slot": chance.randint(0, 3)}
        if chance.random() < 0.15:
            args["calendar"] = 2
        return Act(what="person", args=args)

    def _practice(self) -> Act:
        chance = self._chance
        ref = self._ref()
        if ref in self._series:
            ref = f"{ref}#{chance.randint(1, 4)}"
        do = chance.choice(
            ("reschedule",) * 3
            + ("cancel",) * 2
            + ("correct", "complete", "book", "split", "submit", "agree")
        )
        if do == "book":
            return self._book(f"a-{len(self._refs) + 20}")
        if do == "split" and self._series:
            ref = f"{chance.choice(self._series)}#{chance.randint(1, 4)}"
        return act("practice", do=do, ref=ref, at=self._at(), by=chance.choice(SHIFTS))

    def _verdict(self) -> Act:
        chance = self._chance
        say = chance.choice(("revert", "revert", "dismiss", "dismiss", "accept"))
        return act("verdict", say=say, which=chance.randint(0, 3))

    def _advance(self) -> Act:
        minutes = self._chance.choice((1, 2, 10, 61, 150, 7 * 60, DAY, 25 * 60, 3 * DAY))
        self._now += minutes
        return act("advance", minutes=minutes)

    def _ref(self) -> str:
        return self._chance.choice(self._refs)

    def _poll(self, setting: Setting) -> Act:
        chance = self._chance
        args = {
            "mode": chance.choice(("sync", "sync", "tick")),
            "worker": chance.choice((1, 1, 2)),
        }
        if setting.calendars == 2 and chance.random() < 0.5:
            args["calendar"] = 2
        number = chance.choice((0, 0, 1, 1, 1, 2, 2, 3))
        during = tuple(self._interruption(setting) for _ in range(number))
        return Act(what="poll", args=args, during=during)

    def _interruption(self, setting: Setting) -> Interruption:
        chance = self._chance
        kinds: tuple[Callable[[Setting], Interruption], ...] = (
            self._kill,
            self._fault,
            self._fault,
            self._lie,
            self._freeze,
            self._meanwhile,
            self._meanwhile,
        )
        return chance.choice(kinds)(setting)

    def _kill(self, _setting: Setting) -> Interruption:
        points = (
            *INNER,
            "commit",
            *(f"ask:{one}" for one in WRITES),
            *(f"answer:{one}" for one in WRITES),
            *AMID,
        )
        return self._interrupt(self._chance.choice(points), act("die"))

    def _fault(self, _setting: Setting) -> Interruption:
        chance = self._chance
        if chance.random() < 0.3:
            point = chance.choice(("ask:observe", "answer:observe", "ask:read", "ask:find"))
            say = chance.choice(("transient", "transient", "throttled", "auth"))
            return self._interrupt(point, act("fault", say=say))
        verb = chance.choice(WRITES)
        point, say = chance.choice(
            (
                (f"ask:{verb}", "transient"),
                (f"ask:{verb}", "ambiguous"),
                (f"answer:{verb}", "ambiguous"),
                (f"answer:{verb}", "ambiguous"),
                (f"ask:{verb}", "rejected"),
                (f"ask:{verb}", "throttled"),
                (f"amid:{verb}", "transient"),
                (f"amid:{verb}", "ambiguous"),
            )
        )
        return self._interrupt(point, act("fault", say=say))

    def _lie(self, _setting: Setting) -> Interruption:
        say = self._chance.choice(("partial", "empty", "subset", "dead", "dead", "blind"))
        return self._interrupt("ask:observe", act("lie", say=say))

    def _freeze(self, setting: Setting) -> Interruption:
        """The worker stands still past its lease; another one does its work meanwhile."""
        chance = self._chance
        acts = [*self._people(chance.randint(0, 1)), act("advance", minutes=2)]
        if chance.random() < 0.4:
            acts.append(self._practice())
        acts.append(act("poll", mode="sync", worker=2))
        points = (
            *INNER,
            *(f"ask:{one}" for one in WRITES),
            *(f"answer:{one}" for one in WRITES),
            *AMID,
        )
        return self._interrupt(chance.choice(points), Act(what="freeze", acts=tuple(acts)))

    def _meanwhile(self, _setting: Setting) -> Interruption:
        chance = self._chance
        points = (
            *INNER,
            *(f"ask:{one}" for one in WRITES),
            *(f"answer:{one}" for one in WRITES),
            *AMID,
        )
        kind = chance.random()
        if kind < 0.5:
            during = self._person()
        elif kind < 0.75:
            during = self._practice()
        else:
            during = self._verdict()
        return self._interrupt(chance.choice(points), during)

    def _interrupt(self, point: str, one: Act) -> Interruption:
        return Interruption(point=point, nth=self._chance.choice((1, 1, 1, 2)), act=one)
