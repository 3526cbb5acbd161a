"""Linked calendars and their sealed credentials."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from calwarden.domain.linked_calendar import CalendarStatus, LinkedCalendar, Role
from calwarden.sdk.connector import Capabilities, Link
from calwarden.store.errors import NotFound
from calwarden.store.searching import Search, value, values
from calwarden.store.tables import calendars, credentials

_FIND = Search(select(calendars), number=calendars.c.id == value("number"))
_SEARCH = Search(
    select(calendars).order_by(calendars.c.id),
    provider=calendars.c.provider == value("provider"),
    statuses=calendars.c.status.in_(values("statuses")),
    role=calendars.c.role == value("role"),
)
_SAVE = update(calendars).where(calendars.c.id == value("number"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCalendar:
    """A link about to be stored."""

    provider: str
    connector: str
    link: Link
    name: str = ""
    role: Role = Role.MANAGED
    credential_id: int | None = None


def find(connection: Connection, calendar_id: int) -> LinkedCalendar | None:
    """Return the link; None where there is none."""
    row = _FIND.first(connection, number=calendar_id)
    return None if row is None else from_row(row)


def get(connection: Connection, calendar_id: int) -> LinkedCalendar:
    """Return the link; raises `NotFound`."""
    found = find(connection, calendar_id)
    if found is None:
        raise NotFound("calendar", calendar_id)
    return found


def find_linked(connection: Connection, connector: str, remote_id: str) -> LinkedCalendar | None:
    """Return the link of a remote calendar, unless it was unlinked."""
    query = select(calendars).where(
        calendars.c.connector == connector,
        calendars.c.remote_id == remote_id,
        calendars.c.status != CalendarStatus.UNLINKED.value,
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else from_row(row)


def search(
    connection: Connection,
    *,
    provider: str | None = None,
    statuses: Iterable[CalendarStatus] | None = None,
    role: Role | None = None,
) -> list[LinkedCalendar]:
    """Return the links that fit every given condition, by id."""
    rows = _SEARCH.rows(
        connection,
        provider=provider,
        statuses=None if statuses is None else [status.value for status in statuses],
        role=None if role is None else role.value,
    )
    return [from_row(row) for row in rows]


def insert_one(connection: Connection, new: NewCalendar, *, now: datetime) -> int:
    """Store a new link and return its id."""
    row = insert(calendars).values(
        provider=new.provider,
        connector=new.connector,
        role=new.role.value,
        remote_id=new.link.remote_id,
        name=new.name,
        account=new.link.account,
        credential_id=new.credential_id,
        capabilities=asdict(new.link.capabilities),
        probe=dict(new.link.probe),
        limitations=_limitations(new.link),
        created_at=now,
    )
    return int(connection.execute(row.returning(calendars.c.id)).scalar_one())


def save_link(connection: Connection, calendar_id: int, link: Link) -> None:
    """Store what linking again found out; raises `NotFound`."""
    save(
        connection,
        calendar_id,
        account=link.account,
        capabilities=asdict(link.capabilities),
        probe=dict(link.probe),
        limitations=_limitations(link),
    )


def save(connection: Connection, calendar_id: int, **columns: Any) -> None:
    """Store some columns of a link; raises `NotFound`."""
    if not connection.execute(_SAVE, {"number": calendar_id, **columns}).rowcount:
        raise NotFound("calendar", calendar_id)


def rest(connection: Connection, calendar: LinkedCalendar, until: datetime) -> None:
    """Let every calendar of the same account be asked nothing before ``until``.

    One that has to rest for longer does.
    """
    same = (
        calendars.c.connector == calendar.connector,
        calendars.c.account == calendar.account,
        calendars.c.not_before.is_(None) | (calendars.c.not_before < until),
    )
    wider = same if calendar.account else (calendars.c.id == calendar.id,)
    connection.execute(update(calendars).where(*wider).values(not_before=until))


def wake(connection: Connection, calendar_id: int, moment: datetime) -> None:
    """Have a calendar planned anew at a moment at the latest."""
    sooner = or_(calendars.c.wake_at.is_(None), calendars.c.wake_at > moment)
    connection.execute(
        update(calendars).where(calendars.c.id == calendar_id, sooner).values(wake_at=moment)
    )


def set_status(
    connection: Connection, calendar_id: int, status: CalendarStatus, reason: str | None = None
) -> None:
    """Store a status and why it is so; a new plan is made afterwards."""
    save(
        connection,
        calendar_id,
        status=status.value,
        status_reason=reason,
        planned_revision=0,
    )


def link_of(calendar: LinkedCalendar) -> Link:
    """Return the link as connectors take it."""
    known = {field.name for field in fields(Capabilities)}
    found: Mapping[str, Any] = calendar.capabilities
    return Link(
        remote_id=calendar.remote_id,
        account=calendar.account,
        # a later version may have stored more than this one knows
        capabilities=Capabilities(**{key: found[key] for key in found if key in known}),
        probe=calendar.probe,
    )


def add_credential(connection: Connection, *, account: str, sealed: bytes, now: datetime) -> int:
    """Store a sealed credential and return its id."""
    new = insert(credentials).values(account=account, sealed=sealed, updated_at=now)
    return int(connection.execute(new.returning(credentials.c.id)).scalar_one())


def credential(connection: Connection, credential_id: int) -> tuple[str, bytes]:
    """Return the account a credential is for, and the sealed credential; raises `NotFound`."""
    query = select(credentials.c.account, credentials.c.sealed)
    row = connection.execute(query.where(credentials.c.id == credential_id)).first()
    if row is None:
        raise NotFound("credential", credential_id)
    return row[0], bytes(row[1])


def save_credential(
    connection: Connection, credential_id: int, *, sealed: bytes, now: datetime
) -> None:
    """Replace a sealed credential; raises `NotFound`."""
    changed = update(credentials).where(credentials.c.id == credential_id)
    if not connection.execute(changed.values(sealed=sealed, updated_at=now)).rowcount:
        raise NotFound("credential", credential_id)


def destroy_credential(connection: Connection, calendar_id: int) -> None:
    """Take the credential from a link; it is deleted unless another link uses it too."""
    used = get(connection, calendar_id).credential_id
    if used is None:
        return
    save(connection, calendar_id, credential_id=None)
    others = select(calendars.c.id).where(calendars.c.credential_id == used)
    if connection.execute(others).first() is None:
        connection.execute(delete(credentials).where(credentials.c.id == used))


def _limitations(link: Link) -> dict[str, Any]:
    """Return what of our events the calendar does not keep, with what follows from it."""
    return dict(link.probe.get("limitations") or {})


def from_row(row: RowMapping | Mapping[str, Any]) -> LinkedCalendar:
    """Return the link that a row of its table holds."""
    typed = {"role": Role(row["role"]), "status": CalendarStatus(row["status"])}
    return LinkedCalendar(**{**row, **typed})
