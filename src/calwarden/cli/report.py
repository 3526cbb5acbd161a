"""``calwarden report``: what happened, for people and for spreadsheets."""

import sys
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from calwarden.cli.claim_work import catch_up
from calwarden.cli.failures import WrongInput
from calwarden.cli.options import group
from calwarden.cli.session import Session, command
from calwarden.domain.drift import Severity
from calwarden.domain.wall_time import in_zone
from calwarden.practice import follow_through as followed
from calwarden.practice import report_files, report_silence, report_tables, report_zones
from calwarden.practice.report import Scope, read_day
from calwarden.practice.report_page import page
from calwarden.practice.report_rows import drift_report
from calwarden.practice.report_tables import Sheet, Told, records, table_page
from calwarden.store import people

app = group("Reports. Clients appear in them by ref only.")


class Format(StrEnum):
    """How a report is written."""

    HTML = "html"
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


Day = "a day of the practice as 2026-12-01, that day included"

Form = Annotated[
    Format | None,
    typer.Option("--format", help="How to write it; else as FILE ends, or html."),
]
Since = Annotated[str | None, typer.Option("--since", metavar="D", help=f"From; {Day}.")]
Until = Annotated[str | None, typer.Option("--until", metavar="D", help=f"Until; {Day}.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="File to write; else standard output."),
]
ProviderOnly = Annotated[
    str | None, typer.Option("--provider", metavar="REF", help="Only this provider's.")
]
PayerOnly = Annotated[
    str | None, typer.Option("--payer", metavar="REF", help="Only what concerns claims to it.")
]


ENDINGS = {".htm": Format.HTML, **{f".{form}": form for form in Format}}

Makers = Mapping[Format, Callable[[], str | bytes]]


@command(app, "drift")
def drift(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    form: Form = None,
    since: Since = None,
    until: Until = None,
    provider: ProviderOnly = None,
    payer: PayerOnly = None,
    severity: Annotated[
        Severity | None, typer.Option("--severity", help="Only drifts of this severity.")
    ] = None,
    out: Out = None,
) -> None:
    """Report what was changed outside, what was done about it, and what waits for a person.

    Drifts are those noticed in the days; held claims and work items stand as of now.
    """
    scope = Scope(provider=provider, payer=payer, severity=severity)
    days = (_day(since), _day(until))
    catch_up(session)
    with session.application.database.read() as connection:
        _demand_known(connection, scope)
        report = drift_report(
            connection,
            now=session.now,
            since=days[0],
            until=days[1],
            scope=scope,
            near=session.application.policy.near,
        )
    whole = report_files.document(report)
    makers: Makers = {
        Format.HTML: lambda: page(report),
        Format.CSV: lambda: report_files.spreadsheet(report),
        Format.XLSX: lambda: report_files.workbook(report),
        Format.JSON: lambda: session.out.encoded(whole),
    }
    _give(session, form, out, makers, document=whole, summary=whole["summary"])


@command(app, "zones")
def zones(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    form: Form = None,
    since: Since = None,
    until: Until = None,
    provider: ProviderOnly = None,
    payer: PayerOnly = None,
    unclaimed: Annotated[
        bool, typer.Option("--all", help="Also appointments that have no claim yet.")
    ] = False,
    out: Out = None,
) -> None:
    """Report the claims whose appointment has another date in UTC than its date of service.

    The days are those of the date of service.
    """
    scope = Scope(provider=provider, payer=payer)
    with session.application.database.read() as connection:
        _demand_known(connection, scope)
        days = followed.days_of(connection, _day(since), _day(until))
        sheet = report_zones.zones_sheet(
            connection,
            days,
            now=session.now,
            scope=scope,
            unclaimed=unclaimed,
            near=session.application.policy.near,
        )
        told = report_zones.told(_name(connection), in_zone(session.now, days.zone))
    _give_table(session, form, out, sheet, told, report_zones.document(sheet))


@command(app, "silence")
def silence(
    session: Session,
    *,
    form: Form = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, help="Silent for so many days.")
    ] = report_silence.DAYS,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="D", help=f"Silent since then, instead of --days; {Day}."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="D", help=f"As of the end of that day, not now; {Day}."),
    ] = None,
    provider: ProviderOnly = None,
    out: Out = None,
) -> None:
    """Report linked calendars that have not answered, lost their access, or show nothing new."""
    with session.application.database.read() as connection:
        _demand_known(connection, Scope(provider=provider))
        span = followed.days_of(connection, _day(since), _day(until))
        now = min(session.now, span.end() or session.now)
        sheet = report_silence.silence_sheet(
            connection, now=now, days=days, heard_before=span.start(), provider=provider
        )
        told = report_silence.told(_name(connection), in_zone(now, span.zone))
    _give_table(session, form, out, sheet, told, {"rows": records(sheet)})


