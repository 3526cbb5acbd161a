"""One installation, opened: settings, database, vault, clock and connectors put together."""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from calwarden import telemetry
from calwarden.bootstrap.connectors import Connectors
from calwarden.bootstrap.process import process_name, process_runs
from calwarden.clock import BadClock, Clock, SystemClock, clock_from
from calwarden.domain.event import Fingerprint
from calwarden.domain.identity import keyed_fingerprint
from calwarden.domain.linked_calendar import LinkedCalendar, Role
from calwarden.domain.policy import Policy
from calwarden.domain.projection import Wording
from calwarden.domain.rules import Rollout, Rules
from calwarden.engine.clock_watch import ClockWatch
from calwarden.engine.connections import Connections
from calwarden.engine.pacing import Pace, Pacer, back_off, pace_key
from calwarden.engine.services import Services
from calwarden.failpoint import BadFailpoint, Failpoint, armed, unarmed
from calwarden.practice.digest import Digest
from calwarden.practice.links import Links
from calwarden.sdk.connector import Connector, Context, Credential, Link, RemoteCalendar
from calwarden.sdk.errors import NeedsAuth
from calwarden.settings import (
    SecretSettings,
    Settings,
    SettingsFault,
    find_file,
    load,
)
from calwarden.store import audit, calendars, people, zone_data
from calwarden.store.anchor import Anchor
from calwarden.store.unit_of_work import Database
from calwarden.store.vault import SealBroken, Vault, systemd_credential

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from calwarden.engine.scheduler import Daemon
    from calwarden.practice.messages.house import House
    from calwarden.practice.messages.rendering import Renderer

HOOKS = "/hooks"
"""The path beneath the public address that `calwarden.web.webhooks` answers at."""

Paced = Callable[[str], None]


