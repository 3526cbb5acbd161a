"""One request of the emulated service, as those who answer it see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from calwarden.testing.emulators.graph_grants import Caller
from calwarden.testing.emulators.graph_query import Query
from calwarden.testing.emulators.graph_routes import Found
from calwarden.testing.emulators.graph_shape import Preferred
from calwarden.testing.emulators.graph_state import Account

Reply = tuple[int, dict[str, Any] | None]


@dataclass(frozen=True)
class Asked:
    """One request whose form is right."""

    caller: Caller
    found: Found
    options: Mapping[str, str]
    body: Mapping[str, Any]
    preferred: Preferred
    match: str | None = None
    account: Account | None = None
    target: str = ""
    query: Query = field(default_factory=lambda: Query(options={}))

    @property
    def mailbox(self) -> Account:
        """Whose mailbox the path names."""
        assert self.account is not None
        return self.account
