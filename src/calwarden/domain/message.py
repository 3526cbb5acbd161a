"""Messages to people: what kinds there are, whom one goes to, and when a failed one is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class MessageKind(StrEnum):
    """What a message tells; its templates carry this name."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    ASKED = "asked"
    ASK_REMINDER = "ask_reminder"
    ASK_WITHDRAWN = "ask_withdrawn"
    ASK_EXPIRED = "ask_expired"
    PROPOSAL = "proposal"
    RELINK_NEEDED = "relink_needed"
    PORTAL_MESSAGE = "portal_message"
    DIGEST = "digest"


class Reader(StrEnum):
    """Who somebody is to the practice."""

    CLIENT = "client"
    PROVIDER = "provider"
    BILLING = "billing"


class MessageStatus(StrEnum):
    """Life of a message in the outbox."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The one person a message goes to; the address is looked up when it is sent.

    Billing has no ref of its own: there it is the address.
    """

    reader: Reader
    ref: str

    @classmethod
    def client(cls, ref: str) -> "Recipient":
        """Return a client as recipient."""
        return cls(reader=Reader.CLIENT, ref=ref)

    @classmethod
    def provider(cls, ref: str) -> "Recipient":
        """Return a provider as recipient."""
        return cls(reader=Reader.PROVIDER, ref=ref)

    @classmethod
    def billing(cls, address: str) -> "Recipient":
        """Return somebody in billing as recipient."""
        return cls(reader=Reader.BILLING, ref=address)


FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=2)
MOST_ATTEMPTS = 40
"""About three days of trying."""

MOST_REFUSALS = 3
"""A refusal for good is believed when repeated: a server set up wrongly refuses everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivery:
    """What becomes of a message that was not delivered: due again, or dead where ``at`` is None."""

    at: datetime | None


def redelivery(attempts: int, now: datetime, *, for_good: bool) -> Redelivery:
    """Decide after ``attempts`` failed ones; the wait doubles from a minute up to two hours.

    ``for_good``: the mail server refused this message and said not to try again (5yz, RFC 5321
    section 4.2.1); it is asked again all the same, late.
    """
    if attempts >= (MOST_REFUSALS if for_good else MOST_ATTEMPTS):
        return Redelivery(at=None)
    doubled = FIRST_RETRY * 2 ** min(max(attempts, 1) - 1, 12)
    return Redelivery(at=now + (LAST_RETRY if for_good else min(doubled, LAST_RETRY)))
