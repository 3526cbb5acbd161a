"""The stage of the demonstration: service, people, installation, all in one scratch folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from calwarden.bootstrap import Application, initialise
from calwarden.clock import Clock
from calwarden.demo.caldav_venue import CalDAVVenue
from calwarden.demo.practice import NAMES, ZONES, Seed, seed
from calwarden.demo.venue import Hands, Venue
from calwarden.domain.linked_calendar import Role
from calwarden.engine.passes import sync
from calwarden.engine.report import PollReport
from calwarden.practice import claims, drift_review, linking
from calwarden.practice.interchange import import_file
from calwarden.practice.report import DriftReport
from calwarden.practice.report_rows import drift_report
from calwarden.store import people
from calwarden.store.calendars import NewCalendar

ACTOR = "demo"
CONNECTORS = ("caldav", "google", "outlook")

OVERRIDES = """
# The calendar service of the demonstration runs on this machine, without TLS.
network.allow_private = true
logging.level = "error"
"""


class Stranded(Exception):
    """The stage could not be set up; the message says what went wrong."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything the story is played on. Leaving it stops the server; the folder stays."""

    folder: Path
    application: Application
    venue: Venue
    seed: Seed
    people: dict[str, Hands] = field(default_factory=dict)

    @classmethod
    def set_up(cls, folder: Path, *, clock: Clock, connector: str = CONNECTORS[0]) -> Self:
        """Make the installation and start the calendar service, each account with a calendar."""
        now = clock.now()
        config = initialise(folder / "calwarden.toml", now=now).config
        venue = _venue(connector, folder)
        venue.start()
        with config.open("a", encoding="utf-8") as file:
            file.write(OVERRIDES)
            file.writelines(
                f"{name} = {json.dumps(value)}\n" for name, value in venue.settings.items()
            )
        return cls(
            folder=folder,
            application=Application.open(config, clock=clock),
            venue=venue,
            seed=seed(now),
            people={name: venue.person(name) for name in NAMES},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for person in self.people.values():
            person.close()
        self.venue.stop()
        self.application.close()

    @property
    def now(self) -> datetime:
        """The moment."""
        return self.application.clock.now()

    def import_practice(self) -> Mapping[str, Any]:
        """Read the practice file; raises `Stranded` where a row of it is refused."""
        file = self.folder / "practice.json"
        file.write_text(json.dumps(self.seed.document, indent=1), encoding="utf-8")
        with self.application.database.write() as tx:
            done = import_file(tx, file.read_bytes(), now=self.now, actor=ACTOR)
        if done["refused"]:
            raise Stranded(f"the practice file was refused: {done['refused']}")
        return done

    def link_calendars(self) -> list[int]:
        """Link every provider's calendar; returns their numbers."""
        return [self._link(provider) for provider in NAMES]

    def look(self) -> list[PollReport]:
        """Let calwarden make one pass over every calendar."""
        return sync(self.application.services())

    def drifts(self) -> list[dict[str, Any]]:
        """Return every drift of the ledger."""
        near = self.application.policy.near
        with self.application.database.read() as connection:
            return drift_review.listing(connection, now=self.now, near=near)

    def claims(self) -> list[dict[str, Any]]:
        """Return every claim."""
        near = self.application.policy.near
        with self.application.database.read() as connection:
            return claims.listing(connection, now=self.now, near=near)

    def report(self) -> DriftReport:
        """Return the drift report."""
        near = self.application.policy.near
        with self.application.database.read() as connection:
            return drift_report(connection, now=self.now, near=near)

    def _link(self, provider: str) -> int:
        application = self.application
        with application.database.read() as connection:
            zone = people.get_provider(connection, provider).timezone
        connector = self.venue.connector
        kind = application.connectors[connector]
        context = application.link_context(connector, zone)
        found = self.venue.sign_in(provider, kind, context)
        (calendar,) = found.calendars
        new = NewCalendar(
            provider=provider,
            connector=connector,
            link=kind.probe(calendar, found.credential, context),
            name=calendar.name,
            role=Role.MANAGED,
        )
        with application.database.write() as tx:
            return linking.link(
                tx,
                new,
                found.credential,
                vault=application.vault,
                now=self.now,
                actor=ACTOR,
            )


def _venue(connector: str, folder: Path) -> Venue:
    if connector == CalDAVVenue.connector:
        return CalDAVVenue(folder, NAMES)
    # loaded where they are asked for: each brings a whole service with it
    if connector == "google":
        from calwarden.demo.google_venue import GoogleVenue  # noqa: PLC0415 - see above

        return GoogleVenue(ZONES)
    from calwarden.demo.outlook_venue import OutlookVenue  # noqa: PLC0415 - see above

    return OutlookVenue(ZONES)
