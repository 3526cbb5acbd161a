"""The practice's rules about rescheduling and cancelling, with the defaults of its settings."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calwarden.domain.wall_time import instant

HUNDRED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """For which providers a feature is there: ``all``, ``none``, a share of them, or named ones.

    The share is stable: a provider who has the feature keeps it while the percentage grows.
    """

    percent: int = HUNDRED
    providers: frozenset[str] | None = None

    @classmethod
    def read(cls, said: str | list[str]) -> "Rollout":
        """Read a setting: ``all``, ``none``, ``25%``, or a list of provider refs."""
        if isinstance(said, list):
            return cls(providers=frozenset(said))
        named = {"all": HUNDRED, "none": 0}
        return cls(percent=named[said] if said in named else int(said.removesuffix("%")))

    def includes(self, provider: str, feature: str) -> bool:
        """Tell whether a provider has a feature."""
        if self.providers is not None:
            return provider in self.providers
        drawn = hashlib.sha256(f"{feature}\0{provider}".encode()).digest()
        return int.from_bytes(drawn[:8]) % HUNDRED < self.percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What binds clients and clocks.

    ``notice``: how long before the start a client may still change it online. ``answer``: how long
    a client has to answer an ask. ``patience``: how late an expiry may be noticed and still cancel.
    ``offered``: how far ahead times are offered. ``contact``: how clients reach the practice.
    """

    notice: timedelta = timedelta(hours=24)
    answer: timedelta = timedelta(hours=48)
    patience: timedelta = timedelta(minutes=10)
    offered: timedelta = timedelta(days=28)
    contact: str = ""
    ask_to_reschedule: Rollout = field(default_factory=Rollout)

    @property
    def notice_text(self) -> str:
        """The notice as people say it: ``24 hours``."""
        return f"{self.notice / timedelta(hours=1):g} hours"

    def late(self, start: datetime, now: datetime) -> bool:
        """Tell whether it is too late for a client; exactly ``notice`` before the start is not.

        Elapsed time between instants, whatever the clocks on the wall do in between.
        """
        return instant(start) - instant(now) < self.notice
