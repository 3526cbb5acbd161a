"""Subscriptions: opened where a calendar's service can tell us, renewed by overlap, ended in time.

Another is opened well before one expires, and the old one ends once the new one was heard: no
change falls between the two. Whatever goes wrong here costs time only, for every calendar is also
polled (wire rule A8).
"""

import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.engine import failures
from calwarden.engine.services import Services
from calwarden.sdk.connector import Connector
from calwarden.sdk.errors import Ambiguous, CalendarGone, NeedsAuth, RemoteError, Transient
from calwarden.sdk.push import Callback, Subscriber, Subscription
from calwarden.store import calendars, subscriptions
from calwarden.store.errors import DatabaseError
from calwarden.store.subscriptions import StoredSubscription

LASTING = timedelta(days=6, hours=22)
"""As long as Google and Graph both grant, less a margin (wire rules G25, M23)."""

SPENT = 3 / 4
"""Share of its life after which a subscription is renewed: what is left bridges an outage."""

OVERLAP = timedelta(minutes=10)
"""How long an old subscription goes on beside a new one that was not heard yet."""

AGAIN = timedelta(hours=6)
"""When a subscription that was refused is asked for again."""

SOON = timedelta(minutes=5)
"""When it is asked for again where the service only failed."""

NAME_BYTES = 24
SECRET_BYTES = 32

WATCHED = (CalendarStatus.ACTIVE, CalendarStatus.HELD)

log = structlog.get_logger("calwarden.push")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one round did to subscriptions."""

    opened: int = 0
    extended: int = 0
    ended: int = 0
    refused: int = 0


def keep(services: Services) -> Kept:
    """Open, renew and end what is due; a failure of one calendar stops no other."""
    now = services.clock.now()
    with services.database.read() as connection:
        linked = calendars.search(connection, statuses=WATCHED)
        stored = subscriptions.search(connection)
    by_calendar: dict[int, list[StoredSubscription]] = {}
    for one in stored:
        by_calendar.setdefault(one.calendar_id, []).append(one)
    done: list[str] = []
    for calendar in linked:
        own = by_calendar.pop(calendar.id, [])
        if _due(services, calendar, own, now):
            done.append(_keep_one(services, calendar, own, now))
    _forget_expired(services, [one for own in by_calendar.values() for one in own], now)
    counts = {name: done.count(name) for name in ("opened", "extended", "ended", "refused")}
    return Kept(**counts)


def end(services: Services, calendar: LinkedCalendar, connector: Connector) -> None:
    """End every subscription of a calendar that is being unlinked, as far as its service lets us.

    One that cannot be ended expires; its notices are nobody's until then.
    """
    with services.database.read() as connection:
        own = subscriptions.search(connection, calendar_id=calendar.id)
    try:
        for one in own:
            _end(services, connector, one)
    except RemoteError as error:
        log.info("push_not_ended", calendar=calendar.id, kind=type(error).__name__)


def _due(
    services: Services, calendar: LinkedCalendar, own: Sequence[StoredSubscription], now: datetime
) -> bool:
    """Tell whether there is something to ask of a calendar's service, and it may be asked."""
    if not calendar.capabilities.get("push"):
        return False
    if calendar.failures or (calendar.not_before is not None and calendar.not_before > now):
        return False
    if calendar.push_retry_at is not None and calendar.push_retry_at > now:
        return False
    if services.hooks is None:
        return bool(own)
    address = _address(services, calendar)
    fresh = [one for one in own if one.address == address and one.renew_at > now]
    return not fresh or bool(_superseded(own, fresh[-1], now))


def _superseded(
    own: Sequence[StoredSubscription], current: StoredSubscription, now: datetime
) -> list[StoredSubscription]:
    """Return the older subscriptions that have done their part."""
    stands = current.heard_at is not None or now - current.opened_at >= OVERLAP
    return [one for one in own if stands and one.name != current.name]


def _keep_one(
    services: Services, calendar: LinkedCalendar, own: Sequence[StoredSubscription], now: datetime
) -> str:
    try:
        with closing(services.connections.connect(calendar)) as connector:
            return _with(services, calendar, connector, own, now)
    except RemoteError as error:
        return _refused(services, calendar, error)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - one calendar's fault must not stop the others
        kind = type(error).__name__
        log.error("push_failed", calendar=calendar.id, kind=kind)  # noqa: TRY400 - tracebacks quote data
        with services.database.write() as tx:
            calendars.save(tx, calendar.id, push_retry_at=now + AGAIN)
        return "refused"


