"""Finding out what a server honours, in scratch objects that are always removed.

Servers promise more than they keep, so the answers are stored with the link and trusted over any
list of products (wire rules C7, C8, C14 and the table of quirks).
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from calwarden.sdk.connector import Capabilities, Context, Credential, Link, RemoteCalendar
from calwarden.sdk.errors import CursorExpired, PreconditionFailed, Rejected
from calwarden_caldav.discovery import CALENDAR, PRIVILEGES, TYPE
from calwarden_caldav.habits import BadToken, Kept
from calwarden_caldav.listing import CTAG, TOKEN
from calwarden_caldav.multistatus import propfind, sync_collection
from calwarden_caldav.scratch import Scratch
from calwarden_caldav.session import Session
from calwarden_caldav.spelling import canonical
from calwarden_caldav.trials import Trials

SCHEDULING = "calendar-auto-schedule"

NAMES = {
    "Creating": "guards_create",
    "Updating": "guards_update",
    "Deleting": "guards_delete",
    "Unknown sync token": "bad_token",
    "UID used twice": "uid_twice",
    "UID in another calendar": "uid_elsewhere",
    "Our text": "body",
}

SENTENCES: Mapping[str, Mapping[Any, str]] = {
    "Changes": {
        "sync": "by sync token",
        "ctag": "by listing etags where the ctag moved: sync tokens cannot be trusted",
        "neither": "by listing etags, always: neither sync tokens nor ctag can be trusted",
    },
    "Creating": {
        True: "never overwrites (If-None-Match is honoured)",
        False: "would overwrite: we look first",
    },
    "Updating": {
        True: "only what was seen (If-Match is honoured)",
        False: "unconditionally: we read, compare, write and read again",
    },
    "Deleting": {
        True: "only what was seen (If-Match is honoured)",
        False: "unconditionally: we read and compare first",
    },
    "Unknown sync token": {
        BadToken.REFUSED: "is refused, as it should be",
        BadToken.LISTED: "is answered with a full list: changes are checked against a listing",
        BadToken.PASSED: "is passed over: tokens are not used",
    },
    "UID used twice": {
        "refused": "is refused",
        "kept": "is stored twice",
        "moved": "moves the event",
    },
    "UID in another calendar": {
        "refused": "is refused",
        "kept": "is stored there too",
        "moved": "moves the event",
        "unknown": "could not be tried",
    },
    "Our text": {"kept": "is kept as it is", "rewritten": "is spelled anew"},
    "Scheduling": {
        True: "the server mails attendees: we never write any",
        False: "the server mails nobody",
    },
}


CONSEQUENCES: Mapping[Kept, str] = {
    Kept.MARKER: "a copy of one of our events is not known as one",
    Kept.ZONE: "series are published as single events",
    Kept.TIME: "series are published as single events",
    Kept.SERIES: "series are published as single events",
    Kept.TITLE: "titles stand there as the server spells them",
    Kept.LOCATION: "places do not stand there",
    Kept.PRIVACY: "events can be seen by whoever sees the calendar",
    Kept.BUSY: "events do not show as busy",
}


def probe(calendar: RemoteCalendar, credential: Credential, context: Context) -> Link:
    """Return the link of a calendar, with what its server honours; leaves nothing behind.

    A calendar that is not writable is only looked at. Raises `calwarden.sdk.errors`.
    """
    with closing(Session(calendar.remote_id, credential, context, patient=True)) as session:
        path = canonical(calendar.remote_id)
        found: dict[str, Any] = {
            "host": session.host,
            "probed_at": context.now().isoformat(),
            "writable": calendar.writable,
            **_looked_at(session, path),
        }
        found["servers"] = {found["server"]: found["probed_at"]} if found["server"] else {}
        if calendar.writable:
            scratch = Scratch(session=session, path=path, context=context, began=context.now())
            scratch.sweep()
            with scratch.removed_afterwards():
                found.update(Trials(scratch=scratch).found())
        found["spacing_seconds"] = session.paced.total_seconds()
        found["requests"] = session.requests
    return Link(
        remote_id=calendar.remote_id,
        account=f"{credential['username']}@{session.host.partition(':')[0]}",
        capabilities=Capabilities(
            guards_create=bool(found.get("guards_create")),
            guards_update=bool(found.get("guards_update")),
            guards_delete=bool(found.get("guards_delete")),
            incremental=found["sync"],
            reuses_ids=bool(found.get("reuses_uids", True)),
            silent_attendee_removal=not found["schedules"],
            out_of_office="busy",
        ),
        probe={**found, "told": dict(_told(found)), "limitations": _limitations(found)},
    )


def _looked_at(session: Session, path: str) -> dict[str, Any]:
    row = session.propfind(path, propfind(TYPE, TOKEN, CTAG, PRIVILEGES)).own
    if row is None or CALENDAR not in row.names(TYPE):
        raise Rejected(
            f"there is no calendar at that address of {session.host}; list its calendars"
        )
    token, server = row.text(TOKEN), session.server
    features = session.send("OPTIONS", path).headers.get("DAV", "")
    return {
        "server": server,
        "dav": sorted({each.strip() for each in features.split(",") if each.strip()}),
        "sync": token is not None and _syncs(session, path, token),
        "ctag": row.text(CTAG) is not None,
        "schedules": SCHEDULING in features,
    }


def _syncs(session: Session, path: str, token: str) -> bool:
    try:
        return session.report(path, sync_collection(token)).token is not None
    except (Rejected, CursorExpired, PreconditionFailed):
        return False


def _told(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was found in words for people, with what we do about it."""
    if found["server"]:
        yield "Server", found["server"]
    changes = "neither" if not found["ctag"] else "ctag"
    yield "Changes", SENTENCES["Changes"]["sync" if found["sync"] else changes]
    yield "Scheduling", SENTENCES["Scheduling"][found["schedules"]]
    if found["spacing_seconds"]:
        yield "Pace", f"a request every {found['spacing_seconds']:g} s: more are refused"
    if found["writable"]:
        yield from _told_of_writes(found)


def _told_of_writes(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for label, name in NAMES.items():
        if found[name] is not None:
            yield label, SENTENCES[label][found[name]]
    yield "Etags", _etags(found)
    if not found["reuses_uids"]:
        yield "Deleted UIDs", "cannot be used again: we take new ones"
    if found["renames"]:
        yield "Addresses", "are chosen by the server: our events are found by their UID"


def _limitations(found: Mapping[str, Any]) -> dict[str, str]:
    """Return what of our events the server does not keep, and what follows."""
    return {Kept(name).value: CONSEQUENCES[Kept(name)] for name in found.get("drops", ())}


def _etags(found: Mapping[str, Any]) -> str:
    on_get, on_put = found["etag_on_get"], found["etag_on_put"]
    if on_put == "missing":
        return f"{on_get}; none after a write, so we read again"
    if not found["etag_holds"]:
        return f"{on_get}; another one after a write ({on_put}), so we read again"
    return f"{on_get}, also after a write"
