"""What goes wrong between a client and Google, on demand."""

from dataclasses import dataclass

from calwarden.testing.emulators import faults

KINDS = frozenset(
    {
        *("drop_before", "drop_after", "error", "truncate", "act", "slow"),
        *("expire_access", "expire_pages"),
    }
)


@dataclass
class Fault(faults.Fault):
    """A fault of one of `KINDS`.

    ``drop_before`` and ``drop_after`` close the connection before the service hears of it, or once
    it has acted; ``error`` answers ``status`` and ``reason``; ``truncate`` sends half of the
    answer; ``act`` calls ``act`` first: an edit between a client's read and its write;
    ``expire_access`` lets every access token run out first; ``expire_pages`` forgets the page
    tokens; ``slow`` waits first.
    """

    reason: str = "backendError"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(self.kind)
