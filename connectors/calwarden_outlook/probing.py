"""Finding out what a calendar is when it is linked."""

from collections.abc import Iterator, Mapping
from typing import Any

from calwarden.sdk.connector import Capabilities, Link, RemoteCalendar
from calwarden_outlook.service import Service

WRITABLE = "writable"
PRIMARY = "primary"
OWNER = "owner"

CAPABILITIES = Capabilities(
    # Graph nowhere promises to honour If-Match (M11): every write reads and compares first
    guards_create=False,
    guards_update=False,
    guards_delete=False,
    incremental=True,
    client_ids=False,
    # a transactionId that was used may bring the deleted event back to mind (M8)
    reuses_ids=False,
    # by single events that belong to their series, where Exchange cannot
    restores_occurrences=True,
    # Graph mails every attendee (M15)
    silent_attendee_removal=False,
    out_of_office="event",
    push=True,
)


def listed(service: Service) -> Iterator[RemoteCalendar]:
    """Yield the calendars of the mailbox."""
    answer = service.send("GET", service.url("calendars"), params={"$top": "100"})
    while True:
        for entry in answer.get("value") or ():
            yield _calendar(entry)
        following = answer.get("@odata.nextLink")
        if not following:
            return
        answer = service.send("GET", service.demand_ours(str(following)))


def probe(service: Service, calendar: RemoteCalendar) -> Link:
    """Return the link to store: the calendar's id, its owner, whether it can be written to."""
    entry = service.send("GET", service.url("calendars", calendar.remote_id))
    owner = str((entry.get("owner") or {}).get("address") or "")
    account = str(service.credential.get("account") or owner)
    return Link(
        remote_id=str(entry.get("id") or calendar.remote_id),
        account=account,
        capabilities=CAPABILITIES,
        probe={
            WRITABLE: bool(entry.get("canEdit", True)),
            PRIMARY: bool(entry.get("isDefaultCalendar")),
            OWNER: owner,
        },
    )


def _calendar(entry: Mapping[str, Any]) -> RemoteCalendar:
    return RemoteCalendar(
        remote_id=str(entry["id"]),
        name=str(entry.get("name") or entry["id"]),
        writable=bool(entry.get("canEdit", True)),
        primary=bool(entry.get("isDefaultCalendar")),
    )
