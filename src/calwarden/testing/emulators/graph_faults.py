"""What goes wrong between a client and Graph, on demand."""

from dataclasses import dataclass

from calwarden.testing.emulators import faults

KINDS = frozenset(
    {
        *("drop_before", "drop_after", "error", "error_after", "truncate", "act", "act_after"),
        *("expire_access", "expire_cursor", "slow"),
    }
)


@dataclass
class Fault(faults.Fault):
    """A fault of one of `KINDS`.

    ``drop_before`` and ``drop_after`` close the connection before the service hears of it, or once
    it has acted; ``error`` answers ``status`` and ``code`` instead of acting, ``error_after`` after
    having acted (M12); ``truncate`` sends half of the answer; ``act`` calls ``act`` first: an edit
    between a client's read and its write; ``act_after`` once the service has acted;
    ``expire_access`` lets every access token run out first; ``expire_cursor`` forgets every delta
    token and page; ``slow`` waits first, counted as a request under way (M26).
    """

    code: str = "serviceNotAvailable"
    inner: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(self.kind)
