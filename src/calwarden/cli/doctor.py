"""``calwarden doctor``: looks for what is wrong with this installation, and says what to do."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from calwarden.bootstrap import Application
from calwarden.cli import failures
from calwarden.cli.options import single
from calwarden.cli.output import plural
from calwarden.cli.session import ACTOR, NEEDS_A_PERSON, Session, command
from calwarden.cli.stopping import uninterrupted
from calwarden.clock import NOW_VARIABLE
from calwarden.domain.linked_calendar import CalendarStatus
from calwarden.domain.wall_time import in_zone
from calwarden.engine import failures as failures_of_calendars
from calwarden.engine import reprobing
from calwarden.engine.lease import LeaseLost
from calwarden.engine.smtp import MailServer, ServerAway
from calwarden.practice.messages.rendering import TEMPLATES
from calwarden.practice.messages.samples import sample
from calwarden.sdk.errors import RemoteError
from calwarden.store import calendars, drifts, observations, outbox, people

app = single()


class Health(StrEnum):
    """How one thing fares."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


STYLES = {Health.OK: "green", Health.WARNING: "yellow", Health.FAILED: "bold red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; ``message`` says what is so and, if it is bad, what to do."""

    name: str
    health: Health
    message: str


@command(app, "doctor")
def doctor(
    session: Session,
    *,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Try every active calendar out again, as linking does."),
    ] = False,
) -> int:
    """Look for what is wrong with this installation. Exit status 1 where anything is."""
    application = session.application
    looks = (*LOOKS, _trials) if probe else LOOKS
    found = [finding for look in looks for finding in _guarded(look, application)]
    ok = all(one.health is Health.OK for one in found)
    session.out.document(
        {
            "ok": ok,
            "checks": [
                {"name": one.name, "status": one.health.value, "message": one.message}
                for one in found
            ],
        }
    )
    session.out.facts(
        (one.name, Text.assemble((f"{one.health.value}  ", STYLES[one.health]), one.message))
        for one in found
    )
    return 0 if ok else NEEDS_A_PERSON


def _guarded(
    look: Callable[[Application], Iterator[Finding]], application: Application
) -> Iterator[Finding]:
    name = look.__name__.strip("_").replace("_", " ")
    try:
        yield from look(application)
    except failures.KNOWN as error:
        yield Finding(name=name, health=Health.FAILED, message=str(error))


def _configuration(application: Application) -> Iterator[Finding]:
    yield _ok("configuration", f"{application.config} is read and holds")
    if application.settings.network.allow_private:
        yield Finding(
            name="network",
            health=Health.OK,
            message="plain http and private addresses are allowed (network.allow_private)",
        )


def _clock(application: Application) -> Iterator[Finding]:
    manual = application.settings.testing.clock == "manual"
    if manual:
        yield _warning("clock", 'testing.clock is "manual": remove it on a real installation')
    elif os.environ.get(NOW_VARIABLE):
        yield _warning("clock", f"{NOW_VARIABLE} is set and ignored: testing.clock is not manual")
    else:
        yield _ok("clock", f"{application.clock.now():%Y-%m-%d %H:%M} UTC by the machine")


def _key(application: Application) -> Iterator[Finding]:
    _ = application.vault
    yield _ok("key", f"{application.key_file} can be used and is nobody else's")


def _database(application: Application) -> Iterator[Finding]:
    database = application.database
    state = database.check()
    state.demand_current(database.place)
    yield _ok("database", f"{database.place} has the tables of this version")


def _audit_log(application: Application) -> Iterator[Finding]:
    verdict = application.audit_verdict()
    if verdict.ok:
        entries = plural(verdict.entries, "entry", "entries")
        yield _ok("audit log", f"the chain of {entries} holds")
    else:
        yield Finding(
            name="audit log",
            health=Health.FAILED,
            message=f"broken at entry {verdict.first_bad}: {verdict.reason}; "
            "compare the database with a backup",
        )


def _practice(application: Application) -> Iterator[Finding]:
    with application.database.read() as connection:
        practice = people.practice(connection)
        providers = people.providers(connection)
    if practice is None:
        yield _ok("practice", "nothing is imported yet; begin with: calwarden import FILE")
        return
    local = in_zone(application.clock.now(), practice.timezone)
    yield _ok(
        "practice",
        f"{plural(len(providers), 'provider')}; it is {local:%a %Y-%m-%d %H:%M} there "
        f"({practice.timezone})",
    )


