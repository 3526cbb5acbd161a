"""Steps 5 and 6: send each call of each step, and settle its outcome in one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.difference import differences
from calwarden.domain.drift import DriftKey, DriftStatus
from calwarden.domain.event import EventResource, Observed
from calwarden.domain.identity import resource_uid
from calwarden.domain.overlay import overlay
from calwarden.domain.plan import Action
from calwarden.domain.step import REFUSED_AGAIN
from calwarden.engine import lease
from calwarden.engine.load import Stored
from calwarden.engine.observe import busy_until
from calwarden.engine.record import Prepared, Recorded
from calwarden.engine.services import Services
from calwarden.practice import work_items
from calwarden.sdk.connector import Call, Connector
from calwarden.sdk.errors import (
    Ambiguous,
    CalendarGone,
    NeedsAuth,
    PreconditionFailed,
    Rejected,
    RemoteError,
    Transient,
)
from calwarden.store import calendars, journal, ledger, managed, observations
from calwarden.store.managed import ManagedResource, ResourceStatus


@dataclass(slots=True)
class Applied:
    """What came of a plan. ``again``: something has to be looked at again in this pass.

    ``made``: something was written, and no look has told of it yet.
    ``stopped`` is the error that ended it early: the calendar or its account, not one event.
    """

    published: int = 0
    reverted: int = 0
    removed: int = 0
    again: bool = False
    made: bool = False
    refused: list[str] = field(default_factory=list)
    stopped: RemoteError | None = None


class Applier:
    """Makes the steps of one recorded plan, in order, each settled before the next."""

    def __init__(
        self, services: Services, connector: Connector, stored: Stored, recorded: Recorded
    ) -> None:
        self._services = services
        self._connector = connector
        self._stored = stored
        self._recorded = recorded
        self._calendar_id = stored.calendar.id
        self._applied = {one.uid: one for one in stored.resources}
        self._lease_until = recorded.lease_until
        self._retry_at: datetime | None = None
        self.result = Applied()

    def run(self, prepared: Sequence[Prepared]) -> Applied:
        """Make the steps; raises `calwarden.engine.lease.LeaseLost`."""
        owed = _owed(prepared)
        complete = True
        for one, intent in zip(prepared, self._recorded.intents, strict=True):
            if one.step.waits and not complete:
                self._drop(intent, "something that had to be made first was not")
                self.result.again = True
                continue
            try:
                seen = self._perform(one, intent)
            except RemoteError as error:
                complete = False
                self._failed(one, intent, error)
                if isinstance(error, Transient | NeedsAuth | CalendarGone):
                    self.result.stopped = error
                    break
            else:
                self._settle(one, intent, seen, owed)
        self._finish()
        return self.result

    def _perform(self, one: Prepared, intent: int) -> Observed | None:
        seen: Observed | None = None
        for place, call in enumerate(one.calls, start=1):
            self._services.failpoint(f"before_{one.step.action}")
            self._keep_lease()
            seen = self._call(one, call)
            self._services.failpoint(f"after_{one.step.action}")
            if place < len(one.calls):
                with self._services.database.write() as connection:
                    journal.call_done(connection, intent, place)
                    self._renew(connection)
        return seen

    def _call(self, one: Prepared, call: Call) -> Observed | None:
        try:
            return self._connector.perform(one.write, call)
        except Ambiguous as error:
            there = self._looked_up(one)
            if _stands(call.expected, there):
                return there
            try:
                return self._connector.perform(one.write, call)
            except Ambiguous:
                raise Transient("the server does not tell whether a write landed") from error
        except PreconditionFailed:
            # a create that landed before its answer was lost finds itself there
            there = self._connector.find(one.step.uid)
            if one.step.action is Action.CREATE and _stands(call.expected, there):
                return there
            raise

    def _looked_up(self, one: Prepared) -> Observed | None:
        """Return what stands where a write may have landed.

        What is to be deleted may be a stranger, which nothing but its own id finds.
        """
        step = one.step
        if step.action is Action.DELETE and step.remote_id is not None:
            return self._connector.read(step.remote_id)
        return self._connector.find(step.uid)

    def _keep_lease(self) -> None:
        """Send nothing that the lease would not outlast."""
        now = self._services.lease_clock.now()
        if self._lease_until - now < 2 * self._services.timeout / 3:
            with self._services.database.write() as connection:
                self._renew(connection)

    def _renew(self, connection: Connection) -> None:
        self._lease_until = lease.renew(
            connection, self._services, self._calendar_id, self._recorded.fence
        )

    def _settle(
        self,
        one: Prepared,
        intent: int,
        seen: Observed | None,
        owed: dict[DriftKey, int],
    ) -> None:
        step, now = one.step, self._services.clock.now()
        done = []
        for key in step.reverts:
            owed[key] -= 1
            if owed[key] == 0 and key in self._recorded.reverting:
                done.append(self._recorded.reverting[key])
        with self._services.database.write() as connection:
            self._renew(connection)
            journal.close(connection, [intent], status="settled", now=now)
            self._store(connection, one, seen)
            ledger.written(connection, self._calendar_id, self._recorded.overruled & {step.uid})
            for number in done:
                ledger.close_drift(connection, number, DriftStatus.REVERTED, now=now)
            work_items.follow_drifts(connection, done, now=now, near=self._services.policy.near)
        self._services.failpoint("after_settle")
        self.result.made = True
        self.result.reverted += len(done)
        self.result.again |= step.partial
        if not step.reverts:
            self.result.published += step.action is not Action.DELETE
            self.result.removed += step.action is Action.DELETE

    def _store(self, connection: Connection, one: Prepared, seen: Observed | None) -> None:
        step, now = one.step, self._services.clock.now()
        gone = {step.remote_id} - {None if seen is None else seen.remote_id}
        observations.forget(
            connection, self._calendar_id, [name for name in gone if name is not None]
        )
        if seen is not None:
            observations.store(
                connection, self._calendar_id, {seen.remote_id: (seen, busy_until(seen))}, now=now
            )
        if step.subject is None:
            return
        if step.replaces is not None:
            managed.remove(connection, self._calendar_id, step.replaces)
        if step.action is Action.DELETE or seen is None:
            managed.remove(connection, self._calendar_id, step.uid)
            self.result.again |= step.recreated
            return
        before = self._applied.get(step.uid)
        managed.settle(
            connection,
            self._calendar_id,
            step.uid,
            written=step.desired,
            applied=_base(seen.resource, before, one),
            remote_id=seen.remote_id,
            revision=seen.revision,
        )
        if step.action is Action.CREATE:
            managed.save(connection, self._calendar_id, step.uid, unconfirmed=True)

    def _failed(self, one: Prepared, intent: int, error: RemoteError) -> None:
        step, now = one.step, self._services.clock.now()
        numbers = [
            self._recorded.reverting[key] for key in step.reverts if key in self._recorded.reverting
        ]
        # asked before the transaction: nothing is sent while one is open
        spent = (
            isinstance(error, PreconditionFailed)
            and step.action is Action.CREATE
            and self._connector.find(step.uid) is None
        )
        with self._services.database.write() as connection:
            self._renew(connection)
            if isinstance(error, Rejected):
                journal.close(connection, [intent], status="refused", now=now, cause=str(error))
                ledger.reopen(connection, numbers, now=now, cause=str(error))
                if step.subject is not None:
                    managed.save(
                        connection,
                        self._calendar_id,
                        step.uid,
                        retry_at=now + REFUSED_AGAIN,
                        problem=str(error),
                    )
                self._retry_at = now + REFUSED_AGAIN
                self.result.refused.append(str(error))
            elif isinstance(error, PreconditionFailed):
                journal.close(connection, [intent], status="dropped", now=now, cause=str(error))
                self._look_again(connection, one, spent=spent)
            # any other error leaves the intent open: the next pass finds out what became of it

    def _look_again(self, connection: Connection, one: Prepared, *, spent: bool) -> None:
        """Have the next look read it by its id; an id that is spent gives way to the next one."""
        step = one.step
        self.result.again = True
        if step.subject is None or step.event is None:
            managed.save(connection, self._calendar_id, step.uid, reread=True)
            return
        if spent:
            old = self._applied.get(step.uid) or _planned(one)
            fresh = resource_uid(
                self._services.installation,
                self._stored.calendar.remote_id,
                step.subject,
                old.generation + 1,
            )
            managed.retire(connection, self._calendar_id, old, fresh)
            return
        managed.save(connection, self._calendar_id, step.uid, reread=True)

    def _drop(self, intent: int, cause: str) -> None:
        now = self._services.clock.now()
        with self._services.database.write() as connection:
            self._renew(connection)
            journal.close(connection, [intent], status="dropped", now=now, cause=cause)

    def _finish(self) -> None:
        with self._services.database.write() as connection:
            if self.result.again or self.result.stopped is not None:
                calendars.save(connection, self._calendar_id, planned_revision=0)
            if self._retry_at is not None:
                calendars.wake(connection, self._calendar_id, self._retry_at)
            lease.release(connection, self._services, self._calendar_id, self._recorded.fence)


def _owed(prepared: Sequence[Prepared]) -> dict[DriftKey, int]:
    owed: dict[DriftKey, int] = {}
    for one in prepared:
        for key in one.step.reverts:
            owed[key] = owed.get(key, 0) + 1
    return owed


def _stands(expected: EventResource | None, there: Observed | None) -> bool:
    if expected is None or there is None or there.resource is None:
        return expected is None and there is None
    return not differences(expected, there.resource)


def _base(
    read_back: EventResource | None, before: ManagedResource | None, one: Prepared
) -> EventResource | None:
    """Return what counts as applied: the read-back, but our will where a person has to decide."""
    step = one.step
    if read_back is None:
        return None if step.event is None else step.event.resource
    if not step.kept:
        return read_back
    ours = before.applied if before is not None and before.applied is not None else step.desired
    return read_back if ours is None else overlay(read_back, ours, step.kept)


def _planned(one: Prepared) -> ManagedResource:
    step = one.step
    if step.subject is None or step.event is None:
        raise AssertionError("only what should stand has a generation")
    return ManagedResource(
        uid=step.uid,
        subject=step.subject,
        generation=step.event.generation,
        status=ResourceStatus.PLANNED,
        written=None,
        applied=None,
        remote_id=None,
        revision=None,
        reread=False,
        retry_at=None,
        attempts=0,
        problem=None,
    )
