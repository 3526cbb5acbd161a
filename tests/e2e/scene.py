"""A practice at work on a real calendar and mail server, every act through the command line.

The command line runs within this process: the same program, arguments, output and exit status.
After every act everything is made to agree, by eyes of our own: the calendar is expanded by another
library, and the mails' files are read as a calendar app reads them.
"""

import contextlib
import io
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from calwarden.cli.program import main
from calwarden.demo.person import Person
from calwarden.demo.server import CalendarServer
from servers.mail import Letter, Mailbox

NEW_YORK = ZoneInfo("America/New_York")
STANDING = {"scheduled", "reschedule_requested", "completed", "no_show"}
ON_FILE = {"submitted", "accepted", "paid", "denied", "void"}
SAM, DANA = "sam@client.example", "dana@harbor.example"

Instants = tuple[datetime, datetime]


@dataclass(kw_only=True)
class Scene:
    """One installation, its clock at ``now``, one provider's calendar, everybody's mail."""

    folder: Path
    person: Person
    server: CalendarServer
    mailbox: Mailbox
    now: str
    began: datetime
    told: int = 0
    sequences: dict[str, int] = field(default_factory=dict)
    files: dict[str, icalendar.Event] = field(default_factory=dict)

    def run(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command and return its document, or what it said where it was refused."""
        out, err = io.StringIO(), io.StringIO()
        line = [*arguments, "--json", "--config", str(self.folder / "calwarden.toml")]
        os.environ["CALWARDEN_NOW"] = self.now
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(line)
        assert status == expect, (arguments, status, out.getvalue(), err.getvalue())
        assert "Canary" not in err.getvalue()
        return json.loads(out.getvalue()) if out.getvalue() else err.getvalue()

    def act(self, *arguments: str, mail: dict[str, str] | None = None, expect: int = 0) -> Any:
        """Run a command, let its effects come to pass, and demand that everything agrees.

        ``mail``: who is written to, and what the subject begins with.
        """
        answer = self.run(*arguments, expect=expect)
        self.settle(mail or {})
        return answer

    def at(self, moment: str, mail: dict[str, str] | None = None) -> None:
        """Let the clock come to a moment, and the timers with it."""
        self.now = moment
        self.settle(mail or {})

    def settle(self, mail: dict[str, str]) -> None:
        """Tick and pass once; demand that all agree and that doing it again does nothing."""
        self.run("tick")
        [calendar] = self.run("sync")["calendars"]
        assert (calendar["outcome"], calendar["drifts"]) == ("done", [])
        self._demand_mail(mail)
        self._demand_agreement()
        before = (self.server.writes, len(self.mailbox.letters), self._entries())
        self.run("tick")
        [calendar] = self.run("sync")["calendars"]
        assert calendar["steps"] == []
        assert (self.server.writes, len(self.mailbox.letters), self._entries()) == before

    def appointments(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """Return the books by ref."""
        found = self.run("appointments", "list")["appointments"]
        return {one["ref"]: one for one in found if one["ref"].startswith(prefix)}

    def start(self, ref: str) -> str:
        """Return the wall-clock start of an appointment."""
        return str(self.appointments()[ref]["start"])[:16]

    def claim(self, ref: str) -> dict[str, Any]:
        """Return a claim's document."""
        found: dict[str, Any] = self.run("claims", "show", ref)
        return found

    def token(self) -> str:
        """Return the token of the link in the client's last mail."""
        return re.findall(r"/c/(\S+)", self.mailbox.to(SAM)[-1].text)[-1]

    def letter(self, address: str) -> Letter:
        """Return the last letter to somebody."""
        return self.mailbox.to(address)[-1]

    def _entries(self) -> int:
        verdict = self.run("audit", "verify")
        assert verdict["ok"]
        return int(verdict["entries"])

    def _demand_mail(self, expected: dict[str, str]) -> None:
        new = self.mailbox.letters[self.told :]
        self.told = len(self.mailbox.letters)
        subjects = {one.recipients[0]: one.mail["Subject"] for one in new}
        assert len(subjects) == len(new), subjects
        assert subjects.keys() == expected.keys(), subjects
        for address, beginning in expected.items():
            assert subjects[address].startswith(beginning), subjects
        for one in new:
            self._read_file(one)

    def _read_file(self, letter: Letter) -> None:
        """Take in a letter's file as a calendar app does: by UID, the highest SEQUENCE counts."""
        if letter.calendar is None:
            return
        file = icalendar.Calendar.from_ical(letter.calendar)
        assert file["METHOD"] == "PUBLISH"
        assert "Canary" not in letter.calendar.decode()
        for event in file.events:
            key = f"{letter.recipients[0]} {event['UID']}"
            assert int(event["SEQUENCE"]) > self.sequences.get(key, -1)
            self.sequences[key] = int(event["SEQUENCE"])
            self.files[key] = event

    def _demand_agreement(self) -> None:
        books = self.appointments()
        self._demand_calendar(books)
        self._demand_files(books)
        self._demand_claims(books)

    def _demand_calendar(self, books: dict[str, dict[str, Any]]) -> None:
        """The calendar shows what stands, and blocks, and nothing else."""
        expected = [
            _instants(one)
            for one in books.values()
            if one["status"] in STANDING and _instants(one)[0] >= self.began
        ]
        expected += [_instants(one) for one in self.run("out-of-office", "list")["out_of_office"]]
        end = max((until for _, until in expected), default=self.began) + timedelta(minutes=1)
        assert sorted(expected) == self._shown(end)

    def _shown(self, end: datetime) -> list[Instants]:
        shown: list[Instants] = []
        for found in self.person.events():
            calendar = icalendar.Calendar.from_ical(found.data)
            occurrences = recurring_ical_events.of(calendar).between(self.began, end)
            # what a meeting takes is elapsed time, also where the clocks change just before it
            shown += [
                (one.start.astimezone(UTC), one.start.astimezone(UTC) + (one.end - one.start))
                for one in occurrences
            ]
        return sorted(span for span in shown if self.began <= span[0] < end)

    def _demand_files(self, books: dict[str, dict[str, Any]]) -> None:
        """What people have in their own calendars by the files is what the books say."""
        moment = datetime.fromisoformat(self.now)
        standing = {_instants(one) for one in books.values() if one["status"] in STANDING}
        for event in self.files.values():
            span = (event.start.astimezone(UTC), event.end.astimezone(UTC))
            if event.get("STATUS") == "CANCELLED":
                continue
            assert span in standing or span[0] <= moment, (event, span)

    def _demand_claims(self, books: dict[str, dict[str, Any]]) -> None:
        """Not on file, a claim has the local date of the true start; asked for, it is held."""
        for claim in self.run("claims", "list")["claims"]:
            one = books[claim["appointment"]]
            if claim["status"] in ON_FILE:
                continue
            assert claim["date_of_service"] == _local_date(one).isoformat(), claim
            assert claim["held"] is (one["status"] == "reschedule_requested"), claim


def _instants(document: dict[str, Any]) -> Instants:
    start, end = (datetime.fromisoformat(document[name]) for name in ("start", "end"))
    return start.astimezone(UTC), end.astimezone(UTC)


def _local_date(document: dict[str, Any]) -> date:
    return datetime.fromisoformat(document["start"]).astimezone(NEW_YORK).date()