def _calendars(application: Application) -> Iterator[Finding]:
    with application.database.read() as connection:
        linked = calendars.search(connection)
        standing = drifts.search(connection, statuses=drifts.STANDING)
        odd = {one.id: observations.unreadable(connection, one.id) for one in linked}
    active = [one for one in linked if one.status is CalendarStatus.ACTIVE]
    yield _ok("calendars", f"{len(active)} active; {plural(len(standing), 'drift')} open")
    for one in linked:
        name = f"calendar {one.id}"
        if odd[one.id]:
            count = plural(len(odd[one.id]), "event")
            yield _ok(name, f"{count} cannot be read; calwarden calendars show {one.id} says why")
        match one.status:
            case CalendarStatus.HELD:
                yield _warning(name, "held: a person has to decide its case (calwarden drift list)")
            case CalendarStatus.NEEDS_RELINK:
                yield _warning(name, f"needs to be linked again: calwarden link {one.connector}")
            case CalendarStatus.GONE:
                yield _warning(name, "is gone; link another one, or unlink it")
            case _:
                if one.failures:
                    failed = plural(one.failures, "look") + " in a row failed"
                    yield _warning(name, f"{failed}; calwarden sync --calendar {one.id} tells why")


def _trials(application: Application) -> Iterator[Finding]:
    services = application.services()
    with application.database.read() as connection:
        linked = calendars.search(connection, statuses=[CalendarStatus.ACTIVE])
    for one in linked:
        name = f"calendar {one.id}"
        if one.not_before is not None and one.not_before > services.clock.now():
            until = one.not_before.isoformat(timespec="seconds")
            yield _warning(name, f"not tried out: its server asked to wait until {until}")
            continue
        try:
            with uninterrupted():
                link = reprobing.probe(services, one, actor=ACTOR)
        except RemoteError as error:
            failures_of_calendars.note(services, one, error, dry_run=False)
            yield _warning(name, f"could not be tried out: {error}")
        except LeaseLost:
            yield _warning(name, "not tried out: another process is writing to it; try again")
        else:
            server = link.probe.get("server") or "its server"
            kept = ", ".join(link.probe.get("limitations") or ()) or "nothing"
            yield _ok(name, f"tried out ({server}); not kept there: {kept}")


def _mail(application: Application) -> Iterator[Finding]:
    with application.database.read() as connection:
        queue = outbox.queue(connection)
    waiting = plural(queue.waiting, "message")
    post = application.services().post
    if post is None and not queue.waiting:
        yield _ok("mail", "no mail server is set (smtp.host); no message waits")
    elif post is None:
        yield _warning("mail", f"{waiting} cannot be sent: set a mail server, smtp.host")
    else:
        yield from _mail_server(post.server, waiting)
    if queue.failing:
        failing = plural(queue.failing, "message")
        yield _warning(
            "outbox", f"{failing} failed and will be tried again: calwarden messages list"
        )
    if queue.dead:
        dead = plural(queue.dead, "dead letter")
        told = "calwarden messages list --status dead tells why, messages retry NO sends again"
        yield _warning("dead letters", f"{dead}; {told}")


def _mail_server(server: MailServer, waiting: str) -> Iterator[Finding]:
    try:
        server.connect().close()
    except ServerAway as error:
        yield _warning("mail", f"{error}; {waiting} in the outbox")
    else:
        yield _ok("mail", f"{server.host}:{server.port} takes mail; {waiting} in the outbox")


def _templates(application: Application) -> Iterator[Finding]:
    folder = application.settings.practice.templates
    if folder is None:
        return
    url = application.settings.web.public_url
    for name, (reader, kind) in TEMPLATES.items():
        problem = application.renderer.check(name, *sample(reader, kind, url=url))
        if problem is not None:
            yield _warning("templates", f"{folder}: {name} fails, ours is used: {problem}")


def _ok(name: str, message: str) -> Finding:
    return Finding(name=name, health=Health.OK, message=message)


def _warning(name: str, message: str) -> Finding:
    return Finding(name=name, health=Health.WARNING, message=message)


LOOKS = (
    _configuration,
    _clock,
    _key,
    _database,
    _audit_log,
    _practice,
    _calendars,
    _mail,
    _templates,
)