def _with(
    services: Services,
    calendar: LinkedCalendar,
    connector: Connector,
    own: Sequence[StoredSubscription],
    now: datetime,
) -> str:
    """Do the one thing that is due; the next round does the rest."""
    if not isinstance(connector, Subscriber):
        return ""
    address = _address(services, calendar)
    fresh = [one for one in own if one.address == address and one.renew_at > now]
    if services.hooks is None or fresh:
        for one in own if services.hooks is None else _superseded(own, fresh[-1], now):
            _end(services, connector, one)
        return "ended"
    for one in reversed(own):
        if one.address == address and one.expires_at > now and _extend(services, connector, one):
            return "extended"
    _open(services, calendar, connector, own, now)
    return "opened"


def _extend(services: Services, connector: Subscriber, one: StoredSubscription) -> bool:
    extended = connector.extend(_wire(one), LASTING)
    if extended is None:
        return False
    now = services.clock.now()
    with services.database.write() as tx:
        subscriptions.extend(
            tx,
            one.name,
            renew_at=_renew_at(now, extended.expires_at),
            expires_at=extended.expires_at,
        )
    return True


def _open(
    services: Services,
    calendar: LinkedCalendar,
    connector: Subscriber,
    own: Sequence[StoredSubscription],
    now: datetime,
) -> None:
    callback = Callback(
        name=secrets.token_urlsafe(NAME_BYTES),
        address=_address(services, calendar),
        secret=secrets.token_urlsafe(SECRET_BYTES),
    )
    asked = StoredSubscription(
        name=callback.name,
        calendar_id=calendar.id,
        secret_hash=subscriptions.secret_hash(callback.secret),
        address=callback.address,
        resource="",
        opened_at=now,
        renew_at=now,
        expires_at=now + LASTING,
    )
    with services.database.write() as tx:
        # the first notice can come before the answer; a process that dies here leaves a row that
        # is due at once, and is ended as any other
        subscriptions.save(tx, asked)
    try:
        made = connector.subscribe(callback, LASTING, known=[one.name for one in own])
    except RemoteError:
        with services.database.write() as tx:
            subscriptions.remove(tx, asked.name)
        raise
    granted = replace(
        asked,
        name=made.name,
        resource=made.resource,
        renew_at=_renew_at(now, made.expires_at),
        expires_at=made.expires_at,
        heard_at=now if made.reached else None,
    )
    unbroken = any(one.expires_at > now for one in own)
    with services.database.write() as tx:
        subscriptions.confirm(tx, asked.name, granted)
        calendars.save(tx, calendar.id, push_problem=None, push_retry_at=None)
        if not unbroken:
            # what happened until now was told to nobody
            subscriptions.mark(tx, calendar.id, now=now)
    log.info("push_opened", calendar=calendar.id, connector=calendar.connector)


def _end(services: Services, connector: Connector, one: StoredSubscription) -> None:
    if isinstance(connector, Subscriber) and one.expires_at > services.clock.now():
        connector.unsubscribe(_wire(one))
    with services.database.write() as tx:
        subscriptions.remove(tx, one.name)


def _refused(services: Services, calendar: LinkedCalendar, error: RemoteError) -> str:
    """Note why there are no notices; what stops the whole calendar is for its next look to find."""
    now = services.clock.now()
    passes = isinstance(error, Transient | Ambiguous)
    values = {"push_problem": str(error), "push_retry_at": now + (SOON if passes else AGAIN)}
    if isinstance(error, Transient) and (error.throttled or error.retry_after is not None):
        # what the service asks for holds for every request to it
        failures.note(services, calendar, error, dry_run=False)
    with services.database.write() as tx:
        if isinstance(error, NeedsAuth | CalendarGone):
            subscriptions.mark(tx, calendar.id, now=now)
        calendars.save(tx, calendar.id, **values)
    log.warning("push_refused", calendar=calendar.id, kind=type(error).__name__)
    return "refused"


def _forget_expired(
    services: Services, orphans: Sequence[StoredSubscription], now: datetime
) -> None:
    """Forget what ran out on calendars that nobody may ask any more."""
    gone = [one for one in orphans if one.expires_at <= now]
    if gone:
        with services.database.write() as tx:
            for one in gone:
                subscriptions.remove(tx, one.name)


def _address(services: Services, calendar: LinkedCalendar) -> str:
    return f"{services.hooks}/{calendar.connector}"


def _renew_at(now: datetime, expires_at: datetime) -> datetime:
    return now + (expires_at - now) * SPENT


def _wire(one: StoredSubscription) -> Subscription:
    return Subscription(name=one.name, expires_at=one.expires_at, resource=one.resource)
