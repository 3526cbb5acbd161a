"""The head of the audit chain in a file outside the database: a shortened chain is noticed."""

import re
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import Connection

from calwarden.store import audit
from calwarden.store.audit import AuditHead

_LINE = re.compile(r"(\d+) ([0-9a-f]{64})\n?")


class AnchorUnreadable(Exception):
    """The anchor file exists and does not hold a head."""


class Anchor:
    """One anchor file. It follows the chain only while the chain still holds what it says."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> AuditHead | None:
        """Return the head that was kept; None before the first; raises `AnchorUnreadable`."""
        try:
            match = _LINE.fullmatch(self.path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise AnchorUnreadable(f"the audit anchor {self.path} cannot be read") from error
        if match is None:
            raise AnchorUnreadable(f"the audit anchor {self.path} holds no head of an audit chain")
        return AuditHead(seq=int(match[1]), hash=match[2])

    def confirms(self, connection: Connection) -> bool:
        """Tell whether the chain still holds the kept head; if not, the file is evidence."""
        try:
            kept = self.read()
        except AnchorUnreadable:
            return False
        return kept is None or audit.contains(connection, kept)

    def set_aside(self) -> Path | None:
        """Keep what the file holds beside it, under a name of its own; None where there is none.

        For a database whose chain begins anew; raises ``OSError``.
        """
        if not self.path.exists():
            return None
        number = next(n for n in count(1) if not self._former(n).exists())
        return self.path.rename(self._former(number))

    def _former(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def keep(self, head: AuditHead) -> None:
        """Write the head of a chain that `confirms` has passed; raises ``OSError``."""
        with NamedTemporaryFile(
            "w", encoding="ascii", dir=self.path.parent, prefix=self.path.name, delete=False
        ) as file:
            file.write(f"{head.seq} {head.hash}\n")
        try:
            Path(file.name).replace(self.path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
