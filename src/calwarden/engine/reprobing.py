"""Trying a linked calendar out again: its server changed, or a person asks."""

from dataclasses import replace

from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar
from calwarden.engine import lease
from calwarden.engine.services import Services
from calwarden.sdk.connector import Connector, Link
from calwarden.store import audit, calendars
from calwarden.store.ledger import ENGINE

MOST_SERVERS = 10


def due(services: Services, calendar: LinkedCalendar, connector: Connector) -> bool:
    """Tell whether what was found out at linking is about another server than the one there."""
    active = calendar.status is CalendarStatus.ACTIVE
    return services.probe is not None and active and connector.outdated


def probe(services: Services, calendar: LinkedCalendar, *, actor: str = ENGINE) -> Link:
    """Try the calendar out, store what was found and return it.

    Holds the lease meanwhile: nobody else writes there. Raises `calwarden.sdk.errors`, and
    `calwarden.engine.lease.LeaseLost` where another worker has it.
    """
    if services.probe is None:
        raise AssertionError("there is nothing to try a calendar out with")
    with services.database.write() as connection:
        fence, _ = lease.take(connection, services, calendar.id, calendar.fence)
    try:
        link = services.probe(calendar)
    except BaseException:
        with services.database.write() as connection:
            lease.release(connection, services, calendar.id, fence)
        raise
    link = replace(link, probe={**link.probe, "servers": _servers(calendar, link)})
    with services.database.write() as connection:
        lease.renew(connection, services, calendar.id, fence)
        calendars.save_link(connection, calendar.id, link)
        # what can be said there may have changed: series, ids, guards
        calendars.save(connection, calendar.id, planned_revision=0)
        audit.append(
            connection,
            at=services.clock.now(),
            actor=actor,
            action="calendar.probed",
            subject=f"calendar:{calendar.id}",
            detail={"server": link.probe.get("server")},
        )
        lease.release(connection, services, calendar.id, fence)
    return link


def _servers(calendar: LinkedCalendar, link: Link) -> dict[str, str]:
    """Return every name of the server with the moment it was tried under it, the newest few."""
    known = {**(calendar.probe.get("servers") or {}), **(link.probe.get("servers") or {})}
    newest = sorted(known, key=lambda name: str(known[name]))[-MOST_SERVERS:]
    return {name: known[name] for name in newest}
