"""Finding an account's calendars (RFC 6764, RFC 5397, RFC 4791 section 6.2.1)."""

from urllib.parse import unquote, urljoin, urlsplit

from calwarden.sdk.connector import Context, Credential, Discovery, RemoteCalendar
from calwarden.sdk.errors import Rejected, Transient
from calwarden_caldav.errors import Denied, Elsewhere, Missing
from calwarden_caldav.multistatus import CALDAV, DAV, Row, propfind, rows
from calwarden_caldav.session import Session, same_server

WELL_KNOWN = "/.well-known/caldav"
TYPE, NAME = f"{DAV}resourcetype", f"{DAV}displayname"
PRINCIPAL, PRIVILEGES = f"{DAV}current-user-principal", f"{DAV}current-user-privilege-set"
HOME, ADDRESSES = f"{CALDAV}calendar-home-set", f"{CALDAV}calendar-user-address-set"
COMPONENTS = f"{CALDAV}supported-calendar-component-set"
CALENDAR, COMPONENT = f"{CALDAV}calendar", f"{CALDAV}comp"
OF_CALENDAR = (TYPE, NAME, COMPONENTS, PRIVILEGES)
WRITING = {f"{DAV}{name}" for name in ("all", "write", "write-content", "bind")}


def discover(credential: Credential, context: Context) -> Discovery:
    """Sign in and list the calendars; raises `calwarden.sdk.errors`.

    An address that is itself a calendar is the only one listed.
    """
    url = _address(str(credential.get("url", "")))
    session = Session(url, credential, context)
    try:
        return _discover(session, url, credential)
    finally:
        session.close()


def _discover(session: Session, url: str, credential: Credential) -> Discovery:
    own = _own_row(session, url)
    addresses: list[str] = []
    if own is not None and CALENDAR in own.names(TYPE):
        calendars = [_calendar(own, url)]
    else:
        principal = _principal(session, own)
        calendars = []
        if principal is not None:
            home, addresses = _homes(session, principal)
            calendars = [each for path in home for each in _calendars(session, url, path)]
    if not calendars:
        raise Rejected(
            f"{session.host} shows no calendar for events there; give the address of the calendar"
        )
    host = urlsplit(url).hostname or ""
    return Discovery(
        account=f"{credential['username']}@{host}",
        calendars=tuple(calendars),
        credential={**credential, "auth": session.auth_type, "addresses": addresses},
    )


def _address(text: str) -> str:
    return text if "://" in text else f"https://{text}"


def _own_row(session: Session, url: str) -> Row | None:
    path = urlsplit(url).path or "/"
    return _row(session, path, TYPE, NAME, PRINCIPAL, COMPONENTS, PRIVILEGES)


def _row(session: Session, path: str, *names: str) -> Row | None:
    """Return what the server tells of a path; None where it tells nothing of the kind."""
    try:
        reply = session.propfind(path, propfind(*names))
    except Elsewhere:
        raise
    except (Denied, Missing, Rejected):
        return None
    try:
        return next((row for row in rows(reply) if not row.missing), None)
    except Transient:
        return None


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
    return [_on_server(session, href) for href in row.hrefs(HOME)], addresses


def _calendars(session: Session, url: str, home: str) -> list[RemoteCalendar]:
    found = rows(session.propfind(home, propfind(*OF_CALENDAR), depth=1))
    return [
        _calendar(row, url) for row in found if CALENDAR in row.names(TYPE) and _holds_events(row)
    ]


def _calendar(row: Row, url: str) -> RemoteCalendar:
    privileges = row.names(PRIVILEGES)
    last = unquote(row.path.rstrip("/").rpartition("/")[2])
    return RemoteCalendar(
        remote_id=urljoin(url, row.path if row.path.endswith("/") else f"{row.path}/"),
        name=row.text(NAME) or last,
        # a server that tells no privileges is asked by the probe
        writable=not privileges or bool(privileges & WRITING),
    )


def _holds_events(row: Row) -> bool:
    element = row.properties.get(COMPONENTS)
    names = set() if element is None else {each.get("name") for each in element.iter(COMPONENT)}
    return not names or "VEVENT" in names


def _on_server(session: Session, href: str) -> str:
    if urlsplit(href).netloc and not same_server(href, session.url):
        there = urlsplit(href).hostname
        raise Elsewhere(f"{session.host} keeps these calendars at {there}; link https://{there}/")
    return urlsplit(href).path
