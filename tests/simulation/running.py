"""Running histories: a database per process, each history twice, and a failing one made short."""

import gc
import shutil
import sqlite3
import tempfile
import traceback
from contextlib import closing
from functools import cache
from pathlib import Path

from structlog.testing import capture_logs

from calwarden.store.unit_of_work import Database
from simulation import laws
from simulation.generation import history
from simulation.history import History, shorter
from simulation.world import MortalDatabase, Violation, World, found

MOST_TRIES = 600
MEMORY = Path("/dev/shm")
GARBAGE = 20_000
"""Objects made before the youngest are looked through: a history makes few cycles."""


@cache
def _template() -> bytes:
    """A migrated database with the practice, whose installation has a name of no chance."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        database = Database.open(f"sqlite:///{path}")
        database.upgrade()
        with database.write() as tx:
            tx.exec_driver_sql("UPDATE installation SET id = 'simulation'")
        found(database)
        database.close()
        with closing(sqlite3.connect(path)) as connection:
            # a database in memory knows no write-ahead log
            connection.execute("PRAGMA journal_mode = DELETE")
            return connection.serialize()


class Stage:
    """One database file, real in every way but that it lies in memory; emptied for each history."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        path = self.folder / "calwarden.db"
        path.write_bytes(_template())
        self.database = MortalDatabase.open(f"sqlite:///{path}")
        self._empty = sqlite3.connect(":memory:")
        self._empty.deserialize(_template())
        # what stands by now stands until the end: it is not to be looked through again and again
        self._thresholds = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE)

    def reset(self) -> None:
        """Put the database back to its beginning."""
        self.database.reach = lambda _point: None
        with closing(self.database.engine.raw_connection()) as raw:
            self._empty.backup(raw.driver_connection)

    def close(self) -> None:
        """Leave nothing behind."""
        gc.unfreeze()
        gc.set_threshold(*self._thresholds)
        self.database.close()
        shutil.rmtree(self.folder)

    def play(self, one: History, *, judged: bool = True) -> tuple[str, list[str], Violation | None]:
        """Live through a history; return its digest, what happened, and the law it broke.

        What is lived through again to the same digest has been judged: the laws only read.
        """
        self.reset()
        world = World(self.database, one.setting, judged=judged)
        world.after_record = laws.recorded
        broken: Violation | None = None
        with capture_logs() as logs:
            try:
                world.run(one)
                laws.converge(world)
                laws.silent(repr(logs))
            except Violation as violation:
                broken = violation
            except Exception as error:  # noqa: BLE001 - any other error is a law broken, too
                at = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(at.filename).name}:{at.name}"
                broken = Violation(f"crash {type(error).__name__} in {where}", str(error))
        return world.digest(), world.log, broken

    def check(self, seed: int) -> str | None:
        """Live through a seed twice; return what is to be told of it, None where all is well."""
        one = history(seed)
        first, log, broken = self.play(one)
        if broken is not None:
            return self._told(one, broken)
        second, again, _ = self.play(one, judged=False)
        if first != second:
            differing = [pair for pair in zip(log, again, strict=False) if pair[0] != pair[1]]
            return f"{one}\nseed {seed} does not give the same history twice: {differing[:3]}"
        return None

    def _told(self, one: History, broken: Violation) -> str:
        short = self.shrink(one, broken.law)
        _, log, broken_short = self.play(short)
        lines = "\n".join(f"    {line}" for line in log)
        return f"{broken_short or broken}\n\n{short}\n\nwhat happened:\n{lines}"

    def shrink(self, one: History, law: str) -> History:
        """Return a shorter history that breaks the same law (delta debugging)."""
        tries, shrunk = 0, True
        while shrunk and tries < MOST_TRIES:
            shrunk = False
            for acts in shorter(one.acts):
                tries += 1
                if tries > MOST_TRIES:
                    break
                candidate = History(seed=one.seed, setting=one.setting, acts=acts)
                broken = self.play(candidate)[2]
                if broken is not None and broken.law == law:
                    one, shrunk = candidate, True
                    break
        return one
