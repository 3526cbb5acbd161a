"""Every setting, with its default and its explanation."""

import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


FilePath = Annotated[Path | None, BeforeValidator(_empty_is_none)]
Secret = Annotated[SecretStr | None, BeforeValidator(_empty_is_none)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1, le=86400)]

ENV_PREFIX = "CALWARDEN__"
ENV_DELIMITER = "__"
_ADDRESS = re.compile(r"[^\s@<>\",;]+@[^\s@<>\",;]+")
_PERCENT = re.compile(r"(\d{1,2}|100)%")


class Section(BaseModel):
    """A section of the configuration; a key that is no setting is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretSettings(Section):
    """A section whose secrets may be kept in files of their own, as ``NAME_file``."""

    def secret(self, name: str) -> str | None:
        """Return a secret, from its file if it has one; raises ``OSError``."""
        file = getattr(self, f"{name}_file")
        if file is not None:
            return str(file.read_text(encoding="utf-8").strip())
        value = getattr(self, name)
        return None if value is None else str(value.get_secret_value())


class DatabaseSettings(Section):
    """Where everything is kept."""

    url: str = Field(
        default="sqlite:///calwarden.db",
        description="SQLite file, or PostgreSQL: postgresql://user@host/calwarden. "
        "Prefer a password in ~/.pgpass to one in the URL.",
    )
    busy_timeout_seconds: Seconds = Field(
        default=30, description="How long to wait for another process that writes."
    )


class KeySettings(Section):
    """The key that seals calendar credentials."""

    file: Path = Field(
        default=Path("calwarden.key"),
        description="Key file, mode 0600. Without this setting, the systemd credential "
        "calwarden.key is used where there is one.",
    )


class AuditSettings(Section):
    """The audit log."""

    anchor: FilePath = Field(
        default=Path("calwarden.anchor"),
        description="File that keeps the end of the audit chain outside the database, so that a "
        'shortened log is noticed. "" keeps none.',
    )


class PracticeSettings(Section):
    """Rules of the practice for everybody."""

    client_notice_hours: int = Field(
        default=24,
        ge=0,
        le=720,
        description="Hours before the start until which clients may reschedule or cancel online.",
    )
    ask_answer_hours: int = Field(
        default=48, ge=1, le=720, description="Hours a client has to answer an ask to reschedule."
    )
    ask_overdue_minutes: int = Field(
        default=10,
        ge=1,
        le=1440,
        description="An ask found expired this much too late cancels nothing until confirmed.",
    )
    slots_days: int = Field(
        default=28, ge=1, le=366, description="Days ahead that clients are offered."
    )
    horizon_weeks: int = Field(
        default=26,
        ge=1,
        le=104,
        description="Weeks ahead for which an endless series has appointments.",
    )
    event_title: str = Field(
        default="Session",
        min_length=1,
        description="Title of every event; may use {type} and {place}, never who the client is.",
    )
    office: str = Field(default="Office", description="Location of an event in the office.")
    telehealth: str = Field(default="Telehealth", description="Location of a telehealth event.")
    out_of_office_title: str = Field(
        default="Out of office", description="Title of an out-of-office event."
    )
    templates: FilePath = Field(
        default=None,
        description="Folder with the practice's own templates of messages; one found there, such "
        "as client/moved.jinja, takes the place of the shipped one.",
    )
    contact: str = Field(
        default="",
        description="How clients reach the practice; shown where they cannot go on online.",
    )

    @field_validator("event_title")
    @classmethod
    def _fields(cls, value: str) -> str:
        try:
            used = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
        except ValueError as error:
            raise ValueError("has a brace too many or too few") from error
        if not used <= {"type", "place"}:
            raise ValueError("may use {type} and {place} only")
        return value


class FeatureSettings(Section):
    """Features that are rolled out by and by."""

    ask_to_reschedule: str | list[str] = Field(
        default="all",
        description='"all", "none", a percentage of providers such as "25%", or a list of '
        "provider refs.",
    )

    @field_validator("ask_to_reschedule")
    @classmethod
    def _known(cls, value: str | list[str]) -> str | list[str]:
        if (
            isinstance(value, str)
            and value not in {"all", "none"}
            and not _PERCENT.fullmatch(value)
        ):
            raise ValueError('takes "all", "none", a percentage such as "25%", or a list of refs')
        return value


class SmtpSettings(SecretSettings):
    """The mail server. Without a host no mail is sent; messages wait."""

    host: str = Field(default="", description="Name or address of the mail server.")
    port: Port = Field(default=25, description="Port of the mail server.")
    username: str = Field(default="", description="User name, where the server wants one.")
    password: Secret = Field(default=None, description="Password; better kept in password_file.")
    password_file: FilePath = Field(default=None, description="File that holds the password.")
    starttls: bool = Field(
        default=True,
        description="Encrypt the connection; a server on this machine needs no encryption.",
    )
    tls: bool = Field(
        default=False, description="Encrypted from the first byte instead, as on port 465."
    )
    ca_file: FilePath = Field(
        default=None, description="Certificate authority to trust instead of the system's."
    )
    sender: str = Field(default="calwarden@localhost", description="Address that mail comes from.")
    timeout_seconds: Seconds = Field(
        default=20, description="How long to wait for the mail server."
    )

    @field_validator("sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if not _ADDRESS.fullmatch(value):
            raise ValueError("takes a plain address such as office@practice.example")
        return value


class DigestSettings(Section):
    """The daily digest: an e-mail to billing about held claims and work, if there is any."""

    recipients: tuple[str, ...] = Field(
        default=(),
        description='Addresses in billing, such as ["billing@practice.example"]; none: no digest.',
    )
    hour: int = Field(
        default=7, ge=0, le=23, description="Hour of the practice's day from which it is sent."
    )

    @field_validator("recipients")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ADDRESS.fullmatch(one) for one in value):
            raise ValueError("takes plain addresses such as billing@practice.example")
        return value


class WebSettings(Section):
    """The web pages."""

    enabled: bool = Field(
        default=True,
        description="Whether calwarden run serves the pages; calwarden web always does.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        description="Where people reach the pages; links in mail use it.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=8080, description="Port to listen on.")

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("takes an address such as https://calendar.example.org")
        return value.rstrip("/")


class NetworkSettings(Section):
    """What outgoing connections may reach."""

    allow_private: bool = Field(
        default=False,
        description="Also allow plain http and private addresses: for calendars in the practice's "
        "own network, and for tests.",
    )


class CalDAVSettings(Section):
    """CalDAV calendars."""

    certificate_file: FilePath = Field(
        default=None,
        description="Private key and certificate (PEM) instead of a secret, for --app-only.",
    )
    ca_file: FilePath = Field(
        default=None, description="Certificate authority to trust besides the system's."
    )
    reminder_minutes: int = Field(
        default=0, ge=0, le=40320, description="Remind of new events so early; 0: no reminder."
    )
    timeout_seconds: Seconds = Field(default=30, description="How long to wait for a server.")


class GoogleSettings(SecretSettings):
    """Google Calendar."""

    api_root: str = Field(
        default="https://www.googleapis.com/calendar/v3/", description="Root of the calendar API."
    )
    auth_uri: str = Field(
        default="https://accounts.google.com/o/oauth2/auth", description="Where people sign in."
    )
    token_uri: str = Field(
        default="https://oauth2.googleapis.com/token", description="Where tokens are issued."
    )
    client_id: str = Field(default="", description="OAuth client of this installation.")
    client_secret: Secret = Field(
        default=None, description="Its secret; better in client_secret_file."
    )
    client_secret_file: FilePath = Field(default=None, description="File that holds the secret.")
    timeout_seconds: Seconds = Field(default=30, description="How long to wait for an answer.")
    requests_per_minute: int = Field(
        default=10_000,
        ge=1,
        description="Quota of the project, in requests a minute; divide it between processes.",
    )
    user_requests_per_minute: int = Field(
        default=600, ge=1, description="Quota of each account, in requests a minute."
    )


class OutlookSettings(SecretSettings):
    """Outlook and Microsoft 365."""

    graph_root: str = Field(
        default="https://graph.microsoft.com/v1.0", description="Root of Microsoft Graph."
    )
    authority: str = Field(
        default="https://login.microsoftonline.com/common", description="Where people sign in."
    )
    client_id: str = Field(default="", description="Application of this installation.")
    client_secret: Secret = Field(
        default=None, description="Its secret; better in client_secret_file."
    )
    client_secret_file: FilePath = Field(default=None, description="File that holds the secret.")
    ca_file: FilePath = Field(
        default=None, description="Certificate authority to trust besides the system's."
    )
    timeout_seconds: Seconds = Field(default=30, description="How long to wait for an answer.")


class PolicySettings(Section):
    """What happens with a drift. Cells such as moved.near or providers.REF.moved may follow."""

    model_config = ConfigDict(extra="allow", frozen=True)

    file: FilePath = Field(
        default=None, description="File with a policy table; cells here go before it."
    )
    near_hours: float = Field(
        default=2,
        ge=0,
        le=168,
        description="Hours before the start in which an edit is left to people.",
    )

    def table(self, beneath: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole policy table: what is said here, laid over what the file says."""
        said = self.model_dump(exclude={"file"}, include=self.model_fields_set)
        return {**beneath, **said, **(self.model_extra or {})}


