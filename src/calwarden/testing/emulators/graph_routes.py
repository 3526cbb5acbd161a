"""Which requests there are: verbs, paths, the options and permissions of each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

MAILBOX = r"(?:me|users/(?P<user>[^/]+))"
CONTAINER = r"(?:/(?P<default>calendar)|/calendars/(?P<calendar>[^/]+))?"
ONE = r"(?:/(?P<default>calendar)|/calendars/(?P<calendar>[^/]+))"
EVENT = rf"{MAILBOX}{CONTAINER}/events/(?P<event>[^/]+)"
READ = frozenset({"Calendars.Read", "Calendars.ReadWrite"})
WRITE = frozenset({"Calendars.ReadWrite"})
BUSY = READ | {"Calendars.ReadBasic"}
SETTINGS = frozenset({"MailboxSettings.Read", "MailboxSettings.ReadWrite"})
WHO = READ | {"User.Read", "Calendars.ReadBasic", "openid"}
LIST = frozenset({"$filter", "$select", "$expand", "$orderby", "$top", "$skip"})
SHOW = frozenset({"$select", "$expand"})
SPAN = frozenset({"startDateTime", "endDateTime"})
VIEW = SPAN | {"$select", "$expand", "$orderby", "$top", "$skip"}
TURN = SPAN | {"$skiptoken", "$deltatoken"}


@dataclass(frozen=True)
class Route:
    """One kind of request. ``ids``: it tells or takes ids of events, so it names their kind."""

    name: str
    verb: str
    pattern: re.Pattern[str]
    permissions: frozenset[str]
    options: frozenset[str] = frozenset()
    body: str | None = None
    ids: bool = True


@dataclass(frozen=True)
class Found:
    """A route and what its path names."""

    route: Route
    path: dict[str, str] = field(default_factory=dict)


def _route(
    name: str,
    verb: str,
    pattern: str,
    permissions: frozenset[str],
    options: Iterable[str] = (),
    body: str | None = None,
    *,
    ids: bool = True,
) -> Route:
    return Route(name, verb, re.compile(pattern), permissions, frozenset(options), body, ids)


ROUTES = (
    _route("users.get", "GET", MAILBOX, WHO, {"$select"}, ids=False),
    _route("calendars.list", "GET", f"{MAILBOX}/calendars", READ, {"$top", "$skip"}, ids=False),
    _route("calendars.create", "POST", f"{MAILBOX}/calendars", WRITE, body="calendar", ids=False),
    _route("calendars.get", "GET", f"{MAILBOX}{ONE}", BUSY, ids=False),
    _route("calendars.update", "PATCH", f"{MAILBOX}{ONE}", WRITE, body="calendar", ids=False),
    _route("calendars.delete", "DELETE", f"{MAILBOX}{ONE}", WRITE, ids=False),
    _route("events.list", "GET", f"{MAILBOX}{CONTAINER}/events", READ, LIST),
    _route("events.create", "POST", f"{MAILBOX}{CONTAINER}/events", WRITE, body="new event"),
    _route("events.get", "GET", EVENT, READ, SHOW),
    _route("events.update", "PATCH", EVENT, WRITE, body="event"),
    _route("events.delete", "DELETE", EVENT, WRITE),
    _route("events.instances", "GET", f"{EVENT}/instances", READ, VIEW),
    _route("events.calendar", "GET", f"{EVENT}/calendar", READ, {"$select"}),
    _route("view.list", "GET", f"{MAILBOX}{CONTAINER}/calendarView", READ, VIEW),
    _route("view.delta", "GET", rf"{MAILBOX}{CONTAINER}/calendarView/delta(?:\(\))?", READ, TURN),
    _route(
        "calendar.getSchedule",
        "POST",
        f"{MAILBOX}/calendar/getSchedule",
        BUSY,
        body="getSchedule",
        ids=False,
    ),
    _route("settings.get", "GET", f"{MAILBOX}/mailboxSettings", SETTINGS, ids=False),
    _route(
        "settings.update",
        "PATCH",
        f"{MAILBOX}/mailboxSettings",
        frozenset({"MailboxSettings.ReadWrite"}),
        body="mailboxSettings",
        ids=False,
    ),
    _route("subscriptions.list", "GET", "subscriptions", READ, ids=False),
    _route("subscriptions.create", "POST", "subscriptions", READ, body="new subscription"),
    _route("subscriptions.get", "GET", "subscriptions/(?P<subscription>[^/]+)", READ, ids=False),
    _route(
        "subscriptions.update",
        "PATCH",
        "subscriptions/(?P<subscription>[^/]+)",
        READ,
        body="subscription",
        ids=False,
    ),
    _route(
        "subscriptions.delete", "DELETE", "subscriptions/(?P<subscription>[^/]+)", READ, ids=False
    ),
    _route(
        "subscriptions.reauthorize",
        "POST",
        "subscriptions/(?P<subscription>[^/]+)/reauthorize",
        READ,
        ids=False,
    ),
)
KEYED = re.compile(r"\('((?:[^']|'')*)'\)")


def find(verb: str, path: str) -> Found | None:
    """Find the route of a path below the version; keys in parentheses are segments (M2)."""
    path = KEYED.sub(lambda match: "/" + match[1].replace("''", "'"), unquote(path)).strip("/")
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None and route.verb == verb:
            return Found(route, {k: v for k, v in match.groupdict().items() if v is not None})
    return None
