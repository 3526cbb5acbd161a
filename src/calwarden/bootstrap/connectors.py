"""The connectors of the installed packages, found by entry points."""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points

from typing_extensions import override

from calwarden.sdk.connector import ConnectorKind

CONNECTORS = "calwarden.connectors"


class UnknownConnector(LookupError):
    """No installed package offers a connector of that name."""


class Connectors(Mapping[str, ConnectorKind]):
    """The connectors of the installed packages by name; each is loaded when first asked for."""

    def __init__(self, offered: Mapping[str, EntryPoint] | None = None) -> None:
        found = entry_points(group=CONNECTORS) if offered is None else offered.values()
        self._offered = {entry.name: entry for entry in found}
        self._loaded: dict[str, ConnectorKind] = {}

    def add(self, kind: ConnectorKind) -> None:
        """Offer a connector that no package does, in its place or beside the others."""
        self._loaded[kind.name] = kind

    @override
    def __getitem__(self, name: str) -> ConnectorKind:
        if name not in self._loaded:
            if name not in self._offered:
                known = ", ".join(sorted(self)) or "none"
                raise UnknownConnector(f"there is no connector {name!r}; installed: {known}")
            loaded = self._offered[name].load()
            self._loaded[name] = loaded() if isinstance(loaded, type) else loaded
        return self._loaded[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter({**self._offered, **self._loaded})

    @override
    def __len__(self) -> int:
        return len({**self._offered, **self._loaded})
