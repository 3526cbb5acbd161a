"""``calwarden calendars``: the linked calendars and how they fare."""

from typing import Annotated, Any

import typer

from calwarden.cli.options import group
from calwarden.cli.output import moment, read_moment
from calwarden.cli.session import ACTOR, Session, command
from calwarden.domain.wall_time import in_zone
from calwarden.practice import linking
from calwarden.store import people

app = group("The linked calendars: how they fare, and pausing, resuming or unlinking one.")

ABSENCES = {"event": "out-of-office events", "busy": "ordinary busy events"}

Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the calendar, as listed.")]


@command(app, "list")
def list_all(
    session: Session,
    *,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="REF", help="Only this provider's.")
    ] = None,
) -> None:
    """List the linked calendars."""
    with session.application.database.read() as connection:
        found = linking.listing(connection, provider=provider)
        zones = {one.ref: one.timezone for one in people.providers(connection)}
    session.out.document({"calendars": found})
    if not found:
        session.out.say("No calendar is linked yet. Link one: calwarden link caldav --help")
        return
    rows = [
        [
            str(one["id"]),
            one["provider"],
            one["connector"],
            one["role"],
            one["name"] or one["remote_id"],
            _status(one),
            _when(one["answered_at"], zones.get(one["provider"], "UTC")),
            str(one["open_drifts"]),
        ]
        for one in found
    ]
    columns = ["Id", "Provider", "By", "Role", "Calendar", "Status", "Last answer", "Open drifts"]
    session.out.table(columns, rows, wide=["Calendar", "Status", "Last answer"])


@command(app, "show")
def show(session: Session, calendar: Id) -> None:
    """Show one linked calendar and what it can do."""
    with session.application.database.read() as connection:
        one = linking.show(connection, calendar)
        zone = people.get_provider(connection, one["provider"]).timezone
    session.out.document(one)
    can = [name.replace("_", " ") for name, value in one["capabilities"].items() if value is True]
    cannot = [
        name.replace("_", " ") for name, value in one["capabilities"].items() if value is False
    ]
    facts = [
        ("Calendar", f"{one['id']}, {one['name'] or 'without a name'}"),
        ("Address", one["remote_id"]),
        ("Provider", one["provider"]),
        ("Role", one["role"]),
        ("Status", _status(one)),
        ("Linked", _when(one["linked_at"], zone)),
        ("Last answer", _when(one["answered_at"], zone)),
        ("Open drifts", str(one["open_drifts"])),
        ("Can", ", ".join(can) or "nothing special"),
        ("Shows absences as", ABSENCES[one["capabilities"].get("out_of_office", "busy")]),
        ("Cannot", ", ".join(cannot) or "nothing missing"),
    ]
    facts += one["found"].items()
    told = one["limitations"]
    facts += [("Does not keep", f"{name}: {told[name]}") for name in sorted(told)]
    facts += [
        ("Cannot be read", f"{each['remote_id']}: {each['problem']}") for each in one["unreadable"]
    ]
    if one["probe"].get("probed_at"):
        facts.append(("Tried out", _when(one["probe"]["probed_at"], zone)))
    if one["capabilities"].get("push"):
        facts.append(("Tells us of changes", _push(one["push"], zone)))
    if one["not_before"]:
        facts.append(("Not asked before", _when(one["not_before"], zone)))
    session.out.facts(facts)


@command(app, "pause")
def pause(session: Session, calendar: Id) -> None:
    """Stop looking at a calendar and writing to it, until it is resumed."""
    with session.application.database.write() as tx:
        linking.pause(tx, calendar, now=session.now, actor=ACTOR)
    _tell(session, calendar, "is paused; nothing is read or written there until it is resumed")


@command(app, "resume")
def resume(session: Session, calendar: Id) -> None:
    """Look at a paused calendar again."""
    with session.application.database.write() as tx:
        linking.resume(tx, calendar, now=session.now, actor=ACTOR)
    _tell(session, calendar, "is active again; the next pass looks at it")


@command(app, "unlink")
def unlink(
    session: Session,
    calendar: Id,
    *,
    keep_events: Annotated[
        bool, typer.Option("--keep-events", help="Leave our events where they stand.")
    ] = False,
) -> None:
    """End a link: the next pass takes our unfinished events out and destroys the credential."""
    with session.application.database.write() as tx:
        linking.unlink(tx, calendar, keep_events=keep_events, now=session.now, actor=ACTOR)
    kept = "keeps our events" if keep_events else "takes our unfinished events out"
    _tell(session, calendar, f"is being unlinked: the next pass {kept} and destroys the credential")


def _tell(session: Session, calendar: int, what: str) -> None:
    with session.application.database.read() as connection:
        session.out.document(linking.show(connection, calendar))
    session.out.say(f"Calendar {calendar} {what}.")


def _status(one: dict[str, Any]) -> str:
    return f"{one['status']}: {one['reason']}" if one["reason"] else str(one["status"])


def _push(push: dict[str, Any], zone: str) -> str:
    if push["until"] is None:
        return push["problem"] or "no: see [push] and web.public_url; it is polled"
    until = f"until {_when(push['until'], zone)}, then renewed"
    return until if push["heard_at"] else f"{until}; nothing has arrived yet, so it is polled"


def _when(text: str | None, zone: str) -> str:
    return "never" if text is None else moment(in_zone(read_moment(text), zone))
