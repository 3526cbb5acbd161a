"""What becomes of drifts in words: after a pass, one message to each provider concerned.

A drift is told once for each of its revisions: when it was put back, or when it waits for somebody.
"""

from collections import defaultdict
from datetime import timedelta

from sqlalchemy import Connection

from calwarden.domain.drift import CASES, DriftStatus, Severity, Verdict
from calwarden.engine.services import Services
from calwarden.practice import messages
from calwarden.practice.messages.calendar_notices import Drifted, drift_facts
from calwarden.practice.messages.drift_wording import summary
from calwarden.store import calendars, drifts, people
from calwarden.store.drifts import DriftRow

AT_ONCE = timedelta(0)
TOLD = frozenset({DriftStatus.OPEN, DriftStatus.REVERTED})


def propose(services: Services, *, grace: timedelta = AT_ONCE) -> int:
    """Tell providers of drifts they do not know of yet; returns how many providers were told.

    ``grace``: how long a drift must have stood, so that a person's own undo is no news.
    """
    now = services.clock.now()
    with services.database.read() as connection:
        if not _ripe(connection, services, grace):
            return 0
    with services.database.write() as tx:
        found = _ripe(tx, services, grace)
        by_provider: dict[str, list[DriftRow]] = defaultdict(list)
        for row in found:
            drifts.save(tx, row.id, proposed_revision=row.revision)
            if _told(row):
                by_provider[row.provider].append(row)
        for provider, rows in sorted(by_provider.items()):
            zone = people.get_provider(tx, provider).timezone
            told = [_drifted(tx, services, row) for row in rows]
            for one in told:
                drifts.save(tx, one.id, proposal=summary(drift_facts(one), zone))
            messages.proposal(tx, provider, told, now=now)
    return len(by_provider)


def _ripe(connection: Connection, services: Services, grace: timedelta) -> list[DriftRow]:
    """Return the drifts whose revision was never looked at here, and that will not soon change."""
    last = services.clock.now() - grace
    return [
        row
        for row in drifts.unproposed(connection)
        if not row.status.standing or (_waits(row) and row.updated_at <= last)
    ]


def _waits(row: DriftRow) -> bool:
    """Tell whether a standing drift is left to people, not about to be put back."""
    put_back = row.verdict is Verdict.REVERT and row.cause is None and not row.contested
    return row.status is DriftStatus.OPEN and not put_back


def _told(row: DriftRow) -> bool:
    """Tell whether a provider hears of a drift: cosmetic ones and cases are no news to one."""
    if row.status not in TOLD or row.kind in CASES or row.severity is Severity.COSMETIC:
        return False
    return row.verdict in {Verdict.REVERT, Verdict.FLAG}


def _drifted(tx: Connection, services: Services, row: DriftRow) -> Drifted:
    return Drifted(
        id=row.id,
        revision=row.revision,
        kind=row.kind,
        put_back=row.status is not DriftStatus.OPEN,
        calendar=calendars.get(tx, row.calendar_id).name,
        appointment=row.appointment,
        count=max(1, len(row.appointments)),
        before=row.before,
        after=row.after,
        address=services.links.link_to_drift(row.id),
    )
