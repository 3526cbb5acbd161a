"""What is done between polls: the clock's own work on the store, touching no calendar."""

from dataclasses import asdict, dataclass

from calwarden.engine import outbox, proposals
from calwarden.engine.services import Services
from calwarden.practice import ask_expiry, digest, series, work_items
from calwarden.practice.ask_expiry import Passed
from calwarden.store import clock_marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What one tick did. ``extended``: appointments that came to be in endless series.

    ``expired``: asks that nobody answered; ``overdue``: those that a person has to confirm, for the
    clock or the daemon was late; ``reminded``: clients reminded of one. ``proposed``: providers
    told of drifts. ``digests``: people in billing told how claims stand. ``sent``, ``failed``,
    ``dead``: messages.
    """

    extended: int = 0
    expired: int = 0
    overdue: int = 0
    reminded: int = 0
    proposed: int = 0
    digests: int = 0
    sent: int = 0
    failed: int = 0
    dead: int = 0

    def document(self) -> dict[str, int]:
        """Return the counts as JSON."""
        return asdict(self)


def tick(services: Services) -> Ticked:
    """Do once what the daemon does between polls."""
    with services.database.write() as tx:
        extended = series.extend(tx, now=services.clock.now())
    passed = _pass_time(services)
    _follow_the_clock(services)
    proposed = proposals.propose(services, grace=services.grace)
    digests = _digest(services)
    mail = outbox.deliver(services)
    return Ticked(
        extended=extended,
        **asdict(passed),
        proposed=proposed,
        digests=digests,
        sent=mail.sent,
        failed=mail.failed,
        dead=mail.dead,
    )


def _digest(services: Services) -> int:
    if services.digest is None:
        return 0
    with services.database.read() as connection:
        if digest.due(connection, services.digest, now=services.clock.now()) is None:
            return 0
    with services.database.write() as tx:
        now, near = services.clock.now(), services.policy.near
        return digest.queue(tx, services.digest, now=now, near=near)


def _pass_time(services: Services) -> Passed:
    """Let asks expire and remind of them; by a doubted clock nothing irreversible happens."""
    with services.database.write() as tx:
        # the clock is read inside: whoever waited for the transaction is not late for it
        now, trusted = services.clock.now(), True
        if services.watch is not None:
            mark = services.watch.look(clock_marks.find(tx))
            clock_marks.save(tx, mark)
            trusted = mark.doubted_since is None
        return ask_expiry.pass_time(tx, rules=services.rules, now=now, trusted=trusted)


def _follow_the_clock(services: Services) -> None:
    """Open and close the work items that time alone brings; mostly there are none to write."""
    now, near = services.clock.now(), services.policy.near
    with services.database.read() as connection:
        if not work_items.lagging(connection, now=now, near=near):
            return
    with services.database.write() as tx:
        work_items.sweep(tx, now=now, near=near)
