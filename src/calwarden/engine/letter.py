"""A message in words as an e-mail: text and HTML side by side, the .ics file attached."""

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from calwarden.practice.messages.correspondence import Correspondence
from calwarden.practice.messages.house import Rendered
from calwarden.store.outbox import OutboxMessage

FILE_NAME = "appointment.ics"
LONGEST_LINE = 900
"""Well under the 998 characters of RFC 5322 section 2.1.1."""


class Unaddressable(Exception):
    """The recipient has no address that mail can be sent to."""


def letter(
    message: OutboxMessage, rendered: Rendered, people: Correspondence, sender: str
) -> EmailMessage:
    """Return the e-mail, the same at every attempt; raises `Unaddressable`."""
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(display_name=_line(people.practice), addr_spec=sender)
    made["To"] = Address(display_name=_line(people.name), addr_spec=usable_address(people))
    made["Subject"] = _line(rendered.subject)
    made["Date"] = format_datetime(message.created_at)
    made["Message-ID"] = message.message_id
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(rendered.text, cte=_encoding(rendered.text))
    made.add_alternative(rendered.html, subtype="html", cte=_encoding(rendered.html))
    if rendered.calendar is not None:
        made.add_attachment(
            rendered.calendar,
            maintype="text",
            subtype="calendar",
            filename=FILE_NAME,
            params={"charset": "utf-8", "method": "PUBLISH"},
        )
    return made


def usable_address(people: Correspondence) -> str:
    """Return the recipient's address as mail can use it; raises `Unaddressable`."""
    who = f"{people.to.reader} {people.to.ref}"
    if not people.address.strip():
        raise Unaddressable(f"{who} has no e-mail address")
    try:
        parsed = Address(addr_spec=people.address.strip())
    except (ValueError, IndexError, MessageError) as error:
        raise Unaddressable(f"{who} has an e-mail address that cannot be used") from error
    if not parsed.username or not parsed.domain:
        raise Unaddressable(f"{who} has an e-mail address that cannot be used")
    return parsed.addr_spec


def _line(text: str) -> str:
    """Return a text fit for a header: one line, no control characters."""
    words = "".join(sign if sign.isprintable() else " " for sign in text).split()
    return " ".join(words)


def _encoding(text: str) -> str:
    plain = text.isascii() and all(len(line) <= LONGEST_LINE for line in text.splitlines())
    return "7bit" if plain else "quoted-printable"
