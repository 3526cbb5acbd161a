"""Finding an account's calendars (RFC 6764, RFC 5397, RFC 4791 section 6.2.1)."""

from contextlib import closing
from urllib.parse import unquote, urljoin, urlsplit

from calwarden.sdk.connector import Context, Credential, Discovery, RemoteCalendar
from calwarden.sdk.errors import Rejected
from calwarden_caldav.errors import Denied, Elsewhere, Missing
from calwarden_caldav.guard import Forbidden
from calwarden_caldav.multistatus import CALDAV, DAV, Row, Torn, propfind
from calwarden_caldav.session import Session
from calwarden_caldav.spelling import same_server

WELL_KNOWN = "/.well-known/caldav"
TYPE, NAME = f"{DAV}resourcetype", f"{DAV}displayname"
PRINCIPAL, PRIVILEGES = f"{DAV}current-user-principal", f"{DAV}current-user-privilege-set"
HOME, ADDRESSES = f"{CALDAV}calendar-home-set", f"{CALDAV}calendar-user-address-set"
COMPONENTS = f"{CALDAV}supported-calendar-component-set"
CALENDAR = f"{CALDAV}calendar"
OF_CALENDAR = (TYPE, NAME, COMPONENTS, PRIVILEGES)
FAMILIES = (".icloud.com",)
"""Domains in which a vendor's servers share accounts: calendars are not where the login is."""

WRITING = {f"{DAV}{name}" for name in ("all", "write", "write-content", "bind")}


def discover(credential: Credential, context: Context) -> Discovery:
    """Sign in and list the calendars; raises `calwarden.sdk.errors`.

    An address that is itself a calendar is the only one listed.
    """
    url = _address(str(credential.get("url", "")))
    with closing(Session(url, credential, context, patient=True)) as session:
        calendars, addresses = _found(session, url, credential, context)
        if not calendars and session.auth_type is None:
            # some servers answer strangers too, and show them nothing
            session.insist()
            calendars, addresses = _found(session, url, credential, context)
        auth = session.auth_type or "basic"
    host = urlsplit(url).hostname or ""
    if not calendars:
        raise Rejected(f"{host} shows no calendar for events there; give the calendar's address")
    return Discovery(
        account=f"{credential['username']}@{host}",
        calendars=tuple(calendars),
        credential={**credential, "auth": auth, "addresses": addresses},
    )


def _found(
    session: Session, url: str, credential: Credential, context: Context
) -> tuple[list[RemoteCalendar], list[str]]:
    own = _own_row(session, url)
    if own is not None and CALENDAR in own.names(TYPE):
        return [_calendar(own, url)], []
    principal = _principal(session, own)
    if principal is None:
        return [], []
    homes, addresses = _homes(session, principal)
    calendars = []
    for home in homes:
        if same_server(home, url):
            calendars += _calendars(session, home)
        else:
            known = {**credential, "auth": "basic"}
            with closing(Session(home, known, context, patient=True)) as other:
                calendars += _calendars(other, home)
    return calendars, addresses


def _address(text: str) -> str:
    return text if "://" in text else f"https://{text}"


def _own_row(session: Session, url: str) -> Row | None:
    path = urlsplit(url).path or "/"
    return _row(session, path, TYPE, NAME, PRINCIPAL, COMPONENTS, PRIVILEGES)


def _row(session: Session, path: str, *names: str) -> Row | None:
    """Return what the server tells of a path; None where it tells nothing of the kind."""
    try:
        answer = session.propfind(path, propfind(*names))
    except (Elsewhere, Forbidden):
        raise
    except (Denied, Missing, Rejected, Torn):
        return None
    return next((row for row in answer.rows if not row.missing), None)


def _principal(session: Session, own: Row | None) -> str | None:
    for path in (None, WELL_KNOWN, "/"):
        row = own if path is None else _row(session, path, PRINCIPAL)
        hrefs = [] if row is None else row.hrefs(PRINCIPAL)
        if hrefs:
            return _on_server(session, hrefs[0])
    return None


def _homes(session: Session, principal: str) -> tuple[list[str], list[str]]:
    row = _row(session, principal, HOME, ADDRESSES)
    if row is None:
        return [], []
    mail = [href for href in row.hrefs(ADDRESSES) if href.lower().startswith("mailto:")]
    addresses = [href[len("mailto:") :].lower() for href in mail]
    return [_allowed(session, href) for href in row.hrefs(HOME)], addresses


def _calendars(session: Session, home: str) -> list[RemoteCalendar]:
    found = session.propfind(urlsplit(home).path, propfind(*OF_CALENDAR), depth=1).rows
    return [
        _calendar(row, home) for row in found if CALENDAR in row.names(TYPE) and _holds_events(row)
    ]


def _calendar(row: Row, url: str) -> RemoteCalendar:
    privileges = row.names(PRIVILEGES)
    last = unquote(row.path.rstrip("/").rpartition("/")[2])
    return RemoteCalendar(
        # as its server spells it: some take @ and %40 for two addresses
        remote_id=urljoin(url, row.spelled if row.spelled.endswith("/") else f"{row.spelled}/"),
        name=row.text(NAME) or last,
        # a server that tells no privileges is asked by the probe
        writable=not privileges or bool(privileges & WRITING),
    )


def _holds_events(row: Row) -> bool:
    names = row.components(COMPONENTS)
    return not names or "VEVENT" in names


def _allowed(session: Session, href: str) -> str:
    """Return the address of a home; the password follows to its own server, or its family's."""
    url = urljoin(session.url, href)
    there = urlsplit(url)
    here = urlsplit(session.url).hostname or ""
    family = any(
        f".{here}".endswith(name) and f".{there.hostname}".endswith(name) for name in FAMILIES
    )
    if family and there.scheme == "https":
        return url
    return urljoin(session.url, _on_server(session, href))


def _on_server(session: Session, href: str) -> str:
    if urlsplit(href).netloc and not same_server(href, session.url):
        there = urlsplit(href).hostname
        raise Elsewhere(f"{session.host} keeps these calendars at {there}; link https://{there}/")
    return urlsplit(href).path
