"""Being told of changes: what a connector adds where its service can post to an address of ours.

Glossary: a *subscription* is the service's promise to post there until it expires; a *posting* is
one request that arrives; a *notice* is what it says about one subscription. A notice is a hint to
look and nothing more (wire rule A8): it carries no change, and may be lost, late or repeated.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where the service shall post, and the secret that it repeats in every notice.

    ``name`` is what notices shall call the subscription, where the service lets us choose: 32
    letters, digits, ``-`` and ``_``, never used before.
    """

    name: str
    address: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription as the service keeps it.

    ``name`` is what its notices call it; ``resource`` is what ending it needs besides, where the
    service wants more. ``reached``: the service has posted to the address already, so it can.
    """

    name: str
    expires_at: datetime
    resource: str = ""
    reached: bool = False


@runtime_checkable
class Subscriber(Protocol):
    """The further half of an open connector whose `Capabilities.push` is true.

    Raises only `calwarden.sdk.errors`.
    """

    def subscribe(
        self, callback: Callback, lasting: timedelta, *, known: Collection[str] = ()
    ) -> Subscription:
        """Open a subscription on this calendar for ``lasting``, or as long as the service grants.

        ``known`` names those of this calendar that are in use. Others of ours at the service are
        left over from answers that were lost; where the service lists them, they can be ended.
        """
        ...

    def extend(self, subscription: Subscription, lasting: timedelta) -> Subscription | None:
        """Let a subscription go on for ``lasting`` from now.

        None where the service cannot, or does not know it any more: another has to be opened.
        """
        ...

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; one that is gone already is fine."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One request as it arrived; header names in lower case."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Notified(StrEnum):
    """What a notice asks for."""

    REACHED = "reached"
    """Nothing: the service only shows that it can reach us."""

    LOOK = "look"
    """Something changed, or may have: look now."""

    EXTEND = "extend"
    """The service wants the subscription extended before it goes on."""

    REOPEN = "reopen"
    """The subscription has ended; open another, and look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a posting says about one subscription, and the secret that it shows for it."""

    subscription: str
    secret: str = field(repr=False)
    asks: Notified = Notified.LOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A posting, read. ``reply`` is the plain text that a handshake wants back, if it is one."""

    notices: tuple[Notice, ...] = ()
    reply: str | None = None


class UnreadablePosting(ValueError):
    """The request is none that the service would send."""


@runtime_checkable
class PostingReader(Protocol):
    """The further half of a connector's kind whose service posts to us."""

    def read_posting(self, posting: Posting) -> Reading:
        """Return what a posting says; raises `UnreadablePosting`. Pure: nothing is verified."""
        ...
