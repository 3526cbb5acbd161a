"""The mail server, spoken to with ``smtplib``: encrypted, unless it is this very machine.

Errors say what the caller may do next; none quotes the server, whose answers repeat addresses.
"""

import ipaddress
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

PERMANENT = 500
CLOSING = 421
"""The server ends the session (RFC 5321 section 4.2.3)."""


class MailError(Exception):
    """A message was not delivered; the text says why, never to whom."""


class ServerAway(MailError):
    """The mail server cannot be used now; no message can."""


class ConnectionLost(MailError):
    """The connection broke on the way: this message may have been taken, another can be tried."""


class MessageRefused(MailError):
    """The mail server refused this message; ``for_good`` if it said not to try again."""

    def __init__(self, text: str, *, for_good: bool) -> None:
        super().__init__(text)
        self.for_good = for_good


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in. ``password`` is called when it is needed and raises ``OSError``.

    ``tls``: encrypted from the first byte. ``starttls``: encrypted after a first exchange in the
    clear. A host that is not this machine gets nothing unencrypted unless ``allow_plain``.
    """

    host: str
    port: int
    sender: str
    username: str = ""
    password: Callable[[], str | None] = lambda: None
    tls: bool = False
    starttls: bool = True
    ca_file: Path | None = None
    timeout: timedelta = timedelta(seconds=20)
    allow_plain: bool = False

    @property
    def here(self) -> bool:
        """Whether the server is on this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def connect(self) -> "MailSession":
        """Open a session, signed in where a user name is set; raises `ServerAway`."""
        place = f"{self.host}:{self.port}"
        try:
            return MailSession(self, self._opened())
        except smtplib.SMTPAuthenticationError as error:
            raise ServerAway(
                f"the mail server {place} refused user name and password ({error.smtp_code})"
            ) from error
        except smtplib.SMTPResponseException as error:
            raise ServerAway(
                f"the mail server {place} does not take mail ({error.smtp_code})"
            ) from error
        except ssl.SSLError as error:
            raise ServerAway(
                f"the mail server {place} cannot be trusted ({error.reason})"
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ServerAway(
                f"the mail server {place} does not answer ({type(error).__name__})"
            ) from error

    def _opened(self) -> smtplib.SMTP:
        # the name to greet with: looking up this machine's own can take long
        name = self.sender.rpartition("@")[2] or "localhost"
        seconds = self.timeout.total_seconds()
        host = self.host.strip("[]")
        smtp: smtplib.SMTP
        if self.tls:
            smtp = smtplib.SMTP_SSL(
                host, self.port, local_hostname=name, timeout=seconds, context=self._context()
            )
        else:
            smtp = smtplib.SMTP(host, self.port, local_hostname=name, timeout=seconds)
        try:
            smtp.ehlo_or_helo_if_needed()
            if not self.tls:
                self._encrypt(smtp)
            if self.username:
                smtp.login(self.username, self.password() or "")
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _encrypt(self, smtp: smtplib.SMTP) -> None:
        if self.starttls and smtp.has_extn("starttls"):
            smtp.starttls(context=self._context())
            smtp.ehlo()
        elif not self.here and not self.allow_plain:
            cause = "offers no STARTTLS" if self.starttls else "would get mail unencrypted"
            raise ServerAway(
                f"the mail server {self.host}:{self.port} {cause}; see smtp.tls and smtp.starttls"
            )

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.here and self.ca_file is None:
            # a mail server on this machine has no name that anybody could certify
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class MailSession:
    """One connection to the mail server, for one message after the other."""

    def __init__(self, server: MailServer, smtp: smtplib.SMTP) -> None:
        self._server = server
        self._smtp = smtp

    def send(self, letter: EmailMessage, address: str) -> None:
        """Hand in a message for one address; raises `ConnectionLost`, `MessageRefused`."""
        try:
            self._smtp.send_message(letter, from_addr=self._server.sender, to_addrs=[address])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(code for code, _ in error.recipients.values())
            raise self._refused("the recipient", code) from error
        except smtplib.SMTPSenderRefused as error:
            raise self._refused("the sender, smtp.sender", error.smtp_code) from error
        except smtplib.SMTPDataError as error:
            raise self._refused("the message", error.smtp_code) from error
        except smtplib.SMTPNotSupportedError as error:
            text = "the mail server cannot send to such an address"
            raise MessageRefused(text, for_good=True) from error
        except (smtplib.SMTPException, OSError) as error:
            text = f"the mail server broke off the connection ({type(error).__name__})"
            raise ConnectionLost(text) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take leave; a connection that broke is only dropped."""
        try:
            self._smtp.quit()
        except (smtplib.SMTPException, OSError):
            self._smtp.close()

    @staticmethod
    def _refused(what: str, code: int) -> MailError:
        text = f"the mail server refused {what} ({code})"
        if code == CLOSING:
            return ConnectionLost(text)
        return MessageRefused(text, for_good=code >= PERMANENT)