@command(app, "follow-through")
def follow_through(
    session: Session,
    *,
    form: Form = None,
    since: Since = None,
    until: Until = None,
    out: Out = None,
) -> None:
    """Report how many of the times that were given up led to an appointment that was kept."""
    with session.application.database.read() as connection:
        days = followed.days_of(connection, _day(since), _day(until))
        rows = followed.follow_through(connection, days)
    whole = followed.document(rows)
    sheet = Sheet(
        name="Follow-through", columns=followed.COLUMNS, rows=[row.record() for row in rows]
    )
    makers: Makers = {
        Format.HTML: lambda: followed.page(rows),
        Format.CSV: lambda: followed.spreadsheet(rows),
        Format.XLSX: lambda: report_tables.workbook([sheet]),
        Format.JSON: lambda: session.out.encoded(whole),
    }
    _give(session, form, out, makers, document=whole, summary={})


def _give_table(
    session: Session,
    form: Format | None,
    out: Path | None,
    sheet: Sheet,
    told: Told,
    whole: dict[str, Any],
) -> None:
    makers: Makers = {
        Format.HTML: lambda: table_page(sheet, told),
        Format.CSV: lambda: report_tables.spreadsheet(sheet),
        Format.XLSX: lambda: report_tables.workbook([sheet]),
        Format.JSON: lambda: session.out.encoded(whole),
    }
    _give(session, form, out, makers, document=whole, summary={"rows": len(sheet.rows)})


def _give(
    session: Session,
    form: Format | None,
    out: Path | None,
    makers: Makers,
    *,
    document: dict[str, Any],
    summary: dict[str, Any],
) -> None:
    """Write the report to ``out``, or print it; with ``--json`` standard output is a document."""
    form = form or _by_name(out) or (Format.JSON if session.out.as_json else Format.HTML)
    if out is None:
        if session.out.as_json:
            session.out.print_document(document)
        else:
            _print(makers[form]())
        return
    _write(out, makers[form]())
    session.out.document({"report": str(out), "format": form.value, **summary})
    session.out.say(f"Written: {out}")


def _by_name(out: Path | None) -> Format | None:
    """Return the form that a file's ending asks for."""
    return None if out is None else ENDINGS.get(out.suffix.lower())


def _print(content: str | bytes) -> None:
    if isinstance(content, str):
        sys.stdout.write(content)
        return
    if sys.stdout.isatty():
        raise WrongInput("a workbook is no text for a terminal: name a file with --out FILE")
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def _write(file: Path, content: str | bytes) -> None:
    made = content.encode() if isinstance(content, str) else content
    try:
        file.write_bytes(made)
    except OSError as error:
        raise WrongInput(f"the report cannot be written to {file}: {error.strerror}") from error


def _day(text: str | None) -> date | None:
    return None if text is None else read_day(text)


def _name(connection: Connection) -> str:
    practice = people.practice(connection)
    return practice.name if practice else ""


def _demand_known(connection: Connection, scope: Scope) -> None:
    """Refuse a provider or payer that does not exist: an empty report would look like good news."""
    if scope.provider is not None:
        people.get_provider(connection, scope.provider)
    if scope.payer is not None:
        people.get_payer(connection, scope.payer)