class Application:
    """One installation, opened. Nothing is connected or read from the database until it is used."""

    def __init__(
        self,
        *,
        settings: Settings,
        policy: Policy,
        config: Path,
        environment: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.policy = policy
        self.config = config
        self.clock = clock
        self.connectors = Connectors()
        self.metrics = telemetry.Metrics()
        self._watch = ClockWatch(clock)
        self.anchor = None if settings.audit.anchor is None else Anchor(settings.audit.anchor)
        self.database = Database.open(
            settings.database.url,
            busy_timeout=timedelta(seconds=settings.database.busy_timeout_seconds),
            anchor=self.anchor,
        )
        point = settings.testing.failpoint
        self.failpoint: Failpoint = armed(point) if point else unarmed
        self._environment = environment

    @classmethod
    def open(
        cls,
        config: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open the installation of a configuration file (looked for where None is given).

        Raises `SettingsFault`; a database or key that cannot be used says so when it is used.
        """
        environment = os.environ if environment is None else environment
        file = find_file(config, environment)
        settings, policy = load(file, environment)
        telemetry.configure(settings.logging.level, as_json=settings.logging.format == "json")
        manual = settings.testing.clock == "manual"
        try:
            return cls(
                settings=settings,
                policy=policy,
                config=file,
                environment=environment,
                clock=clock or clock_from(environment, manual=manual),
            )
        except (BadClock, BadFailpoint) as error:
            raise SettingsFault(str(file), [str(error)]) from error

    @property
    def key_file(self) -> Path:
        """The key: as set, else as systemd handed it over, else beside the configuration."""
        given = "file" in self.settings.key.model_fields_set
        handed = None if given else systemd_credential(self._environment)
        return handed or self.settings.key.file

    @cached_property
    def vault(self) -> Vault:
        """What seals credentials; raises `calwarden.store.vault.VaultError`."""
        file = self.key_file
        folder = self._environment.get("CREDENTIALS_DIRECTORY")
        return Vault.from_key_file(
            file,
            installation=self.database.installation_id,
            # systemd keeps others out by the folder; its access list shows as a group's mode
            guarded=folder is not None and file.parent == Path(folder),
        )

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """This installation's one-way digest of texts."""
        return keyed_fingerprint(self.vault.fingerprint_key)

    @cached_property
    def rules(self) -> Rules:
        """The practice's rules about rescheduling and cancelling, as they are set."""
        practice = self.settings.practice
        return Rules(
            notice=timedelta(hours=practice.client_notice_hours),
            answer=timedelta(hours=practice.ask_answer_hours),
            patience=timedelta(minutes=practice.ask_overdue_minutes),
            offered=timedelta(days=practice.slots_days),
            contact=practice.contact,
            ask_to_reschedule=Rollout.read(self.settings.features.ask_to_reschedule),
        )

    def audit_verdict(self) -> audit.AuditVerdict:
        """Verify the audit chain up to its anchor; raises `AnchorUnreadable`."""
        kept = None if self.anchor is None else self.anchor.read()
        with self.database.read() as connection:
            return audit.verify(connection, kept)

    def connector_settings(self, connector: str) -> dict[str, Any]:
        """Return the connector's own section, secrets read; {} where it has none."""
        section = getattr(self.settings, connector, None)
        if section is None:
            return {}
        values: dict[str, Any] = section.model_dump()
        for name, value in values.items():
            if isinstance(value, SecretStr):
                values[name] = value.get_secret_value()
            elif isinstance(value, Path):
                values[name] = str(value)
        if isinstance(section, SecretSettings):
            for name in [name for name in values if f"{name}_file" in values]:
                values[name] = section.secret(name)
        return values

    def link_context(self, connector: str, zone: str, *, pace: Paced | None = None) -> Context:
        """Return what a connector needs to sign in and look around, before a link is stored."""
        return self._context(connector, zone, pace=pace)

    def context(self, calendar: LinkedCalendar, *, pace: Paced | None = None) -> Context:
        """Return what a connector needs to open a link; a renewed credential is sealed and kept."""
        with self.database.read() as connection:
            zone = people.get_provider(connection, calendar.provider).timezone

        def save(credential: Credential) -> None:
            if calendar.credential_id is None:
                return
            with self.database.write() as tx:
                account, _ = calendars.credential(tx, calendar.credential_id)
                sealed = self.vault.seal(credential, account=account)
                calendars.save_credential(
                    tx, calendar.credential_id, sealed=sealed, now=self.clock.now()
                )

        return self._context(calendar.connector, zone, pace=pace, save=save)

    def credential(self, calendar: LinkedCalendar) -> Credential:
        """Return the opened credential of a link; raises `NeedsAuth` where it has none."""
        if calendar.credential_id is None:
            raise NeedsAuth(f"calendar {calendar.id} has no credential; link it again")
        with self.database.read() as connection:
            account, sealed = calendars.credential(connection, calendar.credential_id)
        try:
            return self.vault.open(sealed, account=account)
        except SealBroken as error:
            raise NeedsAuth(f"calendar {calendar.id}: {error}") from error

    def connect(self, calendar: LinkedCalendar, *, pace: Paced | None = None) -> Connector:
        """Open a linked calendar; sends nothing yet."""
        kind = self.connectors[calendar.connector]
        context = self.context(calendar, pace=pace)
        return kind.open(calendars.link_of(calendar), self.credential(calendar), context)

    def probe(self, calendar: LinkedCalendar) -> Link:
        """Try a linked calendar out again; raises `calwarden.sdk.errors`.

        What is only read is not written to.
        """
        kind = self.connectors[calendar.connector]
        tried = RemoteCalendar(
            remote_id=calendar.remote_id,
            name=calendar.name,
            writable=calendar.role is Role.MANAGED,
        )
        key = pace_key(calendar)
        context = self.context(calendar, pace=lambda _host: self.pacer.wait(key))
        return kind.probe(tried, self.credential(calendar), context)

    def services(self) -> Services:
        """Return what the engine works with."""
        # loaded where needed: most commands send nothing
        from calwarden.bootstrap import mail  # noqa: PLC0415 - see above

        words = self.settings.practice
        return Services(
            database=self.database,
            clock=self.clock,
            lease_clock=SystemClock(),
            installation=self.database.installation_id,
            fingerprint=self.fingerprint,
            connections=self.connections,
            owner=process_name(),
            policy=self.policy,
            wording=Wording(
                title=words.event_title,
                office=words.office,
                telehealth=words.telehealth,
                out_of_office=words.out_of_office_title,
            ),
            grace=timedelta(seconds=self.settings.engine.grace_seconds),
            alive=process_runs,
            failpoint=self.failpoint,
            post=mail.post(self.settings, words=self.renderer),
            links=self.links,
            hooks=self.hooks,
            rules=self.rules,
            digest=self._digest(),
            probe=self.probe,
            # turned by hand, the clock jumps between commands, and that is no alarm
            watch=None if self.settings.testing.clock == "manual" else self._watch,
        )

    def _digest(self) -> Digest | None:
        digest = self.settings.digest
        if not digest.recipients:
            return None
        return Digest(recipients=digest.recipients, hour=digest.hour)

    @cached_property
    def links(self) -> Links:
        """What makes and reads the links in clients' mail; raises as `vault`."""
        return Links(key=self.vault.link_key, public_url=self.settings.web.public_url)

    @cached_property
    def renderer(self) -> "Renderer":
        """What puts messages into words; raises as `vault`."""
        # loaded where needed: most commands send nothing
        from calwarden.bootstrap import mail  # noqa: PLC0415 - see above

        return mail.renderer(self.settings, self.house)

    @cached_property
    def house(self) -> "House":
        """What every message and page says alike; raises as `vault`."""
        # loaded where needed: most commands send nothing
        from calwarden.bootstrap import mail  # noqa: PLC0415 - see above

        return mail.house(
            self.settings, link=self.links.link_for, home=self.database.installation_id
        )

    def web_app(self) -> "ASGIApp":
        """Return the web pages of this installation; raises as `vault`."""
        # loaded where needed: most commands serve nothing
        from calwarden.bootstrap import pages  # noqa: PLC0415 - see above

        return pages.app(
            database=self.database,
            clock=self.clock,
            rules=self.rules,
            links=self.links,
            house=self.house,
            connectors=self.connectors,
        )

    @cached_property
    def pacer(self) -> Pacer:
        """What keeps this process from asking any host too fast."""
        engine = self.settings.engine
        pace = Pace(
            rate=engine.requests_per_second,
            burst=engine.burst_requests,
            together=engine.calendars_together,
        )
        return Pacer(SystemClock(), pace, self._quotas())

    def _quotas(self) -> dict[str, Pace]:
        """Return the paces that keep within a vendor's quotas: of the project, and of each user."""
        google = self.settings.google
        return {
            "google:project": Pace.within(google.requests_per_minute),
            "google:user:": Pace.within(google.user_requests_per_minute),
        }

    def daemon(self) -> "Daemon":
        """Return the embedded daemon: every calendar of this installation, in a few shards.

        Follows new time zone data first: it came with the update that this process starts after.
        """
        # loaded where needed: most commands wait for nothing
        from calwarden.engine.scheduler import Daemon  # noqa: PLC0415 - see above
        from calwarden.engine.shard import Intervals, Shard  # noqa: PLC0415 - see above

        self.follow_zone_data()
        services, engine = self.services(), self.settings.engine
        intervals = Intervals(
            near=timedelta(seconds=engine.poll_seconds),
            far=timedelta(seconds=engine.idle_poll_seconds),
            told=timedelta(seconds=self.settings.push.poll_seconds),
        )
        shards = [
            Shard(
                services,
                self.pacer,
                number=number,
                of=engine.shards,
                intervals=intervals,
                concurrency=engine.concurrency,
            )
            for number in range(engine.shards)
        ]
        return Daemon(services, shards)

    @property
    def hooks(self) -> str | None:
        """Where calendar services reach us, if they do: they post by https only."""
        web = self.settings.web
        reachable = self.settings.push.enabled and web.public_url.startswith("https://")
        return f"{web.public_url}{HOOKS}" if reachable else None

    @cached_property
    def connections(self) -> Connections:
        """The linked calendars' connectors, kept open between polls."""
        return Connections(self._connect_paced)

    def _connect_paced(self, calendar: LinkedCalendar) -> Connector:
        key = pace_key(calendar)

        def pace(asked: str) -> None:
            self.pacer.wait(asked if self.pacer.knows(asked) else key)

        return self.connect(calendar, pace=pace)

    def follow_zone_data(self) -> list[str]:
        """Derive instants again after an update of time zone data; return the refs that moved."""
        now = self.clock.now()
        with self.database.write() as tx:
            moved = zone_data.derive_again(tx, ends_after=now)
            if moved:
                detail = {"moved": moved}
                audit.append(
                    tx,
                    at=now,
                    actor="daemon",
                    action="zone_data.followed",
                    subject="installation",
                    detail=detail,
                )
        return moved

    def close(self) -> None:
        """Close every connection, to calendars and to the database."""
        self.connections.close()
        self.database.close()

    def _context(
        self,
        connector: str,
        zone: str,
        *,
        pace: Paced | None,
        save: Callable[[Credential], None] = lambda _credential: None,
    ) -> Context:
        settings = self.connector_settings(connector)
        return Context(
            fingerprint=self.fingerprint,
            zone=zone,
            now=self.clock.now,
            settings=settings,
            allow_private=self.settings.network.allow_private,
            timeout=timedelta(seconds=settings.get("timeout_seconds", 30)),
            save_credential=save,
            pace=pace or (lambda _key: None),
            back_off=partial(back_off, SystemClock(), SystemRandom().random),
        )