class EngineSettings(Section):
    """How calendars are watched."""

    grace_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="How long a change outside stands before it is reverted.",
    )
    poll_seconds: Seconds = Field(
        default=120, description="Time between looks at a calendar with an appointment near."
    )
    idle_poll_seconds: Seconds = Field(
        default=900, description="Time between looks at a calendar without one."
    )
    concurrency: int = Field(
        default=8, ge=1, le=256, description="Calendars looked at side by side."
    )
    shards: int = Field(
        default=4, ge=1, le=256, description="Parts that the calendars are divided into."
    )
    requests_per_second: float = Field(
        default=50.0,
        gt=0,
        le=10_000,
        description="Most requests a second to one host or mailbox, in the long run.",
    )
    burst_requests: int = Field(
        default=200, ge=1, le=10_000, description="Requests to one host that may come at once."
    )
    calendars_together: int = Field(
        default=4, ge=1, le=256, description="Calendars of one host looked at side by side."
    )
    wait_seconds: int = Field(
        default=30, ge=0, le=600, description="How long sync waits for another process's writes."
    )


class PushSettings(Section):
    """Notices of changes from calendar services, where they can reach web.public_url by https."""

    enabled: bool = Field(
        default=True,
        description="Ask services to tell us of changes; without https there is nobody to ask.",
    )
    poll_seconds: Seconds = Field(
        default=3600,
        description="Time between looks at a calendar whose service tells us: for lost notices.",
    )


