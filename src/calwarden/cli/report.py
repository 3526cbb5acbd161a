"""``calwarden report``: what happened, for people and for spreadsheets."""

import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from calwarden.cli.failures import WrongInput
from calwarden.cli.options import group
from calwarden.cli.session import Session, command
from calwarden.practice import follow_through as followed
from calwarden.practice.report import DriftReport, read_day
from calwarden.practice.report_files import document, page, spreadsheet
from calwarden.practice.report_rows import drift_report

app = group("Reports. Clients appear in them by ref only.")


class Format(StrEnum):
    """How a report is written."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"


Day = "a day of the practice as 2026-12-01, that day included"


@command(app, "drift")
def drift(
    session: Session,
    *,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="How to write it; else html, or json with --json."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="D", help=f"Detected from; {Day}.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="D", help=f"Detected until; {Day}.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="File to write; else standard output."),
    ] = None,
) -> None:
    """Report what was changed outside, what was done about it, and what waits for a person."""
    form = form or (Format.JSON if session.out.as_json else Format.HTML)
    days = (_day(since), _day(until))
    with session.application.database.read() as connection:
        report = drift_report(
            connection,
            now=session.now,
            since=days[0],
            until=days[1],
            near=session.application.policy.near,
        )
    if out is None and form is Format.JSON:
        session.out.print_document(document(report))
    elif out is None and not session.out.as_json:
        sys.stdout.write(_text(report, form, session))
    elif out is None:
        session.out.document(document(report))
    else:
        _write(out, _text(report, form, session))
        session.out.document(
            {"report": str(out), "format": form.value, **document(report)["summary"]}
        )
        session.out.say(f"Written: {out}")


@command(app, "follow-through")
def follow_through(
    session: Session,
    *,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="How to write it; else html, or json with --json."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="D", help=f"Given up from; {Day}.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="D", help=f"Given up until; {Day}.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="File to write; else standard output."),
    ] = None,
) -> None:
    """Report how many of the times that were given up led to an appointment that was kept."""
    form = form or (Format.JSON if session.out.as_json else Format.HTML)
    with session.application.database.read() as connection:
        days = followed.days_of(connection, _day(since), _day(until))
        rows = followed.follow_through(connection, days)
    texts = {
        Format.HTML: followed.page(rows),
        Format.CSV: followed.spreadsheet(rows),
        Format.JSON: session.out.encoded(followed.document(rows)),
    }
    if out is None:
        sys.stdout.write(texts[Format.JSON if session.out.as_json else form])
        return
    _write(out, texts[form])
    session.out.document({"report": str(out), "format": form.value})
    session.out.say(f"Written: {out}")


def _day(text: str | None) -> date | None:
    return None if text is None else read_day(text)


def _text(report: DriftReport, form: Format, session: Session) -> str:
    match form:
        case Format.HTML:
            return page(report)
        case Format.CSV:
            return spreadsheet(report)
        case Format.JSON:
            return session.out.encoded(document(report))


def _write(file: Path, text: str) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            opened.write(text)
    except OSError as error:
        raise WrongInput(f"the report cannot be written to {file}: {error.strerror}") from error
