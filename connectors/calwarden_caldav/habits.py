"""What a server was found to do, as the probe stored it with the link; trusted over any product."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from calwarden.domain.event import EventBody, EventResource, Observed
from calwarden.domain.wall_time import in_zone, instant, zone_name
from calwarden.sdk.connector import Link


class Kept(StrEnum):
    """What of our events a server may fail to keep."""

    MARKER = "our own property"
    ZONE = "the time zone"
    TIME = "the time"
    SERIES = "series with exceptions"
    TITLE = "the title"
    LOCATION = "the location"
    PRIVACY = "privacy"
    BUSY = "whether the time is taken"


class BadToken(StrEnum):
    """What a server says to a sync token that it never gave."""

    REFUSED = "refused"
    LISTED = "listed"
    """Everything that stands is told, and nothing that is gone."""
    PASSED = "passed"
    """Nothing is told: whoever holds a dead token never learns of a change again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one link has to be handled.

    ``takes_if_match``: a write with the right etag is accepted. ``renames``: what is created stands
    at another address than asked. ``lists_for_bad_token``: changes may be a full list in disguise.
    ``trusts_ctag``: the calendar's ctag moves with every change. ``servers``: what the server
    calls itself, and when it was tried out as such. ``spacing``: time between two requests.
    """

    takes_if_match: bool = True
    renames: bool = False
    lists_for_bad_token: bool = False
    trusts_ctag: bool = True
    drops: frozenset[Kept] = frozenset()
    servers: Mapping[str, datetime] = field(default_factory=dict)
    spacing: timedelta = timedelta()

    @classmethod
    def of(cls, link: Link) -> "Habits":
        """Return the habits stored with a link; what an older probe did not ask is assumed good."""
        found: Mapping[str, Any] = link.probe
        return cls(
            takes_if_match=bool(found.get("takes_if_match", link.capabilities.guards_update)),
            renames=bool(found.get("renames")),
            lists_for_bad_token=found.get("bad_token") == BadToken.LISTED,
            trusts_ctag=bool(found.get("ctag", True)),
            drops=frozenset(Kept(name) for name in found.get("drops", ()) if name in set(Kept)),
            servers=_moments(found),
            spacing=timedelta(seconds=found.get("spacing_seconds") or 0),
        )

    def expected(self, resource: EventResource | None) -> EventResource | None:
        """Return how a resource stands once this server has taken it."""
        if resource is None or not self.drops:
            return resource
        single = resource.recurrence is None
        overrides = resource.overrides.items()
        return replace(
            resource,
            body=self._body(resource.body, zone=single),
            overrides={slot: self._body(body, zone=False) for slot, body in overrides},
        )

    def _body(self, body: EventBody, *, zone: bool) -> EventBody:
        if Kept.PRIVACY in self.drops:
            body = replace(body, private=False)
        if Kept.LOCATION in self.drops:
            body = replace(body, location="")
        if zone and Kept.ZONE in self.drops and not body.all_day:
            body = replace(body, start=in_zone(body.start, "UTC"), end=in_zone(body.end, "UTC"))
        return body

    def knows(self, server: str | None, now: datetime) -> bool:
        """Tell whether the server, by what it calls itself, is one that was tried out.

        Of several names (a farm of hosts) each is tried once a day at most.
        """
        if server is None or not self.servers:
            return True
        newest = max(self.servers, key=lambda name: self.servers[name])
        tried = self.servers.get(server)
        return server == newest or (tried is not None and now - tried < REMEMBERED)

    def marked(self, seen: Observed) -> Observed:
        """Return what was seen with our marker, where the server drops it: by the uid's shape."""
        if Kept.MARKER not in self.drops or seen.marker is not None or not _ours(seen.uid):
            return seen
        return replace(seen, marker=seen.uid)


OWN_UID = 52
REMEMBERED = timedelta(days=1)


def _moments(found: Mapping[str, Any]) -> Mapping[str, datetime]:
    servers = found.get("servers") or {}
    return {name: datetime.fromisoformat(at) for name, at in servers.items()}


def _ours(uid: str) -> bool:
    """Tell whether a uid has the shape of `calwarden.domain.identity.resource_uid`."""
    return len(uid) == OWN_UID and set(uid) <= set("0123456789abcdefghijklmnopqrstuv")


def dropped(wanted: EventResource, marker: str, seen: Observed) -> frozenset[Kept]:
    """Return what a server did not keep of an event that it took."""
    stands = seen.resource
    lost = set() if seen.marker == marker else {Kept.MARKER}
    if stands is None:
        return frozenset({*lost, Kept.SERIES})
    one, other = wanted.body, stands.body
    changed = {
        Kept.ZONE: zone_name(one.start) != zone_name(other.start) or other.floating,
        Kept.TIME: instant(one.start) != instant(other.start) or one.length != other.length,
        Kept.SERIES: wanted.recurrence != stands.recurrence
        or len(wanted.overrides) != len(stands.overrides)
        or len(wanted.excluded) != len(stands.excluded),
        Kept.TITLE: one.title != other.title,
        Kept.LOCATION: one.location != other.location,
        Kept.PRIVACY: one.private != other.private,
        Kept.BUSY: one.busy != other.busy,
    }
    return frozenset({*lost, *(name for name, differs in changed.items() if differs)})


def publishes_series(habits: Habits) -> bool:
    """Tell whether a series stands right on this server; without its zone it would drift."""
    return not habits.drops & {Kept.ZONE, Kept.SERIES, Kept.TIME}
