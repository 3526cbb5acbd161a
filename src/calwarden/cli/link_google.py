"""Signing in to a Google account, as ``calwarden link google`` does it.

Which scopes each way needs is the connector's affair; here is what a person chooses and is told.
"""

import json
import sys
import webbrowser
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from calwarden.cli.failures import WrongInput
from calwarden.domain.linked_calendar import Role
from calwarden.domain.refusal import Refused
from calwarden.sdk.connector import (
    ConnectorKind,
    Context,
    Credential,
    Discovery,
    RemoteCalendar,
)
from calwarden.sdk.errors import NeedsAuth

PRIMARY = "primary"
CHOICES = {
    "own": (
        'calwarden makes a calendar "Appointments" of its own in this account and sees nothing '
        "else there but when it is busy; name an existing calendar with --calendar ID instead."
    ),
    "existing": (
        "calwarden publishes into this existing calendar, and can read and change the events of "
        "the calendars that this account owns; without --calendar it makes one of its own and "
        "sees nothing else."
    ),
    "busy": "calwarden learns when this calendar is busy, and nothing else about it.",
}


class AccountKind(ConnectorKind, Protocol):
    """A connector that signs in to accounts and can make a calendar of our own there."""

    def sign_in(self, purpose: str, context: Context, show: Callable[[str], None]) -> Credential:
        """Let a person consent in a browser."""
        ...

    def credential_of(
        self, file: Mapping[str, Any], purpose: str, subject: str | None = None
    ) -> Credential:
        """Return the credential in a file."""
        ...

    def own(self, credential: Credential, context: Context, known: Iterable[str] = ()) -> Discovery:
        """Return our own calendar in the account, made if need be."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to sign in, and what for."""

    browser: bool
    token_file: Path | None
    service_account: Path | None
    subject: str | None
    calendar: str | None
    role: Role

    @property
    def purpose(self) -> str:
        """What the sign-in is for: ``own``, ``existing`` or ``busy``."""
        if self.role is Role.BUSY:
            return "busy"
        return "existing" if self.calendar else "own"

    def check(self) -> None:
        """Raise `WrongInput` unless exactly one way to sign in is named, and fully."""
        ways = [self.browser, self.token_file is not None, self.service_account is not None]
        if sum(ways) != 1:
            raise WrongInput(
                "name one way to sign in: --browser, --token-file F, or --service-account F "
                "with --subject MAIL"
            )
        if (self.service_account is not None) != (self.subject is not None):
            raise WrongInput("--service-account and --subject MAIL belong together")


def choice(asked: Asked) -> str:
    """Return a sentence that tells the provider what they agree to."""
    return CHOICES[asked.purpose]


def signed_in(
    kind: AccountKind, asked: Asked, context: Context, note: Callable[[str], None]
) -> Credential:
    """Return a credential, asking a person in a browser if that was chosen."""
    if asked.browser:
        return kind.sign_in(asked.purpose, context, lambda address: _show(address, note))
    file = asked.token_file or asked.service_account
    if file is None:
        raise WrongInput("there is no file to sign in with")
    return kind.credential_of(_read(file), asked.purpose, asked.subject)


def offered(
    kind: AccountKind, asked: Asked, credential: Credential, context: Context, known: Iterable[str]
) -> Discovery:
    """Return what may be linked: our own calendar, or those that the account lists."""
    if asked.purpose == "own":
        try:
            return kind.own(credential, context, known)
        except NeedsAuth as error:
            raise Refused(
                f"no calendar of our own can be made in this account ({error})",
                next_step="name an existing calendar with --calendar ID",
            ) from error
    found = kind.discover(credential, context)
    wanted = asked.calendar or PRIMARY
    fitting = [one for one in found.calendars if wanted == PRIMARY and one.primary]
    if fitting or found.calendars:
        return Discovery(
            account=found.account,
            calendars=tuple(fitting) or found.calendars,
            credential=found.credential,
        )
    # an account that may not list its calendars can be told one by its id
    unseen = RemoteCalendar(remote_id=wanted, name=wanted, primary=wanted == PRIMARY)
    return Discovery(account=found.account, calendars=(unseen,), credential=found.credential)


def _show(address: str, note: Callable[[str], None]) -> None:
    note(f"Open this page in a browser on this machine, and agree:\n{address}")
    if sys.stdout.isatty():
        webbrowser.open(address)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise WrongInput(f"the file {file} cannot be read: {why}") from error
    if not isinstance(content, dict):
        raise WrongInput(f"the file {file} holds no credential")
    return content
