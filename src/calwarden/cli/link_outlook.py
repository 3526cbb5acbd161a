"""Signing in to a Microsoft mailbox, as ``calwarden link outlook`` does it."""

import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from calwarden.cli.failures import WrongInput
from calwarden.cli.output import Output
from calwarden.domain.linked_calendar import Role
from calwarden.sdk.connector import ConnectorKind, Context, Credential


class MailboxKind(ConnectorKind, Protocol):
    """A connector that signs in to mailboxes, for a person or for the application itself."""

    def sign_in(
        self, way: str, context: Context, show: Callable[[str], None], *, reading: bool = False
    ) -> Credential:
        """Let a person consent, in a ``browser`` or with a code on another ``device``."""
        ...

    def app_only(self, mailbox: str) -> Credential:
        """Return the credential of a mailbox that the application opens by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to sign in, and what for."""

    browser: bool
    device_code: bool
    app_only: bool
    user: str | None
    role: Role

    def check(self) -> None:
        """Raise `WrongInput` unless exactly one way to sign in is named, and fully."""
        if self.browser + self.device_code + self.app_only != 1:
            raise WrongInput(
                "name one way to sign in: --browser, --device-code, or --app-only with --user ID"
            )
        if self.app_only != (self.user is not None):
            raise WrongInput("--app-only and --user ID belong together")


def choice(asked: Asked) -> str:
    """Return a sentence that tells the provider what they agree to."""
    if asked.role is Role.BUSY:
        return "calwarden reads the calendars of this mailbox to learn when they are busy."
    return (
        "calwarden publishes into this calendar, and can read and change the events of every "
        "calendar of this mailbox: Microsoft grants nothing narrower."
    )


def signed_in(kind: MailboxKind, asked: Asked, context: Context, out: Output) -> Credential:
    """Return a credential, asking a person to consent where that was chosen."""
    if asked.user is not None:
        return kind.app_only(asked.user)
    reading = asked.role is Role.BUSY
    # the one JSON document is the link's: what a person has to read goes beside it
    tell = out.note if out.as_json else out.say

    def show(text: str) -> None:
        tell(text)
        sys.stdout.flush()

    if asked.device_code:
        return kind.sign_in("device", context, show, reading=reading)

    def open_page(address: str) -> None:
        show(f"Open this page in a browser on this machine, and agree:\n{address}")
        if sys.stdout.isatty():
            webbrowser.open(address)

    return kind.sign_in("browser", context, open_page, reading=reading)