class LoggingSettings(Section):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe events to log: debug, info, warning, error."
    )
    format: Literal["json", "text"] = Field(default="json", description="json or text.")


class TestingSettings(Section):
    """For tests of an installation; never in production."""

    clock: Literal["system", "manual"] = Field(
        default="system", description='"manual": the clock is CALWARDEN_NOW (RFC 3339).'
    )
    failpoint: str = Field(
        default="", description="Name of a point in the engine at which the process kills itself."
    )


class Settings(BaseSettings):
    """The configuration of calwarden."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
        extra="forbid",
        frozen=True,
    )

    database: DatabaseSettings = DatabaseSettings()
    key: KeySettings = KeySettings()
    audit: AuditSettings = AuditSettings()
    practice: PracticeSettings = PracticeSettings()
    features: FeatureSettings = FeatureSettings()
    web: WebSettings = WebSettings()
    smtp: SmtpSettings = SmtpSettings()
    digest: DigestSettings = DigestSettings()
    network: NetworkSettings = NetworkSettings()
    caldav: CalDAVSettings = CalDAVSettings()
    google: GoogleSettings = GoogleSettings()
    outlook: OutlookSettings = OutlookSettings()
    policy: PolicySettings = PolicySettings()
    engine: EngineSettings = EngineSettings()
    push: PushSettings = PushSettings()
    logging: LoggingSettings = LoggingSettings()
    testing: TestingSettings = TestingSettings()

    @override
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `calwarden.settings.loading` has merged file and environment
        return (init_settings,)
