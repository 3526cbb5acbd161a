"""``calwarden link``: sign in to a provider's calendar, try it out, and store the link."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

import typer

from calwarden.cli import link_google, link_outlook
from calwarden.cli.failures import WrongInput
from calwarden.cli.options import group
from calwarden.cli.session import ACTOR, Session, command
from calwarden.cli.stopping import uninterrupted
from calwarden.domain.linked_calendar import Role
from calwarden.domain.refusal import Refused
from calwarden.practice import linking
from calwarden.sdk.connector import Credential, Discovery, RemoteCalendar
from calwarden.sdk.errors import Transient
from calwarden.store import calendars, people
from calwarden.store.calendars import NewCalendar

app = group("Link a provider's calendar. The credential is sealed; nothing is written there yet.")

CALDAV = "caldav"
GOOGLE = "google"
OUTLOOK = "outlook"


@command(app, CALDAV)
def caldav(
    session: Session,
    *,
    provider: Annotated[str, typer.Option("--provider", metavar="REF", help="Whose calendar.")],
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Address of the server or of a calendar.")
    ],
    username: Annotated[str, typer.Option("--username", metavar="U", help="Account there.")],
    password_file: Annotated[
        Path,
        typer.Option(
            "--password-file", metavar="F", help="File with the password (an app password)."
        ),
    ],
    calendar: Annotated[
        str | None,
        typer.Option(
            "--calendar", metavar="NAME_OR_URL", help="Which calendar; needed if there are several."
        ),
    ] = None,
    role: Annotated[
        Role,
        typer.Option("--role", help="managed: publish and watch; busy: only read when it is busy."),
    ] = Role.MANAGED,
) -> None:
    """Link a calendar on a CalDAV server: Nextcloud, Radicale, iCloud, Fastmail and others.

    Linking a calendar again renews the link and keeps its number.
    """
    password = _secret(password_file)
    credential = {"url": url, "username": username, "password": password}
    _link(session, CALDAV, provider, credential, calendar, role)


@command(app, GOOGLE)
def google(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    provider: Annotated[str, typer.Option("--provider", metavar="REF", help="Whose calendar.")],
    browser: Annotated[
        bool, typer.Option("--browser", help="Sign in with a browser on this machine.")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="F", help="Authorized-user file (JSON)."),
    ] = None,
    service_account: Annotated[
        Path | None,
        typer.Option("--service-account", metavar="F", help="Key file of a service account."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", metavar="MAIL", help="For whom the service account speaks."),
    ] = None,
    calendar: Annotated[
        str | None,
        typer.Option(
            "--calendar",
            metavar="ID",
            help="An existing calendar (primary: the main one); else one of our own is made.",
        ),
    ] = None,
    role: Annotated[
        Role,
        typer.Option("--role", help="managed: publish and watch; busy: only read when it is busy."),
    ] = Role.MANAGED,
) -> None:
    """Link a calendar of a Google account.

    Without --calendar calwarden makes a calendar "Appointments" of its own there and sees nothing
    else but busy times. Linking again renews the link and keeps its number.
    """
    asked = link_google.Asked(
        browser=browser,
        token_file=token_file,
        service_account=service_account,
        subject=subject,
        calendar=calendar,
        role=role,
    )
    asked.check()
    application = session.application
    with application.database.read() as connection:
        zone = people.get_provider(connection, provider).timezone
        known = calendars.search(connection, provider=provider, role=Role.MANAGED)
    context = application.link_context(GOOGLE, zone)
    kind = cast("link_google.AccountKind", application.connectors[GOOGLE])
    session.out.note(link_google.choice(asked))
    credential = link_google.signed_in(kind, asked, context, session.out.note)
    before = [one.remote_id for one in reversed(known) if one.connector == GOOGLE]
    found = link_google.offered(kind, asked, credential, context, before)
    wanted = None if calendar == link_google.PRIMARY else calendar
    chosen = choose(found.calendars, wanted, role)
    _store(session, GOOGLE, provider, found, chosen, role)


@command(app, OUTLOOK)
def outlook(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    provider: Annotated[str, typer.Option("--provider", metavar="REF", help="Whose calendar.")],
    browser: Annotated[
        bool, typer.Option("--browser", help="Sign in with a browser on this machine.")
    ] = False,
    device_code: Annotated[
        bool,
        typer.Option("--device-code", help="Sign in on any device: an address and a code."),
    ] = False,
    app_only: Annotated[
        bool,
        typer.Option("--app-only", help="No person signs in: the application opens the mailbox."),
    ] = False,
    user: Annotated[
        str | None,
        typer.Option(
            "--user", metavar="ID", help="Whose mailbox --app-only opens (address or id)."
        ),
    ] = None,
    calendar: Annotated[
        str | None,
        typer.Option(
            "--calendar", metavar="ID", help="Which calendar, by id or name; else the default one."
        ),
    ] = None,
    role: Annotated[
        Role,
        typer.Option("--role", help="managed: publish and watch; busy: only read when it is busy."),
    ] = Role.MANAGED,
) -> None:
    """Link a calendar of an Outlook or Microsoft 365 mailbox.

    Linking again renews the link and keeps its number.
    """
    asked = link_outlook.Asked(
        browser=browser, device_code=device_code, app_only=app_only, user=user, role=role
    )
    asked.check()
    application = session.application
    with application.database.read() as connection:
        zone = people.get_provider(connection, provider).timezone
    context = application.link_context(OUTLOOK, zone)
    kind = cast("link_outlook.MailboxKind", application.connectors[OUTLOOK])
    session.out.note(link_outlook.choice(asked))
    credential = link_outlook.signed_in(kind, asked, context, session.out)
    found = kind.discover(credential, context)
    _store(session, OUTLOOK, provider, found, choose(found.calendars, calendar, role), role)


def choose(offered: Sequence[RemoteCalendar], wanted: str | None, role: Role) -> RemoteCalendar:
    """Return the calendar that was meant; raises `WrongInput` where that is not one, `Refused`."""
    fitting = [one for one in offered if wanted is None or _named(one, wanted)]
    if wanted is None and role is Role.MANAGED:
        fitting = [one for one in fitting if one.writable] or fitting
        fitting = [one for one in fitting if one.primary] or fitting
    names = ", ".join(_told(one, offered) for one in offered) or "none"
    if not fitting:
        missing = f"has no calendar {wanted!r}" if wanted else "has no calendar"
        raise WrongInput(f"the account {missing}; it has: {names}")
    if len(fitting) > 1:
        raise WrongInput(
            f"several calendars fit; name one with --calendar. The account has: {names}"
        )
    chosen = fitting[0]
    if role is Role.MANAGED and not chosen.writable:
        raise _read_only(chosen)
    return chosen


def _told(one: RemoteCalendar, offered: Sequence[RemoteCalendar]) -> str:
    """Return what tells a calendar from the others: its name, with its address where shared."""
    if not one.name:
        return repr(one.remote_id)
    shared = sum(each.name == one.name for each in offered) > 1
    return f"{one.name!r} ({one.remote_id})" if shared else repr(one.name)


def _read_only(calendar: RemoteCalendar) -> Refused:
    return Refused(
        f"the calendar {calendar.name or calendar.remote_id!r} can only be read by this account",
        next_step="let the account write to it, or link it with --role busy",
    )


def _link(
    session: Session,
    connector: str,
    provider: str,
    credential: Credential,
    calendar: str | None,
    role: Role,
) -> None:
    application = session.application
    with application.database.read() as connection:
        zone = people.get_provider(connection, provider).timezone
    _demand_patience(session, connector, credential)
    kind = application.connectors[connector]
    context = application.link_context(connector, zone)
    found: Discovery = kind.discover(credential, context)
    chosen = choose(found.calendars, calendar, role)
    _store(session, connector, provider, found, chosen, role)


def _demand_patience(session: Session, connector: str, credential: Credential) -> None:
    """Send nothing to an account whose server asked another process to wait."""
    url = str(credential["url"])
    host = urlsplit(url if "://" in url else f"https://{url}").hostname
    account = f"{credential['username']}@{host}"
    with session.application.database.read() as connection:
        linked = calendars.search(connection)
    waits = [
        one.not_before
        for one in linked
        if (one.connector, one.account) == (connector, account) and one.not_before is not None
    ]
    until = max(waits, default=session.now)
    if until > session.now:
        told = until.isoformat(timespec="seconds")
        raise Transient(f"{host} asked to wait until {told}; link the calendar then")


def _store(
    session: Session,
    connector: str,
    provider: str,
    found: Discovery,
    chosen: RemoteCalendar,
    role: Role,
) -> None:
    application = session.application
    with application.database.read() as connection:
        zone = people.get_provider(connection, provider).timezone
    kind = application.connectors[connector]
    context = application.link_context(connector, zone)
    with application.database.read() as connection:
        linking.demand_linkable(connection, provider, connector, chosen.remote_id, role)
    # what is only read is not tried out by writing
    tried = replace(chosen, writable=chosen.writable and role is Role.MANAGED)
    with uninterrupted():
        probed = kind.probe(tried, found.credential, context)
    if role is Role.MANAGED and probed.probe.get("writable") is False:
        raise _read_only(chosen)
    new = NewCalendar(
        provider=provider, connector=connector, link=probed, name=chosen.name, role=role
    )
    with application.database.write() as tx:
        number = linking.link(
            tx,
            new,
            found.credential,
            vault=application.vault,
            now=session.now,
            actor=ACTOR,
        )
        document = linking.show(tx, number)
    session.out.document(document)
    session.out.say(
        f"Calendar {number}: {chosen.name or chosen.remote_id} of {provider} is linked"
        + (", to be read only." if role is Role.BUSY else ". Publish to it: calwarden sync")
    )


def _named(one: RemoteCalendar, wanted: str) -> bool:
    return wanted == one.name or wanted.rstrip("/") == one.remote_id.rstrip("/")


def _secret(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongInput(f"the password file {file} cannot be read: {why}") from error
    password = text.rstrip("\r\n")
    if not password:
        raise WrongInput(f"the password file {file} is empty")
    return password
